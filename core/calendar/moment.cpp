#include "core/calendar/moment.h"

#include <fmt/format.h>

#include "core/calendar/calendar.h"
#include "core/port/wall_time.h"

namespace nautilus::calendar {

namespace {

using std::chrono::days;
using std::chrono::minutes;
using std::chrono::seconds;

Error no_moment(std::string_view text) {
  return {Code::usage, fmt::format("\"{}\" is not a time", text.substr(0, 60)),
          "as in 2026-11-30T09:30:00-05:00, 2026-11-30T14:30:00Z, or 2026-11-30T09:30 by the clock of --zone"};
}

// "Z", "+01:00"; nullopt if it is none.
std::optional<minutes> offset_of(std::string_view text) {
  if (text == "Z" || text == "z") return minutes(0);
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  const auto reading = parse_minutes(text.substr(1));
  if (!reading || *reading > 14 * 60) return std::nullopt;
  return minutes(text[0] == '-' ? -*reading : *reading);
}

// ":30" and a fraction that is dropped.
std::optional<seconds> seconds_of(std::string_view& text) {
  if (text.empty() || text[0] != ':') return seconds(0);
  const auto digit = [&](std::size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '9'; };
  if (!digit(1) || !digit(2)) return std::nullopt;
  const int value = (text[1] - '0') * 10 + (text[2] - '0');
  text.remove_prefix(3);
  if (!text.empty() && text[0] == '.') {
    std::size_t end = 1;
    while (digit(end)) ++end;
    if (end == 1) return std::nullopt;
    text.remove_prefix(end);
  }
  return value <= 59 ? std::optional<seconds>(seconds(value)) : std::nullopt;
}

}  // namespace

Result<port::WallTime> parse_moment(std::string_view text, const Zone& zone) {
  const auto date = parse_date(text.substr(0, 10));
  if (!date.ok()) return no_moment(text);
  local_seconds reading(*date);
  std::string_view rest = text.substr(10);
  if (!rest.empty()) {
    const auto clock = rest.size() >= 6 ? parse_minutes(rest.substr(1, 5)) : std::nullopt;
    if (!clock || *clock == 1440 || (rest[0] != 'T' && rest[0] != 't' && rest[0] != ' ')) return no_moment(text);
    rest.remove_prefix(6);
    const auto second = seconds_of(rest);
    if (!second) return no_moment(text);
    reading += minutes(*clock) + *second;
    if (!rest.empty()) {
      const auto offset = offset_of(rest);
      if (!offset) return no_moment(text);
      return port::wall_time(sys_seconds(reading.time_since_epoch() - *offset));
    }
  }
  const sys_seconds first = zone.instant(reading, Zone::Choose::earliest);
  const sys_seconds last = zone.instant(reading, Zone::Choose::latest);
  if (zone.local(first) != reading)
    return Error(Code::usage, fmt::format("{} does not exist in {}: the clocks go forward to {}", text, zone.name(),
                                          moment_text(zone, first)));
  if (first != last)
    return Error(Code::usage, fmt::format("{} comes twice in {}: {} or {}", text, zone.name(),
                                          offset_text(first, zone), offset_text(last, zone)),
                 "write the one that is meant, with its offset");
  return port::wall_time(first);
}

std::string utc_text(port::WallTime at) {
  return port::micro_time(at).substr(0, 19) + "Z";
}

std::string offset_text(port::WallTime at, const Zone& zone) {
  const sys_seconds second = std::chrono::floor<seconds>(at);
  const auto east = std::chrono::duration_cast<minutes>(zone.offset(second)).count();
  const port::WallTime reading = port::wall_time(sys_seconds(zone.local(second).time_since_epoch()));
  return fmt::format("{}{}{:02}:{:02}", port::micro_time(reading).substr(0, 19), east < 0 ? '-' : '+',
                     std::abs(east) / 60, std::abs(east) % 60);
}

std::string moment_text(const Zone& zone, sys_seconds at) {
  const local_seconds reading = zone.local(at);
  const auto date = std::chrono::floor<days>(reading);
  const auto second = (reading - date).count();
  std::string text = fmt::format("{} {} {:02}:{:02}", weekday_text(std::chrono::weekday(date).c_encoding()),
                                 date_text(date), second / 3600, second / 60 % 60);
  if (second % 60 != 0) text += fmt::format(":{:02}", second % 60);
  return text + " " + zone.abbreviation(at);
}

std::string moment_text(const Zone& zone, port::WallTime at) {
  return moment_text(zone, std::chrono::floor<seconds>(at));
}

}  // namespace nautilus::calendar
