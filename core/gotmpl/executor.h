// Runs trees. One Executor per TemplateSet::execute(); include and tpl run inside it, under the same bounds.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "core/gotmpl/ast.h"
#include "core/gotmpl/template.h"

namespace nautilus::gotmpl {

// Templates by name; tpl adds a scope of its own over the set's.
struct Scope {
  std::unordered_map<std::string, std::shared_ptr<Tree>> templates;
  const Scope* parent = nullptr;

  const Tree* find(std::string_view name) const;
  // Go's rule: a definition that is empty does not replace one that is not.
  void add(std::vector<std::shared_ptr<Tree>> trees);
};

class Executor final : public Call {
 public:
  Executor(const Scope& scope, const Functions& functions, const Options& options);

  Result<std::string> run(const std::string& name, const Val& dot);

  Result<std::string> execute(std::string_view name, const Val& dot) override;
  Result<std::string> execute_text(std::string_view text, const Val& dot) override;
  bool has_template(std::string_view name) const override { return scope_->find(name) != nullptr; }
  void* user() const override { return options_.user; }

 private:
  enum class Flow { next, break_, continue_ };
  struct Variable {
    const std::string* name;
    Val value;
  };
  using Args = std::vector<Val>;

  // Statements write to *out_. Failure is error_; every caller asks failed() after each step.
  Flow walk(const Node& node, const Val& dot);
  Flow walk_list(const Node& list, const Val& dot);
  Flow branch(const Node& node, const Val& dot);
  Flow range(const Node& node, const Val& dot);
  Flow round(const Node& node, const Val& key, const Val& element);
  void call_template(const Node& node, const Val& dot);
  void run_tree(const Tree& tree, const Val& dot);
  void print(const Node& node, const Val& value);

  // Expressions. The final argument is what the stage before it in the pipe gave; null if there is none.
  Val pipeline(const Node& pipe, const Val& dot);
  Val command(const Node& node, const Val& dot, const Val* final);
  Val function_call(const Node& node, const Node& command, const Val& dot, const Val* final);
  Val and_or(bool is_and, const Node& command, const Val& dot, const Val* final);
  Val fields(const Node& node, Val receiver, std::size_t from, const Node* command, const Val& dot, const Val* final);
  Val field(const Node& node, const Val& receiver, const std::string& name, const Node* command, const Val& dot,
            const Val* final,
            bool declared);  // declared: its type is known, it did not come out of an interface{}
  Val argument(const Node& node, const Val& dot, Param param);
  Val any_argument(const Node& node, const Val& dot);
  Val constant_argument(const Node& node, Param param);
  Val checked(const Node& node, Val value, Param param);
  Val variable(const Node& node) const;
  void set_variable(const Node& node, const std::string& name, Val value);

  bool step(const Node& node);
  bool failed() const { return error_.has_value(); }
  void fail(const Node& node, std::string message, Code code = Code::invalid, std::string hint = "",
            std::string where = "");
  Error taken();

  const Scope* scope_;
  const Functions& functions_;
  const Options& options_;
  const Tree* tree_ = nullptr;
  std::string* out_ = nullptr;
  std::vector<Variable> variables_;
  std::optional<Error> error_;
  std::uint64_t steps_ = 0, rounds_ = 0;
  std::size_t written_ = 0;
  int depth_ = 0;
  std::vector<const std::string*> chain_;  // templates being executed, outermost first
  const char* stack_base_ = nullptr;
};

}  // namespace nautilus::gotmpl
