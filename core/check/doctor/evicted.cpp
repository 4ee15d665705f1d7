// pods.evicted-or-oom, pods.stuck-terminating: pods that were taken, and pods that do not go.
#include <fmt/format.h>

#include "core/check/doctor/doctor.h"
#include "core/check/doctor/pod_findings.h"

namespace nautilus::check {

namespace {

constexpr port::Duration kRecent = std::chrono::hours(6);       // older ends are history
constexpr port::Duration kGoneGrace = std::chrono::minutes(2);  // beyond the pod's own grace period

void taken(const Facts& facts, Outcome& outcome) {
  find_in_pods(facts, outcome, [&](const Json& pod) -> std::optional<PodCause> {
    if (value::string_at(pod, "status", "reason") == "Evicted" &&
        !facts.older_than(value::string_at(pod, "metadata", "creationTimestamp"), std::chrono::hours(24)))
      return PodCause{"evicted", "Evicted: " + value::string_at(pod, "status", "message"),
                      "its node ran short of what the message names: see nodes.pressure, and set requests to what the "
                      "pod really uses",
                      {},
                      Severity::warn};
    std::optional<PodCause> cause;
    any_container(pod, [&](const Json& status, bool) {
      for (const char* when : {"state", "lastState"}) {
        const Json* ended = value::find(status, when, "terminated");
        if (!ended || value::string_at(*ended, "reason") != "OOMKilled" ||
            facts.older_than(value::string_at(*ended, "finishedAt"), kRecent))
          continue;
        // One that is in a loop is told by pods.crash-loop, memory included.
        if (value::string_at(status, "state", "waiting", "reason") == "CrashLoopBackOff") return false;
        const auto since = facts.age(value::string_at(*ended, "finishedAt"));
        const std::string name = value::string_at(status, "name");
        cause = PodCause{"oom " + name,
                         fmt::format("container {}: OOMKilled {} ago, {} restarts", name,
                                     since ? age_text(*since) : "some time", value::int_at(status, 0, "restartCount")),
                         "it reached its memory limit: compare the limit with what it uses before the next one "
                         "(kubectl top pods, kubectl get vpa)",
                         fmt::format("kubectl -n {} top pods --containers", namespace_of(pod)), Severity::warn};
        return true;
      }
      return false;
    });
    return cause;
  });
}

void stuck(const Facts& facts, Outcome& outcome) {
  find_in_pods(facts, outcome, [&](const Json& pod) -> std::optional<PodCause> {
    // The API server sets the time at which the grace period ends.
    const std::string until = value::string_at(pod, "metadata", "deletionTimestamp");
    if (until.empty() || !facts.older_than(until, kGoneGrace)) return std::nullopt;
    const Json& finalizers = items(pod, "metadata", "finalizers");
    const std::string node = value::string_at(pod, "spec", "nodeName");
    if (!finalizers.empty())
      return PodCause{"finalizer",
                      fmt::format("should be gone for {}, finalizer {}", age_text(*facts.age(until)),
                                  finalizers.front().is_string() ? finalizers.front().get<std::string>() : "?"),
                      "the owner of the finalizer has work to do: look at its controller; do not take the finalizer off "
                      "by hand",
                      {}};
    return PodCause{"node " + node, fmt::format("should be gone for {}, node {}", age_text(*facts.age(until)), node),
                    "its node does not confirm the end. Never force the deletion of an engine or a database while the "
                    "node may still run it: two of them would write",
                    fmt::format("kubectl describe node {}", node)};
  });
}

}  // namespace

std::vector<Check> taken_pod_checks() {
  return {{{"pods.evicted-or-oom", "No pod was evicted, and none ran out of memory.",
            "Pods with the reason Evicted of the last day, and containers that were OOMKilled within six hours and are "
            "not in a crash loop.",
            "Evicted: the node was short of memory or disk. OOMKilled: the container reached its own limit. Either way "
            "requests and limits do not fit what is used.",
            "pods.evicted-or-oom"},
           {{&source::kPods}, {&source::kReplicaSets, Need::How::evidence}},
           taken},
          {{"pods.stuck-terminating", "Pods that were deleted go.",
            "Pods whose deletion should have ended two minutes ago or more.",
            "A finalizer: its controller. Otherwise the node: if it is lost for good, fence it first, then remove the "
            "Node object and the pods go with it.",
            "pods.stuck-terminating"},
           {{&source::kPods}, {&source::kReplicaSets, Need::How::evidence}},
           stuck}};
}

}  // namespace nautilus::check
