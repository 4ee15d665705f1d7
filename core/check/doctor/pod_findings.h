// Findings about pods, told once for each workload and cause, not once for each of its hundred pods.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "core/check/check.h"

namespace nautilus::check {

struct PodCause {
  std::string key;       // pods of one workload with the same key are one finding
  std::string evidence;  // of the first such pod
  std::string hint;
  std::string command;  // empty: describe the first pod
  Severity severity = Severity::fail;
};

// Asks `cause` about every pod of the platform.
void find_in_pods(const Facts& facts, Outcome& outcome,
                  const std::function<std::optional<PodCause>(const Json& pod)>& cause);

// Every container status of a pod, init containers first, until `visit` returns true; whether one did.
bool any_container(const Json& pod, const std::function<bool(const Json& status, bool init)>& visit);

// "reason: message", or what there is of the two.
std::string reason_and_message(const Json& state);

}  // namespace nautilus::check
