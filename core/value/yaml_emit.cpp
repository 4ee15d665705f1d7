#include "core/value/yaml.h"
#include "core/value/yaml_scalar.h"

namespace nautilus::value {

namespace {

// What libyaml's analyze_scalar finds out about a text.
struct Analysis {
  bool plain = true, single_quoted = true, block = true, multiline = false;
};

Analysis analyze(std::string_view text) {
  bool indicators = text.starts_with("---") || text.starts_with("...");
  bool special = false, breaks = false, space_break = false, break_space = false;
  bool before_space = true, previous_space = false, previous_break = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool after_space = i + 1 == text.size() || text[i + 1] == ' ' || text[i + 1] == '\n' || text[i + 1] == '\t';
    if (i == 0) {
      if (std::string_view("#,[]{}&*!|>'\"%@`").find(c) != std::string_view::npos) indicators = true;
      if ((c == '?' || c == ':' || c == '-') && after_space) indicators = true;
    } else {
      if (c == ':' && after_space) indicators = true;
      if (c == '#' && before_space) indicators = true;
    }
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n') || byte == 0x7f) special = true;
    if (c == '\n') {
      breaks = true;
      if (previous_space) space_break = true;
    } else if (c == ' ' && previous_break) {
      break_space = true;
    }
    previous_space = c == ' ';
    previous_break = c == '\n';
    before_space = c == ' ' || c == '\n' || c == '\t';
  }
  Analysis a;
  a.multiline = breaks;
  const bool edge = !text.empty() && (text.front() == ' ' || text.front() == '\n' || text.back() == ' ' || text.back() == '\n');
  if (edge || breaks || indicators) a.plain = false;
  if (!text.empty() && text.back() == ' ') a.block = false;
  if (break_space) a.plain = a.single_quoted = false;
  if (space_break || special) a.plain = a.single_quoted = a.block = false;
  return a;
}

void double_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\t': out += "\\t"; break;
      case '\r': out += "\\r"; break;
      case '\0': out += "\\0"; break;
      case '\x1b': out += "\\e"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
          out += fmt::format("\\x{:02X}", static_cast<unsigned char>(c));
        else
          out += c;
    }
  }
  out += '"';
}

void literal(std::string& out, std::string_view text, int indent) {
  out += '|';
  if (text.front() == ' ' || text.front() == '\n') out += '2';
  if (text.back() != '\n') {
    out += '-';
  } else if (text.size() == 1 || text[text.size() - 2] == '\n') {
    out += '+';
  }
  out += '\n';
  std::size_t from = 0;
  while (from < text.size()) {
    const auto to = std::min(text.find('\n', from), text.size());
    if (to > from) out.append(static_cast<std::size_t>(indent), ' ').append(text.substr(from, to - from));
    if (to < text.size() || from < to) out += '\n';
    from = to + 1;
  }
  if (out.back() == '\n') out.pop_back();  // the caller ends the line
}

void scalar_text(std::string& out, std::string_view text, int indent, bool key) {
  const Analysis a = analyze(text);
  if (a.multiline && a.block && !key) return literal(out, text, indent);
  if (reads_as_other(text) || (a.multiline && !key) || !a.single_quoted) return double_quoted(out, text);
  if (a.plain) {
    out += text;
    return;
  }
  if (a.multiline) return double_quoted(out, text);
  out += '\'';
  for (char c : text) out += c == '\'' ? std::string("''") : std::string(1, c);
  out += '\'';
}

void emit(std::string& out, const Json& value, int indent);

void emit_child(std::string& out, const Json& child, int indent, bool in_list) {
  if (child.is_object() && !child.empty()) {
    if (in_list) return emit(out, child, indent);  // "- key: ..." on the same line
    out += '\n';
    out.append(static_cast<std::size_t>(indent), ' ');
    return emit(out, child, indent);
  }
  if (child.is_array() && !child.empty()) {
    if (in_list) return emit(out, child, indent);
    const int flush = indent - 2;  // a list under a key is not indented further
    out += '\n';
    out.append(static_cast<std::size_t>(flush), ' ');
    return emit(out, child, flush);
  }
  emit(out, child, indent);
}

// Emits with the cursor already at `indent`.
void emit(std::string& out, const Json& value, int indent) {
  const auto pad = [&] {
    out += '\n';
    out.append(static_cast<std::size_t>(indent), ' ');
  };
  if (value.is_object() && !value.empty()) {
    bool first = true;
    for (const auto& [key, child] : value.items()) {
      if (!first) pad();
      first = false;
      scalar_text(out, key, indent, true);
      out += ':';
      if (!child.is_structured() || child.empty()) out += ' ';
      emit_child(out, child, indent + 2, false);
    }
  } else if (value.is_array() && !value.empty()) {
    bool first = true;
    for (const auto& child : value) {
      if (!first) pad();
      first = false;
      out += "- ";
      emit_child(out, child, indent + 2, true);
    }
  } else if (value.is_string()) {
    scalar_text(out, value.get_ref<const std::string&>(), indent, false);
  } else {
    out += value.dump();
  }
}

}  // namespace

std::string to_yaml(const Json& value) {
  std::string out;
  emit(out, value, 0);
  out += '\n';
  return out;
}

}  // namespace nautilus::value
