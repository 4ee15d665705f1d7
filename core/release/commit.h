// Carries out a plan under the lock and keeps the record of it. Used by deploy, rollback and destroy.
#pragma once

#include "core/release/deploy.h"

namespace nautilus::release {

// What an earlier run made, as the planner wants it.
std::vector<apply::InventoryEntry> entries(const std::vector<RecordedObject>& objects);

// Locks, checks that the history is the one the plan was made from, records a pending revision, executes, records the
// end, gives the lock back; also when it fails or is interrupted.
Result<> commit(const Session& session, const apply::Plan& plan, const DeployOptions& options, Outcome& outcome);

}  // namespace nautilus::release
