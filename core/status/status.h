// Is an object done? One readiness rule per kind.
//
// Source followed: kstatus (sigs.k8s.io/cli-utils pkg/kstatus): an object is Current when its controller has seen the
// newest spec and made it so, InProgress until then, Failed when it says it cannot. Kinds without a rule of their own
// follow the generic one: observedGeneration, then the conditions Reconciling, Stalled, Ready, Available and
// Programmed; without a status they are current. Threading: pure functions.
#pragma once

#include <string>
#include <vector>

#include "core/value/json.h"

namespace nautilus::status {

enum class State { current, in_progress, failed, terminating, not_found, unknown };
std::string_view name(State state);  // "Current", "InProgress", ...

struct Verdict {
  State state = State::unknown;
  std::string reason;   // one word: "LessReady", "ProgressDeadlineExceeded"
  std::string message;  // for a person: "3 of 10 replicas are ready"
};

Verdict compute(const Json& object);

// Why a workload is not ready, from its pods: the most telling cause first, with how many pods share it:
// "2 of 10 pods: ImagePullBackOff: ...". "" if the pods say nothing.
std::string explain(const Json& object, const std::vector<Json>& pods);

}  // namespace nautilus::status
