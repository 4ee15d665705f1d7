#include "core/sim/control/cluster_upkeep.h"

#include <fmt/format.h>

#include "core/sim/control/pods.h"
#include "core/sim/control/selectors.h"
#include "core/sim/control/times.h"

namespace nautilus::sim {

using value::find;
using value::string_at;

namespace {

// A certificate-shaped text: clients only carry it around.
constexpr std::string_view kRootCertificate =
    "-----BEGIN CERTIFICATE-----\nc2ltdWxhdGVkIGNsdXN0ZXI6IG5vdCBhIGNlcnRpZmljYXRl\n-----END CERTIFICATE-----\n";

bool ignorable(const Result<>& done) {
  return done.ok() || done.error().code == Code::not_found || done.error().code == Code::conflict;
}

}  // namespace

NamespaceController::NamespaceController(World& world) : Controller(world, "namespace", std::chrono::milliseconds(5)) {
  world.attach(*this, {kinds::kNamespace, kinds::kServiceAccount, kinds::kConfigMap});
}

void NamespaceController::observe(const Observation& change) {
  if (change.is(kinds::kNamespace)) {
    if (change.after) enqueue(key_of(*change.after));
    return;
  }
  const std::string name = name_of(change.object());
  if (!change.after && (name == "default" || name == "kube-root-ca.crt")) enqueue({"", namespace_of(change.object())});
}

Result<> NamespaceController::reconcile(const Key& key) {
  auto ns = world_.get(kinds::kNamespace, key);
  if (!ns) return {};
  return is_deleting(*ns) ? drain(*ns) : furnish(key.name);
}

Result<> NamespaceController::furnish(const std::string& ns) {
  if (!world_.get(kinds::kServiceAccount, ns, "default"))
    TRY(world_.create(
        kinds::kServiceAccount,
        {{"apiVersion", "v1"}, {"kind", "ServiceAccount"}, {"metadata", {{"name", "default"}, {"namespace", ns}}}}));
  if (!world_.get(kinds::kConfigMap, ns, "kube-root-ca.crt"))
    TRY(world_.create(
        kinds::kConfigMap,
        {{"apiVersion", "v1"},
         {"kind", "ConfigMap"},
         {"metadata",
          {{"name", "kube-root-ca.crt"},
           {"namespace", ns},
           {"annotations",
            {{"kubernetes.io/description",
              "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such "
              "as "
              "the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of "
              "Kubernetes clusters."}}}}},
         {"data", {{"ca.crt", std::string(kRootCertificate)}}}}));
  return {};
}

Result<> NamespaceController::drain(const Json& ns) {
  const std::string name = name_of(ns);
  const auto& store = world_.server().store();
  std::map<std::string, std::size_t> left;        // by resource
  std::map<std::string, std::size_t> finalizers;  // of what is left
  auto sweep = [&](const ResourceInfo& info) -> Result<> {
    const GroupResource resource_name = info.group_resource();
    for (const auto& object : store.list(resource_name, name)) {
      if (!is_deleting(*object)) {
        auto removed = world_.remove(Locator{info.group, info.resource, key_of(*object)}, {"", "Background", {}});
        if (!ignorable(removed)) return removed;
      }
    }
    if (const std::size_t count = store.count(resource_name, name); count > 0) {
      left[info.group.empty() ? info.resource : info.resource + "." + info.group] = count;
      for (const auto& object : store.list(resource_name, name))
        if (const Json* held = find(*object, "metadata", "finalizers"); held && held->is_array())
          for (const auto& one : *held)
            if (one.is_string()) ++finalizers[one.get<std::string>()];
    }
    return {};
  };
  const auto resources = world_.server().resources();
  for (const ResourceInfo* info : resources)
    if (info->namespaced && info->stored && info->group.empty() && info->resource == "pods") TRY(sweep(*info));
  if (left.empty())
    for (const ResourceInfo* info : resources)
      if (info->namespaced && info->stored) TRY(sweep(*info));
  if (left.empty()) {
    auto done = world_.server().finalize_namespace(name);
    return done.ok() || done.not_found() ? Result<>() : Error(Code::conflict, done.message());
  }
  std::vector<std::string> parts, holds;
  for (const auto& [what, count] : left) parts.push_back(fmt::format("{} has {} resource instances", what, count));
  for (const auto& [what, count] : finalizers) holds.push_back(fmt::format("{} in {} resource instances", what, count));
  Json edited = ns;
  Json& status = edited["status"];
  const auto now = world_.now();
  set_condition(
      status,
      {"NamespaceDeletionDiscoveryFailure", "False", "ResourcesDiscovered", "All resources successfully discovered"},
      now);
  set_condition(status,
                {"NamespaceDeletionGroupVersionParsingFailure", "False", "ParsedGroupVersions",
                 "All legacy kube types successfully parsed"},
                now);
  set_condition(status,
                {"NamespaceDeletionContentFailure", "False", "ContentDeleted",
                 "All content successfully deleted, may be waiting on finalization"},
                now);
  set_condition(status,
                {"NamespaceContentRemaining", "True", "SomeResourcesRemain",
                 fmt::format("Some resources are remaining: {}", fmt::join(parts, ", "))},
                now);
  set_condition(status,
                {"NamespaceFinalizersRemaining", holds.empty() ? "False" : "True",
                 holds.empty() ? "ContentHasNoFinalizers" : "SomeFinalizersRemain",
                 holds.empty() ? "All content-preserving finalizers finished"
                               : fmt::format("Some content in the namespace has finalizers remaining: {}",
                                             fmt::join(holds, ", "))},
                now);
  enqueue_after({"", name}, kLookAgain);
  if (edited["status"] != ns["status"]) {
    auto written = world_.update_status(kinds::kNamespace, std::move(edited));
    if (!written.ok() && written.error().code != Code::not_found) return std::move(written).error();
  }
  return {};
}

NodeController::NodeController(World& world) : Controller(world, "node", std::chrono::milliseconds(30)) {
  world.attach(*this, {kinds::kNode});
}

void NodeController::observe(const Observation& change) { enqueue(key_of(change.object())); }

Result<> NodeController::reconcile(const Key& key) {
  auto node = world_.get(kinds::kNode, key);
  struct Leaving {
    Key pod;
    std::string uid;
    std::optional<std::int64_t> grace;
  };
  std::vector<Leaving> leaving;
  port::Duration next = port::Duration::max();
  for (const PodInfo* pod : world_.pods_on(key.name)) {
    if (!node) {
      leaving.push_back({pod->key, pod->uid, 0});
      continue;
    }
    if (pod->deleting) continue;
    const Json* taints = find(*node, "spec", "taints");
    if (!taints || !taints->is_array()) continue;
    for (const auto& taint : *taints) {
      if (string_at(taint, "effect") != "NoExecute") continue;
      if (!tolerates(pod->spec(), taint)) {
        leaving.push_back({pod->key, pod->uid, {}});
        break;
      }
      // The shortest of the tolerations that cover it counts, from when the taint was put there.
      std::optional<std::int64_t> patience;
      for (const auto& toleration : pod->spec().value("tolerations", Json::array())) {
        const std::string wanted = string_at(toleration, "key");
        if (!wanted.empty() && wanted != string_at(taint, "key")) continue;
        if (const Json* seconds = find(toleration, "tolerationSeconds"); seconds && seconds->is_number_integer())
          patience = std::min(patience.value_or(seconds->get<std::int64_t>()), seconds->get<std::int64_t>());
      }
      if (!patience) continue;
      const auto since = value::find(taint, "timeAdded") ? parse_time(string_at(taint, "timeAdded")) : std::nullopt;
      const auto ends = since.value_or(world_.now()) + std::chrono::seconds(*patience);
      if (ends <= world_.now()) {
        leaving.push_back({pod->key, pod->uid, {}});
        break;
      }
      next = std::min<port::Duration>(next, ends - world_.now());
    }
  }
  for (const auto& gone : leaving) {
    if (const PodInfo* pod = world_.pod(gone.pod); pod && node)
      world_.record(*pod->object, kinds::kPod, false, "TaintManagerEviction",
                    "Marking for deletion Pod " + gone.pod.text(), "taint-eviction-controller");
    auto removed = world_.remove(kinds::kPod, gone.pod, {gone.uid, "", gone.grace});
    if (!ignorable(removed)) return removed;
  }
  if (next != port::Duration::max()) enqueue_after(key, next);
  return {};
}

DefinitionController::DefinitionController(World& world)
    : Controller(world, "definition", std::chrono::milliseconds(15)) {
  world.attach(*this, {kinds::kDefinition, kinds::kApiService});
}

void DefinitionController::observe(const Observation& change) {
  if (!change.after) return;
  enqueue({change.is(kinds::kDefinition) ? "crd" : "api", name_of(*change.after)});
}

Result<> DefinitionController::reconcile(const Key& key) {
  const Kind& kind = key.ns == "crd" ? kinds::kDefinition : kinds::kApiService;
  auto object = world_.get(kind, "", key.name);
  if (!object) return {};
  const auto now = world_.now();
  Json edited = *object;
  Json& status = edited["status"];
  if (kind == kinds::kApiService) {
    const bool local = !find(edited, "spec", "service") || edited["spec"]["service"].is_null();
    set_condition(status,
                  {"Available", "True", local ? "Local" : "Passed",
                   local ? "Local APIServices are always available" : "all checks passed"},
                  now);
  } else {
    if (is_deleting(edited)) return {};
    set_condition(status, {"NamesAccepted", "True", "NoConflicts", "no conflicts found"}, now);
    set_condition(status, {"Established", "True", "InitialNamesAccepted", "the initial names have been accepted"}, now);
    Json names = edited["spec"].value("names", Json::object());
    if (!names.contains("listKind")) names["listKind"] = string_at(names, "kind") + "List";
    if (!names.contains("singular")) {
      std::string singular = string_at(names, "kind");
      for (char& c : singular) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
      names["singular"] = singular;
    }
    status["acceptedNames"] = names;
    Json stored = status.value("storedVersions", Json::array());
    for (const auto& version : edited["spec"].value("versions", Json::array()))
      if (value::bool_at(version, false, "storage") &&
          std::find(stored.begin(), stored.end(), version.value("name", Json())) == stored.end())
        stored.push_back(version.value("name", Json()));
    status["storedVersions"] = stored;
  }
  if (const Json* before = find(*object, "status"); before && *before == status) return {};
  TRY(world_.update_status(kind, std::move(edited)));
  return {};
}

}  // namespace nautilus::sim
