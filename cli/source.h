// Where an environment comes from: the project on disk, or a bundle (--bundle), which needs no network.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "cli/context.h"
#include "core/apply/operator_chart.h"
#include "core/bundle/bundle.h"

namespace nautilus::cli {

void add_bundle(CLI::App& command, std::string& bundle);       // --bundle FILE
void add_operator(CLI::App& command, std::string& operator_);  // --operator NAME

// The operator of that name, which must be one that nautilusctl installs; Code::usage otherwise.
Result<const env::Operator*> operator_named(const env::Environment& env, const std::string& name);

// Not movable: what it renders points into `env`.
class Source {
 public:
  // `name` may be empty with a bundle: it holds one environment.
  static Result<std::unique_ptr<Source>> open(const Context& context, const std::string& name,
                                              const std::string& bundle);
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  env::Environment env;

  port::Filesystem& files() { return bundle_ ? *bundle_ : context_.ports.files; }
  const bundle::Bundle* bundle() const { return bundle_.get(); }
  apply::ChartAccess access();  // without the network if there is a bundle

  Result<apply::Desired> render(const chart::ValuesInput& overrides);
  Result<std::vector<apply::DesiredOperator>> render_operators(const std::string& only = "");

 private:
  explicit Source(const Context& context) : context_(context) {}

  const Context& context_;
  std::unique_ptr<bundle::Bundle> bundle_;
};

}  // namespace nautilus::cli
