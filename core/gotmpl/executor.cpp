#include "core/gotmpl/executor.h"

#include <algorithm>

#include "core/gotmpl/number.h"
#include "core/gotmpl/parser.h"

namespace nautilus::gotmpl {

namespace {

// Executing recurses on the machine's stack; this much of the usual 8 MiB may be used before it is refused.
constexpr std::ptrdiff_t kMaxStackBytes = 5 << 20;
constexpr std::uint64_t kAskInterruptEvery = 1024;
constexpr std::size_t kShownChain = 5;

// A message as Go words it names every call on the way in. Of a long way the first and the last calls tell the story.
std::string without_middle(const std::string& message) {
  constexpr std::string_view kCall = "error calling ";
  constexpr std::size_t kShown = 3;  // calls, at either end
  std::vector<std::size_t> calls;
  for (std::size_t at = message.find(kCall); at != std::string::npos; at = message.find(kCall, at + 1))
    calls.push_back(at);
  if (calls.size() <= 2 * kShown) return message;
  return fmt::format("{}... {} more calls ...: {}", message.substr(0, calls[kShown]), calls.size() - 2 * kShown,
                     message.substr(calls[calls.size() - kShown]));
}

}  // namespace

const Tree* Scope::find(std::string_view name) const {
  for (const Scope* scope = this; scope; scope = scope->parent)
    if (auto found = scope->templates.find(std::string(name)); found != scope->templates.end())
      return found->second.get();
  return nullptr;
}

void Scope::add(std::vector<std::shared_ptr<Tree>> trees) {
  for (auto& tree : trees) {
    auto [found, fresh] = templates.try_emplace(tree->name, tree);
    if (!fresh && !tree->empty) found->second = std::move(tree);
  }
}

Executor::Executor(const Scope& scope, const Functions& functions, const Options& options)
    : scope_(&scope), functions_(functions), options_(options) {}

Result<std::string> Executor::run(const std::string& name, const Val& dot) {
  stack_base_ = static_cast<const char*>(__builtin_frame_address(0));
  Result<std::string> out = execute(name, dot);
  if (!out.ok()) out.error().message = without_middle(out.error().message);
  return out;
}

// Errors -------------------------------------------------------------------------------------------------------------

void Executor::fail(const Node& node, std::string message, Code code, std::string hint, std::string where) {
  if (error_) return;
  const std::string at = tree_ ? place(*tree_, node) : "";
  error_ = Error(code,
                 fmt::format("template: {}: executing {} at <{}>: {}", at, quote(tree_ ? tree_->name : ""),
                             expression(node), message),
                 std::move(hint));
  error_->where = where.empty() ? at : std::move(where);
}

Error Executor::taken() {
  Error error = std::move(*error_);
  error_.reset();
  return error;
}

bool Executor::step(const Node& node) {
  if (++steps_ > options_.limits.steps) {
    fail(node, fmt::format("more than {} steps", options_.limits.steps), Code::limit,
         "a loop or an include that multiplies itself");
    return false;
  }
  if (steps_ % kAskInterruptEvery == 0 && options_.interrupt && options_.interrupt->requested()) {
    fail(node, "interrupted", Code::interrupted);
    return false;
  }
  if (stack_base_ - static_cast<const char*>(__builtin_frame_address(0)) > kMaxStackBytes) {
    fail(node, "nested too deeply for the stack", Code::limit);
    return false;
  }
  return true;
}

// Templates ----------------------------------------------------------------------------------------------------------

Result<std::string> Executor::execute(std::string_view name, const Val& dot) {
  const Tree* tree = scope_->find(name);
  if (!tree)
    return Error(Code::invalid, fmt::format("template: no template {} associated with template {}", quote(name),
                                            quote(tree_ ? tree_->name : name)));
  std::string out;
  std::string* outer = std::exchange(out_, &out);
  run_tree(*tree, dot);
  out_ = outer;
  if (failed()) return taken();
  return out;
}

Result<std::string> Executor::execute_text(std::string_view text, const Val& dot) {
  const std::string name = tree_ ? tree_->name : "tpl";
  ASSIGN_OR_RETURN(auto trees, parse_trees(name, text, functions_, options_.limits.parse_depth));
  const std::shared_ptr<Tree> body = trees.front();
  Scope scope;
  scope.parent = scope_;
  scope.add({trees.begin() + 1, trees.end()});
  const Scope* outer_scope = std::exchange(scope_, &scope);
  std::string out;
  std::string* outer = std::exchange(out_, &out);
  run_tree(*body, dot);
  out_ = outer;
  scope_ = outer_scope;
  if (failed()) return taken();
  return out;
}

void Executor::run_tree(const Tree& tree, const Val& dot) {
  if (++depth_ > options_.limits.call_depth) {
    std::string chain;
    const std::size_t from = chain_.size() > kShownChain ? chain_.size() - kShownChain : 0;
    for (std::size_t i = from; i < chain_.size(); ++i) chain += *chain_[i] + " -> ";
    fail(*tree.root, fmt::format("templates call each other more than {} deep", options_.limits.call_depth),
         Code::limit, "the last of them: " + chain + tree.name);
    --depth_;
    return;
  }
  chain_.push_back(&tree.name);
  const Tree* outer_tree = std::exchange(tree_, &tree);
  std::vector<Variable> outer_variables = std::move(variables_);
  static const std::string kDollar = "$";
  variables_.clear();
  variables_.push_back({&kDollar, dot});
  walk_list(*tree.root, dot);
  variables_ = std::move(outer_variables);
  tree_ = outer_tree;
  chain_.pop_back();
  --depth_;
}

void Executor::call_template(const Node& node, const Val& dot) {
  const Tree* tree = scope_->find(node.text);
  if (!tree) return fail(node, fmt::format("template {} not defined", quote(node.text)));
  const Val argument = node.pipe ? pipeline(*node.pipe, dot) : Val();
  if (failed()) return;
  run_tree(*tree, argument);
}

// Statements ---------------------------------------------------------------------------------------------------------

Executor::Flow Executor::walk_list(const Node& list, const Val& dot) {
  for (const auto& child : list.children) {
    const Flow flow = walk(*child, dot);
    if (failed() || flow != Flow::next) return flow;
  }
  return Flow::next;
}

Executor::Flow Executor::walk(const Node& node, const Val& dot) {
  if (!step(node)) return Flow::next;
  switch (node.kind) {
    case NodeKind::text:
      written_ += node.text.size();
      *out_ += node.text;
      if (written_ > options_.limits.output_bytes)
        fail(node, fmt::format("more than {} bytes of output", options_.limits.output_bytes), Code::limit);
      return Flow::next;
    case NodeKind::action: {
      const Val value = pipeline(*node.pipe, dot);
      if (!failed() && node.pipe->names.empty()) print(node, value);
      return Flow::next;
    }
    case NodeKind::if_:
    case NodeKind::with: return branch(node, dot);
    case NodeKind::range: return range(node, dot);
    case NodeKind::template_: call_template(node, dot); return Flow::next;
    case NodeKind::break_: return Flow::break_;
    case NodeKind::continue_: return Flow::continue_;
    default: return Flow::next;
  }
}

void Executor::print(const Node& node, const Val& value) {
  if (value.is_string()) {
    *out_ += value.as_string();
    written_ += value.as_string().size();
  } else {
    const std::string text = value.is_nil() ? "<no value>" : to_string(value);
    *out_ += text;
    written_ += text.size();
  }
  if (written_ > options_.limits.output_bytes)
    fail(node, fmt::format("more than {} bytes of output", options_.limits.output_bytes), Code::limit);
}

Executor::Flow Executor::branch(const Node& node, const Val& dot) {
  const auto kept = variables_.size();
  const Val value = pipeline(*node.pipe, dot);
  Flow flow = Flow::next;
  if (!failed()) {
    if (truth(value)) {
      flow = walk_list(*node.body, node.kind == NodeKind::with ? value : dot);
    } else if (node.otherwise) {
      flow = walk_list(*node.otherwise, dot);
    }
  }
  variables_.erase(variables_.begin() + static_cast<std::ptrdiff_t>(kept), variables_.end());
  return flow;
}

Executor::Flow Executor::round(const Node& node, const Val& key, const Val& element) {
  if (++rounds_ > options_.limits.loop_rounds) {
    fail(*node.pipe, fmt::format("more than {} rounds of loops", options_.limits.loop_rounds), Code::limit);
    return Flow::break_;
  }
  const auto kept = variables_.size();
  const auto& names = node.pipe->names;
  if (node.pipe->is_assignment) {
    if (names.size() == 1) set_variable(*node.pipe, names[0], element);
    if (names.size() == 2) {
      set_variable(*node.pipe, names[0], key);
      set_variable(*node.pipe, names[1], element);
    }
  } else {
    if (names.size() == 1) variables_.push_back({&names[0], element});
    if (names.size() == 2) {
      variables_.push_back({&names[0], key});
      variables_.push_back({&names[1], element});
    }
  }
  const Flow flow = walk_list(*node.body, element);
  variables_.erase(variables_.begin() + static_cast<std::ptrdiff_t>(kept), variables_.end());
  return failed() ? Flow::break_ : flow;
}

Executor::Flow Executor::range(const Node& node, const Val& dot) {
  const auto kept = variables_.size();
  const Val over = underlying(pipeline(*node.pipe, dot));
  // The pipe itself declared nothing: its names are set in each round.
  bool any = false;
  if (!failed()) {
    switch (over.kind()) {
      case Kind::integer:
      case Kind::int64:
      case Kind::uint64:
        if (node.pipe->names.size() > 1) {
          fail(*node.pipe->children.back(),
               fmt::format("can't use {} to iterate over more than one variable", to_string(over)));
          break;
        }
        for (std::int64_t i = 0; i < over.as_int(); ++i) {
          any = true;
          if (round(node, Val::integer(i), Val::integer(i)) == Flow::break_) break;
        }
        break;
      case Kind::list: {
        const auto items = over.as_list().items;  // the body may change the list
        for (std::size_t i = 0; i < items.size(); ++i) {
          any = true;
          if (round(node, Val::integer(static_cast<std::int64_t>(i)), items[i]) == Flow::break_) break;
        }
        break;
      }
      case Kind::map: {
        const auto items = over.as_map().items;
        for (const auto& [key, element] : items) {
          any = true;
          if (round(node, Val(key), element) == Flow::break_) break;
        }
        break;
      }
      case Kind::nil:
      case Kind::invalid: break;
      default: fail(*node.pipe, fmt::format("range can't iterate over {}", to_string(over))); break;
    }
  }
  Flow flow = Flow::next;
  if (!failed() && !any && node.otherwise) flow = walk_list(*node.otherwise, dot);
  variables_.erase(variables_.begin() + static_cast<std::ptrdiff_t>(kept), variables_.end());
  return flow;
}

// Expressions --------------------------------------------------------------------------------------------------------

Val Executor::pipeline(const Node& pipe, const Val& dot) {
  Val value;
  bool first = true;
  for (const auto& one : pipe.children) {
    value = command(*one, dot, first ? nullptr : &value);
    if (failed()) return {};
    // A nil interface leaves a pipeline as no value at all: (.Values.missing).key is not an error.
    if (value.kind() == Kind::nil) value = Val();
    first = false;
  }
  // A range sets its variables itself, round by round.
  for (const auto& name : pipe.names) {
    if (pipe.is_assignment) {
      set_variable(*pipe.children.back(), name, value);
    } else {
      variables_.push_back({&name, value});
    }
  }
  return value;
}

Val Executor::variable(const Node& node) const {
  for (auto found = variables_.rbegin(); found != variables_.rend(); ++found)
    if (*found->name == node.text) return found->value;
  return {};
}

void Executor::set_variable(const Node& node, const std::string& name, Val value) {
  for (auto found = variables_.rbegin(); found != variables_.rend(); ++found)
    if (*found->name == name) {
      found->value = std::move(value);
      return;
    }
  fail(node, fmt::format("undefined variable: {}", name));
}

Val Executor::command(const Node& node, const Val& dot, const Val* final) {
  const Node& first = *node.children.front();
  if (!step(first)) return {};
  switch (first.kind) {
    case NodeKind::field: return fields(first, dot, 0, &node, dot, final);
    case NodeKind::chain: {
      Val receiver = any_argument(*first.pipe, dot);
      if (failed()) return {};
      if (first.pipe->kind == NodeKind::nil) {
        fail(first, fmt::format("indirection through explicit nil in {}", expression(first)));
        return {};
      }
      return fields(first, std::move(receiver), 0, &node, dot, final);
    }
    case NodeKind::identifier: return function_call(first, node, dot, final);
    case NodeKind::variable:
      if (!first.names.empty()) return fields(first, variable(first), 0, &node, dot, final);
      break;
    default: break;
  }
  if (node.children.size() > 1 || final) {
    fail(first, fmt::format("can't give argument to non-function {}", expression(first)));
    return {};
  }
  switch (first.kind) {
    case NodeKind::variable: return variable(first);
    case NodeKind::pipe: return pipeline(first, dot);
    case NodeKind::dot: return dot;
    case NodeKind::nil: fail(first, "nil is not a command"); return {};
    default: return first.constant;
  }
}

Val Executor::fields(const Node& node, Val receiver, std::size_t from, const Node* command, const Val& dot,
                     const Val* final) {
  for (std::size_t i = from; i < node.names.size(); ++i) {
    const bool last = i + 1 == node.names.size();
    receiver = field(node, receiver, node.names[i], last ? command : nullptr, dot, last ? final : nullptr, i == 0);
    if (failed()) return {};
  }
  return receiver;
}

Val Executor::field(const Node& node, const Val& receiver, const std::string& name, const Node* command, const Val& dot,
                    const Val* final, bool declared) {
  const bool has_args = final || (command && command->children.size() > 1);
  if (receiver.kind() == Kind::invalid) {
    if (options_.missing_key == MissingKey::error)
      fail(node, fmt::format("nil data; no entry for key {}", quote(name)));
    return {};
  }
  if (receiver.kind() == Kind::nil) {
    fail(node, fmt::format("nil pointer evaluating interface {{}}.{}", name), Code::invalid,
         "a value above it is missing or null; give it a default, or test it with if or with");
    return {};
  }
  if (receiver.is_object()) {
    Args args;
    if (command)
      for (std::size_t i = 1; i < command->children.size(); ++i) {
        args.push_back(any_argument(*command->children[i], dot));
        if (failed()) return {};
      }
    if (final) args.push_back(*final);
    const auto object = receiver.object_ptr();
    if (auto result = object->call(name, *this, args)) {
      if (result->ok()) return std::move(**result);
      fail(node, fmt::format("error calling {}: {}", name, result->error().message), result->error().code,
           result->error().hint, result->error().where);
      return {};
    }
    if (auto found = object->field(name)) {
      if (has_args) fail(node, fmt::format("{} has arguments but cannot be invoked as function", name));
      return *found;
    }
    fail(node, fmt::format("can't evaluate field {} in type {}", name, type_name(receiver)));
    return {};
  }
  if (!receiver.is_map()) {
    fail(node,
         fmt::format("can't evaluate field {} in type {}", name, declared ? type_name(receiver) : "interface {}"));
    return {};
  }
  if (has_args) {
    fail(node, fmt::format("{} is not a method but has arguments", name));
    return {};
  }
  auto found = receiver.as_map().items.find(name);
  if (found != receiver.as_map().items.end()) return found->second;
  switch (options_.missing_key) {
    case MissingKey::invalid: return {};
    case MissingKey::zero: return receiver.as_map().of_strings ? Val("") : Val(nullptr);
    case MissingKey::error: fail(node, fmt::format("map has no entry for key {}", quote(name))); return {};
  }
  return {};
}

Val Executor::and_or(bool is_and, const Node& command, const Val& dot, const Val* final) {
  Val value;
  for (std::size_t i = 1; i < command.children.size(); ++i) {
    value = any_argument(*command.children[i], dot);
    if (failed() || truth(value) != is_and) return value;
  }
  return final ? *final : value;
}

Val Executor::function_call(const Node& node, const Node& command, const Val& dot, const Val* final) {
  const FunctionSpec& spec = *node.function;
  const int given = static_cast<int>(command.children.size()) - 1 + (final ? 1 : 0);
  if (given < spec.min_args || (spec.max_args != kVariadic && given > spec.max_args)) {
    const bool exact = spec.max_args == spec.min_args;
    fail(node, fmt::format("wrong number of args for {}: want {}{} got {}", node.text, exact ? "" : "at least ",
                           spec.min_args, given));
    return {};
  }
  if (node.text == "and" || node.text == "or") return and_or(node.text == "and", command, dot, final);
  const auto param = [&spec](std::size_t i) {
    return spec.params.empty() ? Param::any : spec.params[std::min(i, spec.params.size() - 1)];
  };
  Args args;
  args.reserve(static_cast<std::size_t>(given));
  for (std::size_t i = 1; i < command.children.size(); ++i) {
    args.push_back(argument(*command.children[i], dot, param(i - 1)));
    if (failed()) return {};
  }
  if (final) {
    args.push_back(checked(node, *final, param(args.size())));
    if (failed()) return {};
  }
  auto result = spec.function(*this, args);
  if (failed()) return {};
  if (!result.ok()) {
    Error& error = result.error();
    fail(command, fmt::format("error calling {}: {}", node.text, error.message), error.code, std::move(error.hint),
         std::move(error.where));
    return {};
  }
  return std::move(result).value();
}

Val Executor::checked(const Node& node, Val value, Param param) {
  if (param == Param::any) return value.is_valid() ? value : Val(nullptr);
  if (!value.is_valid()) {
    if (param == Param::list || param == Param::map || param == Param::strings) return Val(nullptr);
    fail(node, fmt::format("invalid value; expected {}", name(param)));
    return {};
  }
  bool fits = false;
  switch (param) {
    case Param::string: fits = value.is_string(); break;
    case Param::integer: fits = value.kind() == Kind::integer; break;
    case Param::int64: fits = value.kind() == Kind::int64; break;
    case Param::float64: fits = value.is_float(); break;
    case Param::boolean: fits = value.is_bool(); break;
    case Param::list: fits = value.is_list() && !value.as_list().of_strings; break;
    case Param::strings: fits = value.is_list() && value.as_list().of_strings; break;
    case Param::map: fits = value.is_map() && !value.as_map().of_strings; break;
    case Param::any: fits = true; break;
  }
  if (fits) return value;
  fail(node, fmt::format("wrong type for value; expected {}; got {}", name(param),
                         value.is_nil() ? "interface {}" : type_name(value)));
  return {};
}

Val Executor::constant_argument(const Node& node, Param param) {
  const auto wrong = [&](const char* expected) {
    fail(node, fmt::format("expected {}; found {}", expected, expression(node)));
    return Val();
  };
  const Val& value = node.constant;
  switch (param) {
    case Param::string: return value.is_string() ? value : wrong("string");
    case Param::boolean: return value.is_bool() ? value : wrong("boolean value");
    case Param::integer:
    case Param::int64: {
      const bool whole =
          value.is_float() && value.as_float() == static_cast<double>(static_cast<std::int64_t>(value.as_float()));
      if (!value.is_integer() && !whole) return wrong("integer");
      const std::int64_t number = whole ? static_cast<std::int64_t>(value.as_float()) : value.as_int();
      return param == Param::integer ? Val::integer(number) : Val::int64(number);
    }
    case Param::float64:
      if (value.is_integer()) return Val(static_cast<double>(value.as_int()));
      return value.is_float() ? value : wrong("float");
    case Param::any: return value;
    default: fail(node, fmt::format("can't handle {} for arg of type {}", expression(node), name(param))); return {};
  }
}

Val Executor::argument(const Node& node, const Val& dot, Param param) {
  if (param == Param::any) {
    Val value = any_argument(node, dot);
    return value.is_valid() ? value : Val(nullptr);
  }
  if (node.kind == NodeKind::constant || node.kind == NodeKind::number) return constant_argument(node, param);
  if (node.kind == NodeKind::nil) {
    if (param == Param::list || param == Param::map || param == Param::strings) return Val(nullptr);
    fail(node, fmt::format("cannot assign nil to {}", name(param)));
    return {};
  }
  Val value = any_argument(node, dot);
  if (failed()) return {};
  return checked(node, std::move(value), param);
}

Val Executor::any_argument(const Node& node, const Val& dot) {
  if (!step(node)) return {};
  switch (node.kind) {
    case NodeKind::dot: return dot;
    case NodeKind::field: return fields(node, dot, 0, nullptr, dot, nullptr);
    case NodeKind::variable: return fields(node, variable(node), 0, nullptr, dot, nullptr);
    case NodeKind::pipe: return pipeline(node, dot);
    case NodeKind::chain: {
      Val receiver = any_argument(*node.pipe, dot);
      if (failed()) return {};
      return fields(node, std::move(receiver), 0, nullptr, dot, nullptr);
    }
    case NodeKind::identifier: {
      // A function without arguments of its own, as an argument.
      Node alone;
      alone.kind = NodeKind::command;
      alone.pos = node.pos;
      alone.children.push_back(std::make_unique<Node>());
      alone.children[0]->kind = NodeKind::identifier;
      alone.children[0]->pos = node.pos;
      alone.children[0]->text = node.text;
      alone.children[0]->function = node.function;
      return function_call(node, alone, dot, nullptr);
    }
    case NodeKind::nil: return Val(nullptr);
    default: return node.constant;
  }
}

}  // namespace nautilus::gotmpl
