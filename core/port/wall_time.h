// Calendar times as WallTime, which counts nanoseconds and so ends in the year 2262.
//
// Certificates and credentials that shall never expire say 9999: such a time becomes the last one there is, and one
// before 1677 the first. Threading: pure.
#pragma once

#include <algorithm>
#include <chrono>

#include "core/port/clock.h"

namespace nautilus::port {

// The second itself, or the nearest that can be held with a fraction of a second to be added to it.
constexpr WallTime wall_time(std::chrono::sys_seconds second) {
  using std::chrono::seconds;
  constexpr auto kFirst = std::chrono::ceil<seconds>(WallTime::min());
  constexpr auto kLast = std::chrono::floor<seconds>(WallTime::max()) - seconds(1);
  return WallTime(std::clamp<std::chrono::sys_seconds>(second, kFirst, kLast));
}

}  // namespace nautilus::port
