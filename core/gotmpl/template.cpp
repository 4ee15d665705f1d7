#include "core/gotmpl/template.h"

#include "core/gotmpl/executor.h"
#include "core/gotmpl/parser.h"

namespace nautilus::gotmpl {

struct TemplateSet::State {
  std::shared_ptr<const Functions> functions;
  Scope scope;
};

TemplateSet::TemplateSet(std::shared_ptr<const Functions> functions) : state_(std::make_unique<State>()) {
  state_->functions = std::move(functions);
}
TemplateSet::~TemplateSet() = default;
TemplateSet::TemplateSet(TemplateSet&&) noexcept = default;
TemplateSet& TemplateSet::operator=(TemplateSet&&) noexcept = default;

Result<> TemplateSet::parse(const std::string& name, std::string_view text, const Limits& limits) {
  ASSIGN_OR_RETURN(auto trees, parse_trees(name, text, *state_->functions, limits.parse_depth));
  state_->scope.add(std::move(trees));
  return {};
}

bool TemplateSet::has(std::string_view name) const { return state_->scope.find(name) != nullptr; }

std::vector<std::string> TemplateSet::names() const {
  std::vector<std::string> list;
  for (const auto& [name, tree] : state_->scope.templates) list.push_back(name);
  std::sort(list.begin(), list.end());
  return list;
}

Result<std::string> TemplateSet::execute(const std::string& name, const Val& dot, const Options& options) const {
  return Executor(state_->scope, *state_->functions, options).run(name, dot);
}

}  // namespace nautilus::gotmpl
