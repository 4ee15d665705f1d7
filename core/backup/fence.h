// What keeps a restored platform from trading: the fence, raised before Velero puts anything back, and checked after.
//
// - network: in every target namespace one NetworkPolicy by which pods reach only pods of the same restore and DNS. The
//   backup's own policies are not restored, because policies add up; a target that has policies of others is refused.
// - credentials: the content of Secrets of venues (kVenueSecrets) is taken out on the way, by Velero's resource
//   modifiers.
// - engines: their StatefulSets come back with no replicas and with the fence's mark. Leases are never restored, so
// that
//   an engine that somebody starts later takes a new epoch, above every one in its journal
//   (docs/engine/replication.md).
// - clocks: CronJobs come back suspended.
// Threading: pure functions.
#pragma once

#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/value/json.h"

namespace nautilus::backup {

inline constexpr std::string_view kFence = "nautilusctl-restore-fence";      // the NetworkPolicy
inline constexpr std::string_view kRestoreLabel = "nautilusctl.io/restore";  // of target namespaces
inline constexpr std::string_view kFencedBy = "nautilusctl.io/fenced-by";    // annotation of engines
inline constexpr std::string_view kVenueSecrets = "^.*venue.*$";             // names of Secrets, RE2
inline constexpr std::string_view kEngineComponent = "engine";               // app.kubernetes.io/component

// Names of the platform that hold venue credentials.
bool is_venue_secret(std::string_view name);

Json fence_namespace(const std::string& name, const std::string& restore);
Json fence_policy(const std::string& namespace_, const std::string& restore);
// The ConfigMap of Velero's resource modifiers. `sources`: the namespaces as they are called in the backup.
Json fence_modifiers(const std::string& velero_namespace, const std::string& restore,
                     const std::vector<std::string>& sources);

// What stands in a target namespace: null lists are empty. One sentence for each hole.
struct Walls {
  std::vector<Json> policies, engines, secrets, cron_jobs;
};
std::vector<std::string> holes(const std::string& namespace_, const std::string& restore, const Walls& walls);

}  // namespace nautilus::backup
