#include "core/gotmpl/parser.h"

#include <algorithm>

#include "core/gotmpl/lexer.h"
#include "core/gotmpl/number.h"

namespace nautilus::gotmpl {

namespace {

std::string shown(const Item& item) {
  if (item.token == Token::eof) return "EOF";
  if (item.token == Token::keyword || item.token == Token::dot || item.token == Token::nil)
    return fmt::format("<{}>", item.text);
  constexpr std::size_t kShown = 10;
  if (item.text.size() > kShown) return quote(item.text.substr(0, kShown)) + "...";
  return quote(item.text);
}

class Parser {
 public:
  Parser(const std::string& name, std::string_view text, const Functions& functions, int max_depth)
      : name_(name),
        shared_source_(std::make_shared<const std::string>(text)),
        source_(*shared_source_),
        lexer_(source_),
        functions_(functions),
        max_depth_(max_depth) {}

  Result<std::vector<std::shared_ptr<Tree>>> run() {
    // Index 0 is the body of the source; its definitions are added behind it as they are met.
    trees_.push_back(new_tree(name_));
    variables_ = {"$"};
    ASSIGN_OR_RETURN(auto body, block({}));
    if (!ended_by_.empty()) return fail(fmt::format("unexpected {{{{{}}}}}", ended_by_));
    finish(0, std::move(body));
    return std::move(trees_);
  }

 private:
  using NodePtr = std::unique_ptr<Node>;

  std::shared_ptr<Tree> new_tree(const std::string& name) {
    auto tree = std::make_shared<Tree>();
    tree->name = name;
    tree->source_name = name_;
    return tree;
  }

  static bool only_space(const Node& list) {
    return std::all_of(list.children.begin(), list.children.end(), [](const NodePtr& child) {
      return child->kind == NodeKind::text && child->text.find_first_not_of(" \t\r\n") == std::string::npos;
    });
  }

  void finish(std::size_t index, NodePtr body) {
    Tree& tree = *trees_[index];
    tree.source = shared_source_;
    tree.empty = only_space(*body);
    tree.root = std::move(body);
  }

  Error fail(std::string message) const {
    const std::string_view before = source_.substr(0, std::min(last_pos_, source_.size()));
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    return Error(Code::invalid, fmt::format("template: {}:{}: {}", name_, line, message))
        .at(fmt::format("{}:{}", name_, line));
  }

  // Tokens -----------------------------------------------------------------------------------------------------------
  Result<Item> next() {
    if (has_peeked_) {
      has_peeked_ = false;
      last_pos_ = peeked_.pos;
      return peeked_;
    }
    auto item = lexer_.next();
    if (!item.ok()) return fail(item.error().message);
    last_pos_ = item->pos;
    return item;
  }
  Result<Item> peek() {
    if (!has_peeked_) {
      const auto before = last_pos_;
      ASSIGN_OR_RETURN(peeked_, next());
      has_peeked_ = true;
      last_pos_ = before;
    }
    return peeked_;
  }
  Result<Item> next_non_space() {
    ASSIGN_OR_RETURN(Item item, next());
    if (item.token == Token::space) return next();
    return item;
  }
  Result<Item> peek_non_space() {
    ASSIGN_OR_RETURN(Item item, peek());
    if (item.token != Token::space) return item;
    has_peeked_ = false;
    return peek();
  }
  Error unexpected(const Item& item, std::string_view context) const {
    return fail(fmt::format("unexpected {} in {}", shown(item), context));
  }

  static NodePtr make(NodeKind kind, std::size_t pos) {
    auto node = std::make_unique<Node>();
    node->kind = kind;
    node->pos = pos;
    return node;
  }

  // Statements -------------------------------------------------------------------------------------------------------
  // Until {{end}} or {{else}} (ended_by_ says which), or the end of the source.
  Result<NodePtr> block(std::string_view context) {
    if (++depth_ > max_depth_)
      return Error(Code::limit, fmt::format("template: {}: nested deeper than {} levels", name_, max_depth_));
    auto list = make(NodeKind::list, last_pos_);
    ended_by_.clear();
    while (true) {
      ASSIGN_OR_RETURN(const Item item, next());
      if (item.token == Token::eof) {
        if (!context.empty()) return fail("unexpected EOF");
        break;
      }
      if (item.token == Token::text) {
        auto text = make(NodeKind::text, item.pos);
        text->text = std::string(item.text);
        list->children.push_back(std::move(text));
        continue;
      }
      ASSIGN_OR_RETURN(NodePtr statement, action());
      if (!ended_by_.empty()) break;
      if (statement) list->children.push_back(std::move(statement));
    }
    --depth_;
    return list;
  }

