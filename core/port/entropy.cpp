#include "core/port/entropy.h"

namespace nautilus::port {

std::string random_alphanumeric(Entropy& entropy, std::size_t length) {
  static constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  // 62 does not divide 256: bytes at or above the largest multiple are thrown away, or the first letters would be
  // likelier.
  constexpr unsigned kLimit = 256 - 256 % kAlphabet.size();
  std::string out;
  while (out.size() < length) {
    std::byte raw[64];
    entropy.fill(raw);
    for (std::byte b : raw) {
      const auto n = std::to_integer<unsigned>(b);
      if (n < kLimit && out.size() < length) out += kAlphabet[n % kAlphabet.size()];
    }
  }
  return out;
}

}  // namespace nautilus::port
