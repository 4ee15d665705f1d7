// Waits until objects are healthy, or says why they are not.
//
// Health is core/status's verdict per kind (kstatus semantics). Objects are watched per kind and namespace; the answer
// of the apply itself is the first observation, so that what is healthy at once costs no request.
// Ends: every object Current; or one is Failed; or the deadline passed; or the guard says stop (the lock was lost).
// Threading: the client's thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/apply/cluster.h"
#include "core/apply/observe.h"
#include "core/status/status.h"

namespace nautilus::apply {

struct Awaited {
  value::ObjectId id;
  std::string api_version;
  Json latest;  // what is known of it; null if nothing
};

struct WaitOptions {
  port::Duration timeout{};
  std::string phase;                // for events: "3/4 services"
  std::function<Result<>()> guard;  // asked whenever something happens; an error ends the wait
};

// Emits one `ready` event per object that becomes healthy, and `waiting` events with the reason when it changes.
Result<> wait_until_healthy(Cluster& cluster, std::vector<Awaited> objects, const WaitOptions& options);

// Waits until none of the objects exists.
Result<> wait_until_gone(Cluster& cluster, const std::vector<Wanted>& objects, const WaitOptions& options);

// What is wrong with a workload in terms of its pods: "2 of 3 pods: ImagePullBackOff: ...". "" if nothing is to be
// said.
std::string explain(Cluster& cluster, const value::ObjectId& id, const Json& object);

}  // namespace nautilus::apply