  // After {{. Null for a define, and for end and else, which set ended_by_.
  Result<NodePtr> action() {
    ASSIGN_OR_RETURN(const Item item, next_non_space());
    if (item.token == Token::keyword) return keyword(item);
    give_back(item);
    auto node = make(NodeKind::action, item.pos);
    const auto kept = variables_.size();
    ASSIGN_OR_RETURN(node->pipe, pipeline("command", Token::right));
    (void)kept;  // a variable declared by an action lives to the end of its block
    return node;
  }

  void give_back(const Item& item) {
    peeked_ = item;
    has_peeked_ = true;
  }

  Result<NodePtr> keyword(const Item& item) {
    if (item.text == "end" || item.text == "else") {
      ended_by_ = std::string(item.text);
      if (item.text == "end") return right("end");
      ASSIGN_OR_RETURN(const Item following, peek_non_space());
      if (following.token == Token::keyword && (following.text == "if" || following.text == "with")) {
        ended_by_ = "else " + std::string(following.text);
        return NodePtr();
      }
      return right("else");
    }
    if (item.text == "if") return control(NodeKind::if_, item);
    if (item.text == "with") return control(NodeKind::with, item);
    if (item.text == "range") return control(NodeKind::range, item);
    if (item.text == "define") return define();
    if (item.text == "template") return call_template(item);
    if (item.text == "block") return block_action(item);
    if (range_depth_ == 0) return fail(fmt::format("{{{{{}}}}} outside {{{{range}}}}", item.text));
    auto node = make(item.text == "break" ? NodeKind::break_ : NodeKind::continue_, item.pos);
    node->text = std::string(item.text);
    TRY(right(item.text));
    return node;
  }

  Result<NodePtr> right(std::string_view context) {
    ASSIGN_OR_RETURN(const Item item, next_non_space());
    if (item.token != Token::right)
      return unexpected(item, context == "end" ? "end" : fmt::format("{{{{{}}}}}", context));
    return NodePtr();
  }

  Result<NodePtr> control(NodeKind kind, const Item& item) {
    const auto kept = variables_.size();
    const std::string context(item.text);
    auto node = make(kind, item.pos);
    ASSIGN_OR_RETURN(node->pipe, pipeline(context, Token::right));
    if (kind == NodeKind::range) ++range_depth_;
    ASSIGN_OR_RETURN(node->body, block(context));
    if (kind == NodeKind::range) --range_depth_;
    const std::string ended = ended_by_;
    if (ended == "else if" || ended == "else with") {
      if ((kind == NodeKind::if_) != (ended == "else if") || kind == NodeKind::range)
        return fail(fmt::format("unexpected <{}> in input", ended.substr(5)));
      // {{else if x}} is {{else}}{{if x}} whose end serves both.
      ASSIGN_OR_RETURN(const Item inner, next_non_space());
      if (++depth_ > max_depth_)
        return Error(Code::limit, fmt::format("template: {}: nested deeper than {} levels", name_, max_depth_));
      node->otherwise = make(NodeKind::list, inner.pos);
      ASSIGN_OR_RETURN(auto nested, control(kind, inner));
      --depth_;
      node->otherwise->children.push_back(std::move(nested));
    } else if (ended == "else") {
      ASSIGN_OR_RETURN(node->otherwise, block(context));
      if (ended_by_ != "end") return fail(fmt::format("expected end; found {{{{{}}}}}", ended_by_));
    }
    ended_by_.clear();
    variables_.resize(kept);
    return node;
  }

  Result<std::string> template_name(std::string_view context) {
    ASSIGN_OR_RETURN(const Item item, next_non_space());
    if (item.token != Token::string && item.token != Token::raw_string) return unexpected(item, context);
    auto name = unquote(item.text);
    if (!name) return fail("invalid syntax");
    return std::move(*name);
  }

  Result<NodePtr> define() {
    if (depth_ > 1) return fail("unexpected <define> in command");
    ASSIGN_OR_RETURN(const std::string name, template_name("define clause"));
    ASSIGN_OR_RETURN(const Item close, next_non_space());
    if (close.token != Token::right) return unexpected(close, "define clause");
    TRY(define_body(name, "define clause"));
    return NodePtr();
  }

  Result<> define_body(const std::string& name, std::string_view context) {
    std::vector<std::string> outer = std::exchange(variables_, {"$"});
    const int outer_range = std::exchange(range_depth_, 0);
    const std::size_t index = trees_.size();
    trees_.push_back(new_tree(name));
    ASSIGN_OR_RETURN(auto body, block(context));
    if (ended_by_ != "end") return fail(fmt::format("unexpected {{{{{}}}}} in {}", ended_by_, context));
    ended_by_.clear();
    finish(index, std::move(body));
    for (std::size_t i = 1; i < index; ++i)
      if (trees_[i]->name == name && trees_[i]->root && !trees_[i]->empty && !trees_[index]->empty)
        return fail(fmt::format("template: multiple definition of template {}", quote(name)));
    variables_ = std::move(outer);
    range_depth_ = outer_range;
    return {};
  }

