#include "core/base/wrap.h"

#include "core/base/text.h"

namespace nautilus::base {

std::string wrapped(std::string_view text, std::string_view indent, std::size_t width) {
  std::string out(indent);
  std::size_t column = indent.size();
  bool first = true;
  for (const auto part : split(text, ' ')) {
    if (part.empty()) continue;
    if (!first && column + 1 + part.size() > width) {
      out += '\n';
      out += indent;
      column = indent.size();
      first = true;
    }
    if (!first) {
      out += ' ';
      ++column;
    }
    out += part;
    column += part.size();
    first = false;
  }
  return out + "\n";
}

}  // namespace nautilus::base
