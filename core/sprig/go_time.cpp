#include "core/sprig/go_time.h"

#include <array>
#include <charconv>
#include <limits>

namespace nautilus::sprig {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"January",   "February", "March",    "April",
                                                      "May",       "June",     "July",     "August",
                                                      "September", "October",  "November", "December"};
constexpr std::array<std::string_view, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                   "Thursday", "Friday", "Saturday"};

enum class Piece {
  none,
  long_month,
  month,
  num_month,
  zero_month,
  long_weekday,
  weekday,
  day,
  under_day,
  zero_day,
  under_year_day,
  zero_year_day,
  hour,
  hour12,
  zero_hour12,
  minute,
  zero_minute,
  second,
  zero_second,
  long_year,
  year,
  upper_pm,
  lower_pm,
  zone_name,
  zone_iso,
  zone_iso_colon,
  zone_number,
  zone_colon,
  zone_hours,
  fraction_zeros,
  fraction_nines
};

struct Token {
  std::string_view text;
  Piece piece;
};

// In the order of trial: a longer text before its own beginning.
constexpr Token kTokens[] = {{"January", Piece::long_month},
                             {"Jan", Piece::month},
                             {"Monday", Piece::long_weekday},
                             {"Mon", Piece::weekday},
                             {"MST", Piece::zone_name},
                             {"2006", Piece::long_year},
                             {"002", Piece::zero_year_day},
                             {"__2", Piece::under_year_day},
                             {"_2", Piece::under_day},
                             {"01", Piece::zero_month},
                             {"02", Piece::zero_day},
                             {"03", Piece::zero_hour12},
                             {"04", Piece::zero_minute},
                             {"05", Piece::zero_second},
                             {"06", Piece::year},
                             {"15", Piece::hour},
                             {"PM", Piece::upper_pm},
                             {"pm", Piece::lower_pm},
                             {"-07:00", Piece::zone_colon},
                             {"-0700", Piece::zone_number},
                             {"-07", Piece::zone_hours},
                             {"Z07:00", Piece::zone_iso_colon},
                             {"Z0700", Piece::zone_iso},
                             {"1", Piece::num_month},
                             {"2", Piece::day},
                             {"3", Piece::hour12},
                             {"4", Piece::minute},
                             {"5", Piece::second}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The first element of `layout`: what stands before it, what it is, what follows.
struct Chunk {
  std::string_view prefix, token, rest;
  Piece piece = Piece::none;
};
Chunk next_chunk(std::string_view layout) {
  for (std::size_t i = 0; i < layout.size(); ++i) {
    const std::string_view at = layout.substr(i);
    if ((at[0] == '.' || at[0] == ',') && at.size() > 1 && (at[1] == '0' || at[1] == '9')) {
      std::size_t end = 1;
      while (end < at.size() && at[end] == at[1]) ++end;
      if (end == at.size() || !is_digit(at[end]))
        return {layout.substr(0, i), at.substr(0, end), at.substr(end),
                at[1] == '0' ? Piece::fraction_zeros : Piece::fraction_nines};
    }
    if (at.starts_with("_2006")) return {layout.substr(0, i + 1), at.substr(1, 4), at.substr(5), Piece::long_year};
    for (const Token& token : kTokens) {
      if (!at.starts_with(token.text)) continue;
      // "Jan" and "Mon" are not found inside a longer word in lower case ("Month").
      if ((token.piece == Piece::month || token.piece == Piece::weekday) && at.size() > 3 && at[3] >= 'a' &&
          at[3] <= 'z')
        break;
      return {layout.substr(0, i), at.substr(0, token.text.size()), at.substr(token.text.size()), token.piece};
    }
  }
  return {layout, {}, {}, Piece::none};
}

std::int64_t days_from_civil(std::int64_t y, int m, int d) {
  y -= m <= 2 ? 1 : 0;
  const std::int64_t era = (y >= 0 ? y : y - 399) / 400;
  const auto yoe = y - era * 400;
  const std::int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
  return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

bool leap(std::int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }
int days_in(int month, std::int64_t year) {
  static constexpr int kLengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return kLengths[month - 1] + (month == 2 && leap(year) ? 1 : 0);
}

std::string offset_text(int offset, Piece piece) {
  if (offset == 0 && (piece == Piece::zone_iso || piece == Piece::zone_iso_colon)) return "Z";
  const int minutes = std::abs(offset) / 60;
  const char sign = offset < 0 ? '-' : '+';
  if (piece == Piece::zone_hours) return fmt::format("{}{:02}", sign, minutes / 60);
  const bool colon = piece == Piece::zone_colon || piece == Piece::zone_iso_colon;
  return fmt::format("{}{:02}{}{:02}", sign, minutes / 60, colon ? ":" : "", minutes % 60);
}

std::string fraction_text(const Chunk& chunk, int nanosecond) {
  std::string digits = fmt::format("{:09}", nanosecond);
  const std::size_t wanted = chunk.token.size() - 1;
  digits.resize(std::min<std::size_t>(wanted, 9), '0');
  if (chunk.piece == Piece::fraction_nines) {
    while (!digits.empty() && digits.back() == '0') digits.pop_back();
    if (digits.empty()) return {};
  }
  return chunk.token[0] + digits;
}

std::string piece_text(const Chunk& chunk, const CivilTime& t, const Zone& zone) {
  const auto at = [](auto& names, int index) { return names[static_cast<std::size_t>(index)]; };
  const int twelve = t.hour % 12 == 0 ? 12 : t.hour % 12;
  switch (chunk.piece) {
    case Piece::long_month: return std::string(at(kMonths, t.month - 1));
    case Piece::month: return std::string(at(kMonths, t.month - 1).substr(0, 3));
    case Piece::num_month: return std::to_string(t.month);
    case Piece::zero_month: return fmt::format("{:02}", t.month);
    case Piece::long_weekday: return std::string(at(kDays, t.weekday));
    case Piece::weekday: return std::string(at(kDays, t.weekday).substr(0, 3));
    case Piece::day: return std::to_string(t.day);
    case Piece::under_day: return fmt::format("{:2}", t.day);
    case Piece::zero_day: return fmt::format("{:02}", t.day);
    case Piece::under_year_day: return fmt::format("{:3}", t.year_day);
    case Piece::zero_year_day: return fmt::format("{:03}", t.year_day);
    case Piece::hour: return fmt::format("{:02}", t.hour);
    case Piece::hour12: return std::to_string(twelve);
    case Piece::zero_hour12: return fmt::format("{:02}", twelve);
    case Piece::minute: return std::to_string(t.minute);
    case Piece::zero_minute: return fmt::format("{:02}", t.minute);
    case Piece::second: return std::to_string(t.second);
    case Piece::zero_second: return fmt::format("{:02}", t.second);
    case Piece::long_year: return fmt::format("{:04}", t.year);
    case Piece::year: return fmt::format("{:02}", t.year % 100);
    case Piece::upper_pm: return t.hour >= 12 ? "PM" : "AM";
    case Piece::lower_pm: return t.hour >= 12 ? "pm" : "am";
    case Piece::zone_name: return zone.name;
    case Piece::fraction_zeros:
    case Piece::fraction_nines: return fraction_text(chunk, t.nanosecond);
    case Piece::none: return {};
    default: return offset_text(zone.offset, chunk.piece);
  }
}

// --- parsing

struct Fields {
  std::int64_t year = 0;
  int month = -1, day = -1, year_day = -1, hour = 0, minute = 0, second = 0, nanosecond = 0;
  bool pm = false, has_pm = false, has_zone = false;
  Zone zone;
};

// Between `least` and `most` digits off the front.
bool take_number(std::string_view& text, std::size_t least, std::size_t most, int& out) {
  std::size_t count = 0;
  out = 0;
  while (count < most && count < text.size() && is_digit(text[count])) out = out * 10 + (text[count++] - '0');
  if (count < least) return false;
  text.remove_prefix(count);
  return true;
}

template <class Names>
bool take_name(std::string_view& text, const Names& names, bool whole, int& out) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string_view name = whole ? names[i] : names[i].substr(0, 3);
    if (text.size() < name.size()) continue;
    const bool fits =
        std::equal(name.begin(), name.end(), text.begin(), [](char a, char b) { return (a | 0x20) == (b | 0x20); });
    if (!fits) continue;
    out = static_cast<int>(i);
    text.remove_prefix(name.size());
    return true;
  }
  return false;
}

