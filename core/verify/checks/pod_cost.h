// What sets of pods ask for: requests and limits of a pod with its sidecar, and how many pods there can be at once.
#pragma once

#include <map>
#include <string>

#include "core/verify/platform.h"

namespace nautilus::verify {

// By the names a ResourceQuota uses: requests.cpu, requests.memory, limits.cpu, limits.memory, pods.
using Cost = std::map<std::string, base::Quantity, std::less<>>;

// One pod: the larger of the init containers and the sum of the others, with what keeps running beside them.
Cost pod_cost(const Platform& platform, const PodSet& set);
// Pods of a rolling update on top of `pods`.
int surge_of(const PodSet& set, int pods);
base::Quantity times(const base::Quantity& quantity, std::int64_t count);
void add(base::Quantity& sum, const base::Quantity& more);

}  // namespace nautilus::verify
