#include "core/value/yaml_scalar.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace nautilus::value {

namespace {

constexpr std::string_view kNull[] = {"", "~", "null", "Null", "NULL"};
constexpr std::string_view kTrue[] = {"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"};
constexpr std::string_view kFalse[] = {"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"};
constexpr std::string_view kInfinite[] = {".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"};
constexpr std::string_view kMinusInfinite[] = {"-.inf", "-.Inf", "-.INF"};
constexpr std::string_view kNaN[] = {".nan", ".NaN", ".NAN"};
// Longer texts are never numbers that anybody meant; the bound keeps a megabyte of digits from being copied about.
constexpr std::size_t kLongestNumber = 512;

template <std::size_t N>
bool among(const std::string_view (&words)[N], std::string_view text) {
  return std::find(std::begin(words), std::end(words), text) != std::end(words);
}

bool digit(char c) { return c >= '0' && c <= '9'; }

// Whole text as an unsigned number in a base; nullopt if it is not one or does not fit.
std::optional<std::uint64_t> digits(std::string_view text, int base) {
  std::uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<Json> integer(std::string_view text) {
  const bool sign = !text.empty() && (text.front() == '+' || text.front() == '-');
  const bool negative = sign && text.front() == '-';
  if (sign) text.remove_prefix(1);
  int base = 10;
  if (text.size() > 1 && text.front() == '0') {
    const char kind = text.size() > 2 ? text[1] : '0';
    base = kind == 'x' || kind == 'X' ? 16 : kind == 'b' || kind == 'B' ? 2 : 8;
    const bool prefixed = base != 8 || kind == 'o' || kind == 'O';
    text.remove_prefix(prefixed ? 2 : 1);  // 0644 is octal too
  }
  const auto magnitude = digits(text, base);
  if (!magnitude) return std::nullopt;
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (negative) {
    if (*magnitude > kMax + 1) return std::nullopt;
    return Json(static_cast<std::int64_t>(0 - *magnitude));
  }
  if (*magnitude <= kMax) return Json(static_cast<std::int64_t>(*magnitude));
  if (sign) return std::nullopt;  // Go reads unsigned numbers without a sign only
  return Json(*magnitude);
}

// [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
bool float_shape(std::string_view text) {
  std::size_t i = 0, before = 0, after = 0;
  auto count = [&](std::size_t& n) {
    while (i < text.size() && digit(text[i])) ++i, ++n;
  };
  if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
  count(before);
  if (i < text.size() && text[i] == '.') {
    ++i;
    count(after);
  }
  if (before + after == 0) return false;
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    std::size_t exponent = 0;
    count(exponent);
    if (exponent == 0) return false;
  }
  return i == text.size();
}

// The digits of a number are grouped by single underscores between digits (Go's rule for ".5_0").
bool underscores_ok(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '_' && (i == 0 || !digit(text[i - 1]) || i + 1 == text.size() || !digit(text[i + 1]))) return false;
  return true;
}

std::optional<Scalar> real(const std::string& plain) {
  if (!float_shape(plain)) return std::nullopt;
  const double value = std::strtod(plain.c_str(), nullptr);  // the program never leaves the "C" locale
  if (!std::isfinite(value)) return std::nullopt;            // out of range: Go leaves it a string
  return Scalar{ScalarKind::real, json_number(value), value};
}

std::optional<Scalar> number(std::string_view text) {
  if (text.size() > kLongestNumber) return std::nullopt;
  if (text.front() == '.' && !underscores_ok(text)) return std::nullopt;
  std::string plain;
  for (char c : text)
    if (c != '_') plain += c;  // YAML 1.1 lets digits be grouped
  if (plain.empty()) return std::nullopt;
  if (text.front() != '.')
    if (auto whole = integer(plain)) return Scalar{ScalarKind::integer, std::move(*whole), 0};
  return real(plain);
}

