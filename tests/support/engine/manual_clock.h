// A clock that moves when the test says so.
#pragma once

#include <atomic>

#include "core/port/clock.h"

namespace nautilus::engine::test {

class ManualClock final : public port::Clock {
 public:
  port::WallTime now() const override {
    return port::WallTime(port::Duration(1'700'000'000'000'000'000 + time_.load()));
  }
  port::Monotonic monotonic() const override { return port::Duration(time_.load()); }
  void advance(port::Duration by) { time_ += by.count(); }

 private:
  std::atomic<std::int64_t> time_{0};
};

}  // namespace nautilus::engine::test
