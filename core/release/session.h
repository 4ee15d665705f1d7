// What every operation on the release of one environment needs.
#pragma once

#include <string>

#include "core/apply/cluster.h"
#include "core/env/environment.h"
#include "core/port/entropy.h"
#include "core/release/store.h"

namespace nautilus::release {

struct Session {
  apply::Cluster& cluster;
  const env::Environment& env;
  port::Entropy& entropy;
  std::string who;  // "ann@host pid 4711": holder of the lock and author of the revision

  Store store() const { return Store(cluster, env.release, env.namespace_); }
};

// Refuses (Code::refused) a cluster that is not the one the environment is pinned to.
Result<> check_cluster(const Session& session);

}  // namespace nautilus::release
