#include <fmt/format.h>

#include "core/check/doctor/doctor.h"
#include "core/check/doctor/pod_findings.h"
#include "core/status/rules.h"

namespace nautilus::check {

namespace {

bool about_volumes(const std::string& message) {
  return message.find("PersistentVolumeClaim") != std::string::npos ||
         message.find("persistentvolumeclaim") != std::string::npos;
}

std::string hint_for(const std::string& message) {
  if (message.find("Insufficient") != std::string::npos)
    return "the nodes are full: add nodes, or lower requests or replicas in the environment's values";
  if (message.find("taint") != std::string::npos || message.find("unschedulable") != std::string::npos)
    return "nodes are cordoned or tainted: kubectl get nodes says which; uncordon them or add others";
  if (message.find("topology spread") != std::string::npos || message.find("affinity") != std::string::npos)
    return "the rules of spreading leave no node: a zone is missing or full; add nodes there";
  return "compare what the pod asks for (requests, node selector, zones) with what the nodes have";
}

void look(const Facts& facts, Outcome& outcome) {
  find_in_pods(facts, outcome, [&](const Json& pod) -> std::optional<PodCause> {
    const Json* scheduled = status::condition(pod, "PodScheduled");
    if (!scheduled || value::string_at(*scheduled, "status") != "False") return std::nullopt;
    // A gate is somebody's own wish; volumes have a check of their own.
    if (value::string_at(*scheduled, "reason") == "SchedulingGated") return std::nullopt;
    const std::string message = value::string_at(*scheduled, "message");
    if (about_volumes(message)) return std::nullopt;
    return PodCause{hint_for(message), reason_and_message(*scheduled), hint_for(message), {}};
  });
}

}  // namespace

Check unschedulable_check() {
  return {{"pods.unschedulable", "Every pod has found a node.",
           "Pods whose condition PodScheduled is False, with the scheduler's own words. Pods that only wait for a volume "
           "are told by pods.pvc-unbound.",
           "The message counts the nodes by what keeps the pod off them. Insufficient cpu or memory: more nodes or "
           "smaller requests. Taints: uncordon. Spread or affinity: nodes in the zone that is short.",
           "pods.unschedulable"},
          {{&source::kPods}, {&source::kReplicaSets, Need::How::evidence}},
          look};
}

}  // namespace nautilus::check
