// A set of templates that call each other, as Go's text/template has it.
//
// Purpose: parse(name, text) adds a template and those it `define`s; execute() runs one. Trees are immutable once
// parsed and can be executed any number of times. Errors: Code::invalid with Go's wording ("template: x.yaml:3:10:
// executing "x.yaml" at <.a.b>: nil pointer evaluating interface {}.b"), `where` = "x.yaml:3:10". Code::limit names the
// bound and the chain of templates. Threading: parse from one thread, then execute from any number, each with its own
// user data. Source followed: the documentation of Go's text/template and text/template/parse.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "core/gotmpl/funcs.h"
#include "core/gotmpl/val.h"
#include "core/port/interrupt.h"

namespace nautilus::gotmpl {

struct Limits {
  std::size_t output_bytes = 64u << 20;
  std::uint64_t steps = 20'000'000;  // nodes executed
  int call_depth = 1000;             // template, include and tpl inside each other, as Helm
  int parse_depth = 200;             // parentheses and blocks inside each other; the parser recurses
  std::uint64_t loop_rounds = 5'000'000;
};

enum class MissingKey { invalid, zero, error };

struct Options {
  MissingKey missing_key = MissingKey::invalid;
  Limits limits;
  const port::Interrupt* interrupt = nullptr;  // asked now and then; Code::interrupted
  void* user = nullptr;                        // Call::user()
};

class TemplateSet {
 public:
  explicit TemplateSet(std::shared_ptr<const Functions> functions);
  ~TemplateSet();
  TemplateSet(TemplateSet&&) noexcept;
  TemplateSet& operator=(TemplateSet&&) noexcept;

  // A later definition replaces an earlier one, unless it is empty.
  Result<> parse(const std::string& name, std::string_view text, const Limits& limits = {});
  bool has(std::string_view name) const;
  std::vector<std::string> names() const;

  Result<std::string> execute(const std::string& name, const Val& dot, const Options& options) const;

 private:
  struct State;
  friend class Executor;
  std::unique_ptr<State> state_;
};

}  // namespace nautilus::gotmpl
