// Times as Go's time package prints and reads them: layouts written with the reference time
// "Mon Jan 2 15:04:05 MST 2006", durations like "1h2m3.5s".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "core/port/clock.h"

namespace nautilus::sprig {

struct Zone {
  std::string name = "UTC";
  int offset = 0;  // seconds east of UTC
};

struct GoTime {
  port::WallTime instant{};
  Zone zone;
  bool zero = false;  // Go's zero time, 1 January of year 1: too far away for `instant`
};

struct CivilTime {
  std::int64_t year = 1;
  int month = 1, day = 1, hour = 0, minute = 0, second = 0, nanosecond = 0, weekday = 0, year_day = 1;
};

CivilTime civil(const GoTime& time);
std::string format_time(const GoTime& time, std::string_view layout);
// What time.Time's String() prints (without a monotonic reading).
std::string time_text(const GoTime& time);
// Fails as Go's time.Parse fails: the text does not fit the layout, or a field is out of range.
Result<GoTime> parse_time(std::string_view layout, std::string_view text);
std::int64_t unix_seconds(const GoTime& time);

std::optional<std::int64_t> parse_duration(std::string_view text);  // nanoseconds
std::string duration_text(std::int64_t nanoseconds);                // "1h0m0s"

// UTC, Local (taken as UTC: output must not depend on the machine) and Etc/GMT+-n. nullopt for other zones.
std::optional<Zone> find_zone(std::string_view name);

}  // namespace nautilus::sprig