bool take_offset(std::string_view& text, Piece piece, Fields& fields) {
  const bool iso = piece == Piece::zone_iso || piece == Piece::zone_iso_colon;
  fields.has_zone = true;
  if (iso && text.starts_with('Z')) {
    text.remove_prefix(1);
    return true;
  }
  if (text.empty() || (text[0] != '+' && text[0] != '-')) return false;
  const int sign = text[0] == '-' ? -1 : 1;
  text.remove_prefix(1);
  int hours = 0, minutes = 0;
  if (!take_number(text, 2, 2, hours)) return false;
  if (piece == Piece::zone_colon || piece == Piece::zone_iso_colon) {
    if (!text.starts_with(':')) return false;
    text.remove_prefix(1);
  }
  if (piece != Piece::zone_hours && !take_number(text, 2, 2, minutes)) return false;
  if (hours > 24 || minutes > 60) return false;
  fields.zone = {"", sign * (hours * 3600 + minutes * 60)};
  return true;
}

bool take_zone_name(std::string_view& text, Fields& fields) {
  std::size_t count = 0;
  while (count < text.size() && count < 5 && text[count] >= 'A' && text[count] <= 'Z') ++count;
  if (count < 3) return false;
  fields.zone = {std::string(text.substr(0, count)), 0};
  fields.has_zone = true;
  text.remove_prefix(count);
  return true;
}

