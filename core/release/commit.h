// Carries out a plan under the lock and keeps the record of it. Used by deploy, rollback and destroy.
#pragma once

#include "core/release/deploy.h"
#include "core/release/lock.h"

namespace nautilus::release {

// What an earlier run made, as the planner wants it.
std::vector<apply::InventoryEntry> entries(const std::vector<RecordedObject>& objects);

// Locks, checks that the history is the one the plan was made from, records a pending revision, executes, records the
// end, gives the lock back; also when it fails or is interrupted.
Result<> commit(const Session& session, const apply::Plan& plan, const DeployOptions& options, Outcome& outcome);

// The end of a run that only moved ownership (adopt, export): the revision and, if it succeeded, those it replaces are
// recorded, the lock is given back. A run that lost the lock writes nothing. `again` is the command that goes on.
Result<> record_end(const Session& session, Result<> done, Revision& revision, std::vector<Revision>& revisions,
                    Lock& lock, std::string_view again);

}  // namespace nautilus::release
