// Makes a plan from a component's name: finds its workload, its containers and the routes that split its traffic.
#pragma once

#include "core/apply/cluster.h"
#include "core/upgrade/plan.h"

namespace nautilus::upgrade {

struct Wish {
  std::string component, namespace_;
  std::vector<std::string> images;  // "CONTAINER=IMAGE", or "IMAGE" where there is one container
  std::string strategy;             // "" = rolling, or ordered for a StatefulSet
  std::vector<std::string> steps;   // "5:2m"
  std::string hold, deadline, step_limit;
};

// spec.change. A component is a workload whose app.kubernetes.io/name is its name, with or without "nautilus-" before
// it. Code::not_found naming what there is; Code::invalid for a wish that cannot be read.
Result<Json> propose(apply::Cluster& cluster, const Wish& wish);

// spec.change that brings back what was before a plan that is done: a quarter of the pods at a time.
Json rollback_change(const Plan& done, int replicas);

// A name for a plan of the component that is not taken: "backend-20261128-1203".
std::string plan_name(const std::string& component, port::WallTime now);

}  // namespace nautilus::upgrade
