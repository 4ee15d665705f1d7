// Admission: namespaces, service accounts, priorities, limits, quotas, and what strategies fill in at creation.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/sim/api/quantity.h"
#include "core/sim/api/server_impl.h"

namespace nautilus::sim {
namespace {

Quantity amount_of(const Json& v) {
  return Quantity::parse(v.is_string() ? v.get<std::string>() : v.dump()).value_or(Quantity());
}

using Amounts = std::map<std::string, Quantity>;

// The larger of the sum of the containers and the largest init container, sidecars counted with the containers.
Amounts pod_amounts(const Json& spec, const char* field) {
  Amounts sum, largest;
  auto each = [&](const char* list, auto&& visit) {
    if (const Json* containers = value::find(spec, list); containers && containers->is_array())
      for (const Json& c : *containers)
        if (const Json* amounts = value::find(c, "resources", field); amounts && amounts->is_object())
          for (const auto& [key, v] : amounts->items()) visit(c, key, amount_of(v));
  };
  each("containers", [&](const Json&, const std::string& key, const Quantity& q) { sum[key] += q; });
  each("initContainers", [&](const Json& c, const std::string& key, const Quantity& q) {
    if (value::string_at(c, "restartPolicy") == "Always")
      sum[key] += q;
    else if (largest[key] < q)
      largest[key] = q;
  });
  for (const auto& [key, q] : largest)
    if (sum[key] < q) sum[key] = q;
  if (const Json* overhead = value::find(spec, "overhead"); overhead && overhead->is_object())
    for (const auto& [key, v] : overhead->items()) sum[key] += amount_of(v);
  return sum;
}

// What an object counts for, by the names that quotas use.
Amounts usage_of(const Served& kind, const Json& object) {
  Amounts used;
  const ResourceInfo& info = kind.info;
  used["count/" + qualified(info)] = Quantity::of(1);
  if (!info.group.empty()) return used;
  const Json* spec = value::find(object, "spec");
  if (info.resource == "pods" && spec) {
    std::string phase = value::string_at(object, "status", "phase");
    if (phase == "Succeeded" || phase == "Failed") return used;
    used["pods"] = Quantity::of(1);
    for (const auto& [key, q] : pod_amounts(*spec, "requests")) {
      used["requests." + key] = q;
      if (key == "cpu" || key == "memory" || key == "ephemeral-storage") used[key] = q;
    }
    for (const auto& [key, q] : pod_amounts(*spec, "limits")) used["limits." + key] = q;
  } else if (info.resource == "services" && spec) {
    used["services"] = Quantity::of(1);
    std::string type = value::string_at(*spec, "type");
    if (type == "LoadBalancer") used["services.loadbalancers"] = Quantity::of(1);
    if (type == "NodePort" || type == "LoadBalancer") {
      std::int64_t ports = 0;
      if (const Json* list = value::find(*spec, "ports"); list && list->is_array())
        for (const Json& p : *list) ports += p.contains("nodePort");
      used["services.nodeports"] = Quantity::of(ports);
    }
  } else if (info.resource == "persistentvolumeclaims" && spec) {
    used["persistentvolumeclaims"] = Quantity::of(1);
    if (const Json* storage = value::find(*spec, "resources", "requests", "storage"))
      used["requests.storage"] = amount_of(*storage);
    std::string storage_class = value::string_at(*spec, "storageClassName");
    if (!storage_class.empty()) {
      used[storage_class + ".storageclass.storage.k8s.io/persistentvolumeclaims"] = Quantity::of(1);
      used[storage_class + ".storageclass.storage.k8s.io/requests.storage"] = used["requests.storage"];
    }
  } else {
    used[info.resource] = Quantity::of(1);
  }
  return used;
}

bool scope_matches(const Json& quota, const Served& kind, const Json& object) {
  const Json* scopes = value::find(quota, "spec", "scopes");
  const Json* selector = value::find(quota, "spec", "scopeSelector", "matchExpressions");
  if ((!scopes || scopes->empty()) && (!selector || selector->empty())) return true;
  if (kind.info.resource != "pods") return false;
  auto one = [&](const std::string& scope) {
    bool ending = value::find(object, "spec", "activeDeadlineSeconds") != nullptr;
    bool best = value::string_at(object, "status", "qosClass") == "BestEffort";
    if (scope == "Terminating") return ending;
    if (scope == "NotTerminating") return !ending;
    if (scope == "BestEffort") return best;
    if (scope == "NotBestEffort") return !best;
    return true;
  };
  if (scopes && scopes->is_array())
    for (const Json& s : *scopes)
      if (s.is_string() && !one(s.get<std::string>())) return false;
  if (selector && selector->is_array())
    for (const Json& term : *selector) {
      std::string scope = value::string_at(term, "scopeName"), op = value::string_at(term, "operator");
      if (scope != "PriorityClass") {
        if (!one(scope)) return false;
        continue;
      }
      std::string have = value::string_at(object, "spec", "priorityClassName");
      const Json* values = value::find(term, "values");
      bool listed = values && std::find(values->begin(), values->end(), have) != values->end();
      if ((op == "In" && !listed) || (op == "NotIn" && listed) || (op == "Exists" && have.empty()) ||
          (op == "DoesNotExist" && !have.empty()))
        return false;
    }
  return true;
}

std::string list_text(const Amounts& amounts) {
  std::string text;
  for (const auto& [key, q] : amounts) text += fmt::format("{}{}={}", text.empty() ? "" : ",", key, q.text());
  return text;
}

}  // namespace

void Server::Impl::check_namespace(const Served& kind, std::string_view ns, std::string_view name) const {
  if (!kind.info.namespaced) return;
  const Served* namespaces = served(resource::kNamespaces);
  Object found = store.get(resource::kNamespaces, {}, ns);
  if (!found) throw not_found(namespaces->info, ns);
  if (!value::find(*found, "metadata", "deletionTimestamp")) return;
  Refused refused = forbidden(
      kind.info, name, fmt::format("unable to create new content in namespace {} because it is being terminated", ns));
  refused.status["details"]["causes"] = Json::array({{{"reason", "NamespaceTerminating"},
                                                      {"message", fmt::format("namespace {} is being terminated", ns)},
                                                      {"field", "metadata.namespace"}}});
  throw refused;
}

void Server::Impl::admit_limits(Json& pod, std::string_view ns) const {
  for (const Object& range : store.list(resource::kLimitRanges, ns)) {
    const Json* limits = value::find(*range, "spec", "limits");
    if (!limits || !limits->is_array()) continue;
    for (const Json& item : *limits) {
      if (value::string_at(item, "type") != "Container") continue;
      const Json *defaults = value::find(item, "default"), *requests = value::find(item, "defaultRequest");
      for (const char* list : {"containers", "initContainers"}) {
        auto containers = pod["spec"].find(list);
        if (containers == pod["spec"].end() || !containers->is_array()) continue;
        for (Json& c : *containers) {
          for (const auto& [source, into] : {std::pair{requests, "requests"}, std::pair{defaults, "limits"}}) {
            if (!source || !source->is_object()) continue;
            for (const auto& [key, v] : source->items())
              if (!value::find(c, "resources", into, key)) c["resources"][into][key] = v;
          }
        }
      }
    }
  }
}

void Server::Impl::check_limits(const Served& kind, const Json& object, std::string_view ns) const {
  const bool pod = kind.info.resource == "pods", claim = kind.info.resource == "persistentvolumeclaims";
  if (!pod && !claim) return;
  std::vector<std::string> problems;
  auto check = [&](const Json& item, const Amounts& requests, const Amounts& limits, const std::string& what) {
    if (const Json* least = value::find(item, "min"); least && least->is_object())
      for (const auto& [key, v] : least->items()) {
        Quantity q = amount_of(v);
        auto r = requests.find(key), l = limits.find(key);
        if (r == requests.end())
          problems.push_back(
              fmt::format("minimum {} usage per {} is {}.  No request is specified", key, what, q.text()));
        else if (r->second < q)
          problems.push_back(
              fmt::format("minimum {} usage per {} is {}, but request is {}", key, what, q.text(), r->second.text()));
        else if (l != limits.end() && l->second < q)
          problems.push_back(
              fmt::format("minimum {} usage per {} is {}, but limit is {}", key, what, q.text(), l->second.text()));
      }
    if (const Json* most = value::find(item, "max"); most && most->is_object())
      for (const auto& [key, v] : most->items()) {
        Quantity q = amount_of(v);
        auto r = requests.find(key), l = limits.find(key);
        bool storage = what == "PersistentVolumeClaim";
        if (l == limits.end() && !storage)
          problems.push_back(fmt::format("maximum {} usage per {} is {}.  No limit is specified", key, what, q.text()));
        else if (l != limits.end() && l->second > q)
          problems.push_back(
              fmt::format("maximum {} usage per {} is {}, but limit is {}", key, what, q.text(), l->second.text()));
        else if (r != requests.end() && r->second > q)
          problems.push_back(
              fmt::format("maximum {} usage per {} is {}, but request is {}", key, what, q.text(), r->second.text()));
      }
  };
  auto amounts = [](const Json* list) {
    Amounts made;
    if (list && list->is_object())
      for (const auto& [key, v] : list->items()) made[key] = amount_of(v);
    return made;
  };
  for (const Object& range : store.list(resource::kLimitRanges, ns)) {
    const Json* limits = value::find(*range, "spec", "limits");
    if (!limits || !limits->is_array()) continue;
    for (const Json& item : *limits) {
      std::string type = value::string_at(item, "type");
      if (pod && type == "Container") {
        for (const char* list : {"containers", "initContainers"})
          if (const Json* containers = value::find(object, "spec", list); containers && containers->is_array())
            for (const Json& c : *containers)
              check(item, amounts(value::find(c, "resources", "requests")),
                    amounts(value::find(c, "resources", "limits")), "Container");
      } else if (pod && type == "Pod") {
        check(item, pod_amounts(object["spec"], "requests"), pod_amounts(object["spec"], "limits"), "Pod");
      } else if (claim && type == "PersistentVolumeClaim") {
        check(item, amounts(value::find(object, "spec", "resources", "requests")), {}, "PersistentVolumeClaim");
      }
    }
  }
  if (problems.empty()) return;
  std::string text;
  for (const auto& p : problems) text += (text.empty() ? "" : ", ") + p;
  throw forbidden(kind.info, value::string_at(object, "metadata", "name"),
                  problems.size() > 1 ? "[" + text + "]" : text);
}

void Server::Impl::admit_pod(Json& pod, std::string_view ns) {
  Json& spec = pod["spec"];
  const Served* pods = served(resource::kPods);
  std::string name = value::string_at(pod, "metadata", "name");
  // ServiceAccount
  if (value::string_at(spec, "serviceAccountName").empty()) spec["serviceAccountName"] = "default";
  std::string account = value::string_at(spec, "serviceAccountName");
  spec["serviceAccount"] = account;
  Object found = store.get(resource::kServiceAccounts, ns, account);
  if (!found && options.require_service_account)
    throw forbidden(
        pods->info, name,
        fmt::format("error looking up service account {}/{}: serviceaccount \"{}\" not found", ns, account, account));
  bool automount = true;
  if (found) {
    automount = value::bool_at(*found, true, "automountServiceAccountToken");
    if (const Json* secrets = value::find(*found, "imagePullSecrets");
        secrets && !secrets->empty() && !spec.contains("imagePullSecrets"))
      spec["imagePullSecrets"] = *secrets;
  }
  automount = value::bool_at(spec, automount, "automountServiceAccountToken");
  constexpr const char* kTokenPath = "/var/run/secrets/kubernetes.io/serviceaccount";
  if (automount && found) {
    std::string volume = "kube-api-access-" + suffix(5);
    bool used = false;
    for (const char* list : {"containers", "initContainers"}) {
      auto containers = spec.find(list);
      if (containers == spec.end() || !containers->is_array()) continue;
      for (Json& c : *containers) {
        Json& mounts = c["volumeMounts"];
        if (!mounts.is_array()) mounts = Json::array();
        bool own = std::any_of(mounts.begin(), mounts.end(),
                               [&](const Json& m) { return value::string_at(m, "mountPath") == kTokenPath; });
        if (own) continue;
        mounts.push_back({{"name", volume}, {"readOnly", true}, {"mountPath", kTokenPath}});
        used = true;
      }
    }
    if (used) {
      Json& volumes = spec["volumes"];
      if (!volumes.is_array()) volumes = Json::array();
      volumes.push_back(
          {{"name", volume},
           {"projected",
            {{"defaultMode", 420},
             {"sources", Json::array({{{"serviceAccountToken", {{"expirationSeconds", 3607}, {"path", "token"}}}},
                                      {{"configMap",
                                        {{"name", "kube-root-ca.crt"},
                                         {"items", Json::array({{{"key", "ca.crt"}, {"path", "ca.crt"}}})}}}},
                                      {{"downwardAPI",
                                        {{"items", Json::array({{{"path", "namespace"},
                                                                 {"fieldRef",
                                                                  {{"apiVersion", "v1"},
                                                                   {"fieldPath", "metadata.namespace"}}}}})}}}}})}}}});
    }
  }
  // Priority
  std::string class_name = value::string_at(spec, "priorityClassName");
  if (class_name.empty()) {
    for (const Object& candidate : store.list({"scheduling.k8s.io", "priorityclasses"}))
      if (value::bool_at(*candidate, false, "globalDefault"))
        class_name = value::string_at(*candidate, "metadata", "name");
    if (!class_name.empty()) spec["priorityClassName"] = class_name;
  }
  std::int64_t priority = 0;
  std::string preemption = "PreemptLowerPriority";
  if (!class_name.empty()) {
    Object chosen = store.get({"scheduling.k8s.io", "priorityclasses"}, {}, class_name);
    if (!chosen) throw forbidden(pods->info, name, fmt::format("no PriorityClass with name {} was found", class_name));
    priority = value::int_at(*chosen, 0, "value");
    if (std::string p = value::string_at(*chosen, "preemptionPolicy"); !p.empty()) preemption = p;
  }
  spec["priority"] = priority;
  if (!spec.contains("preemptionPolicy")) spec["preemptionPolicy"] = preemption;
  // DefaultTolerationSeconds
  Json& tolerations = spec["tolerations"];
  if (!tolerations.is_array()) tolerations = Json::array();
  for (const char* key : {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}) {
    bool covered = std::any_of(tolerations.begin(), tolerations.end(), [&](const Json& t) {
      std::string effect = value::string_at(t, "effect"), own = value::string_at(t, "key");
      return (own == key || own.empty()) && (effect.empty() || effect == "NoExecute");
    });
    if (!covered)
      tolerations.push_back(
          {{"key", key}, {"operator", "Exists"}, {"effect", "NoExecute"}, {"tolerationSeconds", 300}});
  }
  admit_limits(pod, ns);
}

void Server::Impl::admit(const Served& kind, std::string_view ns, Json& object, const Json* old,
                         const WriteOptions& write) {
  const std::string& name = kind.info.kind;
  if (kind.custom || old || !write.subresource.empty()) return;
  if (name == "Pod") {
    admit_pod(object, ns);
  } else if (name == "PersistentVolumeClaim" || name == "PersistentVolume") {
    Json& finalizers = object["metadata"]["finalizers"];
    std::string protection =
        name == "PersistentVolumeClaim" ? "kubernetes.io/pvc-protection" : "kubernetes.io/pv-protection";
    if (!finalizers.is_array()) finalizers = Json::array();
    if (std::find(finalizers.begin(), finalizers.end(), protection) == finalizers.end())
      finalizers.push_back(protection);
    if (name == "PersistentVolumeClaim" && !object["spec"].contains("storageClassName")) {
      // The default class; of several, the newest, then by name.
      std::string chosen, newest;
      for (const Object& sc : store.list(resource::kStorageClasses)) {
        const Json* annotations = value::find(*sc, "metadata", "annotations");
        if (!annotations || value::string_at(*annotations, "storageclass.kubernetes.io/is-default-class") != "true")
          continue;
        std::string created = value::string_at(*sc, "metadata", "creationTimestamp");
        if (chosen.empty() || created > newest) chosen = value::string_at(*sc, "metadata", "name"), newest = created;
      }
      if (!chosen.empty()) object["spec"]["storageClassName"] = chosen;
    }
  } else if (name == "Ingress") {
    const Json* annotations = value::find(object, "metadata", "annotations");
    if (!object["spec"].contains("ingressClassName") &&
        !(annotations && annotations->contains("kubernetes.io/ingress.class"))) {
      for (const Object& ic : store.list({"networking.k8s.io", "ingressclasses"})) {
        const Json* marks = value::find(*ic, "metadata", "annotations");
        if (marks && value::string_at(*marks, "ingressclass.kubernetes.io/is-default-class") == "true")
          object["spec"]["ingressClassName"] = value::string_at(*ic, "metadata", "name");
      }
    }
  } else if (name == "PriorityClass" && value::bool_at(object, false, "globalDefault")) {
    for (const Object& other : store.list({"scheduling.k8s.io", "priorityclasses"}))
      if (value::bool_at(*other, false, "globalDefault"))
        throw forbidden(kind.info, value::string_at(object, "metadata", "name"),
                        fmt::format("PriorityClass {} is already marked as default. Only one default can exist",
                                    value::string_at(*other, "metadata", "name")));
  }
}

void Server::Impl::admit_validating(const Served& kind, std::string_view ns, const Json& object, const Json* old,
                                    const WriteOptions& write) {
  std::string name = value::string_at(object, "metadata", "name");
  const ResourceInfo& info = kind.info;
  for (const auto& rule : deny_rules) {
    bool hits = (rule.group.empty() || rule.group == info.group) &&
                (rule.resource.empty() || rule.resource == info.resource) && (rule.ns.empty() || rule.ns == ns) &&
                name.starts_with(rule.name_prefix) && !rule.message.starts_with("delete:");
    if (hits)
      throw Refused{
          make_status(403, "Forbidden",
                      fmt::format("admission webhook \"{}\" denied the request: {}", rule.webhook, rule.message))};
  }
  if (!write.subresource.empty()) return;
  check_pod_security(kind, ns, object, write);
  if (kind.custom) {
    if (!old) check_quota(kind, ns, object, nullptr);
    return;
  }
  if (info.resource == "pods" && !old) check_limits(kind, object, ns);
  if (info.resource == "persistentvolumeclaims") check_limits(kind, object, ns);
  check_quota(kind, ns, object, old);
}

void Server::Impl::check_quota(const Served& kind, std::string_view ns, const Json& object, const Json* old) const {
  if (!kind.info.namespaced || kind.info.resource == "resourcequotas") return;
  auto quotas = store.list(resource::kResourceQuotas, ns);
  if (quotas.empty()) return;
  std::string name = value::string_at(object, "metadata", "name");
  Amounts wanted = usage_of(kind, object);
  if (old)
    for (auto& [key, q] : usage_of(kind, *old)) wanted[key] -= q;
  for (const Object& quota : quotas) {
    const Json* hard = value::find(*quota, "status", "hard");
    if (!hard || !hard->is_object() || hard->empty()) hard = value::find(*quota, "spec", "hard");
    if (!hard || !hard->is_object() || !scope_matches(*quota, kind, object)) continue;
    std::string quota_name = value::string_at(*quota, "metadata", "name");
    if (kind.info.resource == "pods" && !old) {
      // A quota on compute makes every container say what it takes.
      std::map<std::string, std::string> missing;
      for (const auto& [key, limit] : hard->items()) {
        std::string_view bare = key, field = "requests";
        if (bare.starts_with("limits."))
          field = "limits", bare.remove_prefix(7);
        else if (bare.starts_with("requests."))
          bare.remove_prefix(9);
        if (bare != "cpu" && bare != "memory") continue;
        std::string names;
        for (const char* list : {"containers", "initContainers"})
          if (const Json* containers = value::find(object, "spec", list); containers && containers->is_array())
            for (const Json& c : *containers)
              if (!value::find(c, "resources", field, bare))
                names += (names.empty() ? "" : ",") + value::string_at(c, "name");
        if (!names.empty()) missing[key] = names;
      }
      if (!missing.empty()) {
        std::string text;
        for (const auto& [key, names] : missing)
          text += fmt::format("{}{} for: {}", text.empty() ? "" : "; ", key, names);
        throw forbidden(kind.info, name, fmt::format("failed quota: {}: must specify {}", quota_name, text));
      }
    }
    Amounts requested, used, limited;
    for (const auto& [key, limit] : hard->items()) {
      auto at = wanted.find(key);
      if (at == wanted.end() || at->second <= Quantity::of(0)) continue;
      const Json* have = value::find(*quota, "status", "used", key);
      Quantity now = have ? amount_of(*have) : Quantity::of(0), most = amount_of(limit), after = now;
      after += at->second;
      if (after <= most) continue;
      requested[key] = at->second;
      used[key] = now;
      limited[key] = most;
    }
    if (!requested.empty())
      throw forbidden(kind.info, name,
                      fmt::format("exceeded quota: {}, requested: {}, used: {}, limited: {}", quota_name,
                                  list_text(requested), list_text(used), list_text(limited)));
  }
}

void Server::Impl::charge_quota(const Served& kind, const Json* object, const Json* old) {
  const Json& any = object ? *object : *old;
  std::string ns = value::string_at(any, "metadata", "namespace");
  if (!kind.info.namespaced || kind.info.resource == "resourcequotas") return;
  auto quotas = store.list(resource::kResourceQuotas, ns);
  if (quotas.empty()) return;
  Amounts change;
  if (object) change = usage_of(kind, *object);
  if (old)
    for (auto& [key, q] : usage_of(kind, *old)) change[key] -= q;
  const Served* quota_kind = served(resource::kResourceQuotas);
  for (const Object& quota : quotas) {
    const Json* hard = value::find(*quota, "spec", "hard");
    if (!hard || !hard->is_object() || !scope_matches(*quota, kind, any)) continue;
    Json fresh = *quota;
    bool changed = false;
    for (const auto& [key, limit] : hard->items()) {
      auto at = change.find(key);
      if (at == change.end() || at->second.zero()) continue;
      const Json* have = value::find(*quota, "status", "used", key);
      Quantity now = have ? amount_of(*have) : Quantity::of(0);
      now += at->second;
      if (now.negative()) now = Quantity::of(0);
      fresh["status"]["used"][key] = now.text();
      changed = true;
    }
    if (!changed) continue;
    if (!value::find(fresh, "status", "hard")) fresh["status"]["hard"] = *hard;
    WriteOptions write;
    write.caller = {"kube-apiserver", "system:apiserver"};
    write.subresource = "status";
    update(*quota_kind, ns, value::string_at(*quota, "metadata", "name"), std::move(fresh), write);
  }
}

}  // namespace nautilus::sim
