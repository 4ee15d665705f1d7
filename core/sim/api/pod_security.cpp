// Pod Security: the levels `baseline` and `restricted` of the Pod Security Standards, enforced on pods and warned about
// on what makes pods. Follows pod-security-admission; the messages are its own.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/sim/api/server_impl.h"

namespace nautilus::sim {
namespace {

struct Violation {
  std::string reason, detail;
};

struct Containers {
  std::vector<const Json*> all;
};

Containers containers_of(const Json& spec) {
  Containers found;
  for (const char* list : {"initContainers", "containers", "ephemeralContainers"})
    if (const Json* items = value::find(spec, list); items && items->is_array())
      for (const Json& c : *items) found.all.push_back(&c);
  return found;
}

std::string quoted(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& n : names) text += fmt::format("{}\"{}\"", text.empty() ? "" : ", ", n);
  return text;
}

std::string plural(const std::vector<std::string>& names) { return names.size() == 1 ? "container" : "containers"; }

template <class Test>
std::vector<std::string> names_where(const Containers& containers, Test test) {
  std::vector<std::string> names;
  for (const Json* c : containers.all)
    if (test(*c)) names.push_back(value::string_at(*c, "name"));
  return names;
}

const Json* context_of(const Json& object) { return value::find(object, "securityContext"); }

void baseline(const Json& spec, const Containers& containers, std::vector<Violation>& out) {
  std::vector<std::string> host;
  for (const char* field : {"hostNetwork", "hostPID", "hostIPC"})
    if (value::bool_at(spec, false, field)) host.push_back(fmt::format("{}=true", field));
  if (!host.empty()) {
    std::string text;
    for (const auto& h : host) text += (text.empty() ? "" : ", ") + h;
    out.push_back({"host namespaces", text});
  }
  auto privileged =
      names_where(containers, [](const Json& c) { return value::bool_at(c, false, "securityContext", "privileged"); });
  if (!privileged.empty())
    out.push_back({"privileged", fmt::format("{} {} must not set securityContext.privileged=true", plural(privileged),
                                             quoted(privileged))});
  constexpr std::string_view kAllowed[] = {"AUDIT_WRITE", "CHOWN",  "DAC_OVERRIDE",     "FOWNER",  "FSETID",
                                           "KILL",        "MKNOD",  "NET_BIND_SERVICE", "SETFCAP", "SETGID",
                                           "SETPCAP",     "SETUID", "SYS_CHROOT"};
  std::set<std::string> added;
  auto capable = names_where(containers, [&](const Json& c) {
    bool bad = false;
    if (const Json* list = value::find(c, "securityContext", "capabilities", "add"); list && list->is_array())
      for (const Json& cap : *list)
        if (cap.is_string() && std::find(std::begin(kAllowed), std::end(kAllowed), cap.get_ref<const std::string&>()) ==
                                   std::end(kAllowed)) {
          added.insert(cap.get<std::string>());
          bad = true;
        }
    return bad;
  });
  if (!capable.empty())
    out.push_back({"non-default capabilities",
                   fmt::format("{} {} must not include {} in securityContext.capabilities.add", plural(capable),
                               quoted(capable), quoted({added.begin(), added.end()}))});
  std::vector<std::string> paths;
  if (const Json* volumes = value::find(spec, "volumes"); volumes && volumes->is_array())
    for (const Json& v : *volumes)
      if (v.contains("hostPath")) paths.push_back(value::string_at(v, "name"));
  if (!paths.empty())
    out.push_back({"hostPath volumes", fmt::format("{} {}", paths.size() == 1 ? "volume" : "volumes", quoted(paths))});
  std::set<std::int64_t> ports;
  auto hosted = names_where(containers, [&](const Json& c) {
    bool bad = false;
    if (const Json* list = value::find(c, "ports"); list && list->is_array())
      for (const Json& p : *list)
        if (std::int64_t port = value::int_at(p, 0, "hostPort"); port) ports.insert(port), bad = true;
    return bad;
  });
  if (!hosted.empty()) {
    std::string text;
    for (auto p : ports) text += fmt::format("{}{}", text.empty() ? "" : ", ", p);
    out.push_back(
        {"hostPort", fmt::format("{} {} {} {} {}", plural(hosted), quoted(hosted), hosted.size() == 1 ? "uses" : "use",
                                 ports.size() == 1 ? "hostPort" : "hostPorts", text)});
  }
  auto unconfined = names_where(containers, [](const Json& c) {
    return value::string_at(c, "securityContext", "seccompProfile", "type") == "Unconfined";
  });
  if (value::string_at(spec, "securityContext", "seccompProfile", "type") == "Unconfined")
    out.push_back({"seccompProfile", "pod must not set securityContext.seccompProfile.type to \"Unconfined\""});
  else if (!unconfined.empty())
    out.push_back(
        {"seccompProfile", fmt::format("{} {} must not set securityContext.seccompProfile.type to \"Unconfined\"",
                                       plural(unconfined), quoted(unconfined))});
}

void restricted(const Json& spec, const Containers& containers, std::vector<Violation>& out) {
  auto escalating = names_where(
      containers, [](const Json& c) { return value::bool_at(c, true, "securityContext", "allowPrivilegeEscalation"); });
  if (!escalating.empty())
    out.push_back({"allowPrivilegeEscalation != false",
                   fmt::format("{} {} must set securityContext.allowPrivilegeEscalation=false", plural(escalating),
                               quoted(escalating))});
  auto keeping = names_where(containers, [](const Json& c) {
    const Json* drop = value::find(c, "securityContext", "capabilities", "drop");
    return !drop || std::find(drop->begin(), drop->end(), "ALL") == drop->end();
  });
  std::set<std::string> added;
  auto adding = names_where(containers, [&](const Json& c) {
    bool bad = false;
    if (const Json* list = value::find(c, "securityContext", "capabilities", "add"); list && list->is_array())
      for (const Json& cap : *list)
        if (cap.is_string() && cap != "NET_BIND_SERVICE") added.insert(cap.get<std::string>()), bad = true;
    return bad;
  });
  if (!keeping.empty() || !adding.empty()) {
    std::string text;
    if (!keeping.empty())
      text =
          fmt::format("{} {} must set securityContext.capabilities.drop=[\"ALL\"]", plural(keeping), quoted(keeping));
    if (!adding.empty())
      text += fmt::format("{}{} {} must not include {} in securityContext.capabilities.add", text.empty() ? "" : "; ",
                          plural(adding), quoted(adding), quoted({added.begin(), added.end()}));
    out.push_back({"unrestricted capabilities", text});
  }
  constexpr std::string_view kVolumes[] = {"configMap", "csi",       "downwardAPI",
                                           "emptyDir",  "ephemeral", "persistentVolumeClaim",
                                           "projected", "secret",    "image"};
  std::vector<std::string> volumes;
  std::set<std::string> types;
  if (const Json* list = value::find(spec, "volumes"); list && list->is_array())
    for (const Json& v : *list)
      for (const auto& [key, source] : v.items()) {
        if (key == "name" || std::find(std::begin(kVolumes), std::end(kVolumes), key) != std::end(kVolumes)) continue;
        volumes.push_back(value::string_at(v, "name"));
        types.insert(key);
      }
  if (!volumes.empty())
    out.push_back({"restricted volume types",
                   fmt::format("{} {} {} restricted volume {} {}", volumes.size() == 1 ? "volume" : "volumes",
                               quoted(volumes), volumes.size() == 1 ? "uses" : "use",
                               types.size() == 1 ? "type" : "types", quoted({types.begin(), types.end()}))});
  bool pod_non_root = value::bool_at(spec, false, "securityContext", "runAsNonRoot");
  auto explicit_root = names_where(containers, [](const Json& c) {
    const Json* context = context_of(c);
    return context && context->contains("runAsNonRoot") && !value::bool_at(*context, true, "runAsNonRoot");
  });
  auto unset = names_where(containers, [](const Json& c) {
    const Json* context = context_of(c);
    return !context || !context->contains("runAsNonRoot");
  });
  if (!explicit_root.empty())
    out.push_back({"runAsNonRoot != true", fmt::format("{} {} must not set securityContext.runAsNonRoot=false",
                                                       plural(explicit_root), quoted(explicit_root))});
  else if (!pod_non_root && !unset.empty())
    out.push_back({"runAsNonRoot != true", fmt::format("pod or {} {} must set securityContext.runAsNonRoot=true",
                                                       plural(unset), quoted(unset))});
  auto root_user = names_where(containers, [](const Json& c) {
    const Json* user = value::find(c, "securityContext", "runAsUser");
    return user && *user == 0;
  });
  const Json* pod_user = value::find(spec, "securityContext", "runAsUser");
  if (pod_user && *pod_user == 0)
    out.push_back({"runAsUser=0", "pod must not set runAsUser=0"});
  else if (!root_user.empty())
    out.push_back({"runAsUser=0", fmt::format("{} {} must not set runAsUser=0", plural(root_user), quoted(root_user))});
  auto profile_ok = [](const std::string& type) { return type == "RuntimeDefault" || type == "Localhost"; };
  std::string pod_profile = value::string_at(spec, "securityContext", "seccompProfile", "type");
  auto bare = names_where(containers, [&](const Json& c) {
    std::string type = value::string_at(c, "securityContext", "seccompProfile", "type");
    return type.empty() && !profile_ok(pod_profile);
  });
  if (!bare.empty())
    out.push_back(
        {"seccompProfile",
         fmt::format("pod or {} {} must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"",
                     plural(bare), quoted(bare))});
}

std::string violations(const Json& spec, std::string_view level) {
  std::vector<Violation> found;
  Containers containers = containers_of(spec);
  // The restricted checks take the place of the baseline ones they tighten.
  baseline(spec, containers, found);
  if (level == "restricted") {
    std::erase_if(found, [](const Violation& v) {
      return v.reason == "non-default capabilities" || v.reason == "seccompProfile";
    });
    restricted(spec, containers, found);
  }
  std::string text;
  for (const auto& v : found) text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", v.reason, v.detail);
  return text;
}

}  // namespace

