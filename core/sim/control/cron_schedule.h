// The five fields of a cron schedule, as CronJobs read them (robfig/cron's standard parser): minute hour day-of-month
// month day-of-week; lists, ranges, steps, names; @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually;
// "@every 90s". When both day fields are restricted either may match. UTC.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/error.h"
#include "core/port/clock.h"

namespace nautilus::sim {

class CronSchedule {
 public:
  static Result<CronSchedule> parse(std::string_view text);
  // The first time after `from`; nullopt if there is none within five years (February 30th).
  std::optional<port::WallTime> next(port::WallTime from) const;

 private:
  std::uint64_t minutes_ = 0, hours_ = 0, days_ = 0, months_ = 0, weekdays_ = 0;
  bool any_day_ = true, any_weekday_ = true;
  std::optional<port::Duration> every_;
};

}  // namespace nautilus::sim
