// Renews this process's lease on the epoch, and says whether it may still acknowledge.
//
// may_acknowledge() is true while the clock is before the deadline that the EpochSource gave last. Once it was asked
// after the deadline, or a renewal found a higher epoch, or fence() was called, it is false for good: a process that
// may have been overtaken does not come back by itself (it restarts as a follower).
//
// Threading: may_acknowledge(), fence() from any thread; the rest from one. run() starts a thread that renews at a
// third of the time to live; without it, renew_if_due() is called by whoever has the time (tests).
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "core/port/clock.h"
#include "engine/journal/epoch_source.h"
#include "engine/sequencer/sequencer.h"

namespace nautilus::engine {

class LeaseKeeper final : public AckGuard {
 public:
  LeaseKeeper(EpochSource& source, port::Clock& clock, Lease lease);
  ~LeaseKeeper() override;

  bool may_acknowledge() override;
  void fence() { fenced_.store(true, std::memory_order_release); }
  bool fenced() const { return fenced_.load(std::memory_order_acquire); }
  Epoch epoch() const { return epoch_; }

  // Called once, on the keeper's thread, when a renewal found that it is over (or the deadline passed unrenewed).
  void on_lost(std::function<void()> callback) { on_lost_ = std::move(callback); }
  void run();
  // Renews if a third of the time to live has gone by since the last success. false: it is over.
  bool renew_if_due();
  // Ends the thread; gives the epoch back if it was still held, so that another may take it at once.
  void stop(bool release);

 private:
  EpochSource& source_;
  port::Clock& clock_;
  const Epoch epoch_;
  std::atomic<std::int64_t> deadline_;
  std::atomic<bool> fenced_{false};
  std::function<void()> on_lost_;
  bool told_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace nautilus::engine
