#include "core/gotmpl/number.h"

#include <charconv>
#include <cmath>

namespace nautilus::gotmpl {

namespace {

// Digits with Go's underscores: one between digits, or between a base prefix and digits.
std::optional<std::string> without_underscores(std::string_view text, bool prefixed) {
  std::string out;
  bool digit_before = prefixed;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out += text[i];
      digit_before = true;
      continue;
    }
    if (!digit_before || i + 1 == text.size() || text[i + 1] == '_') return std::nullopt;
  }
  return out;
}

std::optional<Val> parse_integer(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  int base = 10;
  bool prefixed = false;
  if (text.size() > 1 && text[0] == '0') {
    const char kind = static_cast<char>(text[1] | 0x20);
    base = kind == 'x' ? 16 : kind == 'b' ? 2 : 8;
    prefixed = true;
    text.remove_prefix(kind == 'x' || kind == 'b' || kind == 'o' ? 2 : 1);
  }
  const auto digits = without_underscores(text, prefixed);
  if (!digits || digits->empty()) return std::nullopt;
  std::uint64_t value = 0;
  auto [end, error] = std::from_chars(digits->data(), digits->data() + digits->size(), value, base);
  if (error != std::errc() || end != digits->data() + digits->size()) return std::nullopt;
  if (value > static_cast<std::uint64_t>(INT64_MAX) + (negative ? 1 : 0)) return std::nullopt;
  return Val::integer(negative ? static_cast<std::int64_t>(0 - value) : static_cast<std::int64_t>(value));
}

std::optional<std::uint32_t> hex_digits(std::string_view text, std::size_t at, std::size_t count, int base) {
  if (at + count > text.size()) return std::nullopt;
  std::uint32_t value = 0;
  auto [end, error] = std::from_chars(text.data() + at, text.data() + at + count, value, base);
  if (error != std::errc() || end != text.data() + at + count) return std::nullopt;
  return value;
}

// One escape; `at` is behind the backslash and moves behind the escape.
bool unescape(std::string_view text, std::size_t& at, std::string& out, char quote) {
  if (at >= text.size()) return false;
  const char c = text[at++];
  static constexpr std::string_view kFrom = "abfnrtv\\", kTo = "\a\b\f\n\r\t\v\\";
  if (const auto simple = kFrom.find(c); simple != std::string_view::npos) {
    out += kTo[simple];
    return true;
  }
  if (c == quote) {
    out += c;
    return true;
  }
  const std::size_t length = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
  if (length > 0) {
    const auto value = hex_digits(text, at, length, 16);
    if (!value || *value > 0x10ffff) return false;
    at += length;
    if (c == 'x')
      out += static_cast<char>(*value);
    else
      append_utf8(out, *value);
    return true;
  }
  if (c >= '0' && c <= '7') {
    const auto value = hex_digits(text, at - 1, 3, 8);
    if (!value || *value > 255) return false;
    at += 2;
    out += static_cast<char>(*value);
    return true;
  }
  return false;
}

}  // namespace

std::optional<Val> parse_number(std::string_view text) {
  if (auto whole = parse_integer(text)) return whole;
  const bool hex = text.size() > 1 && text[0] == '0' && (text[1] | 0x20) == 'x';
  if (hex && text.find_first_of("pP") == std::string_view::npos) return std::nullopt;
  const auto plain = without_underscores(hex ? text.substr(2) : text, hex);
  if (!plain || plain->empty()) return std::nullopt;
  const char* begin = plain->c_str() + (plain->front() == '+' ? 1 : 0);
  double value = 0;
  auto [end, error] = std::from_chars(begin, plain->c_str() + plain->size(), value,
                                      hex ? std::chars_format::hex : std::chars_format::general);
  if (error != std::errc() || end != plain->c_str() + plain->size() || !std::isfinite(value)) return std::nullopt;
  // 1e3 is an untyped constant that fits an int; the parser keeps it a float and the executor decides.
  return Val(value);
}

std::optional<std::string> unquote(std::string_view text) {
  if (text.size() < 2) return std::nullopt;
  const char quote = text.front();
  const std::string_view inner = text.substr(1, text.size() - 2);
  std::string out;
  if (quote == '`') {
    for (char c : inner)
      if (c != '\r') out += c;
    return out;
  }
  for (std::size_t at = 0; at < inner.size();) {
    if (inner[at] != '\\') {
      out += inner[at++];
      continue;
    }
    ++at;
    if (!unescape(inner, at, out, quote)) return std::nullopt;
  }
  return out;
}

std::optional<std::int64_t> unquote_char(std::string_view text) {
  const std::string_view inner = text.substr(1, text.size() - 2);
  if (inner.empty()) return std::nullopt;
  if (inner[0] == '\\' && inner.size() > 1 && (inner[1] == 'x' || (inner[1] >= '0' && inner[1] <= '7'))) {
    std::string byte;
    std::size_t at = 1;
    if (!unescape(inner, at, byte, '\'') || at != inner.size()) return std::nullopt;
    return static_cast<unsigned char>(byte[0]);
  }
  const auto plain = unquote(text);
  if (!plain || plain->empty()) return std::nullopt;
  std::size_t at = 0;
  const auto rune = next_rune(*plain, at);
  if (at != plain->size()) return std::nullopt;
  return rune;
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const std::uint32_t rune = next_rune(text, at);
    if (rune == 0xfffd && at == begin + 1) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[begin]));
    } else if (rune == '"' || rune == '\\') {
      out += '\\';
      out += static_cast<char>(rune);
    } else if (rune < 0x20 || rune == 0x7f) {
      static constexpr std::string_view kFrom = "\a\b\f\n\r\t\v", kTo = "abfnrtv";
      const auto simple = kFrom.find(static_cast<char>(rune));
      out += simple != std::string_view::npos ? std::string("\\") + kTo[simple] : fmt::format("\\x{:02x}", rune);
    } else if ((rune >= 0x80 && rune < 0xa0) || rune == 0xad || rune == 0x2028 || rune == 0x2029 || rune == 0xfeff ||
               rune == 0xa0 || (rune >= 0x200b && rune <= 0x200f)) {
      out += fmt::format("\\u{:04x}", rune);
    } else {
      out += text.substr(begin, at - begin);
    }
  }
  return out + "\"";
}

void append_utf8(std::string& out, std::uint32_t c) {
  if (c >= 0xd800 && c < 0xe000) c = 0xfffd;
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0 | (c >> 6));
    out += static_cast<char>(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xe0 | (c >> 12));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (c & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | (c >> 18));
    out += static_cast<char>(0x80 | ((c >> 12) & 0x3f));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (c & 0x3f));
  }
}

std::uint32_t next_rune(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  if (first < 0x80) return text[at++] & 0x7f;
  const std::size_t length = first >= 0xf0 && first < 0xf5 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (length == 0 || first >= 0xf5 || at + length > text.size()) {
    ++at;
    return 0xfffd;
  }
  std::uint32_t rune = first & (0xff >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) {
      ++at;
      return 0xfffd;
    }
    rune = (rune << 6) | (byte(at + i) & 0x3f);
  }
  const bool overlong = (length == 3 && rune < 0x800) || (length == 4 && (rune < 0x10000 || rune > 0x10ffff));
  if (overlong || (rune >= 0xd800 && rune < 0xe000)) {
    ++at;
    return 0xfffd;
  }
  at += length;
  return rune;
}

}  // namespace nautilus::gotmpl
