// Plans, outcomes and states, for people and for machines.
#pragma once

#include <string>

#include "core/apply/planner.h"
#include "core/release/deploy.h"
#include "core/release/operators.h"
#include "core/release/status.h"

namespace nautilus::cli {

// "prod: 12 to create, 3 to change, 0 to remove, 85 unchanged (sha256:0f3a...)"
std::string plan_summary(const apply::Plan& plan);
// The summary, then one line per object that would change, then its unified diff.
std::string plan_details(const apply::Planned& planned);
// The operators' plans under their names, then the environment's; `planned` may be null. As JSON: the environment's
// plan (or an empty object) with the operators' under "operators".
std::string plans_details(const std::vector<release::PlannedOperator>& operators, const apply::Planned* planned);
Json plans_json(const std::vector<release::PlannedOperator>& operators, const apply::Planned* planned);
Json plan_json(const apply::Planned& planned);
Json outcome_json(const release::Outcome& outcome);
// The waves with their times.
std::string timeline(const release::Outcome& outcome);

}  // namespace nautilus::cli
