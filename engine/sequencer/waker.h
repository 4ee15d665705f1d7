// Lets one thread sleep until others have something for it, at no cost to them while it is awake.
//
// The protocol: a notifier makes its news visible (sequentially consistent store), then calls notify(). The sleeper's
// predicate reads that news. Either the notifier sees that somebody sleeps, or the sleeper sees the news.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace nautilus::engine {

class Waker {
 public:
  void notify() {
    if (!sleeping_.load(std::memory_order_seq_cst)) return;
    const std::lock_guard guard(mutex_);
    condition_.notify_one();
  }
  // Returns when the predicate holds, or after the time; one thread only.
  template <class Predicate>
  void wait(std::chrono::nanoseconds at_most, Predicate&& predicate) {
    if (predicate()) return;
    std::unique_lock lock(mutex_);
    sleeping_.store(true, std::memory_order_seq_cst);
    condition_.wait_for(lock, at_most, predicate);
    sleeping_.store(false, std::memory_order_seq_cst);
  }

 private:
  std::atomic<bool> sleeping_{false};
  std::mutex mutex_;
  std::condition_variable condition_;
};

}  // namespace nautilus::engine
