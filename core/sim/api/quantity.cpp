#include "core/sim/api/quantity.h"

#include <algorithm>
#include <array>
#include <limits>

namespace nautilus::sim {
namespace {

using Wide = Quantity::Wide;
constexpr Wide kMost = static_cast<Wide>(1) << 122;  // on the way to a result
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr Wide kLargest =
    static_cast<Wide>(kMax) * 1'000'000'000;  // of a result, in nano-units: thousands of millions can be added up

struct Suffix {
  std::string_view text;
  int exponent;  // of ten, or of two for the binary ones
};
constexpr std::array<Suffix, 10> kDecimal = {
    {{"n", -9}, {"u", -6}, {"m", -3}, {"", 0}, {"k", 3}, {"M", 6}, {"G", 9}, {"T", 12}, {"P", 15}, {"E", 18}}};
constexpr std::array<Suffix, 6> kBinary = {{{"Ki", 10}, {"Mi", 20}, {"Gi", 30}, {"Ti", 40}, {"Pi", 50}, {"Ei", 60}}};

std::string digits(Wide value) {
  bool negative = value < 0;
  if (negative) value = -value;
  std::string text;
  do {
    text.insert(text.begin(), static_cast<char>('0' + static_cast<int>(value % 10)));
    value /= 10;
  } while (value != 0);
  return negative ? "-" + text : text;
}

Wide power(Wide base, int exponent) {
  Wide result = 1;
  for (int i = 0; i < exponent && result < kMost; ++i) result *= base;
  return result;
}

Wide ceil_divide(Wide value, Wide by) {
  Wide quotient = value / by;
  return value % by > 0 ? quotient + 1 : quotient;
}

std::int64_t saturated(Wide value) {
  return static_cast<std::int64_t>(std::clamp<Wide>(value, -static_cast<Wide>(kMax), kMax));
}

Wide clamp_multiply(Wide a, Wide b) {
  if (a != 0 && b > kMost / (a < 0 ? -a : a)) return a < 0 ? -kMost : kMost;
  return a * b;
}

}  // namespace

std::optional<Quantity> Quantity::parse(std::string_view text) {
  if (text.empty() || text.size() > 64) return std::nullopt;
  bool negative = text[0] == '-';
  std::size_t i = text[0] == '-' || text[0] == '+' ? 1 : 0;
  std::string whole, fraction;
  for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i) whole += text[i];
  if (i < text.size() && text[i] == '.')
    for (++i; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i) fraction += text[i];
  if (whole.empty() && fraction.empty()) return std::nullopt;
  std::string_view suffix = text.substr(i);
  Format format = Format::decimal_si;
  Wide scale = kNano;
  int ten = 0;
  bool found = false;
  for (const auto& s : kDecimal)
    if (s.text == suffix) ten = s.exponent, found = true;
  for (const auto& s : kBinary)
    if (s.text == suffix) scale = kNano << s.exponent, format = Format::binary_si, found = true;
  if (!found && (suffix[0] == 'e' || suffix[0] == 'E') && suffix.size() > 1) {
    std::size_t at = 1;
    bool minus = suffix[at] == '-';
    if (suffix[at] == '-' || suffix[at] == '+') ++at;
    if (at >= suffix.size() || suffix.size() - at > 3) return std::nullopt;
    int exponent = 0;
    for (; at < suffix.size(); ++at) {
      if (suffix[at] < '0' || suffix[at] > '9') return std::nullopt;
      exponent = exponent * 10 + (suffix[at] - '0');
    }
    ten = minus ? -exponent : exponent;
    format = Format::decimal_exponent;
    found = true;
  }
  if (!found) return std::nullopt;
  Wide mantissa = 0;
  for (char c : whole) mantissa = mantissa >= kMost / 16 ? kMost / 16 : mantissa * 10 + (c - '0');
  // Up to 18 fraction digits count; nano-units are the finest that is kept, rounded up.
  int fraction_digits = 0;
  for (char c : fraction) {
    if (fraction_digits == 18 || mantissa >= kMost / scale / 16) break;
    mantissa = mantissa * 10 + (c - '0');
    ++fraction_digits;
  }
  int shift = ten - fraction_digits;
  if (format != Format::binary_si) scale = 1, shift += 9;
  Wide nano;
  if (shift >= 0) {
    nano = clamp_multiply(clamp_multiply(mantissa, power(10, shift > 30 ? 30 : shift)), scale);
  } else {
    Wide product = clamp_multiply(mantissa, scale);
    nano = ceil_divide(product, power(10, -shift > 36 ? 36 : -shift));
  }
  nano = std::min(nano, kLargest);
  return Quantity(negative ? -nano : nano, format);
}

std::string Quantity::text() const {
  if (nano_ == 0) return "0";
  if (format_ == Format::binary_si && nano_ % kNano == 0) {
    Wide units = nano_ / kNano;
    Wide magnitude = units < 0 ? -units : units;
    if (magnitude < 1024) return digits(units);
    int best = -1;
    for (std::size_t i = 0; i < kBinary.size(); ++i)
      if (units % (static_cast<Wide>(1) << kBinary[i].exponent) == 0) best = static_cast<int>(i);
    if (best < 0) return digits(units);
    const auto& suffix = kBinary[static_cast<std::size_t>(best)];
    return digits(units / (static_cast<Wide>(1) << suffix.exponent)) + std::string(suffix.text);
  }
  std::size_t best = 0;
  for (std::size_t i = 0; i < kDecimal.size(); ++i)
    if (nano_ % power(10, kDecimal[i].exponent + 9) == 0) best = i;
  std::string mantissa = digits(nano_ / power(10, kDecimal[best].exponent + 9));
  if (format_ == Format::decimal_exponent)
    return kDecimal[best].exponent == 0 ? mantissa : mantissa + "e" + std::to_string(kDecimal[best].exponent);
  return mantissa + std::string(kDecimal[best].text);
}

Quantity& Quantity::operator+=(const Quantity& other) {
  if (nano_ == 0) format_ = other.format_;
  nano_ += other.nano_;
  return *this;
}

Quantity& Quantity::operator-=(const Quantity& other) {
  if (nano_ == 0) format_ = other.format_;
  nano_ -= other.nano_;
  return *this;
}

std::int64_t Quantity::units() const { return saturated(ceil_divide(nano_, kNano)); }
std::int64_t Quantity::milli() const { return saturated(ceil_divide(nano_, kNano / 1000)); }

}  // namespace nautilus::sim
