#include "core/base/quantity.h"

#include <fmt/format.h>

#include <limits>

namespace nautilus::base {

namespace {

constexpr NanoAmount kNano = 1'000'000'000;
constexpr NanoAmount kLargest = NanoAmount{std::numeric_limits<std::int64_t>::max()} * kNano;

bool digit(char c) { return c >= '0' && c <= '9'; }

struct Suffix {
  int base = 10, exponent = 0;
  Quantity::Format format = Quantity::Format::decimal;
};

bool read_suffix(std::string_view text, Suffix& out) {
  struct Row {
    std::string_view name;
    int base, exponent;
  };
  constexpr Row kRows[] = {{"", 10, 0},   {"n", 10, -9}, {"u", 10, -6}, {"m", 10, -3}, {"k", 10, 3},  {"M", 10, 6},
                           {"G", 10, 9},  {"T", 10, 12}, {"P", 10, 15}, {"E", 10, 18}, {"Ki", 2, 10}, {"Mi", 2, 20},
                           {"Gi", 2, 30}, {"Ti", 2, 40}, {"Pi", 2, 50}, {"Ei", 2, 60}};
  for (const Row& row : kRows)
    if (row.name == text) {
      out = {row.base, row.exponent, row.base == 2 ? Quantity::Format::binary : Quantity::Format::decimal};
      return true;
    }
  if (text.size() < 2 || (text[0] != 'e' && text[0] != 'E')) return false;
  text.remove_prefix(1);
  const bool negative = text[0] == '-';
  if (negative || text[0] == '+') text.remove_prefix(1);
  if (text.empty() || text.size() > 4) return false;
  int exponent = 0;
  for (char c : text) {
    if (!digit(c)) return false;
    exponent = exponent * 10 + (c - '0');
  }
  out = {10, negative ? -exponent : exponent, Quantity::Format::exponent};
  return true;
}

// digits * 10^scale (a fraction is a negative scale) times 2^shift, in nano-units, rounded up. false if too large.
bool scaled(std::string_view digits, int scale, int shift, NanoAmount& out) {
  constexpr NanoAmount kCeiling = NanoAmount{1} << 100;
  scale += 9;
  out = 0;
  bool remainder = false;
  for (char c : digits) {
    out = out * 10 + (c - '0');
    if (out > kCeiling) return false;
  }
  for (; shift > 0; --shift) {
    out *= 2;
    if (out > (kCeiling << 20)) return false;
  }
  for (; scale > 0 && out != 0; --scale) {
    out *= 10;
    if (out > (kCeiling << 20)) return false;
  }
  for (; scale < 0 && out != 0; ++scale) {
    remainder = remainder || out % 10 != 0;
    out /= 10;
  }
  if (remainder) ++out;
  return true;
}

NanoAmount up(NanoAmount nano, NanoAmount unit) {
  const NanoAmount whole = nano / unit;
  return nano % unit == 0 ? whole : nano > 0 ? whole + 1 : whole - 1;
}

std::int64_t clamp(NanoAmount value) {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max(),
                         kMin = std::numeric_limits<std::int64_t>::min();
  return value > kMax ? kMax : value < kMin ? kMin : static_cast<std::int64_t>(value);
}

}  // namespace

Result<Quantity> Quantity::parse(std::string_view text) {
  constexpr std::size_t kLongest = 64;
  const auto wrong = [&](std::string_view why) {
    return Error(Code::invalid, fmt::format("\"{}\" is not a quantity: {}", text.substr(0, kLongest), why),
                 "for example 500m, 2 or 4Gi");
  };
  if (text.empty() || text.size() > kLongest) return wrong("a number with an optional unit is expected");
  std::string_view rest = text;
  const bool negative = rest.front() == '-';
  if (negative || rest.front() == '+') rest.remove_prefix(1);
  std::string digits;
  int places = 0;
  bool point = false;
  for (; !rest.empty() && (digit(rest.front()) || (rest.front() == '.' && !point)); rest.remove_prefix(1)) {
    if (rest.front() == '.') {
      point = true;
    } else {
      digits += rest.front();
      places += point ? 1 : 0;
    }
  }
  if (digits.empty()) return wrong("it has no digits");
  Suffix suffix;
  if (!read_suffix(rest, suffix)) return wrong(fmt::format("\"{}\" is no unit", rest));
  NanoAmount nano = 0;
  const bool binary = suffix.base == 2;
  const bool fits = scaled(digits, (binary ? 0 : suffix.exponent) - places, binary ? suffix.exponent : 0, nano);
  if (binary && (!fits || nano > kLargest)) nano = kLargest;
  if (!binary && (!fits || nano > kLargest)) return wrong("it is too large");
  Format format = suffix.format;
  if (format == Format::binary && nano > 0 && nano < kNano) format = Format::decimal;
  return Quantity(negative ? -nano : nano, format);
}

std::string Quantity::text() const {
  if (nano_ == 0) return "0";
  const bool negative = nano_ < 0;
  NanoAmount amount = negative ? -nano_ : nano_;
  const char* sign = negative ? "-" : "";
  if (format_ == Format::binary && amount >= 1024 * kNano && amount % kNano == 0) {
    amount /= kNano;
    std::size_t unit = 0;
    constexpr std::string_view kUnits[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
    while (amount % 1024 == 0 && unit + 1 < std::size(kUnits)) amount /= 1024, ++unit;
    return fmt::format("{}{}{}", sign, static_cast<std::uint64_t>(amount), kUnits[unit]);
  }
  int exponent = -9;
  while (amount % 1000 == 0 && exponent < 18) amount /= 1000, exponent += 3;
  // More than 64 bits can be left: 0.3Ei is 345876451382054092800m.
  const auto high = static_cast<std::uint64_t>(amount / kNano), low = static_cast<std::uint64_t>(amount % kNano);
  const std::string number = high == 0 ? std::to_string(low) : fmt::format("{}{:09}", high, low);
  if (format_ == Format::exponent)
    return exponent == 0 ? fmt::format("{}{}", sign, number) : fmt::format("{}{}e{}", sign, number, exponent);
  constexpr std::string_view kUnits[] = {"n", "u", "m", "", "k", "M", "G", "T", "P", "E"};
  return fmt::format("{}{}{}", sign, number, kUnits[(exponent + 9) / 3]);
}

std::int64_t Quantity::milli() const { return clamp(up(nano_, 1'000'000)); }
std::int64_t Quantity::value() const { return clamp(up(nano_, kNano)); }

}  // namespace nautilus::base
