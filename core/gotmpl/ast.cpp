#include "core/gotmpl/ast.h"

#include <algorithm>

#include "core/gotmpl/number.h"

namespace nautilus::gotmpl {

namespace {

std::string with_names(std::string out, const std::vector<std::string>& names) {
  for (const auto& name : names) out += "." + name;
  return out;
}

std::string command_text(const Node& node) {
  std::string out;
  for (const auto& argument : node.children) {
    if (!out.empty()) out += ' ';
    out += argument->kind == NodeKind::pipe ? "(" + expression(*argument) + ")" : expression(*argument);
  }
  return out;
}

std::string pipe_text(const Node& node) {
  std::string out;
  for (const auto& name : node.names) out += (out.empty() ? "" : ", ") + name;
  if (!out.empty()) out += node.is_assignment ? " = " : " := ";
  bool first = true;
  for (const auto& command : node.children) {
    if (!first) out += " | ";
    first = false;
    out += command_text(*command);
  }
  return out;
}

}  // namespace

std::string expression(const Node& node) {
  switch (node.kind) {
    case NodeKind::pipe: return pipe_text(node);
    case NodeKind::command: return command_text(node);
    case NodeKind::field: return with_names("", node.names);
    case NodeKind::variable: return with_names(node.text, node.names);
    case NodeKind::chain:
      return with_names(node.pipe->kind == NodeKind::pipe ? "(" + expression(*node.pipe) + ")" : expression(*node.pipe),
                        node.names);
    case NodeKind::dot: return ".";
    case NodeKind::nil: return "nil";
    case NodeKind::template_:
      return "{{template " + quote(node.text) + (node.pipe ? " " + expression(*node.pipe) : "") + "}}";
    case NodeKind::action:
    case NodeKind::if_:
    case NodeKind::with:
    case NodeKind::range: return node.pipe ? expression(*node.pipe) : "";
    default: return node.text;
  }
}

std::string place(const Tree& tree, const Node& node) {
  const std::string_view before = std::string_view(*tree.source).substr(0, node.pos);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const auto newline = before.rfind('\n');
  const auto column = newline == std::string_view::npos ? before.size() : before.size() - newline - 1;
  return fmt::format("{}:{}:{}", tree.source_name, line, column);
}

}  // namespace nautilus::gotmpl
