// UTF-8 and the few properties of characters the string functions ask for.
//
// Case and class tables cover Latin, Greek, Cyrillic and Armenian; other scripts have no case or are left as they are.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nautilus::sprig {

inline constexpr char32_t kReplacement = 0xFFFD;

// The code point at `at` and its length in bytes; an invalid byte is kReplacement of length 1.
char32_t decode(std::string_view text, std::size_t at, std::size_t& length);
void append(std::string& out, char32_t point);
std::vector<char32_t> points(std::string_view text);

bool is_space(char32_t c);
bool is_upper(char32_t c);
bool is_lower(char32_t c);
bool is_letter(char32_t c);
bool is_digit(char32_t c);
bool is_punctuation(char32_t c);
char32_t to_upper(char32_t c);
char32_t to_lower(char32_t c);

std::string upper(std::string_view text);
std::string lower(std::string_view text);
std::string_view trim_space(std::string_view text);

}  // namespace nautilus::sprig
