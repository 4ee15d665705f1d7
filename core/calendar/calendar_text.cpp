// Days and times as they are written.
#include <fmt/format.h>

#include "core/calendar/calendar.h"

namespace nautilus::calendar {

namespace {

std::optional<int> digits(std::string_view text) {
  int value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

constexpr std::array<std::string_view, 7> kWeekdays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

}  // namespace

std::string date_text(local_days date) {
  const std::chrono::year_month_day day(date);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()), static_cast<unsigned>(day.month()),
                     static_cast<unsigned>(day.day()));
}

Result<local_days> parse_date(std::string_view text) {
  if (text.size() == 10 && text[4] == '-' && text[7] == '-') {
    const auto year = digits(text.substr(0, 4)), month = digits(text.substr(5, 2)), day = digits(text.substr(8));
    if (year && month && day && *year >= 1970 && *year <= 2200) {
      const std::chrono::year_month_day date{std::chrono::year(*year),
                                             std::chrono::month(static_cast<unsigned>(*month)),
                                             std::chrono::day(static_cast<unsigned>(*day))};
      if (date.ok()) return local_days(date);
    }
  }
  return Error(Code::invalid, fmt::format("\"{}\" is not a day, as in 2026-11-29", text.substr(0, 40)));
}

std::string minutes_text(int minutes) {
  const int in_day = minutes == 24 * 60 ? minutes : ((minutes % 1440) + 1440) % 1440;
  return fmt::format("{:02}:{:02}", in_day / 60, in_day % 60);
}

std::optional<int> parse_minutes(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const auto hours = digits(text.substr(0, 2)), minutes = digits(text.substr(3));
  if (!hours || !minutes || *minutes > 59 || *hours * 60 + *minutes > 24 * 60) return std::nullopt;
  return *hours * 60 + *minutes;
}

std::string_view weekday_text(unsigned c_encoding) { return kWeekdays[c_encoding % 7]; }

std::optional<unsigned> parse_weekday(std::string_view text) {
  for (unsigned i = 0; i < 7; ++i)
    if (kWeekdays[i] == text) return i;
  return std::nullopt;
}

std::string_view name(Phase phase) {
  switch (phase) {
    case Phase::pre: return "pre";
    case Phase::auction: return "auction";
    case Phase::regular: return "regular";
    case Phase::post: return "post";
  }
  return "";
}

std::string_view name(SpecialDay::Kind kind) {
  switch (kind) {
    case SpecialDay::Kind::holiday: return "holiday";
    case SpecialDay::Kind::half_day: return "half day";
    case SpecialDay::Kind::ad_hoc: return "ad-hoc closure";
  }
  return "";
}

std::string_view name(TradingDay::Kind kind) {
  switch (kind) {
    case TradingDay::Kind::trading: return "trading day";
    case TradingDay::Kind::weekend: return "no trading day";
    case TradingDay::Kind::holiday: return "holiday";
    case TradingDay::Kind::half_day: return "half day";
    case TradingDay::Kind::ad_hoc: return "ad-hoc closure";
  }
  return "";
}

}  // namespace nautilus::calendar
