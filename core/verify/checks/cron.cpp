#include "core/verify/checks/cron.h"

#include <fmt/format.h>

#include <chrono>

#include "core/base/duration.h"
#include "core/base/text.h"
#include "core/verify/settings.h"

namespace nautilus::verify {

namespace {

constexpr int kDaysLookedAt = 8 * 366;  // two leap days, wherever it begins

struct Range {
  int least, most;
};
constexpr std::string_view kMonths[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                        "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::string_view kWeekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

Error bad(std::string_view field) { return Error(Code::invalid, fmt::format("\"{}\" is not a cron field", field)); }

Result<int> number(std::string_view text, const std::string_view* names, int count, int first) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  for (int i = 0; i < count; ++i)
    if (lower == names[i]) return i + first;
  const auto value = integer(text);
  if (!value || *value > 99) return bad(text);
  return static_cast<int>(*value);
}

template <std::size_t N>
Result<bool> field(std::string_view text, Range range, const std::string_view* names, int count, std::bitset<N>& into) {
  bool any = false;
  for (std::string_view part : base::split(text, ',')) {
    int step = 1, from = range.least, to = range.most;
    if (const auto slash = part.find('/'); slash != std::string_view::npos) {
      const auto value = integer(part.substr(slash + 1));
      if (!value || *value < 1 || *value > 99) return bad(part);
      step = static_cast<int>(*value);
      part = part.substr(0, slash);
    }
    if (part == "*" || part == "?") {
      any = any || step == 1;
    } else {
      const auto dash = part.find('-');
      ASSIGN_OR_RETURN(from, number(part.substr(0, dash), names, count, range.least));
      if (dash != std::string_view::npos) {
        ASSIGN_OR_RETURN(to, number(part.substr(dash + 1), names, count, range.least));
      } else if (step == 1) {
        to = from;
      }
    }
    if (from < range.least || to > range.most || from > to) return bad(text);
    for (int i = from; i <= to; i += step) into.set(static_cast<std::size_t>(i));
  }
  return any;
}

}  // namespace

Result<Cron> Cron::parse(std::string_view text) {
  Cron cron;
  text = base::trim(text);
  for (std::string_view prefix : {"CRON_TZ=", "TZ="}) {
    if (!text.starts_with(prefix)) continue;
    const auto space = text.find(' ');
    if (space == std::string_view::npos) return bad(text);
    cron.zone = std::string(text.substr(prefix.size(), space - prefix.size()));
    text = base::trim(text.substr(space));
    break;
  }
  if (text.starts_with("@every ")) {
    ASSIGN_OR_RETURN(const auto every, base::parse_duration(base::trim(text.substr(7))));
    cron.every_seconds = std::chrono::duration_cast<std::chrono::seconds>(every).count();
    if (cron.every_seconds < 1) return bad(text);
    return cron;
  }
  if (text == "@hourly") text = "0 * * * *";
  if (text == "@daily" || text == "@midnight") text = "0 0 * * *";
  if (text == "@weekly") text = "0 0 * * 0";
  if (text == "@monthly") text = "0 0 1 * *";
  if (text == "@yearly" || text == "@annually") text = "0 0 1 1 *";
  std::vector<std::string_view> parts;
  for (std::string_view part : base::split(text, ' '))
    if (!part.empty()) parts.push_back(part);
  if (parts.size() != 5) return Error(Code::invalid, fmt::format("\"{}\" does not have five fields", text));
  std::bitset<8> weekdays;
  TRY(field(parts[0], {0, 59}, nullptr, 0, cron.minutes));
  TRY(field(parts[1], {0, 23}, nullptr, 0, cron.hours));
  ASSIGN_OR_RETURN(cron.any_day, field(parts[2], {1, 31}, nullptr, 0, cron.days));
  TRY(field(parts[3], {1, 12}, kMonths, 12, cron.months));
  // Names of weekdays begin at 0; 7 is Sunday too.
  ASSIGN_OR_RETURN(cron.any_weekday, field(parts[4], {0, 7}, kWeekdays, 7, weekdays));
  for (std::size_t i = 0; i < 8; ++i)
    if (weekdays[i]) cron.weekdays.set(i % 7);
  return cron;
}

bool Cron::on_day(int month, int day, int weekday) const {
  if (!months[static_cast<std::size_t>(month)]) return false;
  const bool by_day = days[static_cast<std::size_t>(day)], by_weekday = weekdays[static_cast<std::size_t>(weekday)];
  // Both restricted: either is enough, as cron has always had it.
  return any_day || any_weekday ? by_day && by_weekday : by_day || by_weekday;
}

std::int64_t Cron::longest_gap() const {
  if (every_seconds > 0) return every_seconds;
  // Minutes of a day that it runs at: the first, the last, and the widest gap between two.
  int first = -1, last = -1, widest = 0;
  for (int minute = 0; minute < 24 * 60; ++minute) {
    if (!hours[static_cast<std::size_t>(minute / 60)] || !minutes[static_cast<std::size_t>(minute % 60)]) continue;
    if (first < 0) first = minute;
    if (last >= 0) widest = std::max(widest, minute - last);
    last = minute;
  }
  if (first < 0) return 0;
  const auto start = std::chrono::sys_days(std::chrono::year(2024) / 1 / 1);
  std::int64_t gap = widest;
  int previous = -1, runs = 0;
  for (int i = 0; i < kDaysLookedAt; ++i) {
    const auto day = start + std::chrono::days(i);
    const std::chrono::year_month_day date(day);
    const auto weekday = std::chrono::weekday(day).c_encoding();
    if (!on_day(static_cast<int>(static_cast<unsigned>(date.month())),
                static_cast<int>(static_cast<unsigned>(date.day())), static_cast<int>(weekday)))
      continue;
    if (previous >= 0) gap = std::max<std::int64_t>(gap, (i - previous) * 24 * 60 + first - last);
    previous = i;
    ++runs;
  }
  if (runs < 2) return std::int64_t{kDaysLookedAt} * 86'400;  // never, or hardly ever
  return gap * 60;
}

}  // namespace nautilus::verify
