#include "engine/sequencer/lease_keeper.h"

#include <algorithm>

namespace nautilus::engine {

LeaseKeeper::LeaseKeeper(EpochSource& source, port::Clock& clock, Lease lease)
    : source_(source), clock_(clock), epoch_(lease.epoch), deadline_(lease.deadline.count()) {}

LeaseKeeper::~LeaseKeeper() { stop(false); }

bool LeaseKeeper::may_acknowledge() {
  if (fenced_.load(std::memory_order_acquire)) return false;
  if (clock_.monotonic().count() < deadline_.load(std::memory_order_acquire)) return true;
  fence();
  return false;
}

bool LeaseKeeper::renew_if_due() {
  const auto lost = [&] {
    fence();
    if (!std::exchange(told_, true) && on_lost_) on_lost_();
    return false;
  };
  if (fenced()) return lost();
  const auto now = clock_.monotonic();
  const auto ttl = source_.time_to_live();
  const port::Duration left = port::Duration(deadline_.load(std::memory_order_relaxed)) - now;
  if (left > ttl - ttl / 3) return true;
  auto renewed = source_.renew(epoch_);
  if (renewed.ok()) {
    deadline_.store(renewed->deadline.count(), std::memory_order_release);
    return true;
  }
  if (renewed.error().code == Code::conflict) return lost();
  return clock_.monotonic().count() < deadline_.load(std::memory_order_relaxed) || lost();
}

void LeaseKeeper::run() {
  thread_ = std::thread([this] {
    const auto pause = std::max<port::Duration>(source_.time_to_live() / 12, std::chrono::milliseconds(1));
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      lock.unlock();
      const bool held = renew_if_due();
      lock.lock();
      if (!held) return;
      wake_.wait_for(lock, pause, [&] { return stopping_; });
    }
  });
}

void LeaseKeeper::stop(bool release) {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  if (release && !fenced()) {
    fence();
    (void)source_.release(epoch_);
  }
}

}  // namespace nautilus::engine
