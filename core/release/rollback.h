// Goes back to an earlier revision: the whole release, or one component of it.
#pragma once

#include <string>

#include "core/release/deploy.h"

namespace nautilus::release {

struct RollbackTarget {
  std::string component;  // "backend", "redis"; "" = everything
  int to = 0;             // revision; 0 = the newest deployed one before the current
  std::string reason;     // for the history
};

// What the release looks like after the rollback. A component is matched by app.kubernetes.io/name ("backend" also
// finds "nautilus-backend"), app.kubernetes.io/component, or the subchart it was rendered from.
Result<apply::Desired> rollback_state(const std::vector<Revision>& revisions, const RollbackTarget& target,
                                      int& chosen_revision);

Result<> rollback(const Session& session, const RollbackTarget& target, const DeployOptions& options, Outcome& outcome);

bool belongs_to(const RecordedObject& object, const std::string& component);

}  // namespace nautilus::release
