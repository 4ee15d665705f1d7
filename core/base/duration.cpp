#include "core/base/duration.h"

#include <fmt/format.h>

#include <cstdint>

namespace nautilus::base {

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000, kMinute = 60 * kSecond, kHour = 60 * kMinute;
constexpr std::uint64_t kLimit = std::uint64_t{1} << 63;  // the magnitude of the most negative duration

struct UnitName {
  std::string_view name;
  std::uint64_t nanoseconds;
};
constexpr UnitName kUnits[] = {{"ns", 1},         {"us", 1000},   {"\u00b5s", 1000}, {"\u03bcs", 1000},
                               {"ms", 1'000'000}, {"s", kSecond}, {"m", kMinute},    {"h", kHour}};

bool digit(char c) { return c >= '0' && c <= '9'; }

// Digits before the point; false on overflow.
bool take_whole(std::string_view& text, std::uint64_t& out) {
  for (out = 0; !text.empty() && digit(text.front()); text.remove_prefix(1)) {
    if (out > kLimit / 10) return false;
    out = out * 10 + static_cast<std::uint64_t>(text.front() - '0');
    if (out > kLimit) return false;
  }
  return true;
}

// Digits after the point, as value / scale. Digits that no longer fit change nothing and are passed over.
void take_fraction(std::string_view& text, std::uint64_t& value, double& scale) {
  bool full = false;
  for (value = 0, scale = 1; !text.empty() && digit(text.front()); text.remove_prefix(1)) {
    if (full || value > (kLimit - 1) / 10) {
      full = true;
      continue;
    }
    const std::uint64_t next = value * 10 + static_cast<std::uint64_t>(text.front() - '0');
    if (next > kLimit) {
      full = true;
      continue;
    }
    value = next;
    scale *= 10;
  }
}

const UnitName* take_unit(std::string_view& text) {
  std::size_t length = 0;
  while (length < text.size() && text[length] != '.' && !digit(text[length])) ++length;
  const std::string_view unit = text.substr(0, length);
  text.remove_prefix(length);
  for (const auto& candidate : kUnits)
    if (candidate.name == unit) return &candidate;
  return nullptr;
}

// One "1.5h"; false if it is not one or does not fit.
bool take_part(std::string_view& text, std::uint64_t& out) {
  const std::size_t before = text.size();
  std::uint64_t whole = 0, fraction = 0;
  double scale = 1;
  if (!take_whole(text, whole)) return false;
  std::size_t digits = before - text.size();
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    const std::size_t from = text.size();
    take_fraction(text, fraction, scale);
    digits += from - text.size();
  }
  if (digits == 0) return false;
  const UnitName* unit = take_unit(text);
  if (!unit || whole > kLimit / unit->nanoseconds) return false;
  out = whole * unit->nanoseconds;
  if (fraction > 0)
    out += static_cast<std::uint64_t>(static_cast<double>(fraction) * (static_cast<double>(unit->nanoseconds) / scale));
  return out <= kLimit;
}

// The fraction of a unit of 10^places nanoseconds, without trailing zeros: ".5".
std::string fraction(std::uint64_t value, int places) {
  std::string text = fmt::format("{:0{}}", value, places);
  while (!text.empty() && text.back() == '0') text.pop_back();
  return text.empty() ? "" : "." + text;
}

}  // namespace

Result<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  constexpr std::size_t kShown = 60;
  const auto wrong = [&] {
    return Error(Code::invalid, fmt::format("\"{}\" is not a duration", text.substr(0, kShown)),
                 "for example 90s, 10m or 1h30m");
  };
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == "0") return std::chrono::nanoseconds(0);
  if (rest.empty()) return wrong();
  std::uint64_t total = 0;
  while (!rest.empty()) {
    std::uint64_t part = 0;
    if (!take_part(rest, part)) return wrong();
    total += part;
    if (total > kLimit) return wrong();
  }
  if (negative) return std::chrono::nanoseconds(static_cast<std::int64_t>(0 - total));
  if (total > kLimit - 1) return wrong();
  return std::chrono::nanoseconds(static_cast<std::int64_t>(total));
}

std::string format_duration(std::chrono::nanoseconds duration) {
  const bool negative = duration.count() < 0;
  std::uint64_t left = static_cast<std::uint64_t>(duration.count());
  if (negative) left = 0 - left;
  const char* sign = negative ? "-" : "";
  if (left == 0) return "0s";
  if (left < 1000) return fmt::format("{}{}ns", sign, left);
  if (left < 1'000'000) return fmt::format("{}{}{}\u00b5s", sign, left / 1000, fraction(left % 1000, 3));
  if (left < kSecond) return fmt::format("{}{}{}ms", sign, left / 1'000'000, fraction(left % 1'000'000, 6));
  const std::string seconds = fmt::format("{}{}s", left % kMinute / kSecond, fraction(left % kSecond, 9));
  if (left < kMinute) return sign + seconds;
  if (left < kHour) return fmt::format("{}{}m{}", sign, left / kMinute, seconds);
  return fmt::format("{}{}h{}m{}", sign, left / kHour, left % kHour / kMinute, seconds);
}

std::string human_duration(std::chrono::nanoseconds duration) {
  using std::chrono::duration_cast;
  const auto two = [](std::int64_t first, char a, std::int64_t second, char b) {
    return second == 0 ? fmt::format("{}{}", first, a) : fmt::format("{}{}{}{}", first, a, second, b);
  };
  const std::int64_t seconds = duration_cast<std::chrono::seconds>(duration).count();
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 120) return fmt::format("{}s", seconds);
  const std::int64_t minutes = seconds / 60, hours = minutes / 60, days = hours / 24;
  if (minutes < 10) return two(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return fmt::format("{}m", minutes);
  if (hours < 8) return two(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return fmt::format("{}h", hours);
  if (days < 8) return two(days, 'd', hours % 24, 'h');
  if (days < 365 * 2) return fmt::format("{}d", days);
  if (days < 365 * 8) return two(days / 365, 'y', days % 365, 'd');
  return fmt::format("{}y", days / 365);
}

}  // namespace nautilus::base
