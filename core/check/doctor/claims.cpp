// pods.pvc-unbound: volumes that pods wait for.
#include <fmt/format.h>

#include "core/check/doctor/doctor.h"
#include "core/check/doctor/pod_findings.h"
#include "core/status/rules.h"

namespace nautilus::check {

namespace {

constexpr port::Duration kGrace = std::chrono::minutes(1);  // provisioning takes its time

const Json* user_of(const Facts& facts, const Json& claim) {
  for (const Json& pod : facts.snapshot.all(source::kPods)) {
    if (namespace_of(pod) != namespace_of(claim)) continue;
    for (const Json& volume : items(pod, "spec", "volumes"))
      if (value::string_at(volume, "persistentVolumeClaim", "claimName") == name_of(claim)) return &pod;
  }
  return nullptr;
}

void look(const Facts& facts, Outcome& outcome) {
  const auto claims = facts.snapshot.ours(source::kClaims);
  for (const Json* claim : claims) {
    const std::string phase = value::string_at(*claim, "status", "phase");
    const Json* pod = user_of(facts, *claim);
    const std::string used = pod ? fmt::format("; Pod {} waits for it", name_of(*pod)) : "";
    if (phase == "Lost") {
      outcome.fail(id_of(*claim), "phase Lost: its volume is gone" + used,
                   "the data is not there any more: restore it from a backup; do not delete the claim before that is "
                   "decided",
                   describe(*claim));
      continue;
    }
    if (phase == "Bound" || !facts.older_than(value::string_at(*claim, "metadata", "creationTimestamp"), kGrace))
      continue;
    const std::string wanted = value::string_at(*claim, "spec", "storageClassName");
    const Json* storage = nullptr;
    bool any_default = false;
    for (const Json& one : facts.snapshot.all(source::kStorageClasses)) {
      if (name_of(one) == wanted) storage = &one;
      any_default = any_default || value::string_at(one, "metadata", "annotations",
                                                    "storageclass.kubernetes.io/is-default-class") == "true";
    }
    const std::string event = facts.event_text(*claim, {"ProvisioningFailed", "FailedBinding"});
    if (!wanted.empty() && !storage && facts.snapshot.read(source::kStorageClasses)) {
      outcome.fail(id_of(*claim), fmt::format("phase Pending, storageclass {:?} does not exist{}", wanted, used),
                   "name one of the cluster's storage classes in the environment's values, or ask for this one to be "
                   "made; the claim has to be deleted and made again",
                   "kubectl get storageclass");
    } else if (wanted.empty() && !any_default && facts.snapshot.read(source::kStorageClasses)) {
      outcome.fail(id_of(*claim), "phase Pending, it names no storage class and the cluster has no default one" + used,
                   "name a storage class in the environment's values", "kubectl get storageclass");
    } else if (storage && value::string_at(*storage, "volumeBindingMode") == "WaitForFirstConsumer" && !pod) {
      continue;  // nobody wants it yet
    } else if (pod && event.empty() && storage &&
               value::string_at(*storage, "volumeBindingMode") == "WaitForFirstConsumer" &&
               status::condition_status(*pod, "PodScheduled") == "False") {
      continue;  // the pod has no node for another reason, and pods.unschedulable tells it
    } else {
      outcome.fail(id_of(*claim), fmt::format("phase Pending{}{}{}", event.empty() ? "" : ", ", event, used),
                   "look at the provisioner of its storage class: its pods, its quota, the zone it has to make the "
                   "volume in",
                   describe(*claim));
    }
  }
  // A claim that a pod names and nobody made.
  find_in_pods(facts, outcome, [](const Json& pod) -> std::optional<PodCause> {
    const Json* scheduled = status::condition(pod, "PodScheduled");
    if (!scheduled || value::string_at(*scheduled, "status") != "False") return std::nullopt;
    const std::string message = value::string_at(*scheduled, "message");
    if (message.find("persistentvolumeclaim \"") == std::string::npos ||
        message.find("not found") == std::string::npos)
      return std::nullopt;
    return PodCause{"claim", message, "its claim is missing: a StatefulSet makes it anew; any other by deploying again",
                    {}};
  });
  outcome.note(fmt::format("{} claims", claims.size()));
}

}  // namespace

Check claims_check() {
  return {{"pods.pvc-unbound", "Every volume that is claimed is there.",
           "Claims that are Lost, or Pending for more than a minute: because their storage class does not exist, because "
           "there is no default one, or with the provisioner's own event. A claim that waits for its first pod is fine.",
           "Lost is lost data: restore. Pending is the storage class or its provisioner.",
           "pods.pvc-unbound"},
          {{&source::kClaims},
           {&source::kPods},
           {&source::kStorageClasses, Need::How::evidence},
           {&source::kReplicaSets, Need::How::evidence},
           {&source::kEvents, Need::How::evidence}},
          look};
}

}  // namespace nautilus::check
