#include "cli/source.h"

#include "cli/services.h"

namespace nautilus::cli {

void add_bundle(CLI::App& command, std::string& bundle) {
  command
      .add_option("--bundle", bundle,
                  "take the environment, its chart and its operators' charts from this file; the network is not used "
                  "for charts")
      ->type_name("FILE");
}

void add_operator(CLI::App& command, std::string& operator_) {
  command.add_option("--operator", operator_, "only this operator of the environment")->type_name("NAME");
}

Result<const env::Operator*> operator_named(const env::Environment& env, const std::string& name) {
  for (const auto& op : env.operators) {
    if (op.name != name) continue;
    if (op.ours) return &op;
    return Error(Code::usage, fmt::format("operator {} is installed by somebody else", name),
                 "installedBy: other in the environment");
  }
  return Error(Code::usage, fmt::format("environment {} has no operator {}", env.name, name));
}

Result<std::unique_ptr<Source>> Source::open(const Context& context, const std::string& name,
                                             const std::string& bundle) {
  std::unique_ptr<Source> source(new Source(context));
  if (bundle.empty()) {
    ASSIGN_OR_RETURN(source->env, context.environment(name));
    return source;
  }
  ASSIGN_OR_RETURN(source->bundle_, bundle::Bundle::open(context.ports.files, bundle));
  if (!name.empty() && name != source->bundle_->environment())
    return Error(Code::usage, fmt::format("--env {}, but {} holds {}", name, bundle, source->bundle_->environment()));
  ASSIGN_OR_RETURN(source->env, source->bundle_->load_environment());
  return source;
}

apply::ChartAccess Source::access() {
  const auto& ports = context_.ports;
  return {files(), ports.process, ports.clock, ports.interrupt, bundle_ ? nullptr : &ports.connector};
}

Result<apply::Desired> Source::render(const chart::ValuesInput& overrides) {
  auto services = render_services(context_);
  return apply::render(files(), env, overrides, services);
}

Result<std::vector<apply::DesiredOperator>> Source::render_operators(const std::string& only) {
  auto services = render_services(context_);
  return apply::render_operators(access(), env, only, services);
}

}  // namespace nautilus::cli
