// Calendar times as WallTime, which counts nanoseconds and so ends in the year 2262.
//
// Certificates and credentials that shall never expire say 9999: such a time becomes the last one there is, and one
// before 1677 the first. Threading: pure.
#pragma once

#include <algorithm>
#include <chrono>
#include <string>

#include "core/port/clock.h"

namespace nautilus::port {

// The second itself, or the nearest that can be held with a fraction of a second to be added to it.
constexpr WallTime wall_time(std::chrono::sys_seconds second) {
  using std::chrono::seconds;
  constexpr auto kFirst = std::chrono::ceil<seconds>(WallTime::min());
  constexpr auto kLast = std::chrono::floor<seconds>(WallTime::max()) - seconds(1);
  return WallTime(std::clamp<std::chrono::sys_seconds>(second, kFirst, kLast));
}

// "2026-11-23T14:00:00.000000Z": RFC 3339, UTC, microseconds (cut), as Kubernetes' MicroTime and RTS 25 want it.
std::string micro_time(WallTime time);

}  // namespace nautilus::port
