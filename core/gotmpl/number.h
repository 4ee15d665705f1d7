// Numbers and quoted text as Go writes them in source.
#pragma once

#include <optional>
#include <string>

#include "core/gotmpl/val.h"

namespace nautilus::gotmpl {

// An int where it fits one, else a float64. nullopt if it is neither (complex numbers are not supported).
std::optional<Val> parse_number(std::string_view text);
// strconv.Unquote of "..." or `...`; nullopt if it is malformed.
std::optional<std::string> unquote(std::string_view text);
// The code point of a character constant 'x'.
std::optional<std::int64_t> unquote_char(std::string_view text);
// strconv.Quote.
std::string quote(std::string_view text);
// Appends a code point as UTF-8.
void append_utf8(std::string& out, std::uint32_t code_point);
// Decodes one code point at `at`, which moves behind it; invalid bytes give U+FFFD and move by one.
std::uint32_t next_rune(std::string_view text, std::size_t& at);

}  // namespace nautilus::gotmpl
