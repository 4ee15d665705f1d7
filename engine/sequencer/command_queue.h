// A bounded queue of commands: many threads push, one pops. Never blocks, never allocates after construction.
//
// A ring of slots, each with a turn: a slot may be written when its turn is the position, read when it is one more
// (Vyukov's bounded queue). Per pushing thread the order is kept. push() of a full queue fails at once.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <memory>

#include "engine/model/command.h"

namespace nautilus::engine {

class CommandQueue {
 public:
  // The capacity is rounded up to a power of two, at least 2.
  explicit CommandQueue(std::size_t capacity)
      : mask_(std::bit_ceil(capacity < 2 ? std::size_t{2} : capacity) - 1), slots_(new Slot[mask_ + 1]) {
    for (std::size_t i = 0; i <= mask_; ++i) slots_[i].turn.store(i, std::memory_order_relaxed);
  }
  bool push(const Command& command) {
    std::size_t at = head_.load(std::memory_order_relaxed);
    for (;;) {
      Slot& slot = slots_[at & mask_];
      const std::size_t turn = slot.turn.load(std::memory_order_acquire);
      const auto ahead = static_cast<std::ptrdiff_t>(turn - at);
      if (ahead < 0) return false;
      if (ahead > 0) {
        at = head_.load(std::memory_order_relaxed);
      } else if (head_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) {
        slot.command = command;
        slot.turn.store(at + 1, std::memory_order_seq_cst);  // before the look at whether the consumer sleeps
        return true;
      }
    }
  }
  // Consumer only. The reference is good until pop().
  const Command* front() const {
    const Slot& slot = slots_[tail_ & mask_];
    return slot.turn.load(std::memory_order_seq_cst) == tail_ + 1 ? &slot.command : nullptr;
  }
  void pop() {
    slots_[tail_ & mask_].turn.store(tail_ + mask_ + 1, std::memory_order_release);
    ++tail_;
  }
  std::size_t capacity() const { return mask_ + 1; }

 private:
  struct Slot {
    std::atomic<std::size_t> turn{0};
    Command command;
  };
  const std::size_t mask_;
  std::unique_ptr<Slot[]> slots_;
  alignas(64) std::atomic<std::size_t> head_{0};
  alignas(64) std::size_t tail_ = 0;
};

}  // namespace nautilus::engine
