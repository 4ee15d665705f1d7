// The arithmetic of a Deployment's rollout, apart from the controller so that tables can check it.
// Follows the Deployment controller of Kubernetes 1.37 (percentages: surge rounds up, unavailable down; both zero means
// one unavailable).
#pragma once

#include <cstdint>
#include <vector>

#include "core/value/json.h"

namespace nautilus::sim {

struct RolloutLimits {
  std::int64_t replicas = 1;
  std::int64_t surge = 0;        // pods allowed above `replicas`
  std::int64_t unavailable = 0;  // pods allowed to be missing
  bool rolling = true;
};
RolloutLimits rollout_limits(const Json& deployment);

struct ReplicaSetSize {
  std::int64_t wanted = 0;      // spec.replicas
  std::int64_t available = 0;   // status.availableReplicas
  std::int64_t max_before = 0;  // the max-replicas annotation; 0 = none
};

// What the new replica set's size should be now.
std::int64_t new_set_size(const RolloutLimits& limits, std::int64_t current_total, std::int64_t new_wanted);
// The sizes of the old replica sets (oldest first) after one pass: first the pods that are not available anyway, then
// as many as availability allows.
std::vector<std::int64_t> old_set_sizes(const RolloutLimits& limits, const ReplicaSetSize& fresh,
                                        std::vector<ReplicaSetSize> old);
// Scaling in the middle of a rollout: how many replicas each set gains or loses (sets in the order in which they are to
// be served, the first takes what rounding leaves over).
std::vector<std::int64_t> proportional_sizes(const RolloutLimits& limits, std::int64_t status_replicas,
                                             const std::vector<ReplicaSetSize>& sets);

}  // namespace nautilus::sim
