// The disk by itself: 4 KiB appended to a file of its own, and one fdatasync, as the journal does it.
#pragma once

#include <vector>

#include "core/port/clock.h"
#include "engine/journal/storage.h"

namespace nautilus::engine::bench {

class DiskProbe {
 public:
  static Result<DiskProbe> create(Storage& storage, const port::Clock& clock);
  // One more; appends its microseconds.
  Result<> once(std::vector<double>& microseconds);
  Result<> remove();

 private:
  DiskProbe(Storage& storage, const port::Clock& clock, std::unique_ptr<AppendFile> file)
      : storage_(&storage), clock_(&clock), file_(std::move(file)), block_(4096, std::byte{1}) {}
  static constexpr const char* kName = "probe.bin";
  static constexpr std::uint64_t kRoom = 16u << 20;  // set aside at once, as a segment is

  Storage* storage_;
  const port::Clock* clock_;
  std::unique_ptr<AppendFile> file_;
  std::vector<std::byte> block_;
};

}  // namespace nautilus::engine::bench
