// The checks of `nautilusctl doctor`: the platform guide's troubleshooting flows (pods that do not start, the
// database, WebSockets, autoscaling) and what lies under all of them (nodes, certificates, webhooks, events).
//
// One file for each check or small family; each function gives its own. Ids never change their meaning.
#pragma once

#include <vector>

#include "core/check/check.h"

namespace nautilus::check {

// All of them, by flow, in the order they are printed.
const std::vector<Check>& doctor_checks();

std::vector<Check> node_checks();
std::vector<Check> cluster_checks();
Check image_pull_check();
Check crash_loop_check();
Check missing_config_check();
Check unschedulable_check();
Check claims_check();
std::vector<Check> refused_pod_checks();
std::vector<Check> probe_checks();
std::vector<Check> taken_pod_checks();
Check replicas_missing_check();
std::vector<Check> database_checks();
Check database_services_check();
Check network_policy_check();
std::vector<Check> websocket_checks();
Check websocket_services_check();
std::vector<Check> autoscaling_checks();
Check services_check();
std::vector<Check> certificate_checks();
std::vector<Check> webhook_checks();
Check warnings_check();

}  // namespace nautilus::check
