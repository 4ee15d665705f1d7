// base64 and base32 with the error texts Go gives, because b64dec returns them as its result.
#include "core/sprig/crypto.h"

namespace nautilus::sprig::crypto {
namespace {

constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

std::string encode(std::string_view data, std::string_view alphabet, unsigned bits, std::size_t group) {
  std::string out;
  out.reserve((data.size() * 8 / bits) + group);
  unsigned buffer = 0, have = 0;
  for (const char c : data) {
    buffer = (buffer << 8) | static_cast<unsigned char>(c);
    have += 8;
    while (have >= bits) {
      have -= bits;
      out += alphabet[(buffer >> have) & ((1u << bits) - 1)];
    }
    buffer &= (1u << have) - 1;
  }
  if (have > 0) out += alphabet[(buffer << (bits - have)) & ((1u << bits) - 1)];
  while (out.size() % group != 0) out += '=';
  return out;
}

Error illegal(const char* name, std::size_t at) {
  return Error(Code::invalid, fmt::format("illegal {} data at input byte {}", name, at));
}

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

}  // namespace

std::string base64_encode(std::string_view data) { return encode(data, kBase64, 6, 4); }
std::string base32_encode(std::string_view data) { return encode(data, kBase32, 5, 8); }

Result<std::string> base64_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size() / 4 * 3);
  std::size_t at = 0;
  const auto skip_lines = [&] {
    while (at < text.size() && (text[at] == '\n' || text[at] == '\r')) ++at;
  };
  while (true) {
    unsigned buffer = 0;
    int have = 0;
    for (; have < 4; ++have) {
      skip_lines();
      if (at >= text.size()) {
        if (have == 0) return out;
        return illegal("base64", at - static_cast<std::size_t>(have));
      }
      const char c = text[at++];
      const int value = base64_value(c);
      if (value >= 0) {
        buffer = (buffer << 6) | static_cast<unsigned>(value);
        continue;
      }
      if (c != '=') return illegal("base64", at - 1);
      if (have < 2) return illegal("base64", at - 1);
      if (have == 2) {
        skip_lines();
        if (at >= text.size()) return illegal("base64", text.size());
        if (text[at] != '=') return illegal("base64", at - 1);
        ++at;
      }
      skip_lines();
      if (at < text.size()) return illegal("base64", at);
      buffer <<= 6 * (4 - have);
      out += static_cast<char>(buffer >> 16);
      if (have == 3) out += static_cast<char>((buffer >> 8) & 0xFF);
      return out;
    }
    out += static_cast<char>(buffer >> 16);
    out += static_cast<char>((buffer >> 8) & 0xFF);
    out += static_cast<char>(buffer & 0xFF);
  }
}

Result<std::string> base32_decode(std::string_view text) {
  std::string clean;
  for (const char c : text)
    if (c != '\n' && c != '\r') clean += c;
  std::string out;
  for (std::size_t group = 0; group < clean.size(); group += 8) {
    if (clean.size() - group < 8) return illegal("base32", clean.size() - (clean.size() - group));
    std::uint64_t buffer = 0;
    int have = 0;
    for (; have < 8; ++have) {
      const char c = clean[group + static_cast<std::size_t>(have)];
      if (c == '=') break;
      const auto value = kBase32.find(c);
      if (value == std::string_view::npos) return illegal("base32", group + static_cast<std::size_t>(have));
      buffer = (buffer << 5) | value;
    }
    if (have < 8) {
      for (int i = have; i < 8; ++i)
        if (clean[group + static_cast<std::size_t>(i)] != '=')
          return illegal("base32", group + static_cast<std::size_t>(i));
      if (have == 0 || have == 1 || have == 3 || have == 6)
        return illegal("base32", group + static_cast<std::size_t>(have));
      if (group + 8 != clean.size()) return illegal("base32", group + 8);
    }
    buffer <<= 5 * (8 - have);
    const int bytes = have * 5 / 8;
    for (int i = 0; i < bytes; ++i) out += static_cast<char>((buffer >> (32 - 8 * i)) & 0xFF);
  }
  return out;
}

}  // namespace nautilus::sprig::crypto
