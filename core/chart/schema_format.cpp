#include "core/chart/schema_format.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "core/sprig/regex.h"

namespace nautilus::chart {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alpha(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }
bool is_hex(char c) { return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }

// Reads exactly `digits` digits off the front.
bool number(std::string_view& text, std::size_t digits, int& out) {
  if (text.size() < digits) return false;
  out = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (!is_digit(text[i])) return false;
    out = out * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return true;
}
bool literal(std::string_view& text, char c) {
  if (text.empty() || (text.front() | 0x20) != (c | 0x20)) return false;
  text.remove_prefix(1);
  return true;
}

bool take_date(std::string_view& text) {
  int year = 0, month = 0, day = 0;
  if (!number(text, 4, year) || !literal(text, '-') || !number(text, 2, month) || !literal(text, '-') ||
      !number(text, 2, day) || month < 1 || month > 12 || day < 1)
    return false;
  static constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return day <= kDays[month - 1] + (month == 2 && leap ? 1 : 0);
}

bool take_time(std::string_view& text) {
  int hour = 0, minute = 0, second = 0;
  if (!number(text, 2, hour) || !literal(text, ':') || !number(text, 2, minute) || !literal(text, ':') ||
      !number(text, 2, second) || hour > 23 || minute > 59 || second > 60)
    return false;
  if (literal(text, '.')) {
    if (text.empty() || !is_digit(text.front())) return false;
    while (!text.empty() && is_digit(text.front())) text.remove_prefix(1);
  }
  if (literal(text, 'z')) return true;
  if (text.empty() || (text.front() != '+' && text.front() != '-')) return false;
  text.remove_prefix(1);
  return number(text, 2, hour) && literal(text, ':') && number(text, 2, minute) && hour < 24 && minute < 60;
}

bool is_ipv4(std::string_view text) {
  for (int part = 0; part < 4; ++part) {
    const auto dot = text.find('.');
    const auto digits = text.substr(0, dot);
    if (digits.empty() || digits.size() > 3 || (digits.size() > 1 && digits[0] == '0') ||
        !std::all_of(digits.begin(), digits.end(), is_digit) || std::stoi(std::string(digits)) > 255)
      return false;
    if (part == 3) return dot == std::string_view::npos;
    if (dot == std::string_view::npos) return false;
    text.remove_prefix(dot + 1);
  }
  return false;
}

bool is_ipv6(std::string_view text) {
  int groups = 0;
  bool gap = false;
  if (text.starts_with("::")) {
    gap = true;
    text.remove_prefix(2);
  }
  while (!text.empty()) {
    const auto colon = text.find(':');
    const auto part = text.substr(0, colon);
    if (part.find('.') != std::string_view::npos) {
      if (colon != std::string_view::npos || !is_ipv4(part)) return false;
      groups += 2;
      break;
    }
    if (part.empty() || part.size() > 4 || !std::all_of(part.begin(), part.end(), is_hex)) return false;
    ++groups;
    if (colon == std::string_view::npos) break;
    text.remove_prefix(colon + 1);
    if (text.empty()) return false;
    if (text.front() == ':') {
      if (gap) return false;
      gap = true;
      text.remove_prefix(1);
    }
  }
  return gap ? groups < 8 : groups == 8;
}

bool is_hostname(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty() || text.size() > 253) return false;
  while (true) {
    const auto dot = text.find('.');
    const auto label = text.substr(0, dot);
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-' ||
        !std::all_of(label.begin(), label.end(), [](char c) { return is_digit(c) || is_alpha(c) || c == '-'; }))
      return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

bool is_email(std::string_view text) {
  const auto at = text.rfind('@');
  if (at == std::string_view::npos || text.size() > 254) return false;
  const auto local = text.substr(0, at);
  const auto domain = text.substr(at + 1);
  if (local.empty() || local.size() > 64) return false;
  if (domain.size() > 2 && domain.front() == '[' && domain.back() == ']') {
    auto address = domain.substr(1, domain.size() - 2);
    if (address.starts_with("IPv6:")) return is_ipv6(address.substr(5));
    return is_ipv4(address);
  }
  if (!is_hostname(domain)) return false;
  if (local.size() > 1 && local.front() == '"' && local.back() == '"') return true;
  if (local.front() == '.' || local.back() == '.' || local.find("..") != std::string_view::npos) return false;
  static constexpr std::string_view kExtra = ".!#$%&'*+-/=?^_`{|}~";
  return std::all_of(local.begin(), local.end(),
                     [](char c) { return is_digit(c) || is_alpha(c) || kExtra.find(c) != std::string_view::npos; });
}

bool is_uri_reference(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != 0x7F && c != '\\' && c != '"' && c != '<' && c != '>' &&
           c != '^' && c != '`' && c != '{' && c != '|' && c != '}';
  });
}
bool is_uri(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || !is_alpha(text.front())) return false;
  const auto scheme = text.substr(0, colon);
  return std::all_of(scheme.begin(), scheme.end(),
                     [](char c) { return is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.'; }) &&
         is_uri_reference(text);
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !is_hex(text[i])) return false;
  }
  return true;
}

}  // namespace

bool fits_format(std::string_view format, std::string_view text) {
  if (format == "date") return take_date(text) && text.empty();
  if (format == "time") return take_time(text) && text.empty();
  if (format == "date-time") return take_date(text) && literal(text, 't') && take_time(text) && text.empty();
  if (format == "email" || format == "idn-email") return is_email(text);
  if (format == "hostname") return is_hostname(text);
  if (format == "ipv4") return is_ipv4(text);
  if (format == "ipv6") return is_ipv6(text);
  if (format == "uri" || format == "iri") return is_uri(text);
  if (format == "uri-reference" || format == "iri-reference") return is_uri_reference(text);
  if (format == "uuid") return is_uuid(text);
  if (format == "json-pointer") return text.empty() || text.front() == '/';
  if (format == "regex") return sprig::Regex::compile(text).ok();
  return true;
}

}  // namespace nautilus::chart