  Result<NodePtr> call_template(const Item& item) {
    auto node = make(NodeKind::template_, item.pos);
    ASSIGN_OR_RETURN(node->text, template_name("template clause"));
    node->pos = last_pos_;
    ASSIGN_OR_RETURN(const Item following, next_non_space());
    if (following.token == Token::right) return node;
    give_back(following);
    ASSIGN_OR_RETURN(node->pipe, pipeline("template clause", Token::right));
    return node;
  }

  Result<NodePtr> block_action(const Item& item) {
    auto node = make(NodeKind::template_, item.pos);
    ASSIGN_OR_RETURN(node->text, template_name("block clause"));
    ASSIGN_OR_RETURN(node->pipe, pipeline("block clause", Token::right));
    TRY(define_body(node->text, "block clause"));
    return node;
  }

  // Expressions ------------------------------------------------------------------------------------------------------
  Result<NodePtr> pipeline(std::string_view context, Token end) {
    ASSIGN_OR_RETURN(const Item first, peek_non_space());
    auto pipe = make(NodeKind::pipe, first.pos);
    TRY(declarations(*pipe, context));
    while (true) {
      ASSIGN_OR_RETURN(const Item item, next_non_space());
      if (item.token == end) break;
      if (!starts_operand(item.token)) return unexpected(item, context);
      give_back(item);
      ASSIGN_OR_RETURN(auto one, command());
      pipe->children.push_back(std::move(one));
    }
    TRY(check(*pipe, context));
    return pipe;
  }

  static bool starts_operand(Token token) {
    switch (token) {
      case Token::boolean:
      case Token::character:
      case Token::dot:
      case Token::field:
      case Token::identifier:
      case Token::number:
      case Token::nil:
      case Token::raw_string:
      case Token::string:
      case Token::variable:
      case Token::left_paren: return true;
      default: return false;
    }
  }

  Result<> check(const Node& pipe, std::string_view context) const {
    if (pipe.children.empty()) return fail(fmt::format("missing value for {}", context));
    for (std::size_t i = 1; i < pipe.children.size(); ++i) {
      const Node& first = *pipe.children[i]->children.front();
      const bool constant = first.kind == NodeKind::constant || first.kind == NodeKind::number ||
                            first.kind == NodeKind::dot || first.kind == NodeKind::nil;
      if (constant) return fail(fmt::format("non executable command in pipeline stage {}", i + 1));
    }
    return {};
  }

  // $x :=, $x =, and for range $k, $v := ; anything else is left for the commands.
  Result<> declarations(Node& pipe, std::string_view context) {
    ASSIGN_OR_RETURN(const Item first, peek_non_space());
    if (first.token != Token::variable) return {};
    const Lexer saved = lexer_;
    const auto saved_peek = peeked_;
    std::vector<std::string> names;
    while (true) {
      ASSIGN_OR_RETURN(const Item variable, next_non_space());
      if (variable.token != Token::variable) {
        if (names.empty()) break;
        return unexpected(variable, context);
      }
      names.emplace_back(variable.text);
      ASSIGN_OR_RETURN(const Item following, next_non_space());
      if (following.token == Token::declare || following.token == Token::assign) {
        pipe.is_assignment = following.token == Token::assign;
        pipe.names = names;
        if (!pipe.is_assignment) variables_.insert(variables_.end(), names.begin(), names.end());
        return {};
      }
      if (following.token == Token::comma && context == "range" && names.size() < 2) continue;
      if (following.token == Token::comma && names.size() >= 1 && (context != "range" || names.size() >= 2))
        return fail(fmt::format("too many declarations in {}", context));
      break;
    }
    // Not a declaration after all: read it again as an operand.
    lexer_ = saved;
    peeked_ = saved_peek;
    has_peeked_ = true;
    return {};
  }

  bool known(const std::string& name) const {
    return std::find(variables_.rbegin(), variables_.rend(), name) != variables_.rend();
  }

  // Operands up to a pipe (taken) or the end (left).
  Result<NodePtr> command() {
    auto node = make(NodeKind::command, 0);
    bool first = true;
    while (true) {
      ASSIGN_OR_RETURN(const Item start, peek_non_space());
      if (first) node->pos = start.pos;
      first = false;
      ASSIGN_OR_RETURN(auto one, operand());
      if (one) node->children.push_back(std::move(one));
      ASSIGN_OR_RETURN(const Item item, next());
      if (item.token == Token::space) continue;
      if (item.token == Token::right || item.token == Token::right_paren) {
        give_back(item);
      } else if (item.token != Token::pipe) {
        return unexpected(item, "operand");
      }
      break;
    }
    if (node->children.empty()) return fail("empty command");
    return node;
  }

