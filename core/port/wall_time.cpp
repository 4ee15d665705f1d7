#include "core/port/wall_time.h"

#include <fmt/format.h>

namespace nautilus::port {

std::string micro_time(WallTime time) {
  using namespace std::chrono;
  const sys_time<microseconds> at = floor<microseconds>(time);
  const auto day = floor<days>(at);
  const year_month_day date(day);
  const hh_mm_ss<microseconds> clock(at - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

}  // namespace nautilus::port
