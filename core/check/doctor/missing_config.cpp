// pods.missing-config: what a pod's template names and the namespace does not have.
#include <fmt/format.h>

#include <set>

#include "core/check/doctor/doctor.h"
#include "core/check/doctor/pod_findings.h"

namespace nautilus::check {

namespace {

struct Reference {
  std::string kind, name;
  auto operator<=>(const Reference&) const = default;
};

void add(std::set<Reference>& all, const char* kind, const Json* source, const char* field) {
  if (!source || value::bool_at(*source, false, "optional")) return;
  if (std::string name = value::string_at(*source, field); !name.empty()) all.insert({kind, std::move(name)});
}

// Secrets and ConfigMaps without which the pod cannot start.
std::set<Reference> references(const Json& spec) {
  std::set<Reference> all;
  for (const Json& volume : items(spec, "volumes")) {
    add(all, "Secret", value::find(volume, "secret"), "secretName");
    add(all, "ConfigMap", value::find(volume, "configMap"), "name");
    for (const Json& source : items(volume, "projected", "sources")) {
      add(all, "Secret", value::find(source, "secret"), "name");
      add(all, "ConfigMap", value::find(source, "configMap"), "name");
    }
  }
  for (const char* list : {"initContainers", "containers"})
    for (const Json& container : items(spec, list)) {
      for (const Json& from : items(container, "envFrom")) {
        add(all, "Secret", value::find(from, "secretRef"), "name");
        add(all, "ConfigMap", value::find(from, "configMapRef"), "name");
      }
      for (const Json& variable : items(container, "env")) {
        add(all, "Secret", value::find(variable, "valueFrom", "secretKeyRef"), "name");
        add(all, "ConfigMap", value::find(variable, "valueFrom", "configMapKeyRef"), "name");
      }
    }
  return all;
}

bool there(const Snapshot& snapshot, const Reference& wanted, std::string_view namespace_) {
  return snapshot.find(wanted.kind == "Secret" ? source::kSecrets : source::kConfigMaps, namespace_, wanted.name);
}

std::string hint_for(const Facts& facts, const Reference& missing, std::string_view namespace_) {
  if (missing.kind == "Secret") {
    for (const auto& external : facts.env.external_secrets)
      if (external.name == missing.name && external.namespace_ == namespace_)
        return "it comes from outside the platform and has to be put there: " + external.why;
    for (const auto& generated : facts.env.generated_secrets)
      if (generated.name == missing.name && generated.namespace_ == namespace_)
        return "deploy makes it where it is absent: look first who removed it, because data may be locked with the old "
               "one";
  }
  return fmt::format("deploy the environment again, or correct the name; a name is a {} in the same namespace",
                     missing.kind);
}

void look(const Facts& facts, Outcome& outcome) {
  std::set<std::string> told;
  std::size_t looked_at = 0;
  for (const auto& set : facts.platform().pods()) {
    if (!set.pod) continue;
    // Jobs that are done need nothing any more.
    if (set.kind == "Job" && value::int_at(*set.object, 0, "status", "succeeded") > 0) continue;
    ++looked_at;
    for (const Reference& wanted : references(*set.pod)) {
      if (there(facts.snapshot, wanted, set.namespace_)) continue;
      told.insert(set.id);
      outcome.fail(set.id, fmt::format("{} {}/{} does not exist", wanted.kind, set.namespace_, wanted.name),
                   hint_for(facts, wanted, set.namespace_),
                   fmt::format("kubectl -n {} get {}", set.namespace_,
                               wanted.kind == "Secret" ? "secrets" : "configmaps"));
    }
  }
  // What names alone do not show: a key that is missing, a value that cannot be used.
  find_in_pods(facts, outcome, [&](const Json& pod) {
    std::optional<PodCause> cause;
    if (told.contains(facts.workload_of(pod))) return cause;
    any_container(pod, [&](const Json& status, bool) {
      const Json* waiting = value::find(status, "state", "waiting");
      if (!waiting) return false;
      const std::string reason = value::string_at(*waiting, "reason");
      if (reason != "CreateContainerConfigError" && reason != "CreateContainerError") return false;
      cause = PodCause{reason,
                       fmt::format("container {}: {}", value::string_at(status, "name"), reason_and_message(*waiting)),
                       "the message names the object and the key: compare it with what is there (kubectl describe shows "
                       "keys, not values)",
                       {}};
      return true;
    });
    if (cause) return cause;
    if (const std::string mount = facts.event_text(pod, {"FailedMount"});
        !mount.empty() && value::string_at(pod, "status", "phase") == "Pending")
      cause = PodCause{"FailedMount", mount, "the message names the volume and what is wrong with it", {}};
    return cause;
  });
  outcome.note(fmt::format("{} templates", looked_at));
}

}  // namespace

Check missing_config_check() {
  return {{"pods.missing-config", "Every Secret and ConfigMap that a pod needs is there.",
           "The templates of all workloads against the names of Secrets and ConfigMaps of their namespace (optional ones "
           "left out), then containers that wait with CreateContainerConfigError and pending pods with FailedMount.",
           "A pod that runs keeps running without it, and does not start again. Secrets from outside have to be put "
           "there by their owner; generated ones are made by deploy; ConfigMaps belong to the release.",
           "pods.missing-config"},
          {{&source::kPods},
           {&source::kSecrets},
           {&source::kConfigMaps},
           {&source::kDeployments},
           {&source::kStatefulSets},
           {&source::kDaemonSets},
           {&source::kJobs},
           {&source::kReplicaSets, Need::How::evidence},
           {&source::kEvents, Need::How::evidence}},
          look};
}

}  // namespace nautilus::check
