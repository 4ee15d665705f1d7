#include "core/calendar/zone.h"

#include <fmt/format.h>

#include <algorithm>

namespace nautilus::calendar {

namespace {

using std::chrono::days;
using std::chrono::seconds;

constexpr days kReach{2};  // no clock is changed by as much

}  // namespace

Result<Zone> Zone::from_rule(std::string name, std::string_view rule) {
  Zone zone;
  zone.name_ = std::move(name);
  ASSIGN_OR_RETURN(zone.rule_, parse_clock_rule(rule));
  return zone;
}

Zone::Offset Zone::at(sys_seconds when) const {
  if (!transitions_.empty() && when < transitions_.back().at) {
    const auto next = std::upper_bound(transitions_.begin(), transitions_.end(), when,
                                       [](sys_seconds moment, const Transition& one) { return moment < one.at; });
    return next == transitions_.begin() ? before_ : std::prev(next)->after;
  }
  const Offset standard{rule_.standard, rule_.standard_name};
  if (rule_.summer_name.empty()) return standard;
  const auto here = std::chrono::floor<days>(local_seconds(when.time_since_epoch() + rule_.standard));
  const auto year = std::chrono::year_month_day(here).year();
  const sys_seconds begins(rule_.begins.in(year).time_since_epoch() - rule_.standard);
  const sys_seconds ends(rule_.ends.in(year).time_since_epoch() - rule_.summer);
  const bool summer = begins < ends ? begins <= when && when < ends : !(ends <= when && when < begins);
  return summer ? Offset{rule_.summer, rule_.summer_name} : standard;
}

seconds Zone::offset(sys_seconds when) const { return at(when).east; }

std::string Zone::abbreviation(sys_seconds when) const { return at(when).name; }

sys_seconds Zone::instant(local_seconds reading, Choose choose) const {
  const auto with = [&](seconds east) { return sys_seconds(reading.time_since_epoch() - east); };
  const seconds before = offset(with(seconds(0)) - kReach), after = offset(with(seconds(0)) + kReach);
  const sys_seconds first = with(before), second = with(after);
  const bool first_is = offset(first) == before, second_is = offset(second) == after;
  if (first_is && second_is) return choose == Choose::earliest ? std::min(first, second) : std::max(first, second);
  if (first_is) return first;
  if (second_is) return second;
  // Skipped: the change lies between the two.
  sys_seconds low = std::min(first, second), high = std::max(first, second);
  while (high - low > seconds(1)) {
    const sys_seconds middle = low + (high - low) / 2;
    (offset(middle) == before ? low : high) = middle;
  }
  return high;
}

}  // namespace nautilus::calendar
