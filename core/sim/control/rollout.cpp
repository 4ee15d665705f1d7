#include "core/sim/control/rollout.h"

#include <algorithm>
#include <cmath>

#include "core/sim/control/objects.h"

namespace nautilus::sim {

using value::find;

RolloutLimits rollout_limits(const Json& deployment) {
  RolloutLimits limits;
  limits.replicas = value::int_at(deployment, 1, "spec", "replicas");
  limits.rolling = value::string_at(deployment, "spec", "strategy", "type") != "Recreate";
  if (!limits.rolling || limits.replicas == 0) return limits;
  const Json kQuarter = "25%";
  const Json* surge = find(deployment, "spec", "strategy", "rollingUpdate", "maxSurge");
  const Json* unavailable = find(deployment, "spec", "strategy", "rollingUpdate", "maxUnavailable");
  limits.surge = int_or_percent(surge ? *surge : kQuarter, limits.replicas, true).value_or(0);
  limits.unavailable = int_or_percent(unavailable ? *unavailable : kQuarter, limits.replicas, false).value_or(0);
  if (limits.surge == 0 && limits.unavailable == 0) limits.unavailable = 1;
  limits.unavailable = std::min(limits.unavailable, limits.replicas);
  return limits;
}

std::int64_t new_set_size(const RolloutLimits& limits, std::int64_t current_total, std::int64_t new_wanted) {
  if (!limits.rolling || new_wanted >= limits.replicas) return limits.replicas;
  const std::int64_t room = limits.replicas + limits.surge - current_total;
  if (room <= 0) return new_wanted;
  return new_wanted + std::min(room, limits.replicas - new_wanted);
}

std::vector<std::int64_t> old_set_sizes(const RolloutLimits& limits, const ReplicaSetSize& fresh,
                                        std::vector<ReplicaSetSize> old) {
  std::int64_t total = fresh.wanted, available = fresh.available;
  for (const auto& set : old) {
    total += set.wanted;
    available += set.available;
  }
  const std::int64_t floor = limits.replicas - limits.unavailable;
  const std::int64_t may_go = total - floor - (fresh.wanted - fresh.available);
  std::int64_t gone = 0;
  // Pods that serve nobody go first: removing them costs no availability.
  for (auto& set : old) {
    if (gone >= may_go) break;
    const std::int64_t cut = std::min(may_go - gone, std::max<std::int64_t>(0, set.wanted - set.available));
    set.wanted -= cut;
    gone += cut;
  }
  std::int64_t spare = may_go > 0 ? std::max<std::int64_t>(0, available - floor) : 0;
  for (auto& set : old) {
    const std::int64_t cut = std::min(spare, set.wanted);
    set.wanted -= cut;
    spare -= cut;
  }
  std::vector<std::int64_t> sizes;
  for (const auto& set : old) sizes.push_back(set.wanted);
  return sizes;
}

std::vector<std::int64_t> proportional_sizes(const RolloutLimits& limits, std::int64_t status_replicas,
                                             const std::vector<ReplicaSetSize>& sets) {
  std::int64_t total = 0;
  for (const auto& set : sets) total += set.wanted;
  const std::int64_t allowed = limits.replicas > 0 ? limits.replicas + limits.surge : 0;
  const std::int64_t to_add = allowed - total;
  std::int64_t added = 0;
  std::vector<std::int64_t> sizes;
  for (const auto& set : sets) {
    std::int64_t share = 0;
    const std::int64_t before = set.max_before > 0 ? set.max_before : status_replicas;
    if (set.wanted != 0 && to_add != added && to_add != 0) {
      if (limits.replicas == 0) {
        share = -set.wanted;
      } else if (before > 0) {
        const double size = static_cast<double>(set.wanted * allowed) / static_cast<double>(before);
        share = static_cast<std::int64_t>(std::llround(size)) - set.wanted;
      }
      share = to_add > 0 ? std::min(share, to_add - added) : std::max(share, to_add - added);
    }
    sizes.push_back(set.wanted + share);
    added += share;
  }
  if (!sizes.empty() && to_add != 0) sizes.front() = std::max<std::int64_t>(0, sizes.front() + to_add - added);
  return sizes;
}

}  // namespace nautilus::sim