// One or two digits in a range, as Go's time.Parse takes "1", "15", "4" and "5" in a layout.
bool take(std::string_view& text, int low, int high, int* out = nullptr) {
  if (text.empty() || !digit(text.front())) return false;
  int value = text.front() - '0';
  std::size_t used = 1;
  if (text.size() > 1 && digit(text[1])) value = value * 10 + (text[1] - '0'), used = 2;
  text.remove_prefix(used);
  if (out) *out = value;
  return value >= low && value <= high;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

// "Z", "+02:00".
bool zone(std::string_view text) {
  if (text == "Z") return true;
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return false;
  if (!digit(text[1]) || !digit(text[2]) || !digit(text[4]) || !digit(text[5])) return false;
  return (text[1] - '0') * 10 + (text[2] - '0') <= 24 && (text[4] - '0') * 10 + (text[5] - '0') <= 60;
}

// 2006-1-2, 2006-1-2 15:4:5[.9], 2006-1-2T15:4:5[.9](Z|+07:00)
bool timestamp(std::string_view text) {
  if (text.size() < 6 || !digit(text[0]) || !digit(text[1]) || !digit(text[2]) || !digit(text[3]) || text[4] != '-')
    return false;
  const int year = std::atoi(std::string(text.substr(0, 4)).c_str());
  text.remove_prefix(5);
  int month = 0, day = 0;
  if (!take(text, 1, 12, &month) || !take(text, '-') || !take(text, 0, 99, &day)) return false;
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  if (day < 1 || day > kDays[month - 1] + (month == 2 && leap ? 1 : 0)) return false;
  if (text.empty()) return true;
  const bool zoned = text.front() == 'T' || text.front() == 't';
  if (!zoned && text.front() != ' ') return false;
  text.remove_prefix(1);
  if (!zoned)
    while (take(text, ' ')) {}
  if (!take(text, 0, 23) || !take(text, ':') || !take(text, 0, 59) || !take(text, ':') || !take(text, 0, 59))
    return false;
  if (text.size() > 1 && (text[0] == '.' || text[0] == ',') && digit(text[1])) {
    text.remove_prefix(1);
    while (!text.empty() && digit(text.front())) text.remove_prefix(1);
  }
  return zoned ? zone(text) : text.empty();
}

// [-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?
bool base60(std::string_view text) {
  std::size_t i = 0;
  if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
  if (i == text.size() || !digit(text[i])) return false;
  while (i < text.size() && (digit(text[i]) || text[i] == '_')) ++i;
  std::size_t groups = 0;
  while (i < text.size() && text[i] == ':') {
    ++i;
    const std::size_t from = i;
    while (i < text.size() && digit(text[i]) && i - from < 2) ++i;
    if (i == from || (i - from == 2 && text[from] > '5')) return false;
    ++groups;
  }
  if (groups == 0) return false;
  if (i < text.size() && text[i] == '.') {
    ++i;
    while (i < text.size() && (digit(text[i]) || text[i] == '_')) ++i;
  }
  return i == text.size();
}

}  // namespace

Json json_number(double value) {
  const double size = std::fabs(value);
  if (value != std::floor(value) || size >= 1e21) return Json(value);
  if (size <= 9007199254740992.0) return Json(static_cast<std::int64_t>(value));
  // Go writes the shortest digits that give this float and fills up with zeros; that text is then read as an integer.
  char buffer[64];
  const auto written = std::to_chars(buffer, std::end(buffer), size, std::chars_format::scientific);
  std::string all;
  const char* at = buffer;
  for (; at < written.ptr && *at != 'e'; ++at)
    if (digit(*at)) all += *at;
  const auto places =
      static_cast<std::size_t>(std::atoi(std::string(at + 1, static_cast<const char*>(written.ptr)).c_str())) + 1;
  if (all.size() < places) all.append(places - all.size(), '0');
  if (value < 0) all.insert(all.begin(), '-');
  if (auto whole = integer(all)) return std::move(*whole);
  return Json(value);
}

std::string go_float(double value, int bits) {
  if (std::isnan(value)) return ".nan";
  if (std::isinf(value)) return value > 0 ? ".inf" : "-.inf";
  char buffer[64];
  const auto written =
      bits == 32 ? std::to_chars(buffer, std::end(buffer), static_cast<float>(value), std::chars_format::scientific)
                 : std::to_chars(buffer, std::end(buffer), value, std::chars_format::scientific);
  const std::string_view text(buffer, static_cast<std::size_t>(written.ptr - buffer));
  const auto e = text.find('e');
  if (e == std::string_view::npos) return std::string(text);
  const int exponent = std::atoi(std::string(text.substr(e + 1)).c_str());
  // The shortest %g turns to an exponent at six digits before the point, however many the number has.
  if (exponent < -4 || exponent >= 6) return std::string(text);
  const auto fixed = bits == 32
                         ? std::to_chars(buffer, std::end(buffer), static_cast<float>(value), std::chars_format::fixed)
                         : std::to_chars(buffer, std::end(buffer), value, std::chars_format::fixed);
  return std::string(buffer, fixed.ptr);
}

Scalar resolve_plain(std::string_view text) {
  if (among(kNull, text)) return {ScalarKind::null, Json(), 0};
  const char first = text.front();
  if (digit(first) || first == '+' || first == '-' || first == '.') {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    if (among(kInfinite, text)) return {ScalarKind::not_finite, Json(), kInfinity};
    if (among(kMinusInfinite, text)) return {ScalarKind::not_finite, Json(), -kInfinity};
    if (among(kNaN, text)) return {ScalarKind::not_finite, Json(), std::numeric_limits<double>::quiet_NaN()};
    if (timestamp(text)) return {ScalarKind::timestamp, Json(std::string(text)), 0};
    if (auto found = number(text)) return std::move(*found);
  } else if (text.size() <= 5) {
    if (among(kTrue, text)) return {ScalarKind::boolean, Json(true), 0};
    if (among(kFalse, text)) return {ScalarKind::boolean, Json(false), 0};
  }
  return {ScalarKind::string, Json(std::string(text)), 0};
}

std::optional<Json> plain_scalar(std::string_view text) {
  Scalar scalar = resolve_plain(text);
  if (scalar.kind == ScalarKind::not_finite) return std::nullopt;
  return std::move(scalar.value);
}

bool reads_as_other(std::string_view text) { return resolve_plain(text).kind != ScalarKind::string || base60(text); }

}  // namespace nautilus::value