bool take_fraction(std::string_view& text, std::size_t most, Fields& fields) {
  if (text.size() < 2 || (text[0] != '.' && text[0] != ',')) return false;
  std::size_t count = 1;
  std::int64_t value = 0;
  while (count < text.size() && is_digit(text[count]) && count <= most) {
    if (count <= 9) value = value * 10 + (text[count] - '0');
    ++count;
  }
  for (std::size_t i = count - 1; i < 9; ++i) value *= 10;
  fields.nanosecond = static_cast<int>(value);
  text.remove_prefix(count);
  return count > 1;
}

bool take_piece(const Chunk& chunk, std::string_view& text, Fields& f) {
  int unused = 0, number = 0;
  switch (chunk.piece) {
    case Piece::long_month:
    case Piece::month:
      if (!take_name(text, kMonths, chunk.piece == Piece::long_month, f.month)) return false;
      ++f.month;
      return true;
    case Piece::num_month: return take_number(text, 1, 2, f.month);
    case Piece::zero_month: return take_number(text, 2, 2, f.month);
    case Piece::long_weekday: return take_name(text, kDays, true, unused);
    case Piece::weekday: return take_name(text, kDays, false, unused);
    case Piece::under_day:
      if (text.starts_with(' ')) text.remove_prefix(1);
      [[fallthrough]];
    case Piece::day: return take_number(text, 1, 2, f.day);
    case Piece::zero_day: return take_number(text, 2, 2, f.day);
    case Piece::under_year_day:
      while (text.starts_with(' ')) text.remove_prefix(1);
      return take_number(text, 1, 3, f.year_day);
    case Piece::zero_year_day: return take_number(text, 3, 3, f.year_day);
    case Piece::hour: return take_number(text, 2, 2, f.hour) && f.hour < 24;
    case Piece::hour12: return take_number(text, 1, 2, f.hour) && f.hour <= 12;
    case Piece::zero_hour12: return take_number(text, 2, 2, f.hour) && f.hour <= 12;
    case Piece::minute: return take_number(text, 1, 2, f.minute) && f.minute < 60;
    case Piece::zero_minute: return take_number(text, 2, 2, f.minute) && f.minute < 60;
    case Piece::second:
    case Piece::zero_second:
      if (!take_number(text, chunk.piece == Piece::second ? 1 : 2, 2, f.second) || f.second >= 60) return false;
      // A fraction may follow in the text although the layout has none.
      if (text.size() >= 2 && (text[0] == '.' || text[0] == ',') && is_digit(text[1])) {
        const Piece next = next_chunk(chunk.rest).piece;
        if (next != Piece::fraction_zeros && next != Piece::fraction_nines) return take_fraction(text, 100, f);
      }
      return true;
    case Piece::long_year:
      if (!take_number(text, 4, 4, number)) return false;
      f.year = number;
      return true;
    case Piece::year:
      if (!take_number(text, 2, 2, number)) return false;
      f.year = number >= 69 ? 1900 + number : 2000 + number;
      return true;
    case Piece::upper_pm:
    case Piece::lower_pm: {
      if (text.size() < 2) return false;
      const std::string_view mark = text.substr(0, 2);
      const bool up = chunk.piece == Piece::upper_pm;
      if (mark != (up ? "PM" : "pm") && mark != (up ? "AM" : "am")) return false;
      f.has_pm = true;
      f.pm = (mark[0] | 0x20) == 'p';
      text.remove_prefix(2);
      return true;
    }
    case Piece::zone_name: return take_zone_name(text, f);
    case Piece::fraction_zeros: return take_fraction(text, chunk.token.size() - 1, f);
    case Piece::fraction_nines:
      if (text.size() < 2 || text[0] != chunk.token[0] || !is_digit(text[1])) return true;
      return take_fraction(text, 100, f);
    case Piece::none: return true;
    default: return take_offset(text, chunk.piece, f);
  }
}

}  // namespace

