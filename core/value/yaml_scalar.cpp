#include "core/value/yaml_scalar.h"

#include <charconv>
#include <cmath>
#include <limits>

namespace nautilus::value {

namespace {

constexpr std::string_view kNull[] = {"", "~", "null", "Null", "NULL"};
constexpr std::string_view kTrue[] = {"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"};
constexpr std::string_view kFalse[] = {"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"};
constexpr std::string_view kNotFinite[] = {".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF",
                                           ".nan", ".NaN", ".NAN"};

template <std::size_t N>
bool among(const std::string_view (&words)[N], std::string_view text) {
  return std::find(std::begin(words), std::end(words), text) != std::end(words);
}

// Whole text as an unsigned number in a base; nullopt if it is not one or does not fit.
std::optional<std::uint64_t> digits(std::string_view text, int base) {
  std::uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<Json> integer(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text.front() == '+' || text.front() == '-')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  int base = 10;
  if (text.size() > 1 && text.front() == '0') {
    const char kind = text[1];
    if (kind == 'x' || kind == 'X') base = 16;
    if (kind == 'b' || kind == 'B') base = 2;
    if (kind == 'o' || kind == 'O') base = 8;
    text.remove_prefix(base == 10 ? 1 : 2);
    if (base == 10) base = 8;  // 0644
  }
  const auto magnitude = digits(text, base);
  if (!magnitude) return std::nullopt;
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (negative) {
    if (*magnitude > kMax + 1) return std::nullopt;
    return Json(static_cast<std::int64_t>(0 - *magnitude));
  }
  if (*magnitude <= kMax) return Json(static_cast<std::int64_t>(*magnitude));
  return Json(*magnitude);
}

// [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
bool float_shape(std::string_view text) {
  std::size_t i = 0, before = 0, after = 0;
  auto count = [&](std::size_t& n) {
    while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i, ++n;
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

std::optional<Json> number(std::string_view text) {
  std::string plain;
  for (char c : text)
    if (c != '_') plain += c;  // YAML 1.1 lets digits be grouped
  if (auto whole = integer(plain)) return whole;
  if (!float_shape(plain)) return std::nullopt;
  const char* begin = plain.c_str() + (plain.front() == '+' ? 1 : 0);
  double value = 0;
  auto [end, error] = std::from_chars(begin, plain.c_str() + plain.size(), value);
  if (error != std::errc() || end != plain.c_str() + plain.size() || !std::isfinite(value)) return std::nullopt;
  // JSON does not tell 1e3 from 1000; whole floats become integers as in a round trip through Go's encoding/json.
  if (value == std::floor(value) && std::fabs(value) < 1e15) return Json(static_cast<std::int64_t>(value));
  return Json(value);
}

}  // namespace

std::optional<Json> plain_scalar(std::string_view text) {
  if (among(kNull, text)) return Json();
  const char first = text.front();
  if (among(kTrue, text)) return Json(true);
  if (among(kFalse, text)) return Json(false);
  if (among(kNotFinite, text)) return std::nullopt;
  if ((first >= '0' && first <= '9') || first == '+' || first == '-' || first == '.')
    if (auto found = number(text)) return found;
  return Json(std::string(text));
}

bool reads_as_other(std::string_view text) {
  auto read = plain_scalar(text);
  return !read || !read->is_string();
}

}  // namespace nautilus::value
