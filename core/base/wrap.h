// Running text in lines of a bounded width.
#pragma once

#include <string>
#include <string_view>

namespace nautilus::base {

// Words joined by blanks, broken before `width` columns (bytes), each line behind `indent`; ends with a line feed. A
// word that is longer stands alone.
std::string wrapped(std::string_view text, std::string_view indent, std::size_t width = 100);

}  // namespace nautilus::base
