// Decimals and whole ticks or lots, exactly: 128-bit integers, no floating point.
#include <fmt/format.h>

#include <algorithm>

#include "core/value/escape.h"
#include "engine/model/instrument.h"

namespace nautilus::engine {
namespace {

__extension__ typedef __int128 Wide;

// 10^18 times any 64-bit number still fits 128 bits.
constexpr unsigned kMaxDecimals = 18;

Wide power_of_ten(unsigned n) {
  Wide out = 1;
  while (n--) out *= 10;
  return out;
}

Error not_a_number(std::string_view text) {
  return Error(Code::invalid, fmt::format("\"{}\" is not a decimal number", value::escape_control(text.substr(0, 64))),
               "digits with at most one point, without an exponent or blanks");
}

}  // namespace

Result<std::int64_t> to_units(std::string_view decimal, std::int64_t mantissa, unsigned decimals) {
  if (mantissa <= 0 || decimals > kMaxDecimals) return Error(Code::internal, "the unit of a decimal is out of range");
  std::string_view rest = decimal;
  const bool negative = !rest.empty() && rest.front() == '-';
  if (negative) rest.remove_prefix(1);
  Wide digits = 0;
  unsigned places = 0, count = 0;
  bool point = false;
  // Trailing zeros beyond the unit's places carry nothing: 1.500000 is 1.5.
  if (rest.find('.') != std::string_view::npos)
    while (rest.ends_with('0') && rest.size() - rest.find('.') - 1 > decimals) rest.remove_suffix(1);
  for (const char c : rest) {
    if (c == '.' && !point && count) {
      point = true;
    } else if (c >= '0' && c <= '9') {
      if (digits > power_of_ten(36)) return Error(Code::limit, "the number has too many digits");
      digits = digits * 10 + (c - '0');
      ++count;
      places += point;
    } else {
      return not_a_number(decimal);
    }
  }
  if (!count || decimal.ends_with('.')) return not_a_number(decimal);
  const auto unit = [&] { return to_decimal(1, mantissa, decimals); };
  if (places > decimals)
    return Error(Code::refused, fmt::format("{} is not a whole number of units of {}", decimal, unit()));
  if (digits > power_of_ten(36) / power_of_ten(decimals - places))
    return Error(Code::limit, fmt::format("{} is out of range", decimal));
  digits *= power_of_ten(decimals - places);
  if (digits % mantissa)
    return Error(Code::refused, fmt::format("{} is not a whole number of units of {}", decimal, unit()));
  digits /= mantissa;
  if (digits > INT64_MAX) return Error(Code::limit, fmt::format("{} is out of range", decimal));
  return negative ? -static_cast<std::int64_t>(digits) : static_cast<std::int64_t>(digits);
}

std::string to_decimal(std::int64_t units, std::int64_t mantissa, unsigned decimals) {
  Wide amount = static_cast<Wide>(units) * mantissa;
  const bool negative = amount < 0;
  if (negative) amount = -amount;
  std::string out;  // backwards
  for (unsigned place = 0; amount || place <= decimals; ++place) {
    if (place == decimals && decimals) out += '.';
    out += static_cast<char>('0' + static_cast<int>(amount % 10));
    amount /= 10;
  }
  if (negative) out += '-';
  std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace nautilus::engine
