// Time inside the embedded cluster: a clock that moves only when an event is run, and the queue of those events.
//
// Purpose: everything the simulated cluster does (a response, a controller's pass, a container starting) is an event at
// a virtual time. Two runs with one seed and the same requests run the same events in the same order.
// Threading: one thread owns a queue and everything scheduled on it.
// Failure: an event that keeps scheduling itself at the same instant would never let time pass; after
// kMaxEventsPerInstant the queue refuses to run on (stuck() is true) instead of hanging. Units: nanoseconds since the
// queue began; the wall clock is `start` plus that.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>

#include "core/port/clock.h"

namespace nautilus::sim {

class VirtualClock final : public port::Clock {
 public:
  explicit VirtualClock(port::WallTime start) : start_(start) {}
  port::WallTime now() const override { return start_ + elapsed_; }
  port::Monotonic monotonic() const override { return elapsed_; }

 private:
  friend class EventQueue;
  port::WallTime start_;
  port::Monotonic elapsed_{0};
};

class EventQueue {
 public:
  using Action = std::function<void()>;
  using Id = std::uint64_t;  // never 0
  static constexpr std::uint64_t kMaxEventsPerInstant = 4'000'000;

  explicit EventQueue(VirtualClock& clock) : clock_(clock) {}
  EventQueue(const EventQueue&) = delete;
  EventQueue& operator=(const EventQueue&) = delete;

  // A time in the past means now. Events of one instant run in the order in which they were scheduled.
  Id at(port::Monotonic when, Action action);
  Id after(port::Duration delay, Action action) { return at(clock_.monotonic() + delay, std::move(action)); }
  void cancel(Id id);

  // The time of the earliest event.
  std::optional<port::Monotonic> next() const;
  // Runs the earliest event if it is due at `limit` or before, moving the clock to it. False: there was none.
  bool run_next(port::Monotonic limit);
  // Runs everything due until then and leaves the clock there (unless it got stuck).
  void run_until(port::Monotonic limit);

  bool stuck() const { return stuck_; }
  std::uint64_t executed() const { return executed_; }
  const VirtualClock& clock() const { return clock_; }

 private:
  struct Position {
    port::Monotonic when;
    Id sequence;
    auto operator<=>(const Position&) const = default;
  };
  VirtualClock& clock_;
  std::map<Position, Action> events_;
  std::unordered_map<Id, port::Monotonic> times_;
  Id next_sequence_ = 1;
  std::uint64_t executed_ = 0;
  std::uint64_t executed_this_instant_ = 0;
  bool stuck_ = false;
};

}  // namespace nautilus::sim
