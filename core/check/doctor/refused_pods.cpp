// pods.quota, pods.admission-denied: a controller wants pods and the API server does not take them.
//
// Deployments and ReplicaSets say it in a condition; StatefulSets, DaemonSets and Jobs only in an event FailedCreate.
#include <fmt/format.h>

#include <set>

#include "core/check/doctor/doctor.h"
#include "core/check/doctor/pod_findings.h"
#include "core/status/rules.h"

namespace nautilus::check {

namespace {

enum class Kind { quota, webhook, other };

Kind kind_of(const std::string& message) {
  if (message.find("exceeded quota") != std::string::npos ||
      message.find("failed quota") != std::string::npos)
    return Kind::quota;
  if (message.find("failed calling webhook") != std::string::npos) return Kind::webhook;
  return Kind::other;
}

struct Refusal {
  const Json* object;
  std::string message;
};

// One for each workload that lacks pods because they were refused.
std::vector<Refusal> refusals(const Facts& facts) {
  std::vector<Refusal> found;
  for (const Json* object : facts.snapshot.ours(source::kDeployments)) {
    const Json* failure = status::condition(*object, "ReplicaFailure");
    if (failure && value::string_at(*failure, "status") == "True")
      found.push_back({object, value::string_at(*failure, "message")});
  }
  for (const Source* source : {&source::kStatefulSets, &source::kDaemonSets, &source::kJobs})
    for (const Json* object : facts.snapshot.ours(*source)) {
      // An event outlives what it tells of: a workload that has its pods by now is not refused any more.
      if (status::compute(*object).state == status::State::current) continue;
      const std::string text = facts.event_text(*object, {"FailedCreate"});
      if (text.empty()) continue;
      const auto colon = text.find(": ");
      const std::string message = text.substr(colon + 2);
      const auto have = value::int_at(*object, 0, "status", "replicas");
      if (source == &source::kStatefulSets && have >= value::int_at(*object, 1, "spec", "replicas")) continue;
      found.push_back({object, message});
    }
  return found;
}

void quota(const Facts& facts, Outcome& outcome) {
  for (const Refusal& refusal : refusals(facts)) {
    if (kind_of(refusal.message) != Kind::quota) continue;
    outcome.fail(id_of(*refusal.object), refusal.message,
                 "raise the quota in the environment's values, or lower replicas or requests; a rollout may need room "
                 "for its surge only",
                 fmt::format("kubectl -n {} describe resourcequota", namespace_of(*refusal.object)));
  }
}

std::string hint_for(const std::string& message) {
  if (message.find("violates PodSecurity") != std::string::npos)
    return "the pod asks for more rights than its namespace allows: correct its securityContext, not the namespace";
  if (message.find("ValidatingAdmissionPolicy") != std::string::npos)
    return "a policy of the platform refuses the pod: the message says which rule; images need a digest and a listed "
           "registry";
  if (message.find("serviceaccount") != std::string::npos || message.find("service account") != std::string::npos)
    return "its ServiceAccount is missing: deploy the environment again";
  if (message.find("usage per") != std::string::npos)
    return "requests or limits are outside the namespace's LimitRange: correct one of the two in the values";
  if (message.find("priority") != std::string::npos) return "its PriorityClass is missing: deploy the environment again";
  return "the API server refuses the pod: the message says which rule; correct the template and deploy";
}

void denied(const Facts& facts, Outcome& outcome) {
  for (const Refusal& refusal : refusals(facts)) {
    if (kind_of(refusal.message) == Kind::quota) continue;
    const bool webhook = kind_of(refusal.message) == Kind::webhook;
    outcome.fail(id_of(*refusal.object), refusal.message,
                 webhook ? "a webhook that must be asked does not answer: see webhook.unreachable"
                         : hint_for(refusal.message),
                 describe(*refusal.object));
  }
}

const std::vector<Need> kNeeds = {{&source::kDeployments},
                                  {&source::kStatefulSets},
                                  {&source::kDaemonSets},
                                  {&source::kJobs},
                                  {&source::kEvents}};

}  // namespace

std::vector<Check> refused_pod_checks() {
  return {{{"pods.quota", "No pod is refused for want of quota.",
            "Deployments with ReplicaFailure, and StatefulSets, DaemonSets and Jobs that are not ready and have an event "
            "FailedCreate, where the message names a quota.",
            "The message has three numbers: requested, used, limited. Raise the quota, or ask for less. A rollout needs "
            "room for its surge beside what runs.",
            "NautilusQuotaNearlyUsed"},
           kNeeds,
           quota},
          {{"pods.admission-denied", "No pod is refused by a rule of the cluster.",
            "The same as pods.quota, where the message names Pod Security, an admission policy or webhook, a LimitRange, "
            "or something the pod refers to that is not there.",
            "The message names the rule. What the platform ships passes its own rules: find who changed the template, "
            "the policy or the namespace's labels (kubectl get --show-managed-fields).",
            "NautilusAdmissionPolicyViolation"},
           kNeeds,
           denied}};
}

}  // namespace nautilus::check
