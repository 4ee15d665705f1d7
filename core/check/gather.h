// Reads a snapshot of a live cluster: one LIST for each source, all at once over one connection.
//
// A kind that may not be listed everywhere is asked for again in the environment's own namespace. What cannot be read
// is part of the snapshot, not a failure of the whole. Failure: only if the server cannot be talked to at all, does
// not know who we are, or an interrupt arrives. Writes nothing. Threading: the client's thread.
#pragma once

#include <vector>

#include "core/check/snapshot.h"
#include "core/env/environment.h"
#include "core/kube/client.h"
#include "core/kube/discovery.h"

namespace nautilus::check {

inline constexpr port::Duration kGatherTimeout = std::chrono::seconds(60);  // for all lists together

// The platform's namespaces are the environment's own, its operators', and those that carry the platform's label.
inline constexpr std::string_view kPlatformLabel = "app.kubernetes.io/part-of";
inline constexpr std::string_view kPlatformName = "nautilus-platform";

Result<Snapshot> gather(kube::Client& client, kube::Discovery& discovery, const env::Environment& env,
                        std::vector<const Source*> sources);

}  // namespace nautilus::check
