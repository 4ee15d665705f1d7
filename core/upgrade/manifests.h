// What an upgrade writes: pure functions from live objects and a wish to what is sent.
#pragma once

#include <utility>

#include "core/upgrade/decide.h"

namespace nautilus::upgrade {

inline constexpr std::string_view kManager = "nautilusctl-upgrade";
inline constexpr std::string_view kPlanLabel = "upgrade.nautilusctl.io/plan";

// Server-side apply of images, strategy and, if so, paused: these fields and no others.
Json workload_patch(const Change& change, const Action& action);
// The Deployment beside the stable one: the same pods with the new images, as track canary. No replicas come from an
// autoscaler there.
Json canary_manifest(const Plan& plan, const Json& stable, const Action& action);
// The Job that hands the primary's role over. Its name is of the plan, the step and who gives the role away.
Json switchover_job(const Plan& plan, const Action& action);
std::string switchover_name(const Plan& plan);

// The weights {stable, canary} of every rule that splits; a missing weight is 0 beside another, and 1 alone (Gateway
// API) or 100 alone (Istio).
std::vector<std::pair<int, int>> split_weights(const Route& route, const Json& live);
// The Services whose traffic those rules split: the first label of Istio's host, the backend's name without its track.
std::vector<std::string> split_hosts(const Route& route, const Json& live);
// RFC 6902 that gives the canary `weight` percent in each of those rules, only if the route is still the one that was
// read. The sum is 100 by construction.
Json weight_patch(const Route& route, const Json& live, int weight);

}  // namespace nautilus::upgrade
