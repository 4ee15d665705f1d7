#include "engine/server/takeover.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/base/duration.h"

namespace nautilus::engine {

namespace {

constexpr const char* kHeldFile = "held-epoch";
constexpr const char* kHeldTemporary = "held-epoch.tmp";
constexpr std::size_t kMaxHeldBytes = 32;

}  // namespace

std::optional<std::string> why_not_take_over(const TakeoverFacts& facts) {
  if (facts.newest == 0 && facts.journal == 0) return std::nullopt;
  if (facts.held != 0 && facts.held >= facts.newest) return std::nullopt;
  if (facts.synchronous) {
    if (facts.journal != 0 && facts.journal >= facts.newest) return std::nullopt;
    return fmt::format("the journal here ends in epoch {}, and epoch {} exists: orders of it may be missing here",
                       facts.journal, facts.newest);
  }
  if (!facts.in_step) return "this engine has not been in step with a primary since it started";
  const port::Duration most = facts.lease + facts.accepted_lag;
  if (*facts.in_step <= most) return std::nullopt;
  return fmt::format("this engine was last in step with the primary {} ago, more than the accepted {}",
                     base::format_duration(*facts.in_step), base::format_duration(most));
}

Result<Epoch> read_held_epoch(Storage& storage) {
  ASSIGN_OR_RETURN(const auto names, storage.list());
  if (std::find(names.begin(), names.end(), kHeldFile) == names.end()) return Epoch{0};
  ASSIGN_OR_RETURN(const auto file, storage.open_read(kHeldFile));
  ASSIGN_OR_RETURN(const auto bytes, file->read(0, kMaxHeldBytes));
  const char* const begin = reinterpret_cast<const char*>(bytes.data());
  Epoch out = 0;
  const auto [end, error] = std::from_chars(begin, begin + bytes.size(), out);
  if (error != std::errc() || end + 1 != begin + bytes.size() || *end != '\n')
    return Error(Code::invalid, fmt::format("{}: not the number of an epoch", kHeldFile),
                 "remove it: this engine then waits until it is in step, or for --take-over");
  return out;
}

Result<> write_held_epoch(Storage& storage, Epoch epoch) {
  const std::string text = fmt::format("{}\n", epoch);
  ASSIGN_OR_RETURN(const auto names, storage.list());
  if (std::find(names.begin(), names.end(), kHeldTemporary) != names.end()) TRY(storage.remove(kHeldTemporary));
  ASSIGN_OR_RETURN(auto file, storage.create(kHeldTemporary));
  TRY(file->append(std::as_bytes(std::span(text))));
  TRY(file->sync());
  file.reset();
  TRY(storage.rename(kHeldTemporary, kHeldFile));
  return storage.sync_directory();
}

}  // namespace nautilus::engine
