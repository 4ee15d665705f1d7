// pods.probe-failing, pods.init-stuck: containers that run and get no further.
#include <fmt/format.h>

#include "core/check/doctor/doctor.h"
#include "core/check/doctor/pod_findings.h"

namespace nautilus::check {

namespace {

constexpr port::Duration kReadyGrace = std::chrono::minutes(2);  // most of ours are ready within seconds
constexpr port::Duration kInitGrace = std::chrono::minutes(5);   // an init container may wait for a database

bool leaving(const Json& pod) { return value::find(pod, "metadata", "deletionTimestamp") != nullptr; }

bool is_sidecar(const Json& pod, const std::string& name) {
  for (const Json& container : items(pod, "spec", "initContainers"))
    if (value::string_at(container, "name") == name) return value::string_at(container, "restartPolicy") == "Always";
  return false;
}

void probes(const Facts& facts, Outcome& outcome) {
  find_in_pods(facts, outcome, [&](const Json& pod) {
    std::optional<PodCause> cause;
    if (leaving(pod)) return cause;
    any_container(pod, [&](const Json& status, bool init) {
      const std::string name = value::string_at(status, "name");
      if (init && !is_sidecar(pod, name)) return false;
      const Json* running = value::find(status, "state", "running");
      if (!running || value::bool_at(status, true, "ready") ||
          !facts.older_than(value::string_at(*running, "startedAt"), kReadyGrace))
        return false;
      const std::string event = facts.event_text(pod, {"Unhealthy", "ProbeWarning"});
      const auto since = facts.age(value::string_at(*running, "startedAt"));
      cause = PodCause{name,
                       fmt::format("container {}: running for {}, not ready{}{}", name, age_text(*since),
                                   event.empty() ? "" : "; ", event),
                       "ask what the probe asks and read the container's output: it is most often something it depends "
                       "on (database, engine, certificate), not the probe",
                       fmt::format("kubectl -n {} logs {} -c {} --tail=50", namespace_of(pod), name_of(pod), name)};
      return true;
    });
    return cause;
  });
}

void init(const Facts& facts, Outcome& outcome) {
  find_in_pods(facts, outcome, [&](const Json& pod) {
    std::optional<PodCause> cause;
    if (leaving(pod)) return cause;
    any_container(pod, [&](const Json& status, bool is_init) {
      const std::string name = value::string_at(status, "name");
      const Json* running = value::find(status, "state", "running");
      if (!is_init || !running || is_sidecar(pod, name) ||
          !facts.older_than(value::string_at(*running, "startedAt"), kInitGrace))
        return false;
      cause = PodCause{name,
                       fmt::format("init container {}: running for {}", name,
                                   age_text(*facts.age(value::string_at(*running, "startedAt")))),
                       "it waits for something, and its output says what; the pod's own containers start only after it",
                       fmt::format("kubectl -n {} logs {} -c {} --tail=50", namespace_of(pod), name_of(pod), name)};
      return true;
    });
    return cause;
  });
}

const std::vector<Need> kNeeds = {{&source::kPods},
                                  {&source::kReplicaSets, Need::How::evidence},
                                  {&source::kEvents, Need::How::evidence}};

}  // namespace

std::vector<Check> probe_checks() {
  return {{{"pods.probe-failing", "Every container that runs becomes ready.",
            "Containers that have been running for more than two minutes and are not ready, with the kubelet's event "
            "about the probe.",
            "Read the container's output and try what the probe tries. Look at what it depends on first: the other "
            "findings of this report, then the database.",
            "NautilusPodNotReady"},
           kNeeds,
           probes},
          {{"pods.init-stuck", "No pod waits in an init container.",
            "Init containers (sidecars left out) that have been running for more than five minutes.",
            "Its output says what it waits for. Restarting the pod only restarts the waiting.", "pods.init-stuck"},
           kNeeds,
           init}};
}

}  // namespace nautilus::check
