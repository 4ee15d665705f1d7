// Looks at everything decide() needs of a plan. Reads only.
#pragma once

#include "core/apply/cluster.h"
#include "core/upgrade/services.h"

namespace nautilus::upgrade {

struct Seen {
  Observed observed;
  // As read: what the actions start from.
  Json stable, canary;
  std::vector<Json> routes;
};

Result<Seen> observe(apply::Cluster& cluster, const Services& services, const Plan& plan);

}  // namespace nautilus::upgrade
