// Decoding UTF-8 (RFC 3629) one code point at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace nautilus::value {

struct Utf8Char {
  char32_t code = 0xFFFD;
  std::size_t size = 1;  // bytes used; 1 for an invalid byte
  bool valid = false;
};

// The code point at `at` (at < text.size()). Overlong forms, surrogates and broken sequences are invalid: one byte.
Utf8Char decode_utf8(std::string_view text, std::size_t at);
void append_utf8(std::string& out, char32_t code);
// Every invalid byte replaced by U+FFFD, as Go's encoding/json does.
std::string valid_utf8(std::string_view text);

}  // namespace nautilus::value
