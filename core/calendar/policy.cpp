#include "core/calendar/policy.h"

#include <fmt/format.h>

#include "core/calendar/calendar.h"

namespace nautilus::calendar {

namespace {

constexpr std::array<bool, 7> kEveryDay = {true, true, true, true, true, true, true};
constexpr std::array<bool, 7> kWeekdays = {false, true, true, true, true, true, false};
constexpr std::array<bool, 7> kWeekend = {true, false, false, false, false, false, true};

bool applies(const WindowRule& rule, bool holiday) {
  return rule.holidays == WindowRule::Holidays::apply || (rule.holidays == WindowRule::Holidays::only) == holiday;
}

// A weekday on which both would hold for one minute; the days may be holidays or not.
std::optional<unsigned> contradiction(const WindowRule& one, const WindowRule& other) {
  for (unsigned day = 0; day < 7; ++day) {
    if (!one.weekdays[day]) continue;
    for (int distance = -1; distance <= 1; ++distance) {
      const auto next = static_cast<unsigned>((static_cast<int>(day) + 7 + distance) % 7);
      const int from = other.from + distance * 1440, to = other.to + distance * 1440;
      if (!other.weekdays[next] || from >= one.to || one.from >= to) continue;
      const bool same_kind_of_day =
          (applies(one, false) && applies(other, false)) || (applies(one, true) && applies(other, true));
      if (distance != 0 || same_kind_of_day) return day;
    }
  }
  return std::nullopt;
}

void read_weekdays(value::StrictReader& entry, WindowRule& rule) {
  for (const std::string& text : entry.strings("days")) {
    const auto day = parse_weekday(text);
    if (day)
      rule.weekdays[*day] = true;
    else
      entry.fail("days", fmt::format("\"{}\" is not one of Mon, Tue, Wed, Thu, Fri, Sat, Sun", text));
  }
  if (rule.weekdays == std::array<bool, 7>{}) entry.fail("days", "lists none");
}

Result<WindowRule> read_window(value::StrictReader& entry) {
  WindowRule rule;
  rule.name = entry.required_string("name");
  const std::string kind = entry.required_string("kind");
  if (kind != "allow" && kind != "block") entry.fail("kind", "must be allow or block");
  rule.allows = kind == "allow";
  read_weekdays(entry, rule);
  const auto from = parse_minutes(entry.required_string("from")), to = parse_minutes(entry.required_string("to"));
  if (!from || *from == 1440) entry.fail("from", "must be a time of the day in quotes, as in \"18:00\"");
  if (!to) entry.fail("to", "must be a time of the day in quotes, as in \"08:00\", up to \"24:00\"");
  if (from && to) {
    rule.from = *from;
    rule.to = *to > *from ? *to : *to + 1440;
  }
  const std::string holidays = entry.choice("holidays", {"apply", "skip", "only"});
  rule.holidays = holidays == "skip"   ? WindowRule::Holidays::skip
                  : holidays == "only" ? WindowRule::Holidays::only
                                       : WindowRule::Holidays::apply;
  TRY(entry.finish());
  return rule;
}

}  // namespace

Policy guide_policy() {
  Policy policy;
  policy.name = "guide";
  policy.windows = {{"trading-hours", false, kWeekdays, 9 * 60, 17 * 60, WindowRule::Holidays::apply},
                    {"night", true, kEveryDay, 18 * 60, 32 * 60, WindowRule::Holidays::apply},
                    {"weekend", true, kWeekend, 0, 24 * 60, WindowRule::Holidays::apply}};
  return policy;
}

std::string window_text(const WindowRule& rule) {
  std::string days;
  for (unsigned i = 1; i <= 7; ++i) {  // Monday first, runs as "Mon-Fri"
    if (!rule.weekdays[i % 7]) continue;
    unsigned end = i;
    while (end + 1 <= 7 && rule.weekdays[(end + 1) % 7]) ++end;
    if (!days.empty()) days += ",";
    days += weekday_text(i % 7);
    if (end > i) days += fmt::format("{}{}", end - i > 1 ? "-" : ",", weekday_text(end % 7));
    i = end;
  }
  return fmt::format("{} {}-{}", days, minutes_text(rule.from), minutes_text(rule.to));
}

Result<Policy> read_policy(value::StrictReader& settings) {
  if (!settings.has("policy")) return guide_policy();
  value::StrictReader reader = settings.object("policy");
  Policy policy;
  policy.name = "environment";
  policy.zone = reader.string("zone");
  if (policy.zone == "venue") policy.zone.clear();
  policy.before_minutes = static_cast<int>(reader.integer("minutesBefore", 0, 0, kMaxMarginMinutes));
  policy.after_minutes = static_cast<int>(reader.integer("minutesAfter", 0, 0, kMaxMarginMinutes));
  policy.windows_decide_when_continuous = reader.choice("continuousVenues", {"refuse", "windows"}) == "windows";
  if (!reader.has("windows")) policy.windows = guide_policy().windows;
  for (value::StrictReader entry : reader.list("windows")) {
    ASSIGN_OR_RETURN(WindowRule rule, read_window(entry));
    if (policy.windows.size() == kMaxWindows) entry.fail("name", fmt::format("more than {} windows", kMaxWindows));
    for (const WindowRule& other : policy.windows) {
      if (other.name == rule.name) entry.fail("name", "is the name of another window too");
      if (other.allows == rule.allows) continue;
      if (const auto day = contradiction(rule, other))
        entry.fail("from", fmt::format("window {} ({}) and window {} ({}) overlap on {}: one allows what the other blocks",
                                       rule.name, window_text(rule), other.name, window_text(other),
                                       weekday_text(*day)));
    }
    policy.windows.push_back(std::move(rule));
  }
  if (std::none_of(policy.windows.begin(), policy.windows.end(), [](const WindowRule& rule) { return rule.allows; }))
    reader.fail("windows", "allow nothing: what no window allows is refused, so no change would ever be made");
  TRY(reader.finish());
  return policy;
}

}  // namespace nautilus::calendar
