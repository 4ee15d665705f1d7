#include "engine/bench/disk.h"

#include <algorithm>

#include "engine/bench/bench.h"

namespace nautilus::engine::bench {

Result<DiskProbe> DiskProbe::create(Storage& storage, const port::Clock& clock) {
  ASSIGN_OR_RETURN(auto file, storage.create(kName));
  TRY(file->reserve(kRoom));
  return DiskProbe(storage, clock, std::move(file));
}

Result<> DiskProbe::once(std::vector<double>& microseconds) {
  TRY(file_->append(block_));
  const auto before = clock_->monotonic();
  TRY(file_->sync());
  microseconds.push_back(static_cast<double>((clock_->monotonic() - before).count()) / 1e3);
  return {};
}

Result<> DiskProbe::remove() {
  file_.reset();
  return storage_->remove(kName);
}

Spread spread_of(std::vector<double>& times) {
  Spread out;
  if (times.empty()) return out;
  std::sort(times.begin(), times.end());
  const auto part = [&](double p) {
    return times[static_cast<std::size_t>(p * static_cast<double>(times.size() - 1))];
  };
  out = {times.size(), part(0.5), part(0.99), part(0.999), times.back()};
  return out;
}

}  // namespace nautilus::engine::bench
