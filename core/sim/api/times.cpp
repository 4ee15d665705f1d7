#include "core/sim/api/times.h"

#include <fmt/format.h>

#include "core/port/wall_time.h"

namespace nautilus::sim {
namespace {

using std::chrono::floor;

bool number(std::string_view text, std::size_t at, std::size_t digits, int& out) {
  if (text.size() < at + digits) return false;
  out = 0;
  for (std::size_t i = at; i < at + digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    out = out * 10 + (text[i] - '0');
  }
  return true;
}

std::string seconds_text(port::WallTime time) {
  auto day = floor<std::chrono::days>(time);
  std::chrono::year_month_day date(day);
  std::chrono::hh_mm_ss clock(floor<std::chrono::seconds>(time - day));
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count());
}

}  // namespace

std::optional<port::WallTime> parse_rfc3339(std::string_view text) {
  int year, month, day, hour, minute, second;
  if (!number(text, 0, 4, year) || !number(text, 5, 2, month) || !number(text, 8, 2, day) ||
      !number(text, 11, 2, hour) || !number(text, 14, 2, minute) || !number(text, 17, 2, second) || text[4] != '-' ||
      text[7] != '-' || (text[10] != 'T' && text[10] != 't') || text[13] != ':' || text[16] != ':')
    return std::nullopt;
  std::chrono::year_month_day date(std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                   std::chrono::day(static_cast<unsigned>(day)));
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  std::size_t at = 19;
  std::int64_t nano = 0, scale = 100'000'000;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (at >= text.size() || text[at] < '0' || text[at] > '9') return std::nullopt;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10) nano += (text[at] - '0') * scale;
  }
  int offset = 0;
  if (at < text.size() && (text[at] == 'Z' || text[at] == 'z')) {
    ++at;
  } else {
    int oh, om;
    if (at >= text.size() || (text[at] != '+' && text[at] != '-') || !number(text, at + 1, 2, oh) ||
        !number(text, at + 4, 2, om) || text[at + 3] != ':')
      return std::nullopt;
    offset = (oh * 60 + om) * (text[at] == '-' ? -1 : 1);
    at += 6;
  }
  if (at != text.size()) return std::nullopt;
  return port::wall_time(std::chrono::sys_days(date) + std::chrono::hours(hour) +
                         std::chrono::minutes(minute - offset) + std::chrono::seconds(second)) +
         std::chrono::nanoseconds(nano);
}

std::string format_rfc3339(port::WallTime time) { return seconds_text(time) + "Z"; }

std::string format_micro(port::WallTime time) {
  auto second = floor<std::chrono::seconds>(time);
  auto micro = floor<std::chrono::microseconds>(time - second).count();
  return seconds_text(time) + fmt::format(".{:06}Z", micro);
}

}  // namespace nautilus::sim
