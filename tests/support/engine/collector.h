// What a gateway would have been told, with a way to wait for it.
#pragma once

#include <condition_variable>
#include <mutex>
#include <vector>

#include "engine/sequencer/intake.h"

namespace nautilus::engine::test {

class Collector final : public Outlet {
 public:
  void released(std::span<const Event> events) override {
    const std::lock_guard guard(mutex_);
    events_.insert(events_.end(), events.begin(), events.end());
    changed_.notify_all();
  }
  // Waits for the news itself; the bound is only there so that a broken build ends.
  bool wait_for_sequence(Sequence sequence) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(60),
                             [&] { return !events_.empty() && events_.back().sequence >= sequence; });
  }
  std::vector<Event> events() const {
    const std::lock_guard guard(mutex_);
    return events_;
  }
  Sequence last() const {
    const std::lock_guard guard(mutex_);
    return events_.empty() ? 0 : events_.back().sequence;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Event> events_;
};

}  // namespace nautilus::engine::test
