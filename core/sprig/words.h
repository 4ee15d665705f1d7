// Text functions that know about words: snakecase, wrap, abbrev and so on. Pure; each follows the library sprig uses
// for it (huandu/xstrings, Masterminds/goutils), including where that counts bytes instead of characters.
#pragma once

#include <string>
#include <string_view>

namespace nautilus::sprig {

std::string snake_case(std::string_view text, char connector);  // '-' makes it kebab case
std::string pascal_case(std::string_view text);
std::string title(std::string_view text);
std::string untitle(std::string_view text);
std::string swap_case(std::string_view text);
std::string initials(std::string_view text);
std::string delete_white_space(std::string_view text);
std::string wrap(std::string_view text, long width, std::string_view new_line, bool break_long_words);
// Shortens to `width` bytes around `offset` with "...".
std::string abbreviate(std::string_view text, long offset, long width);

}  // namespace nautilus::sprig
