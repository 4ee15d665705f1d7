// Writing YAML byte for byte as sigs.k8s.io/yaml does. The rules of which style a text gets are libyaml's (its
// analysis of scalars); which texts would be read as something else is yaml_scalar's.
#include "core/value/utf8.h"
#include "core/value/yaml.h"
#include "core/value/yaml_key_order.h"
#include "core/value/yaml_scalar.h"

namespace nautilus::value {

namespace {

// Longer keys, and keys of several lines, are written as "? key".
constexpr std::size_t kLongestSimpleKey = 128;
// A space after this column becomes a line break, in texts that are not simple keys.
constexpr std::size_t kFoldAfter = 80;

bool printable(char32_t c) {
  return c == '\n' || (c >= 0x20 && c <= 0x7E) || (c >= 0xA0 && c <= 0xFFFD && c != 0xFEFF);
}

bool line_break(char32_t c) { return c == '\n' || c == '\r' || c == 0x85 || c == 0x2028 || c == 0x2029; }

// What is found out about a text before its style is chosen.
struct Analysis {
  bool plain = true, single_quoted = true, block = true, multiline = false;
};

bool plain_ascii(std::string_view text) {
  if (text.empty()) return false;
  const char first = text.front();
  if (!((first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z') || (first >= '0' && first <= '9') ||
        first == '/'))
    return false;
  for (char c : text)
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
          c == '.' || c == '/'))
      return false;
  return true;
}

Analysis analyze(std::string_view text) {
  Analysis result;
  if (text.empty()) {
    result.block = false;
    return result;
  }
  bool indicators = text.starts_with("---") || text.starts_with("...");
  bool special = false, breaks = false, space_break = false, break_space = false;
  bool before_space = true, previous_space = false, previous_break = false;
  for (std::size_t i = 0; i < text.size();) {
    const Utf8Char decoded = decode_utf8(text, i);
    const char32_t c = decoded.code;
    const std::size_t next = i + decoded.size;
    const bool after_space = next >= text.size() || text[next] == ' ' || text[next] == '\t';
    if (i == 0) {
      if (c < 0x80 && std::string_view("#,[]{}&*!|>'\"%@`").find(static_cast<char>(c)) != std::string_view::npos)
        indicators = true;
      if ((c == '?' || c == ':' || c == '-') && after_space) indicators = true;
    } else if ((c == ':' && after_space) || (c == '#' && before_space)) {
      indicators = true;
    }
    if (!printable(c)) special = true;
    if (c == ' ' && previous_break) break_space = true;
    if (line_break(c)) {
      breaks = true;
      if (previous_space) space_break = true;
    }
    previous_space = c == ' ';
    previous_break = line_break(c);
    before_space = c == ' ' || c == '\t' || c == 0 || previous_break;
    if (next >= text.size() && (previous_space || previous_break)) result.plain = false;
    if (i == 0 && (previous_space || previous_break)) result.plain = false;
    i = next;
  }
  result.multiline = breaks;
  if (breaks || indicators) result.plain = false;
  if (previous_space) result.block = false;
  if (break_space) result.plain = result.single_quoted = false;
  if (space_break || special) result.plain = result.single_quoted = result.block = false;
  return result;
}

class Emitter {
 public:
  explicit Emitter(std::string& out) : out_(out) {}

  // Emits with the cursor where the node begins. `indent` is the column of a block's lines.
  void node(const Json& value, int indent) {
    switch (value.type()) {
      case Json::value_t::object: return value.empty() ? text("{}") : mapping(value, indent);
      case Json::value_t::array: return value.empty() ? text("[]") : sequence(value, indent);
      case Json::value_t::string: return string(value.get_ref<const std::string&>(), indent);
      case Json::value_t::number_float: return text(number(value.get<double>()));
      case Json::value_t::null:
      case Json::value_t::discarded: return text("null");
      case Json::value_t::boolean: return text(value.get<bool>() ? "true" : "false");
      case Json::value_t::number_integer: return integer(value.get<std::int64_t>());
      case Json::value_t::number_unsigned: return integer(value.get<std::uint64_t>());
      case Json::value_t::binary: return text("null");
    }
  }

  // Ends the last line, unless a literal text did.
  void finish() {
    if (!fresh_) out_ += '\n';
    fresh_ = false;
  }

