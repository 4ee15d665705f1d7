#include "core/sim/control/times.h"

#include <fmt/format.h>

#include "core/port/wall_time.h"

namespace nautilus::sim {

namespace {

using namespace std::chrono;

std::string calendar_text(port::WallTime time, std::string_view fraction) {
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<seconds>(time - day));
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), fraction);
}

// Reads exactly `count` digits; -1 if there are none such.
int digits(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return -1;
  int number = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    number = number * 10 + (text[i] - '0');
  }
  return number;
}

}  // namespace

std::string time_text(port::WallTime time) { return calendar_text(time, ""); }

std::string micro_time_text(port::WallTime time) { return port::micro_time(time); }

std::optional<port::WallTime> parse_time(std::string_view text) {
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':')
    return std::nullopt;
  const int y = digits(text, 0, 4), mo = digits(text, 5, 2), d = digits(text, 8, 2), h = digits(text, 11, 2),
            mi = digits(text, 14, 2), s = digits(text, 17, 2);
  const year_month_day date(year(y), month(static_cast<unsigned>(mo)), day(static_cast<unsigned>(d)));
  if (y < 0 || mo < 0 || d < 0 || !date.ok() || h < 0 || h > 23 || mi < 0 || mi > 59 || s < 0 || s > 60)
    return std::nullopt;
  std::size_t at = 19;
  nanoseconds fraction{0};
  if (text[at] == '.') {
    std::int64_t unit = 100'000'000;
    std::size_t begin = ++at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, unit /= 10)
      fraction += nanoseconds((text[at] - '0') * unit);
    if (at == begin) return std::nullopt;
  }
  minutes offset{0};
  if (at < text.size() && text[at] == 'Z') {
    ++at;
  } else if (at + 6 == text.size() && (text[at] == '+' || text[at] == '-') && text[at + 3] == ':') {
    const int oh = digits(text, at + 1, 2), om = digits(text, at + 4, 2);
    if (oh < 0 || om < 0) return std::nullopt;
    offset = minutes((text[at] == '-' ? -1 : 1) * (oh * 60 + om));
    at += 6;
  } else {
    return std::nullopt;
  }
  if (at != text.size()) return std::nullopt;
  return port::wall_time(sys_days(date) + hours(h) + minutes(mi) + seconds(s) - offset) + fraction;
}

}  // namespace nautilus::sim
