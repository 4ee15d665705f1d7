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

Check image_pull_check();
Check crash_loop_check();
Check unschedulable_check();
std::vector<Check> refused_pod_checks();

}  // namespace nautilus::check