 private:
  static constexpr int kNeverFold = -1;

  void text(std::string_view s) { out_ += s; }
  void integer(auto value) { fmt::format_to(std::back_inserter(out_), "{}", value); }
  void spaces(int count) { out_.append(static_cast<std::size_t>(count), ' '); }
  void line(int indent) {
    finish();
    spaces(indent);
  }

  static std::string number(double value) {
    const Json whole = json_number(value);
    if (whole.is_number_integer()) return whole.dump();
    return go_float(value);
  }

  void mapping(const Json& object, int indent) {
    bool first = true;
    for (const auto& member : in_key_order(object)) {
      if (!first) line(indent);
      first = false;
      pair(member.key(), *member, indent);
    }
  }

  void pair(const std::string& raw_key, const Json& child, int indent) {
    const std::string key = valid_utf8(raw_key);
    if (key.size() > kLongestSimpleKey || (!plain_ascii(key) && analyze(key).multiline)) {
      text("? ");
      scalar(key, indent, false);
      line(indent);
      text(": ");
      return node(child, child.is_structured() ? indent + 2 : indent);
    }
    scalar(key, indent, true);
    text(":");
    if (child.is_object() && !child.empty()) {
      line(indent + 2);
      return mapping(child, indent + 2);
    }
    if (child.is_array() && !child.empty()) {
      line(indent);  // a list under a key is not indented further
      return sequence(child, indent);
    }
    text(" ");
    node(child, indent);
  }

  void sequence(const Json& array, int indent) {
    bool first = true;
    for (const auto& child : array) {
      if (!first) line(indent);
      first = false;
      text("- ");
      node(child, child.is_structured() ? indent + 2 : indent);
    }
  }

  void string(const std::string& raw, int indent) {
    if (plain_ascii(raw)) {
      if (reads_as_other(raw)) return double_quoted(raw, kNeverFold);  // it has no space
      return text(raw);
    }
    scalar(valid_utf8(raw), indent, false);
  }

  void scalar(std::string_view s, int indent, bool simple_key) {
    const Analysis found = analyze(s);
    const int fold = simple_key ? kNeverFold : indent + 2;
    if (s.find('\n') != std::string_view::npos) {
      if (found.block && !simple_key) return literal(s, indent + 2);
      return double_quoted(s, fold);
    }
    if (reads_as_other(s)) return double_quoted(s, fold);
    if (found.plain && !(s.empty() && simple_key)) return plain(s, fold);
    if (found.single_quoted) return single_quoted(s, fold);
    double_quoted(s, fold);
  }

  // The characters on the current line so far. Lines before a scalar are short: indentation and a simple key.
  std::size_t column() const {
    std::size_t count = 0;
    for (std::size_t i = out_.size(); i > 0 && out_[i - 1] != '\n'; --i)
      if ((static_cast<unsigned char>(out_[i - 1]) & 0xC0) != 0x80) ++count;
    return count;
  }

  void fold_line(int indent, std::size_t& column) {
    out_ += '\n';
    spaces(indent);
    column = static_cast<std::size_t>(indent);
  }

  void plain(std::string_view s, int fold) {
    if (fold == kNeverFold || s.find(' ') == std::string_view::npos) return text(s);
    std::size_t at = column();
    bool after_space = false;
    for (std::size_t i = 0; i < s.size(); ++i) {
      const bool space = s[i] == ' ';
      if (space && !after_space && at > kFoldAfter && i + 1 < s.size() && s[i + 1] != ' ') {
        fold_line(fold, at);
      } else {
        out_ += s[i];
        if ((static_cast<unsigned char>(s[i]) & 0xC0) != 0x80) ++at;
      }
      after_space = space;
    }
  }

