// The operators that nautilusctl installs: each a release of its own, brought up before the environment that uses them.
//
// Purpose: deploy, plan, status and history over several releases. Each has its own namespace, lock, history and
// inventory, so that removing or pruning one never touches another, nor the environment.
// Order: as the environment lists them; each is healthy before the next begins, and all before the environment's own
// waves. Threading: the client's thread.
#pragma once

#include <string>
#include <vector>

#include "core/apply/operator_chart.h"
#include "core/release/deploy.h"
#include "core/release/status.h"

namespace nautilus::release {

struct OperatorOutcome {
  std::string name;
  Outcome outcome;
};

// `platform` is what the environment itself renders: a namespace of an operator that it renders too is made as it says,
// and stays the environment's. A failure names the operator; what came before it is in `outcomes`.
Result<> deploy_operators(const Session& session, const std::vector<apply::DesiredOperator>& operators,
                          const apply::Desired& platform, const DeployOptions& options,
                          std::vector<OperatorOutcome>& outcomes);

struct PlannedOperator {
  std::string name, chart, digest;
  apply::Planned planned;
};

// What deploy_operators would do. Writes nothing.
Result<std::vector<PlannedOperator>> plan_operators(const Session& session,
                                                    const std::vector<apply::DesiredOperator>& operators,
                                                    const apply::Desired& platform, const DeployOptions& options);

// A session on the operator's own release; `env` is operator_environment() of it and outlives the session.
Session operator_session(const Session& session, const env::Environment& env);

}  // namespace nautilus::release
