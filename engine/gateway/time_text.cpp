#include "engine/gateway/time_text.h"

#include <chrono>

namespace nautilus::engine {
namespace {

constexpr std::int64_t kNanosPerSecond = 1'000'000'000;
constexpr std::int64_t kSecondsPerDay = 86'400;

void put(char*& at, std::int64_t number, int width) {
  for (int i = width - 1; i >= 0; --i) {
    at[i] = static_cast<char>('0' + number % 10);
    number /= 10;
  }
  at += width;
}

// -1 if it is not `width` digits.
int digits(std::string_view text, std::size_t at, std::size_t width) {
  int out = 0;
  for (std::size_t i = at; i < at + width; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    out = out * 10 + (text[i] - '0');
  }
  return out;
}

}  // namespace

void append_time(std::string& out, Timestamp time) {
  if (time < 0) time = 0;
  const std::int64_t seconds = time / kNanosPerSecond;
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(seconds / kSecondsPerDay))};
  const std::int64_t rest = seconds % kSecondsPerDay;
  char text[27];
  char* at = text;
  put(at, static_cast<int>(date.year()), 4);
  *at++ = '-';
  put(at, static_cast<unsigned>(date.month()), 2);
  *at++ = '-';
  put(at, static_cast<unsigned>(date.day()), 2);
  *at++ = 'T';
  put(at, rest / 3600, 2);
  *at++ = ':';
  put(at, rest / 60 % 60, 2);
  *at++ = ':';
  put(at, rest % 60, 2);
  *at++ = '.';
  put(at, time % kNanosPerSecond / 1000, 6);
  *at++ = 'Z';
  out.append(text, static_cast<std::size_t>(at - text));
}

std::string time_text(Timestamp time) {
  std::string out;
  append_time(out, time);
  return out;
}

std::optional<Timestamp> parse_time(std::string_view text) {
  if (text.size() < 20 || text.size() > 30 || text.back() != 'Z') return std::nullopt;
  if (text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':') return std::nullopt;
  const int year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
  const int hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
  if (year < 1970 || month < 1 || day < 1 || hour < 0 || minute < 0 || second < 0) return std::nullopt;
  if (hour > 23 || minute > 59 || second > 59) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  // Nanoseconds since 1970 end in 2262.
  if (!date.ok() || year > 2261) return std::nullopt;
  std::int64_t nanos = 0;
  if (text.size() > 20) {
    const std::size_t places = text.size() - 21;
    if (text[19] != '.' || places < 1 || places > 9) return std::nullopt;
    nanos = digits(text, 20, places);
    if (nanos < 0) return std::nullopt;
    for (std::size_t i = places; i < 9; ++i) nanos *= 10;
  }
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return ((days * kSecondsPerDay) + hour * 3600 + minute * 60 + second) * kNanosPerSecond + nanos;
}

}  // namespace nautilus::engine
