// Pods as their controllers make and count them.
#pragma once

#include <vector>

#include "core/sim/control/world.h"

namespace nautilus::sim {

PodInfo read_pod(ObjectPtr pod);

// A pod from spec.template of its owner, in the owner's namespace, with generateName "<owner>-".
Json pod_from_template(const Json& pod_template, const Json& owner, const Kind& owner_kind);

// Takes over pods without a controller that the selector matches and lets go of those it no longer matches; returns
// the pods that are the owner's afterwards.
Result<std::vector<const PodInfo*>> claim_pods(World& world, const Json& owner, const Kind& kind, const Json* selector);

// In the order in which a ReplicaSet gives pods up: unscheduled, pending, not ready, cheap ones, those sharing a node
// with many of the same set, recently ready, often restarted, young.
void sort_for_removal(std::vector<const PodInfo*>& pods);

}  // namespace nautilus::sim
