// pods.replicas-missing: what no pod and no event explains.
#include <fmt/format.h>

#include "core/check/doctor/doctor.h"
#include "core/status/rules.h"

namespace nautilus::check {

namespace {

constexpr port::Duration kGrace = std::chrono::minutes(2);

// The newest change of the workload that is known of: a rollout gets its time from there.
bool settled(const Facts& facts, const Json& object) {
  if (!facts.older_than(value::string_at(object, "metadata", "creationTimestamp"), kGrace)) return false;
  for (const Json& condition : items(object, "status", "conditions")) {
    const std::string time = value::string_at(condition, "lastUpdateTime");
    if (!time.empty() && !facts.older_than(time, kGrace)) return false;
  }
  return true;
}

void look(const Facts& facts, Outcome& outcome) {
  std::size_t looked_at = 0;
  for (const Source* source : {&source::kDeployments, &source::kStatefulSets, &source::kDaemonSets})
    for (const Json* object : facts.snapshot.ours(*source)) {
      ++looked_at;
      const status::Verdict verdict = status::compute(*object);
      if (verdict.state == status::State::current || verdict.state == status::State::terminating) continue;
      std::vector<Json> pods;
      bool young = false, told = false;
      if (const auto found = facts.pods_by_workload().find(id_of(*object)); found != facts.pods_by_workload().end())
        for (const Json* pod : found->second) {
          pods.push_back(*pod);
          // A volume that cannot be mounted is in no condition of the pod, and pods.missing-config tells it.
          told = told || !facts.event_text(*pod, {"FailedMount"}).empty();
          young = young || !facts.older_than(value::string_at(*pod, "metadata", "creationTimestamp"), kGrace);
        }
      // Its pods or its events say why, and the check that reads them tells it.
      told = told || !facts.event_text(*object, {"FailedCreate"}).empty();
      if (told || !status::explain(*object, pods).empty()) continue;
      if (verdict.state != status::State::failed && (young || !settled(facts, *object))) continue;
      outcome.fail(id_of(*object), fmt::format("{}: {}", verdict.reason, verdict.message),
                   "neither its pods nor its events say why: look at the workload's conditions and at the controllers "
                   "of the cluster (kube-controller-manager)",
                   describe(*object));
    }
  outcome.note(fmt::format("{} workloads", looked_at));
}

}  // namespace

Check replicas_missing_check() {
  return {{"pods.replicas-missing", "Every workload has its pods, and they are ready.",
           "Deployments, StatefulSets and DaemonSets that have not been as wished for two minutes, where neither a pod "
           "nor an event gives a cause that another check tells.",
           "A StatefulSet with OnDelete waits for a person to delete its pods (engines). A paused Deployment waits for "
           "kubectl rollout resume. Anything else: the controller manager.",
           "NautilusReplicasMissing"},
          {{&source::kDeployments},
           {&source::kStatefulSets},
           {&source::kDaemonSets},
           {&source::kPods},
           {&source::kReplicaSets},
           {&source::kEvents}},
          look};
}

}  // namespace nautilus::check
