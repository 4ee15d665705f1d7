#include "core/sim/control/cron_schedule.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <vector>

namespace nautilus::sim {

namespace {

using namespace std::chrono;

struct Field {
  std::string_view name;
  unsigned low, high;
  std::span<const std::string_view> names;  // of low, low+1, ...
};

constexpr std::array<std::string_view, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                      "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kWeekdays = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

std::optional<unsigned> number(std::string_view text, const Field& field) {
  unsigned parsed = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), parsed);
  if (code == std::errc() && end == text.data() + text.size()) return parsed;
  std::string lower;
  for (char c : text) lower += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  for (std::size_t i = 0; i < field.names.size(); ++i)
    if (field.names[i] == lower) return field.low + static_cast<unsigned>(i);
  return std::nullopt;
}

// One field as a set of bits; `any` says that it does not restrict.
Result<std::uint64_t> parse_field(std::string_view text, const Field& field, bool& any) {
  const auto bad = [&] { return Error(Code::invalid, fmt::format("bad {} in schedule: \"{}\"", field.name, text)); };
  std::uint64_t bits = 0;
  any = false;
  std::string_view rest = text;
  while (true) {
    const auto comma = rest.find(',');
    std::string_view item = rest.substr(0, comma);
    unsigned step = 1;
    bool stepped = false;
    if (const auto slash = item.find('/'); slash != std::string_view::npos) {
      const auto amount = number(item.substr(slash + 1), {field.name, 0, 99, {}});
      if (!amount || *amount == 0) return bad();
      step = *amount;
      stepped = true;
      item = item.substr(0, slash);
    }
    unsigned first = field.low, last = field.high;
    if (item == "*" || item == "?") {
      if (!stepped) any = true;
    } else {
      const auto dash = item.find('-');
      const auto begin = number(item.substr(0, dash), field);
      if (!begin) return bad();
      first = *begin;
      last = stepped ? field.high : first;
      if (dash != std::string_view::npos) {
        const auto end = number(item.substr(dash + 1), field);
        if (!end) return bad();
        last = *end;
      }
    }
    if (first < field.low || last > field.high || first > last) return bad();
    for (unsigned i = first; i <= last; i += step) bits |= std::uint64_t{1} << i;
    if (comma == std::string_view::npos) break;
    rest = rest.substr(comma + 1);
  }
  return bits;
}

std::optional<port::Duration> parse_go_duration(std::string_view text) {
  port::Duration total{0};
  while (!text.empty()) {
    std::int64_t amount = 0;
    auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), amount);
    if (code != std::errc() || amount < 0 || amount > 1'000'000) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.starts_with("h"))
      total += hours(amount);
    else if (text.starts_with("m"))
      total += minutes(amount);
    else if (text.starts_with("s"))
      total += seconds(amount);
    else
      return std::nullopt;
    text.remove_prefix(1);
  }
  return total >= seconds(1) ? std::optional(total) : std::nullopt;
}

}  // namespace

Result<CronSchedule> CronSchedule::parse(std::string_view text) {
  struct Named {
    std::string_view name, fields;
  };
  static constexpr Named kNamed[] = {{"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
                                     {"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"},
                                     {"@hourly", "0 * * * *"}};
  CronSchedule schedule;
  if (text.starts_with("@every ")) {
    schedule.every_ = parse_go_duration(text.substr(7));
    if (!schedule.every_) return Error(Code::invalid, fmt::format("bad duration in schedule: \"{}\"", text));
    return schedule;
  }
  for (const auto& named : kNamed)
    if (named.name == text) text = named.fields;
  std::vector<std::string_view> fields;
  for (std::size_t at = 0; at < text.size();) {
    const auto begin = text.find_first_not_of(" \t", at);
    if (begin == std::string_view::npos) break;
    const auto end = std::min(text.find_first_of(" \t", begin), text.size());
    fields.push_back(text.substr(begin, end - begin));
    at = end;
  }
  if (fields.size() != 5)
    return Error(Code::invalid, fmt::format("expected exactly 5 fields, found {}: \"{}\"", fields.size(), text));
  bool any = false;
  ASSIGN_OR_RETURN(schedule.minutes_, parse_field(fields[0], {"minute", 0, 59, {}}, any));
  ASSIGN_OR_RETURN(schedule.hours_, parse_field(fields[1], {"hour", 0, 23, {}}, any));
  ASSIGN_OR_RETURN(schedule.days_, parse_field(fields[2], {"day of month", 1, 31, {}}, schedule.any_day_));
  ASSIGN_OR_RETURN(schedule.months_, parse_field(fields[3], {"month", 1, 12, kMonths}, any));
  ASSIGN_OR_RETURN(schedule.weekdays_, parse_field(fields[4], {"day of week", 0, 6, kWeekdays}, schedule.any_weekday_));
  return schedule;
}

std::optional<port::WallTime> CronSchedule::next(port::WallTime from) const {
  if (every_) return floor<seconds>(from) + *every_;
  auto has = [](std::uint64_t bits, unsigned bit) { return (bits >> bit & 1) != 0; };
  auto at = floor<minutes>(from) + minutes(1);
  const auto limit = at + days(5 * 366);
  while (at < limit) {
    const auto day = floor<days>(at);
    const year_month_day date(day);
    const bool day_ok = has(days_, static_cast<unsigned>(date.day()));
    const bool weekday_ok = has(weekdays_, weekday(day).c_encoding());
    const bool matches_day = any_day_ || any_weekday_ ? day_ok && weekday_ok : day_ok || weekday_ok;
    if (!has(months_, static_cast<unsigned>(date.month())) || !matches_day) {
      at = day + days(1);
      continue;
    }
    const hh_mm_ss clock(at - day);
    if (!has(hours_, static_cast<unsigned>(clock.hours().count()))) {
      at = floor<hours>(at) + hours(1);
      continue;
    }
    if (has(minutes_, static_cast<unsigned>(clock.minutes().count()))) return at;
    at += minutes(1);
  }
  return std::nullopt;
}

}  // namespace nautilus::sim
