// What the sequencer, the journal and the replication tell the metrics, the health endpoints and the operator.
//
// Threading: every number is an atomic of its own; a reader may see one newer than another.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <mutex>
#include <string>

#include "engine/model/types.h"

namespace nautilus::engine {

enum class SequencerState : std::uint8_t {
  idle,            // not started
  running,         // the primary
  draining,        // no new orders; cancels are still taken
  stopped,         // orderly
  fenced,          // there is, or may be, another primary: nothing is acknowledged any more
  storage_failed,  // the journal cannot be written: nothing is acknowledged any more
};
constexpr std::string_view name(SequencerState state) {
  constexpr std::string_view kNames[] = {"idle", "running", "draining", "stopped", "fenced", "storage_failed"};
  return kNames[static_cast<std::size_t>(state)];
}

// Counts by powers of two: bucket i has the values below 2^i that bucket i-1 has not; the last has all the rest.
class PowerHistogram {
 public:
  static constexpr std::size_t kBuckets = 28;
  void add(std::uint64_t value) {
    const std::size_t bucket = std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(value)), kBuckets - 1);
    counts_[bucket].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(value, std::memory_order_relaxed);
  }
  static constexpr std::uint64_t upper_bound(std::size_t bucket) {
    return (std::uint64_t{1} << bucket) - 1;
  }  // inclusive
  std::uint64_t count(std::size_t bucket) const { return counts_[bucket].load(std::memory_order_relaxed); }
  std::uint64_t sum() const { return sum_.load(std::memory_order_relaxed); }
  std::uint64_t total() const {
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < kBuckets; ++i) out += count(i);
    return out;
  }

 private:
  std::array<std::atomic<std::uint64_t>, kBuckets> counts_{};
  std::atomic<std::uint64_t> sum_{0};
};

struct SequencerStatus {
  std::atomic<SequencerState> state{SequencerState::idle};
  std::atomic<Epoch> epoch{0};
  std::atomic<Sequence> last_sequence{0};        // carried out
  std::atomic<Sequence> durable_sequence{0};     // on this machine's disk
  std::atomic<Sequence> replicated_sequence{0};  // on as many followers as are waited for; equal to durable if none are
  std::atomic<Sequence> released_sequence{0};    // told
  std::atomic<Sequence> snapshot_sequence{0};    // of the newest published
  std::atomic<Timestamp> last_time{0};
  std::atomic<std::uint64_t> refused_full{0}, refused_state{0};
  std::atomic<std::uint64_t> journal_bytes{0};
  std::atomic<std::uint64_t> snapshot_failures{0};  // written again at the next turn; the journal has it all
  std::atomic<bool> low_on_space{false};
  PowerHistogram batch_records;
  PowerHistogram sync_microseconds;

  std::string failure() const {
    const std::lock_guard guard(mutex_);
    return failure_;
  }
  void set_failure(std::string text) {
    const std::lock_guard guard(mutex_);
    if (failure_.empty()) failure_ = std::move(text);
  }

 private:
  mutable std::mutex mutex_;
  std::string failure_;
};

}  // namespace nautilus::engine
