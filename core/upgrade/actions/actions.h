// The only writes of an upgrade to what it upgrades. Each may be repeated, and each is refused by the server rather
// than done to something that has moved on meanwhile (then: Code::conflict, and the next round looks again).
#pragma once

#include "core/apply/cluster.h"
#include "core/upgrade/observe.h"

namespace nautilus::upgrade {

Result<> act(apply::Cluster& cluster, const Plan& plan, const Seen& seen, const Action& action);

Result<> set_workload(apply::Cluster& cluster, const Plan& plan, const Action& action);
Result<> set_canary(apply::Cluster& cluster, const Plan& plan, const Json& stable, const Action& action);
Result<> remove_canary(apply::Cluster& cluster, const Plan& plan, const Json& canary);
Result<> set_weight(apply::Cluster& cluster, const Plan& plan, const Seen& seen, int weight);
Result<> start_switchover(apply::Cluster& cluster, const Plan& plan, const Action& action);
Result<> remove_pod(apply::Cluster& cluster, const Plan& plan, const Action& action);

}  // namespace nautilus::upgrade