  Result<NodePtr> operand() {
    ASSIGN_OR_RETURN(auto node, term());
    if (!node) return node;
    ASSIGN_OR_RETURN(const Item following, peek());
    if (following.token != Token::field) return node;
    auto chain = make(NodeKind::chain, following.pos);
    while (true) {
      ASSIGN_OR_RETURN(const Item field, peek());
      if (field.token != Token::field) break;
      TRY(next());
      chain->names.emplace_back(field.text.substr(1));
    }
    // .a.b and $x.a are one node each in Go; only other operands make a chain.
    if (node->kind == NodeKind::field || node->kind == NodeKind::variable) {
      node->names.insert(node->names.end(), chain->names.begin(), chain->names.end());
      node->pos = chain->pos;  // where Go says such a node is
      return node;
    }
    if (node->kind == NodeKind::constant || node->kind == NodeKind::number || node->kind == NodeKind::nil ||
        node->kind == NodeKind::dot)
      return fail(fmt::format("unexpected . after term {}", quote(expression(*node))));
    chain->pipe = std::move(node);
    return chain;
  }

  Result<NodePtr> term() {
    ASSIGN_OR_RETURN(const Item item, next_non_space());
    switch (item.token) {
      case Token::identifier: {
        auto node = make(NodeKind::identifier, item.pos);
        node->text = std::string(item.text);
        node->function = functions_.find(node->text);
        if (!node->function) return fail(fmt::format("function {} not defined", quote(item.text)));
        return node;
      }
      case Token::dot: return make(NodeKind::dot, item.pos);
      case Token::nil: return make(NodeKind::nil, item.pos);
      case Token::variable: {
        auto node = make(NodeKind::variable, item.pos);
        node->text = std::string(item.text);
        if (!known(node->text)) return fail(fmt::format("undefined variable {}", quote(item.text)));
        return node;
      }
      case Token::field: {
        auto node = make(NodeKind::field, item.pos);
        node->names.emplace_back(item.text.substr(1));
        return node;
      }
      case Token::left_paren: {
        if (++depth_ > max_depth_)
          return Error(Code::limit, fmt::format("template: {}: nested deeper than {} levels", name_, max_depth_));
        ASSIGN_OR_RETURN(auto pipe, pipeline("parenthesized pipeline", Token::right_paren));
        --depth_;
        return pipe;
      }
      case Token::boolean:
      case Token::number:
      case Token::character:
      case Token::string:
      case Token::raw_string: return constant(item);
      default: give_back(item); return NodePtr();
    }
  }

  Result<NodePtr> constant(const Item& item) {
    auto node =
        make(item.token == Token::number || item.token == Token::character ? NodeKind::number : NodeKind::constant,
             item.pos);
    node->text = std::string(item.text);
    if (item.token == Token::boolean) {
      node->constant = Val(item.text == "true");
    } else if (item.token == Token::character) {
      auto rune = unquote_char(item.text);
      if (!rune) return fail(fmt::format("malformed character constant: {}", item.text));
      node->constant = Val::integer(*rune);
    } else if (item.token == Token::number) {
      auto number = parse_number(item.text);
      if (!number) {
        const bool shape = parse_number("0x" + std::string(item.text)).has_value() ||
                           item.text.find_first_not_of("+-0123456789eE._") == std::string_view::npos;
        return fail(fmt::format("{} number syntax: {}", shape ? "illegal" : "bad", quote(item.text)));
      }
      node->constant = *number;
      node->is_float = number->is_float();
    } else {
      auto text = unquote(item.text);
      if (!text) return fail("invalid syntax");
      node->constant = Val(std::move(*text));
    }
    return node;
  }

  const std::string& name_;
  std::shared_ptr<const std::string> shared_source_;
  std::string_view source_;
  Lexer lexer_;
  const Functions& functions_;
  int max_depth_, depth_ = 0, range_depth_ = 0;
  std::vector<std::shared_ptr<Tree>> trees_;
  std::vector<std::string> variables_;
  Item peeked_;
  bool has_peeked_ = false;
  std::size_t last_pos_ = 0;
  std::string ended_by_;  // what ended the block just read: "end", "else", "else if", "else with"
};

}  // namespace

Result<std::vector<std::shared_ptr<Tree>>> parse_trees(const std::string& name, std::string_view text,
                                                       const Functions& functions, int max_depth) {
  return Parser(name, text, functions, max_depth).run();
}

}  // namespace nautilus::gotmpl
