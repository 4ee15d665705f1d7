// The chart of a third-party operator: got, held against its pins, rendered as a release of its own.
//
// Failure: refused if the digest or version is not what the environment says, or if the environment wants a digest and
// has none; the hint then carries the digest that was found. Threading: one thread per call.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/apply/desired.h"
#include "core/chart/repository.h"
#include "core/port/process.h"

namespace nautilus::apply {

// What getting a chart needs. Without a connector nothing is fetched: with --bundle, and in rehearsals.
struct ChartAccess {
  const port::Filesystem& files;
  const port::Process& process;  // the variables with a repository's credentials
  const port::Clock& clock;
  const port::Interrupt& interrupt;
  port::Connector* connector = nullptr;
};

struct OperatorChart {
  std::shared_ptr<const chart::Chart> chart;
  std::string archive;  // the .tgz; empty for a directory
  std::string digest;   // of it
};

// One operator as it should be: a release of its own, in its own namespace, with its own history.
struct DesiredOperator {
  const env::Operator* op = nullptr;  // into the environment it was rendered for
  env::Environment env;               // the release's: its name is "prod/cert-manager"
  Desired desired;
  std::string archive, digest;  // as in OperatorChart
};

Result<OperatorChart> load_operator_chart(const ChartAccess& access, const env::Environment& environment,
                                          const env::Operator& op);

// The environment of the operator's own release: no secrets, its namespace, the timeouts of the whole.
env::Environment operator_environment(const env::Environment& environment, const env::Operator& op);

Result<DesiredOperator> render_operator(const ChartAccess& access, const env::Environment& environment,
                                        const env::Operator& op, chart::RenderServices& services);

// All that nautilusctl installs, in order; `only` limits it to one ("" = all).
Result<std::vector<DesiredOperator>> render_operators(const ChartAccess& access, const env::Environment& environment,
                                                      const std::string& only, chart::RenderServices& services);

}  // namespace nautilus::apply
