#include "core/base/duration.h"

#include <fmt/format.h>

namespace nautilus::base {

namespace {

struct UnitName {
  std::string_view name;
  double nanoseconds;
};
constexpr UnitName kUnits[] = {{"ns", 1},   {"us", 1e3}, {"µs", 1e3},   {"ms", 1e6},
                               {"s", 1e9},  {"m", 60e9}, {"h", 3600e9}};
constexpr double kMax = 9.2e18;  // an int64 of nanoseconds, 292 years

}  // namespace

Result<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  const Error wrong(Code::invalid, fmt::format("\"{}\" is not a duration", text), "for example 90s, 10m or 1h30m");
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == "0") return std::chrono::nanoseconds(0);
  if (rest.empty()) return wrong;
  double total = 0;
  while (!rest.empty()) {
    double number = 0, scale = 1;
    bool any = false, point = false;
    while (!rest.empty() && ((rest.front() >= '0' && rest.front() <= '9') || (rest.front() == '.' && !point))) {
      if (rest.front() == '.') {
        point = true;
      } else {
        any = true;
        number = number * 10 + (rest.front() - '0');
        if (point) scale *= 10;
      }
      rest.remove_prefix(1);
    }
    if (!any) return wrong;
    std::size_t length = 0;
    while (length < rest.size() && rest[length] != '.' && (rest[length] < '0' || rest[length] > '9')) ++length;
    const std::string_view unit = rest.substr(0, length);
    const UnitName* found = nullptr;
    for (const auto& candidate : kUnits)
      if (candidate.name == unit) found = &candidate;
    if (!found) return wrong;
    total += number / scale * found->nanoseconds;
    if (total > kMax) return wrong;
    rest.remove_prefix(length);
  }
  return std::chrono::nanoseconds(static_cast<std::int64_t>(negative ? -total : total));
}

}  // namespace nautilus::base
