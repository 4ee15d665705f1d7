// ControllerRevisions: the pod templates a StatefulSet or DaemonSet has had, numbered.
#pragma once

#include <vector>

#include "core/sim/control/world.h"

namespace nautilus::sim {

struct Revisions {
  std::vector<ObjectPtr> all;  // by revision number, oldest first
  ObjectPtr update;            // the one that equals the present template
  std::int64_t collisions = 0;
  ObjectPtr named(const std::string& name) const;
};

// Finds the revision of the owner's present template: the newest if it is unchanged, an older one (numbered anew) if
// the template went back to it, or a new one.
Result<Revisions> sync_revisions(World& world, const Json& owner, const Kind& kind);
// Deletes the oldest revisions that nothing uses, down to `keep`.
Result<> trim_revisions(World& world, const Revisions& revisions, const std::set<std::string>& in_use,
                        std::int64_t keep);
// The pod template saved in a revision.
const Json* template_of(const Json& revision);

}  // namespace nautilus::sim
