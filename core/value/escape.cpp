#include "core/value/escape.h"

#include <fmt/format.h>

#include "core/value/utf8.h"

namespace nautilus::value {

namespace {

bool harmful(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) ||                                          // C0, DEL, C1
         c == 0x061C || c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) ||    // bidirectional
         (c >= 0x2066 && c <= 0x2069) || c == 0x2028 || c == 0x2029 ||                   // isolates, separators
         c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xE0000 && c <= 0xE007F);  // BOM, annotations, tags
}

std::string escape(std::string_view text, bool keep_lines) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const Utf8Char c = decode_utf8(text, i);
    const auto byte = static_cast<unsigned char>(text[i]);
    if (!c.valid) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte);
    } else if (!harmful(c.code) || (keep_lines && (c.code == '\n' || c.code == '\t'))) {
      out.append(text.substr(i, c.size));
    } else if (c.code == '\n') {
      out += "\\n";
    } else if (c.code == '\t') {
      out += "\\t";
    } else if (c.code == '\r') {
      out += "\\r";
    } else if (c.code < 0x100) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<std::uint32_t>(c.code));
    } else {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<std::uint32_t>(c.code));
    }
    i += c.size;
  }
  return out;
}

}  // namespace

std::string escape_control(std::string_view text) { return escape(text, false); }
std::string escape_control_lines(std::string_view text) { return escape(text, true); }

}  // namespace nautilus::value
