// A pod's status as a kubelet writes it, and what a pod may be missing before it can start. Pure functions.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "core/sim/control/objects.h"

namespace nautilus::sim {

struct ContainerView {
  enum class State { waiting, running, ready, crashed, ended } state = State::waiting;
  std::size_t initialised = 0;  // init containers that have ended well
  int restarts = 0;
  int exit_code = 0;
  std::string started_at, finished_at;
  std::string problem_reason, problem, problem_container;  // why it waits
};

// Writes phase, conditions and container statuses into pod.status.
void write_pod_status(Json& pod, const ContainerView& view, port::WallTime now);

using Lookup = std::function<ObjectPtr(const Kind&, const std::string& name)>;
// The message of the first volume whose ConfigMap or Secret is not there, in the kubelet's words.
std::optional<std::string> missing_volume_source(const Json& pod_spec, const Lookup& lookup);
// The message of the first environment variable that cannot be filled in.
std::optional<std::string> missing_environment(const Json& container, const std::string& ns, const Lookup& lookup);

}  // namespace nautilus::sim