void Server::Impl::check_pod_security(const Served& kind, std::string_view ns, const Json& object,
                                      const WriteOptions& write) const {
  if (kind.custom) return;
  std::string path;
  const Json* tmpl = pod_template_of(kind, object, path);
  const Json* spec = tmpl ? value::find(*tmpl, "spec") : nullptr;
  if (!spec) return;
  Object found = store.get(resource::kNamespaces, {}, ns);
  const Json* labels = found ? value::find(*found, "metadata", "labels") : nullptr;
  if (!labels) return;
  auto level = [&](const char* mode) {
    return value::string_at(*labels, fmt::format("pod-security.kubernetes.io/{}", mode));
  };
  auto version = [&](const char* mode) {
    std::string v = value::string_at(*labels, fmt::format("pod-security.kubernetes.io/{}-version", mode));
    return v.empty() ? std::string("latest") : v;
  };
  auto limited = [](const std::string& l) { return l == "baseline" || l == "restricted"; };
  bool pod = kind.info.kind == "Pod";
  if (pod && limited(level("enforce")))
    if (std::string text = violations(*spec, level("enforce")); !text.empty())
      throw forbidden(kind.info, value::string_at(object, "metadata", "name"),
                      fmt::format("violates PodSecurity \"{}:{}\": {}", level("enforce"), version("enforce"), text));
  if (limited(level("warn")))
    if (std::string text = violations(*spec, level("warn")); !text.empty())
      write.warn(fmt::format("would violate PodSecurity \"{}:{}\": {}", level("warn"), version("warn"), text));
}

}  // namespace nautilus::sim
