// Five-field cron expressions, as CronJob and Velero take them (robfig/cron v3), in UTC: enough to say how far apart
// two runs can be, and which local hours a schedule names.
//
// "@hourly" and its kin, "@every 15m", and a leading "CRON_TZ=Zone" (or "TZ=") are read. Threading: pure.
#pragma once

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/error.h"

namespace nautilus::verify {

struct Cron {
  std::bitset<60> minutes;
  std::bitset<24> hours;
  std::bitset<32> days;     // 1..31
  std::bitset<13> months;   // 1..12
  std::bitset<7> weekdays;  // 0 = Sunday
  bool any_day = true, any_weekday = true;
  std::int64_t every_seconds = 0;  // @every: nothing else is set then
  std::string zone;                // of CRON_TZ=; empty if not said

  static Result<Cron> parse(std::string_view text);
  // The longest time between two runs, in seconds, over eight years; all of those for what hardly ever runs.
  std::int64_t longest_gap() const;
  bool on_day(int month, int day, int weekday) const;
};

}  // namespace nautilus::verify
