// Live objects as decide() wants to see them. Pure.
#pragma once

#include "core/upgrade/decide.h"

namespace nautilus::upgrade {

// `live` null = it does not exist. `pods`: those its selector finds.
WorkloadView view_workload(const Change& change, const Json& live, const std::vector<Json>& pods);
// How the route splits `service` hosts between the tracks.
RouteView view_route(const Route& route, const Json& live);
// "key=value,key2=value2" of spec.selector.matchLabels, without the track.
std::string pod_selector(const Json& workload);
bool is_canary_pod(const Json& pod);

}  // namespace nautilus::upgrade
