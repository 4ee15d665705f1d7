// Time comes through here. core/host has the real clock, core/sim a virtual one that moves when its transport is
// polled.
#pragma once

#include <chrono>

namespace nautilus::port {

using Duration = std::chrono::nanoseconds;
using WallTime = std::chrono::sys_time<Duration>;  // UTC
using Monotonic = Duration;                        // since an arbitrary origin; never goes back

class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime now() const = 0;
  virtual Monotonic monotonic() const = 0;
};

}  // namespace nautilus::port
