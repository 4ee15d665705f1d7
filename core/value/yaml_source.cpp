#include "core/value/yaml_source.h"

#include "core/value/utf8.h"

namespace nautilus::value {

YamlSource::YamlSource(std::string_view text) : text_(text) {
  lines_.push_back(0);
  for (std::size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1))
    lines_.push_back(at + 1);
}

Result<> YamlSource::check_characters(std::string_view file) const {
  for (std::size_t i = 0; i < text_.size();) {
    const auto byte = static_cast<unsigned char>(text_[i]);
    if (byte >= 0x20 && byte < 0x7F) {
      ++i;
      continue;
    }
    const Utf8Char c = decode_utf8(text_, i);
    const bool control = (c.code < 0x20 && c.code != '\t' && c.code != '\n' && c.code != '\r') ||
                         (c.code >= 0x7F && c.code < 0xA0 && c.code != 0x85);
    if (control || !c.valid) {
      const auto next = std::upper_bound(lines_.begin(), lines_.end(), i);
      const auto line = static_cast<std::size_t>(next - lines_.begin());
      const std::string what = c.valid ? fmt::format("control character \\x{:02x}", static_cast<std::uint32_t>(c.code))
                                       : fmt::format("byte \\x{:02x}, which is not UTF-8,", byte);
      return Error(Code::invalid, fmt::format("{} is not allowed in YAML", what))
          .at(fmt::format("{}:{}:{}", file, line, i - lines_[line - 1] + 1));
    }
    i += c.size;
  }
  return {};
}

std::string_view YamlSource::line(int index) const {
  const auto at = static_cast<std::size_t>(std::max(index, 0));
  if (at >= lines_.size()) return {};
  const std::size_t end = at + 1 < lines_.size() ? lines_[at + 1] - 1 : text_.size();
  return text_.substr(lines_[at], end - lines_[at]);
}

// yaml-cpp's columns count bytes, without a byte order mark.
std::size_t YamlSource::offset(const YAML::Mark& mark) const {
  const std::string_view whole = line(mark.line);
  const std::size_t from = mark.line == 0 && whole.starts_with("\xEF\xBB\xBF") ? 3 : 0;
  return std::min(whole.size(), from + static_cast<std::size_t>(std::max(mark.column, 0)));
}

std::string_view YamlSource::from(const YAML::Mark& mark) const { return line(mark.line).substr(offset(mark)); }
std::string_view YamlSource::before(const YAML::Mark& mark) const { return line(mark.line).substr(0, offset(mark)); }

std::string_view YamlSource::rest(const YAML::Mark& mark) const {
  const auto at = static_cast<std::size_t>(std::max(mark.line, 0));
  return at < lines_.size() ? text_.substr(std::min(lines_[at] + offset(mark), text_.size())) : std::string_view();
}

bool YamlSource::document_may_begin(const YAML::Mark& mark) const {
  if (line(mark.line).starts_with("---")) return true;
  for (int at = mark.line - 1; at >= 0; --at) {  // blank lines and comments may stand between
    const std::string_view whole = line(at);
    const auto first = whole.find_first_not_of(" \t\r");
    if (first == std::string_view::npos || whole[first] == '#') continue;
    return whole.starts_with("...");
  }
  return true;
}

bool quote_ends(std::string_view rest) {
  const std::size_t open = rest.find_first_of("'\"");
  if (open == std::string_view::npos) return true;
  const char quote = rest[open];
  for (std::size_t i = open + 1; i < rest.size(); ++i) {
    if (quote == '"' && rest[i] == '\\') {
      ++i;
    } else if (rest[i] == quote) {
      if (quote == '"' || i + 1 >= rest.size() || rest[i + 1] != quote) return true;
      ++i;  // '' inside
    }
  }
  return false;
}

}  // namespace nautilus::value