  // Unicode's own line separators are followed by the indentation, as libyaml writes them.
  void single_quoted(std::string_view s, int fold) {
    out_ += '\'';
    std::size_t at = fold == kNeverFold ? 0 : column();
    bool after_break = false, after_space = false;
    for (std::size_t i = 0; i < s.size();) {
      const Utf8Char c = decode_utf8(s, i);
      const bool space = c.code == ' ';
      if (after_break && !line_break(c.code) && fold != kNeverFold) spaces(fold), at = static_cast<std::size_t>(fold);
      after_break = line_break(c.code);
      if (space && fold != kNeverFold && !after_space && at > kFoldAfter && i > 0 && i + 1 < s.size() &&
          s[i + 1] != ' ') {
        fold_line(fold, at);
      } else {
        if (c.code == '\'') out_ += '\'', ++at;
        out_.append(s.substr(i, c.size));
        at = after_break ? 0 : at + 1;
      }
      after_space = space;
      i += c.size;
    }
    out_ += '\'';
  }

  void literal(std::string_view s, int indent) {
    out_ += '|';
    const auto break_before = [&](std::size_t end) {  // where the break ends at `end`, its start; else npos
      if (end >= 1 && s[end - 1] == '\n') return end - 1;
      if (end >= 3 && line_break(decode_utf8(s, end - 3).code) && decode_utf8(s, end - 3).size == 3) return end - 3;
      return std::string_view::npos;
    };
    if (s.front() == ' ' || line_break(decode_utf8(s, 0).code)) out_ += '2';
    const std::size_t last = break_before(s.size());
    if (last == std::string_view::npos)
      out_ += '-';
    else if (last == 0 || break_before(last) != std::string_view::npos)
      out_ += '+';
    out_ += '\n';
    bool at_start = true;
    for (std::size_t i = 0; i < s.size();) {
      const Utf8Char c = decode_utf8(s, i);
      if (line_break(c.code)) {
        out_.append(s.substr(i, c.size));
        at_start = true;
      } else {
        if (at_start) spaces(indent);
        at_start = false;
        out_.append(s.substr(i, c.size));
      }
      i += c.size;
    }
    if (at_start) fresh_ = true;  // the text ended its line itself
  }

  void double_quoted(std::string_view s, int fold) {
    out_ += '"';
    std::size_t at = fold == kNeverFold ? 0 : column();
    bool after_space = false;
    for (std::size_t i = 0; i < s.size();) {
      const Utf8Char c = decode_utf8(s, i);
      const bool space = c.code == ' ';
      if (space && fold != kNeverFold && !after_space && at > kFoldAfter && i > 0 && i + 1 < s.size()) {
        fold_line(fold, at);
        if (s[i + 1] == ' ') out_ += '\\', ++at;
      } else if (c.code == '"' || c.code == '\\' || line_break(c.code) || !printable(c.code)) {
        const std::size_t before = out_.size();
        escape(c.code);
        at += out_.size() - before;
      } else {
        out_.append(s.substr(i, c.size));
        ++at;
      }
      after_space = space;
      i += c.size;
    }
    out_ += '"';
  }

  void escape(char32_t c) {
    out_ += '\\';
    switch (c) {
      case 0x00: out_ += '0'; return;
      case 0x07: out_ += 'a'; return;
      case 0x08: out_ += 'b'; return;
      case 0x09: out_ += 't'; return;
      case 0x0A: out_ += 'n'; return;
      case 0x0B: out_ += 'v'; return;
      case 0x0C: out_ += 'f'; return;
      case 0x0D: out_ += 'r'; return;
      case 0x1B: out_ += 'e'; return;
      case '"': out_ += '"'; return;
      case '\\': out_ += '\\'; return;
      case 0x85: out_ += 'N'; return;
      case 0xA0: out_ += '_'; return;
      case 0x2028: out_ += 'L'; return;
      case 0x2029: out_ += 'P'; return;
      default: break;
    }
    const auto code = static_cast<std::uint32_t>(c);
    if (code <= 0xFF)
      fmt::format_to(std::back_inserter(out_), "x{:02X}", code);
    else if (code <= 0xFFFF)
      fmt::format_to(std::back_inserter(out_), "u{:04X}", code);
    else
      fmt::format_to(std::back_inserter(out_), "U{:08X}", code);
  }

  std::string& out_;
  bool fresh_ = false;  // the last thing written was a literal that ended its own line
};

}  // namespace

std::string to_yaml(const Json& value) {
  std::string out;
  append_yaml(out, value);
  return out;
}

void append_yaml(std::string& out, const Json& value) {
  Emitter emitter(out);
  emitter.node(value, 0);
  emitter.finish();
}

}  // namespace nautilus::value
