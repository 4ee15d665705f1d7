// The text of a POSIX time zone: "CET-1CEST,M3.5.0,M10.5.0/3".
#include <fmt/format.h>

#include "core/calendar/zone.h"

namespace nautilus::calendar {

namespace {

using std::chrono::days;
using std::chrono::seconds;

bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

class RuleText {
 public:
  explicit RuleText(std::string_view text) : whole_(text), rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  // "EST", or "<+0530>" for what is not letters alone.
  Result<std::string> name() {
    std::string name;
    if (take('<')) {
      while (!rest_.empty() && rest_.front() != '>') name += next();
      if (!take('>')) return wrong("a name without its >");
      for (const char c : name)
        if (!is_letter(c) && !is_digit(c) && c != '+' && c != '-') return wrong("a name of other signs");
    } else {
      while (!rest_.empty() && is_letter(rest_.front())) name += next();
    }
    if (name.size() < 3 || name.size() > 10) return wrong("a name of three to ten signs was expected");
    return name;
  }

  Result<int> number(int least, int most) {
    int value = 0, digits = 0;
    for (; !rest_.empty() && is_digit(rest_.front()) && digits < 4; ++digits) value = value * 10 + (next() - '0');
    if (digits == 0 || value < least || value > most)
      return wrong(fmt::format("a number from {} to {} was expected", least, most));
    return value;
  }

  // [+-]h[:mm[:ss]]
  Result<seconds> time(int most_hours) {
    const bool negative = take('-');
    if (!negative) take('+');
    ASSIGN_OR_RETURN(const int hours, number(0, most_hours));
    int minutes = 0, secs = 0;
    if (take(':')) {
      ASSIGN_OR_RETURN(minutes, number(0, 59));
      if (take(':')) { ASSIGN_OR_RETURN(secs, number(0, 59)); }
    }
    const seconds value(hours * 3600 + minutes * 60 + secs);
    return negative ? -value : value;
  }

  Result<ClockChange> change() {
    if (!take(',')) return wrong("a comma and the day of the change were expected");
    ClockChange change;
    if (take('M')) {
      ASSIGN_OR_RETURN(const int month, number(1, 12));
      if (!take('.')) return wrong("Mm.w.d was expected");
      ASSIGN_OR_RETURN(const int week, number(1, 5));
      if (!take('.')) return wrong("Mm.w.d was expected");
      ASSIGN_OR_RETURN(const int weekday, number(0, 6));
      change.month = static_cast<unsigned>(month);
      change.week = static_cast<unsigned>(week);
      change.weekday = static_cast<unsigned>(weekday);
    } else {
      const bool julian = take('J');
      change.form = julian ? ClockChange::Form::julian_without_leap_day : ClockChange::Form::day_of_year;
      ASSIGN_OR_RETURN(const int day, number(julian ? 1 : 0, 365));
      change.day = static_cast<unsigned>(day);
    }
    if (take('/')) { ASSIGN_OR_RETURN(change.time, time(167)); }
    return change;
  }

  Error wrong(std::string_view what) const {
    return {Code::invalid, fmt::format("time zone rule \"{}\": {} at character {}", whole_, what,
                                       whole_.size() - rest_.size() + 1),
            "as in EST5EDT,M3.2.0,M11.1.0: the last line of the zone's file under /usr/share/zoneinfo"};
  }

 private:
  char next() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  std::string_view whole_, rest_;
};

}  // namespace

local_seconds ClockChange::in(std::chrono::year year) const {
  using namespace std::chrono;
  switch (form) {
    case Form::month_week_day: {
      const std::chrono::weekday on(weekday);
      const auto of = year / std::chrono::month(month);
      return (week == 5 ? local_days(of / on[last]) : local_days(of / on[week])) + time;
    }
    case Form::julian_without_leap_day: {
      const bool behind_leap_day = year.is_leap() && day > 59;
      return local_days(year / January / 1) + std::chrono::days(day - 1 + (behind_leap_day ? 1 : 0)) + time;
    }
    case Form::day_of_year: break;
  }
  return local_days(year / January / 1) + std::chrono::days(day) + time;
}

Result<ClockRule> parse_clock_rule(std::string_view text) {
  RuleText reader(text.substr(0, kMaxZoneRule + 1));
  if (text.size() > kMaxZoneRule) return reader.wrong("the text is too long");
  for (const char c : text)
    if (c < 0x21 || c > 0x7e) return Error(Code::invalid, "a time zone rule has signs that do not belong in it");
  ClockRule rule;
  ASSIGN_OR_RETURN(rule.standard_name, reader.name());
  ASSIGN_OR_RETURN(const seconds west, reader.time(24));
  rule.standard = -west;
  if (reader.at_end()) return rule;
  ASSIGN_OR_RETURN(rule.summer_name, reader.name());
  rule.summer = rule.standard + std::chrono::hours(1);
  if (const RuleText ahead = reader; !reader.take(',')) {
    ASSIGN_OR_RETURN(const seconds summer_west, reader.time(24));
    rule.summer = -summer_west;
  } else {
    reader = ahead;
  }
  ASSIGN_OR_RETURN(rule.begins, reader.change());
  ASSIGN_OR_RETURN(rule.ends, reader.change());
  if (!reader.at_end()) return reader.wrong("nothing more was expected");
  return rule;
}

}  // namespace nautilus::calendar
