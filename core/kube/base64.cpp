#include <algorithm>
#include <array>

#include "core/kube/kubeconfig.h"

namespace nautilus::kube {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<signed char, 256> make_values() {
  std::array<signed char, 256> out{};
  for (auto& entry : out) entry = -1;
  for (std::size_t i = 0; i < kAlphabet.size(); ++i)
    out[static_cast<unsigned char>(kAlphabet[i])] = static_cast<signed char>(i);
  return out;
}
constexpr std::array<signed char, 256> kValues = make_values();

}  // namespace

std::optional<std::string> decode_base64(std::string_view text) {
  std::string out;
  out.reserve(text.size() / 4 * 3);
  unsigned buffer = 0;
  int digits = 0, padding = 0;
  for (const char c : text) {
    if (c == '\n' || c == '\r' || c == ' ' || c == '\t') continue;
    if (c == '=') {
      if (++padding > 2 || digits < 2) return std::nullopt;
      continue;
    }
    const int digit = kValues[static_cast<unsigned char>(c)];
    if (digit < 0 || padding > 0) return std::nullopt;
    buffer = buffer << 6 | static_cast<unsigned>(digit);
    if (++digits == 4) {
      out += {static_cast<char>(buffer >> 16 & 0xff), static_cast<char>(buffer >> 8 & 0xff),
              static_cast<char>(buffer & 0xff)};
      buffer = 0;
      digits = 0;
    }
  }
  if (padding == 0 && digits == 0) return out;
  if (digits + padding != 4 || digits < 2) return std::nullopt;
  out += static_cast<char>(digits == 2 ? buffer >> 4 & 0xff : buffer >> 10 & 0xff);
  if (digits == 3) out += static_cast<char>(buffer >> 2 & 0xff);
  return out;
}

std::string encode_base64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned buffer = 0;
    const std::size_t have = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t j = 0; j < 3; ++j)
      buffer = buffer << 8 | (j < have ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    for (std::size_t j = 0; j < 4; ++j) out += j <= have ? kAlphabet[buffer >> (18 - 6 * j) & 63] : '=';
  }
  return out;
}

}  // namespace nautilus::kube
