#include "core/value/base64.h"

#include <cstdint>

namespace nautilus::value {

namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int sextet(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  return -1;
}

}  // namespace

std::string encode_base64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t have = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = (group << 8) | (k < have ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k) out += k <= have ? kAlphabet[(group >> (18 - 6 * k)) & 63] : '=';
  }
  return out;
}

std::optional<std::string> decode_base64(std::string_view text) {
  std::string out;
  out.reserve(text.size() / 4 * 3);
  std::uint32_t group = 0;
  int have = 0, padding = 0;
  for (char c : text) {
    if (c == '\n' || c == '\r') continue;
    if (c == '=') {
      ++padding;
      continue;
    }
    const int bits = sextet(c);
    if (bits < 0 || padding > 0) return std::nullopt;
    group = (group << 6) | static_cast<std::uint32_t>(bits);
    if (++have < 4) continue;
    for (int shift = 16; shift >= 0; shift -= 8) out += static_cast<char>(static_cast<unsigned char>(group >> shift));
    group = 0, have = 0;
  }
  if ((have == 0 && padding != 0) || have == 1 || (have > 1 && padding != 4 - have)) return std::nullopt;
  if (have == 3) out += static_cast<char>(static_cast<unsigned char>(group >> 10));
  if (have == 3) out += static_cast<char>(static_cast<unsigned char>(group >> 2));
  if (have == 2) out += static_cast<char>(static_cast<unsigned char>(group >> 4));
  return out;
}

}  // namespace nautilus::value
