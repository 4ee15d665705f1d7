// Deletion: preconditions, grace, finalizers, propagation, collections.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/sim/api/decode.h"
#include "core/sim/api/server_impl.h"
#include "core/sim/api/times.h"

namespace nautilus::sim {
namespace {

// Kinds that answer a DELETE with the object instead of a Status.
constexpr std::string_view kReturned[] = {
    "pods",         "services",       "serviceaccounts",       "persistentvolumes", "persistentvolumeclaims",
    "podtemplates", "resourcequotas", "replicationcontrollers"};

void add_finalizer(Json& meta, const char* name) {
  Json& list = meta["finalizers"];
  if (!list.is_array()) list = Json::array();
  if (std::find(list.begin(), list.end(), name) == list.end()) list.push_back(name);
}

void erase_finalizer(Json& meta, const char* name) {
  auto at = meta.find("finalizers");
  if (at == meta.end() || !at->is_array()) return;
  at->erase(std::remove(at->begin(), at->end(), name), at->end());
  if (at->empty()) meta.erase("finalizers");
}

}  // namespace

void Server::Impl::check_preconditions(const Served& kind, const Json& object, const DeleteOptions& wanted) const {
  std::string name = value::string_at(object, "metadata", "name"), uid = value::string_at(object, "metadata", "uid"),
              version = value::string_at(object, "metadata", "resourceVersion");
  auto fail = [&](std::string_view what, const std::string& want, const std::string& have, std::string_view where) {
    return conflict(kind.info, name,
                    fmt::format("the {} in the precondition ({}) does not match the {} in record ({}). {}", what, want,
                                what, have, where));
  };
  if (!wanted.uid.empty() && wanted.uid != uid)
    throw fail("UID", wanted.uid, uid, "The object might have been deleted and then recreated");
  if (!wanted.resource_version.empty() && wanted.resource_version != version)
    throw fail("ResourceVersion", wanted.resource_version, version, "The object might have been modified");
}

Outcome Server::Impl::drop(const Served& kind, const Object& object, const WriteOptions& write) {
  std::string ns = value::string_at(*object, "metadata", "namespace"),
              name = value::string_at(*object, "metadata", "name");
  Outcome outcome;
  outcome.object = object;
  if (write.dry_run) return outcome;
  auto result = store.remove(kind.storage, ns, name, 0);
  if (result.object) outcome.object = result.object;
  ++counters.revisions;
  if (kind.info.kind == "Service" && kind.info.group.empty()) release_service(*object);
  if (kind.info.kind == "CustomResourceDefinition") {
    // The objects go with their definition.
    if (const Served* gone = served(
            {value::string_at(*object, "spec", "group"), value::string_at(*object, "spec", "names", "plural")})) {
      std::string group = gone->info.group, resource_name = gone->info.resource;
      for (const Object& instance : store.list({group, resource_name}))
        store.remove({group, resource_name}, value::string_at(*instance, "metadata", "namespace"),
                     value::string_at(*instance, "metadata", "name"), 0);
    }
    load_custom();
  }
  charge_quota(kind, nullptr, object.get());
  return outcome;
}

Outcome Server::Impl::remove(const Served& kind, std::string_view ns, std::string_view name,
                             const DeleteOptions& wanted, const WriteOptions& write) {
  const ResourceInfo& info = kind.info;
  Object old = read(kind, ns, name);
  check_preconditions(kind, *old, wanted);
  if (!wanted.propagation.empty() && wanted.propagation != "Background" && wanted.propagation != "Foreground" &&
      wanted.propagation != "Orphan")
    throw Refused{make_status(422, "Invalid",
                              fmt::format("DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported "
                                          "value: \"{}\": supported values: "
                                          "\"Foreground\", \"Background\", \"Orphan\", \"nil\"",
                                          wanted.propagation),
                              {{"group", "meta.k8s.io"}, {"kind", "DeleteOptions"}})};
  for (const auto& rule : deny_rules) {
    bool hits = (rule.group.empty() || rule.group == info.group) &&
                (rule.resource.empty() || rule.resource == info.resource) && rule.message.starts_with("delete:") &&
                (rule.ns.empty() || rule.ns == ns) && name.starts_with(rule.name_prefix);
    if (hits)
      throw Refused{make_status(
          403, "Forbidden",
          fmt::format("admission webhook \"{}\" denied the request: {}", rule.webhook, rule.message.substr(7)))};
  }
  if (info.kind == "Namespace" && (name == "default" || name == "kube-system" || name == "kube-public"))
    throw forbidden(info, name, "this namespace may not be deleted");
  std::string propagation = wanted.propagation;
  if (propagation.empty() && info.kind == "Job" && write.subresource.empty()) {
    write.warn(
        "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or "
        "set "
        "propagationPolicy=Orphan to suppress this warning");
    propagation = "Orphan";
  }
  if (propagation.empty() && info.kind == "ReplicationController") propagation = "Orphan";

  Json object = *old;
  Json& meta = object["metadata"];
  std::int64_t grace = 0;
  if (info.kind == "Pod") {
    std::string phase = value::string_at(*old, "status", "phase");
    grace = wanted.grace_period_seconds.value_or(value::int_at(*old, 30, "spec", "terminationGracePeriodSeconds"));
    if (grace < 0) grace = 1;
    if (value::string_at(*old, "spec", "nodeName").empty() || phase == "Succeeded" || phase == "Failed") grace = 0;
  }
  bool already = meta.contains("deletionTimestamp");
  if (already) {
    std::int64_t before = value::int_at(meta, 0, "deletionGracePeriodSeconds");
    if (info.kind == "Pod") {
      if (!wanted.grace_period_seconds && grace != 0) grace = before;
      if (grace > before) grace = before;
    }
  }
  if (propagation == "Foreground") {
    erase_finalizer(meta, "orphan");
    add_finalizer(meta, "foregroundDeletion");
  } else if (propagation == "Orphan") {
    erase_finalizer(meta, "foregroundDeletion");
    add_finalizer(meta, "orphan");
  } else if (propagation == "Background") {
    erase_finalizer(meta, "foregroundDeletion");
    erase_finalizer(meta, "orphan");
  }
  const Json* finalizers = value::find(meta, "finalizers");
  bool held = finalizers && !finalizers->empty();
  bool namespace_held = false;
  if (info.kind == "Namespace") {
    const Json* own = value::find(object, "spec", "finalizers");
    namespace_held = own && !own->empty();
  }
  if (grace == 0 && !held && !namespace_held) {
    Outcome outcome = drop(kind, old, write);
    bool returned =
        !kind.custom && std::find(std::begin(kReturned), std::end(kReturned), info.resource) != std::end(kReturned);
    if (!returned) {
      Json details = {{"name", name}, {"kind", info.resource}, {"uid", value::string_at(*old, "metadata", "uid")}};
      if (!info.group.empty()) details["group"] = info.group;
      Json status = {{"kind", "Status"},
                     {"apiVersion", "v1"},
                     {"metadata", Json::object()},
                     {"status", "Success"},
                     {"details", std::move(details)}};
      outcome.status = std::move(status);
    }
    return outcome;
  }
  bool shorter = already && info.kind == "Pod" && grace < value::int_at(meta, 0, "deletionGracePeriodSeconds");
  if (!already || shorter) {
    meta["deletionTimestamp"] = format_rfc3339(clock.now() + std::chrono::seconds(grace));
    if (info.kind != "Namespace") meta["deletionGracePeriodSeconds"] = grace;
    if (meta.contains("generation")) meta["generation"] = value::int_at(meta, 0, "generation") + 1;
    if (info.kind == "Namespace") object["status"]["phase"] = "Terminating";
  }
  return commit_update(kind, old, std::move(object), write);
}

Outcome Server::Impl::evict(std::string_view ns, std::string_view pod, const DeleteOptions& wanted,
                            const WriteOptions& write) {
  const Served* pods = served(resource::kPods);
  const Served* budgets = served(resource::kPodDisruptionBudgets);
  Object object = read(*pods, ns, pod);
  std::string phase = value::string_at(*object, "status", "phase");
  bool finished = phase == "Succeeded" || phase == "Failed" || phase == "Pending" ||
                  value::find(*object, "metadata", "deletionTimestamp") != nullptr;
  std::vector<Object> matching;
  if (!finished)
    for (const Object& budget : store.list(resource::kPodDisruptionBudgets, ns))
      if (LabelSelector::of(value::find(*budget, "spec", "selector"))
              .matches(value::find(*object, "metadata", "labels")))
        matching.push_back(budget);
  if (matching.size() > 1)
    throw Refused{make_status(500, "InternalError",
                              "Internal error occurred: This pod has more than one PodDisruptionBudget, which the "
                              "eviction subresource does not support.",
                              {{"causes", Json::array({{{"message",
                                                         "This pod has more than one PodDisruptionBudget, which the "
                                                         "eviction subresource does not support."}}})}})};
  if (matching.size() == 1) {
    const Json& budget = *matching[0];
    std::string name = value::string_at(budget, "metadata", "name");
    auto refuse_it = [&](std::string cause, int retry) {
      Json details = {{"causes", Json::array({{{"reason", "DisruptionBudget"}, {"message", std::move(cause)}}})}};
      if (retry) details["retryAfterSeconds"] = retry;
      return Refused{make_status(429, "TooManyRequests",
                                 "Cannot evict pod as it would violate the pod's disruption budget.",
                                 std::move(details))};
    };
    bool ready = false;
    if (const Json* conditions = value::find(*object, "status", "conditions"); conditions && conditions->is_array())
      for (const Json& c : *conditions)
        ready |= value::string_at(c, "type") == "Ready" && value::string_at(c, "status") == "True";
    bool always = value::string_at(budget, "spec", "unhealthyPodEvictionPolicy") == "AlwaysAllow";
    std::int64_t healthy = value::int_at(budget, 0, "status", "currentHealthy"),
                 desired = value::int_at(budget, 0, "status", "desiredHealthy"),
                 allowed = value::int_at(budget, 0, "status", "disruptionsAllowed");
    bool free = !ready && (always || (healthy >= desired && desired > 0));
    if (!free) {
      if (value::int_at(budget, 0, "status", "observedGeneration") < value::int_at(budget, 0, "metadata", "generation"))
        throw refuse_it(fmt::format("The disruption budget {} is still being processed by the server.", name), 10);
      if (allowed <= 0)
        throw refuse_it(
            fmt::format("The disruption budget {} needs {} healthy pods and has {} currently", name, desired, healthy),
            0);
      if (!write.dry_run) {
        Json status = budget["status"];
        status["disruptionsAllowed"] = allowed - 1;
        Json& disrupted = status["disruptedPods"];
        if (!disrupted.is_object()) disrupted = Json::object();
        disrupted[std::string(pod)] = timestamp();
        WriteOptions inner = write;
        inner.subresource = "status";
        Json fresh = budget;
        fresh["status"] = std::move(status);
        update(*budgets, ns, name, std::move(fresh), inner);
      }
    }
  }
  WriteOptions inner = write;
  if (!finished && !write.dry_run) {
    // The pod says why it goes, as with the real server.
    Json fresh = *read(*pods, ns, pod);
    Json& conditions = fresh["status"]["conditions"];
    if (!conditions.is_array()) conditions = Json::array();
    conditions.push_back({{"type", "DisruptionTarget"},
                          {"status", "True"},
                          {"reason", "EvictionByEvictionAPI"},
                          {"message", "Eviction API: evicting"},
                          {"lastTransitionTime", timestamp()},
                          {"lastProbeTime", nullptr}});
    inner.subresource = "status";
    update(*pods, ns, pod, std::move(fresh), inner);
    inner.subresource.clear();
  }
  DeleteOptions removal = wanted;
  Outcome removed = remove(*pods, ns, pod, removal, inner);
  Outcome outcome;
  outcome.code = 201;
  outcome.object = removed.object;
  outcome.status = {
      {"kind", "Status"}, {"apiVersion", "v1"}, {"metadata", Json::object()}, {"status", "Success"}, {"code", 201}};
  return outcome;
}

Outcome Server::Impl::remove_collection(const Request& request) {
  const Served& kind = *request.kind;
  LabelSelector labels = LabelSelector::parse(request.param("labelSelector"));
  FieldSelector fields = FieldSelector::parse(request.param("fieldSelector"), kind.info.kind,
                                              kind.custom ? kind.custom->selectable : std::vector<std::string>());
  DeleteOptions wanted;
  if (!request.body.empty()) {
    Parsed body = body_of(request, "DeleteOptions");
    if (body.value.is_object()) {
      wanted.propagation = value::string_at(body.value, "propagationPolicy");
      if (const Json* grace = value::find(body.value, "gracePeriodSeconds"); grace && grace->is_number_integer())
        wanted.grace_period_seconds = grace->get<std::int64_t>();
    }
  }
  if (!request.param("propagationPolicy").empty()) wanted.propagation = request.param("propagationPolicy");
  Json items = Json::array();
  for (const Object& object : store.list(kind.storage, request.ns)) {
    if (!labels.matches(value::find(*object, "metadata", "labels")) || !fields.matches(*object)) continue;
    Outcome one = remove(kind, value::string_at(*object, "metadata", "namespace"),
                         value::string_at(*object, "metadata", "name"), wanted, request.write);
    items.push_back(*converted(kind, one.object ? one.object : object));
  }
  Outcome outcome;
  Json list = {{"kind", kind.info.kind + "List"},
               {"apiVersion", kind.info.api_version()},
               {"metadata", {{"resourceVersion", std::to_string(store.revision())}}},
               {"items", std::move(items)}};
  outcome.object = std::make_shared<const Json>(std::move(list));
  return outcome;
}

}  // namespace nautilus::sim