std::int64_t unix_seconds(const GoTime& time) {
  if (time.zero) return -62135596800;
  return std::chrono::floor<std::chrono::seconds>(time.instant).time_since_epoch().count();
}

CivilTime civil(const GoTime& time) {
  CivilTime out;
  const std::int64_t local = unix_seconds(time) + time.zone.offset;
  const std::int64_t days = local >= 0 ? local / 86400 : -((-local + 86399) / 86400);
  const int rest = static_cast<int>(local - days * 86400);
  const std::int64_t z = days + 719468;
  const std::int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  const std::int64_t doe = z - era * 146097;
  const std::int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const std::int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const auto mp = (5 * doy + 2) / 153;
  out.day = static_cast<int>(doy - (153 * mp + 2) / 5 + 1);
  out.month = static_cast<int>(mp < 10 ? mp + 3 : mp - 9);
  out.year = yoe + era * 400 + (out.month <= 2 ? 1 : 0);
  out.hour = rest / 3600;
  out.minute = rest / 60 % 60;
  out.second = rest % 60;
  out.weekday = static_cast<int>(((days % 7) + 11) % 7);
  out.year_day = static_cast<int>(days - days_from_civil(out.year, 1, 1)) + 1;
  if (!time.zero)
    out.nanosecond = static_cast<int>((time.instant - std::chrono::floor<std::chrono::seconds>(time.instant)).count());
  return out;
}

std::string format_time(const GoTime& time, std::string_view layout) {
  const CivilTime fields = civil(time);
  std::string out;
  while (true) {
    const Chunk chunk = next_chunk(layout);
    out += chunk.prefix;
    if (chunk.piece == Piece::none) return out;
    out += piece_text(chunk, fields, time.zone);
    layout = chunk.rest;
  }
}

std::string time_text(const GoTime& time) { return format_time(time, "2006-01-02 15:04:05.999999999 -0700 MST"); }

Result<GoTime> parse_time(std::string_view layout, std::string_view text) {
  const auto invalid = [&, whole = text, pattern = layout](std::string_view why) {
    return Error(Code::invalid, fmt::format("parsing time {:?} as {:?}: {}", whole, pattern, why));
  };
  Fields f;
  while (true) {
    const Chunk chunk = next_chunk(layout);
    if (!text.starts_with(chunk.prefix)) return invalid("the text does not fit the layout");
    text.remove_prefix(chunk.prefix.size());
    if (chunk.piece == Piece::none) break;
    if (!take_piece(chunk, text, f)) return invalid(fmt::format("cannot parse {:?} as {:?}", text, chunk.token));
    layout = chunk.rest;
  }
  if (!text.empty()) return invalid("extra text: " + std::string(text));
  if (f.has_pm && f.pm && f.hour < 12) f.hour += 12;
  if (f.has_pm && !f.pm && f.hour == 12) f.hour = 0;
  std::int64_t days = 0;
  if (f.year_day >= 0) {
    if (f.year_day < 1 || f.year_day > (leap(f.year) ? 366 : 365)) return invalid("day-of-year out of range");
    days = days_from_civil(f.year, 1, 1) + f.year_day - 1;
  } else {
    if (f.month < 0) f.month = 1;
    if (f.day < 0) f.day = 1;
    if (f.month < 1 || f.month > 12) return invalid("month out of range");
    if (f.day < 1 || f.day > days_in(f.month, f.year)) return invalid("day out of range");
    days = days_from_civil(f.year, f.month, f.day);
  }
  const std::int64_t seconds = days * 86400 + f.hour * 3600 + f.minute * 60 + f.second - f.zone.offset;
  GoTime out;
  if (seconds < -9'200'000'000 || seconds > 9'200'000'000) return invalid("outside the years 1678 to 2261");
  out.instant = port::WallTime(std::chrono::seconds(seconds) + std::chrono::nanoseconds(f.nanosecond));
  out.zone = f.has_zone && !(f.zone.offset == 0 && f.zone.name.empty()) ? f.zone : Zone{};
  if (out.zone.name.empty()) out.zone.name = offset_text(out.zone.offset, Piece::zone_number);
  return out;
}

