// pods.security: every pod keeps to the Pod Security standard that its namespace enforces, and that is `restricted`.
//
// Source followed: kubernetes.io Pod Security Standards, profile restricted (with baseline's rules in it).
#include <fmt/format.h>

#include "core/verify/verify.h"

namespace nautilus::verify {

namespace {

constexpr std::string_view kEnforce = "pod-security.kubernetes.io/enforce";

// What of the profile a container, or the pod for it, does not keep to.
std::vector<std::string> faults_of(const PodSet& set, const Container& container) {
  std::vector<std::string> faults;
  const Json& c = *container.json;
  const Json* own = value::find(c, "securityContext");
  const Json* pod = value::find(*set.pod, "securityContext");
  const auto setting = [&](auto... path) -> const Json* {
    if (const Json* found = own ? value::find(*own, path...) : nullptr) return found;
    return pod ? value::find(*pod, path...) : nullptr;
  };
  if (own && value::bool_at(*own, false, "privileged")) faults.emplace_back("is privileged");
  if (!own || value::bool_at(*own, true, "allowPrivilegeEscalation"))
    faults.emplace_back("allows privilege escalation");
  const Json* nonroot = setting("runAsNonRoot");
  if (!nonroot || !(*nonroot == true)) faults.emplace_back("may run as root");
  if (const Json* user = setting("runAsUser"); user && *user == 0) faults.emplace_back("runs as user 0");
  const Json* seccomp = setting("seccompProfile", "type");
  if (!seccomp || !(*seccomp == "RuntimeDefault" || *seccomp == "Localhost"))
    faults.emplace_back("has no seccomp profile");
  bool drops = false;
  if (const Json* list = own ? value::find(*own, "capabilities", "drop") : nullptr; list && list->is_array())
    for (const Json& one : *list) drops = drops || one == "ALL";
  if (!drops) faults.emplace_back("does not drop all capabilities");
  if (const Json* list = own ? value::find(*own, "capabilities", "add") : nullptr; list && list->is_array())
    for (const Json& one : *list)
      if (!(one == "NET_BIND_SERVICE")) faults.emplace_back("adds a capability");
  if (const Json* ports = value::find(c, "ports"); ports && ports->is_array())
    for (const Json& port : *ports)
      if (value::int_at(port, 0, "hostPort") > 0) faults.emplace_back("takes a port of the host");
  return faults;
}

std::vector<std::string> pod_faults(const PodSet& set) {
  std::vector<std::string> faults;
  for (const char* name : {"hostNetwork", "hostPID", "hostIPC"})
    if (value::bool_at(*set.pod, false, name)) faults.push_back(std::string("uses ") + name);
  if (const Json* volumes = value::find(*set.pod, "volumes"); volumes && volumes->is_array())
    for (const Json& volume : *volumes)
      for (const char* kind : {"hostPath", "nfs", "iscsi", "gitRepo"})
        if (volume.contains(kind))
          faults.push_back(fmt::format("mounts {} ({})", kind, value::string_at(volume, "name")));
  return faults;
}

void security(const Input& input, Answer& answer) {
  std::map<std::string, std::string> levels;
  for (const PodSet& set : input.platform.pods()) {
    const auto labels = input.platform.namespace_labels(set.namespace_);
    const auto found = labels.find(kEnforce);
    levels[set.namespace_] = found == labels.end() ? "" : found->second;
  }
  for (const auto& [space, level] : levels) {
    const Json* object = input.platform.find("Namespace", "", space);
    if (!object) {
      answer.missing("is not rendered, so what it enforces is not known", "Namespace " + space);
      continue;
    }
    answer.read(where(*object, "metadata.labels[" + std::string(kEnforce) + "]"), level.empty() ? "absent" : level);
    if (level == "privileged")
      answer.note(fmt::format("Namespace {} enforces nothing: its pods are judged one by one", space));
    else
      answer.judge(level == "restricted", "enforces " + (level.empty() ? "nothing" : level), "Namespace " + space);
  }
  int fine = 0;
  for (const PodSet& set : input.platform.pods()) {
    if (!set.pod) continue;
    const bool node_agent = levels[set.namespace_] == "privileged";
    for (const std::string& fault : pod_faults(set)) {
      // A namespace of its own for what must read the node's files: only reading, and nothing else of the profile given
      // up.
      bool reading = node_agent && fault.starts_with("mounts hostPath");
      for (const Container& container : containers(set))
        if (const Json* mounts = value::find(*container.json, "volumeMounts"); reading && mounts && mounts->is_array())
          for (const Json& mount : *mounts)
            if (const std::string volume = "(" + value::string_at(mount, "name") + ")";
                fault.find(volume) != std::string::npos)
              reading = value::bool_at(mount, false, "readOnly");
      if (reading)
        answer.note(set.id + " " + fault + ", read-only, in a namespace of its own");
      else
        answer.fails(fault, set.id);
    }
    for (const Container& container : containers(set)) {
      const auto faults = faults_of(set, container);
      for (const std::string& fault : faults) answer.fails(fault, set.at(container.path));
      if (faults.empty()) ++fine;
    }
  }
  if (fine > 0) answer.holds(fmt::format("{} containers keep to the profile restricted", fine));
}

constexpr Check kChecks[] = {
    {"pods.security", "No pod can do more to its node than it needs to.",
     "Each namespace enforces `restricted`, and each pod keeps to it; where a namespace enforces nothing, its pods may "
     "at most read the node's files.",
     "One privileged pod is the whole node, and with it the keys of every pod on it.",
     "Use nautilus-common's security contexts.", "", security},
};

}  // namespace

std::span<const Check> pod_security_checks() { return kChecks; }

}  // namespace nautilus::verify
