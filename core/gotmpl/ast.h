// The tree of a parsed template. Immutable after parsing.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/gotmpl/funcs.h"
#include "core/gotmpl/val.h"

namespace nautilus::gotmpl {

enum class NodeKind : std::uint8_t {
  list,
  text,
  action,
  if_,
  with,
  range,
  template_,
  break_,
  continue_,  // statements
  pipe,
  command,
  identifier,
  field,
  chain,
  variable,
  dot,
  nil,
  constant,
  number  // expressions
};

struct Node {
  NodeKind kind = NodeKind::list;
  std::size_t pos = 0;             // byte offset in the source of the tree
  std::string text;                // text; name of an identifier or template; source of a constant
  std::vector<std::string> names;  // fields after a variable, chain or field; variables that a pipe declares
  std::vector<std::unique_ptr<Node>> children;  // statements, commands, arguments
  std::unique_ptr<Node> pipe;                   // of an action, if, with, range, template; the operand of a chain
  std::unique_ptr<Node> body, otherwise;
  Val constant;                // of constant and number
  bool is_assignment = false;  // `=`, not `:=`
  bool is_float = false;       // a number that only fits a float
  const FunctionSpec* function = nullptr;
};

// One `define`, or the body of a source.
struct Tree {
  std::string name;                           // of the template
  std::string source_name;                    // of the source it was parsed from, for errors
  std::shared_ptr<const std::string> source;  // shared by the trees of one source
  std::unique_ptr<Node> root;
  bool empty = true;  // nothing but space and comments
};

// The expression as Go prints it in errors.
std::string expression(const Node& node);
// "file:line:column" of a node; the column counts bytes from 0, as Go's does.
std::string place(const Tree& tree, const Node& node);

}  // namespace nautilus::gotmpl
