// Brings a release to a desired state: plan, lock, record, execute, record the end.
//
// Every step can be killed. A run that was killed leaves a `pending` revision and an expiring lock; the next deploy
// plans against what is really there, finishes it and marks the old revision interrupted. A deploy that has nothing to
// do writes nothing at all: no lock, no record.
// Threading: the client's thread.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "core/apply/execute.h"
#include "core/apply/planner.h"
#include "core/release/session.h"

namespace nautilus::release {

struct DeployOptions {
  bool wait = true;
  std::set<std::string> take_from, allow_removal;
  bool operators_come_first = false;  // a plan before our operators are installed: their kinds may be missing
  bool is_operator = false;           // the release of an operator
  port::Duration lock_wait{};
  std::string take_over_lock;
  // Asked with the plan before anything is written; false = the user said no (Code::interrupted).
  std::function<Result<bool>(const apply::Planned&)> confirm;
};

struct Outcome {
  int revision = 0;    // 0 = nothing was written
  std::string digest;  // of the plan
  apply::Planned planned;
  apply::Execution execution;
};

// The plan alone, with the history it was based on; what `diff` prints.
Result<apply::Planned> plan(const Session& session, const apply::Desired& desired, const DeployOptions& options);

Result<> deploy(const Session& session, const apply::Desired& desired, const DeployOptions& options, Outcome& outcome);

// Applies a plan that was made and saved earlier.
Result<> deploy_saved(const Session& session, const apply::Plan& plan, const DeployOptions& options, Outcome& outcome);

// All problems of a plan as one error; ok if there are none.
Result<> refuse_problems(const apply::Planned& planned);

}  // namespace nautilus::release