std::optional<std::int64_t> parse_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  bool negative = false;
  if (text[0] == '-' || text[0] == '+') {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text == "0") return 0;
  if (text.empty()) return std::nullopt;
  static constexpr std::pair<std::string_view, std::int64_t> kUnits[] = {
      {"ns", 1},         {"us", 1'000},        {"\xC2\xB5s", 1'000},  {"\xCE\xBCs", 1'000},
      {"ms", 1'000'000}, {"s", 1'000'000'000}, {"m", 60'000'000'000}, {"h", 3'600'000'000'000}};
  constexpr auto kLargest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) + 1;
  std::uint64_t total = 0;
  while (!text.empty()) {
    std::uint64_t whole = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
    const bool digits = end != text.data();
    if ((digits && error != std::errc()) || whole > kLargest) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    double fraction = 0, scale = 0.1;
    bool fraction_digits = false;
    if (text.starts_with('.')) {
      text.remove_prefix(1);
      for (; !text.empty() && is_digit(text[0]); text.remove_prefix(1), scale /= 10) {
        fraction += (text[0] - '0') * scale;
        fraction_digits = true;
      }
    }
    if (!digits && !fraction_digits) return std::nullopt;
    std::size_t length = 0;
    while (length < text.size() && text[length] != '.' && !is_digit(text[length])) ++length;
    const std::string_view unit = text.substr(0, length);
    const auto found =
        std::find_if(std::begin(kUnits), std::end(kUnits), [&](const auto& one) { return one.first == unit; });
    if (found == std::end(kUnits)) return std::nullopt;
    const auto size = static_cast<std::uint64_t>(found->second);
    if (whole > kLargest / size) return std::nullopt;
    total += whole * size + static_cast<std::uint64_t>(fraction * static_cast<double>(size) + 1e-6);
    if (total > kLargest) return std::nullopt;
    text.remove_prefix(length);
  }
  if (negative) return static_cast<std::int64_t>(~total + 1);
  if (total == kLargest) return std::nullopt;
  return static_cast<std::int64_t>(total);
}

std::string duration_text(std::int64_t nanoseconds) {
  if (nanoseconds == 0) return "0s";
  const bool negative = nanoseconds < 0;
  std::uint64_t u = static_cast<std::uint64_t>(nanoseconds);
  if (negative) u = ~u + 1;
  const auto with_fraction = [](std::uint64_t value, std::uint64_t unit) {
    std::string text = std::to_string(value / unit);
    if (value % unit == 0) return text;
    std::string digits = std::to_string(value % unit + unit).substr(1);
    while (digits.back() == '0') digits.pop_back();
    return text + "." + digits;
  };
  std::string out = negative ? "-" : "";
  if (u < 1'000) return out + std::to_string(u) + "ns";
  if (u < 1'000'000) return out + with_fraction(u, 1'000) + "\xC2\xB5s";
  if (u < 1'000'000'000) return out + with_fraction(u, 1'000'000) + "ms";
  const std::uint64_t minutes = u / 60'000'000'000;
  if (minutes >= 60) out += std::to_string(minutes / 60) + "h";
  if (minutes > 0) out += std::to_string(minutes % 60) + "m";
  return out + with_fraction(u % 60'000'000'000, 1'000'000'000) + "s";
}

std::optional<Zone> find_zone(std::string_view name) {
  if (name.empty() || name == "UTC" || name == "Local" || name == "Etc/UTC" || name == "GMT" || name == "Etc/GMT")
    return Zone{name.ends_with("GMT") ? "GMT" : "UTC", 0};
  if (!name.starts_with("Etc/GMT")) return std::nullopt;
  name.remove_prefix(7);
  int hours = 0;
  if (name.size() < 2 || name.size() > 3 || (name[0] != '+' && name[0] != '-')) return std::nullopt;
  const auto [end, error] = std::from_chars(name.data() + 1, name.data() + name.size(), hours);
  if (error != std::errc() || end != name.data() + name.size() || hours > 14) return std::nullopt;
  const int offset = name[0] == '+' ? -hours * 3600 : hours * 3600;  // POSIX signs are the other way round
  return Zone{fmt::format("{}{:02}", offset < 0 ? '-' : '+', hours), offset};
}

}  // namespace nautilus::sprig
