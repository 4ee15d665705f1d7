#include "core/sim/control/disruption.h"

#include "core/sim/control/pods.h"
#include "core/sim/control/selectors.h"
#include "core/sim/control/times.h"

namespace nautilus::sim {

using value::find;
using value::int_at;
using value::string_at;

DisruptionController::DisruptionController(World& world)
    : Controller(world, "disruption", std::chrono::milliseconds(50)) {
  world.attach(*this,
               {kinds::kDisruptionBudget, kinds::kPod, kinds::kDeployment, kinds::kStatefulSet, kinds::kReplicaSet});
}

void DisruptionController::observe(const Observation& change) {
  if (change.is(kinds::kDisruptionBudget)) {
    if (change.after) enqueue(key_of(*change.after));
    return;
  }
  const Json& object = change.object();
  const bool pod = change.is(kinds::kPod);
  if (!pod && change.before && change.after &&
      int_at(*change.before, 1, "spec", "replicas") == int_at(*change.after, 1, "spec", "replicas"))
    return;
  world_.server().store().scan(
      resource::kPodDisruptionBudgets, namespace_of(object), "", [&](const std::string&, const Object& budget) {
        const Json* labels =
            pod ? find(object, "metadata", "labels") : find(object, "spec", "template", "metadata", "labels");
        if (selects(find(*budget, "spec", "selector"), labels)) enqueue(key_of(*budget));
        return true;
      });
}

// The sum of the sizes of everything that controls these pods.
std::int64_t DisruptionController::expected_scale(const std::vector<const PodInfo*>& pods) const {
  std::map<std::string, std::int64_t> scale;
  for (const PodInfo* pod : pods) {
    const Json* ref = controller_ref(*pod->object);
    if (!ref || scale.contains(pod->controller_uid)) continue;
    const std::string kind = string_at(*ref, "kind"), name = string_at(*ref, "name");
    ObjectPtr owner;
    if (kind == "ReplicaSet") owner = world_.get(kinds::kReplicaSet, pod->key.ns, name);
    if (kind == "StatefulSet") owner = world_.get(kinds::kStatefulSet, pod->key.ns, name);
    if (!owner) continue;
    std::string uid = uid_of(*owner);
    if (const Json* above = controller_ref(*owner); above && string_at(*above, "kind") == "Deployment")
      if (auto deployment = world_.get(kinds::kDeployment, pod->key.ns, string_at(*above, "name"))) {
        owner = deployment;
        uid = uid_of(*deployment);
      }
    scale[uid] = int_at(*owner, 1, "spec", "replicas");
    scale.try_emplace(pod->controller_uid, 0);
  }
  std::int64_t sum = 0;
  for (const auto& [uid, count] : scale) sum += count;
  return sum;
}

Result<> DisruptionController::reconcile(const Key& key) {
  auto object = world_.get(kinds::kDisruptionBudget, key);
  if (!object) return {};
  const Json& budget = *object;
  const Json* selector = find(budget, "spec", "selector");
  std::vector<const PodInfo*> pods;
  world_.each_pod(key.ns, [&](const PodInfo& pod) {
    if (selects(selector, pod.labels())) pods.push_back(&pod);
  });
  std::int64_t expected = static_cast<std::int64_t>(pods.size()), desired = 0;
  if (const Json* most = find(budget, "spec", "maxUnavailable"); most && !most->is_null()) {
    expected = expected_scale(pods);
    desired = std::max<std::int64_t>(0, expected - int_or_percent(*most, expected, true).value_or(0));
  } else if (const Json* least = find(budget, "spec", "minAvailable"); least && !least->is_null()) {
    if (least->is_string()) expected = expected_scale(pods);
    desired = int_or_percent(*least, expected, true).value_or(0);
  }
  // Evictions that were granted count until the pod is seen leaving, or two minutes have passed.
  Json disrupted = Json::object();
  std::int64_t healthy = 0;
  const Json* granted = find(budget, "status", "disruptedPods");
  for (const PodInfo* pod : pods) {
    if (pod->deleting) continue;
    const Json* at = granted ? find(*granted, pod->key.name) : nullptr;
    const auto since = at && at->is_string() ? parse_time(at->get_ref<const std::string&>()) : std::nullopt;
    if (since && *since + std::chrono::minutes(2) > world_.now()) {
      disrupted[pod->key.name] = *at;
      enqueue_after(key, *since + std::chrono::minutes(2) - world_.now());
      continue;
    }
    if (pod->ready) ++healthy;
  }
  const std::int64_t allowed = expected > 0 ? std::max<std::int64_t>(0, healthy - desired) : 0;
  Json status = {{"currentHealthy", healthy},
                 {"desiredHealthy", desired},
                 {"disruptionsAllowed", allowed},
                 {"expectedPods", expected},
                 {"observedGeneration", generation_of(budget)}};
  if (!disrupted.empty()) status["disruptedPods"] = std::move(disrupted);
  const Json* before = find(budget, "status");
  if (before && before->contains("conditions")) status["conditions"] = (*before)["conditions"];
  set_condition(
      status,
      {"DisruptionAllowed", allowed > 0 ? "True" : "False", allowed > 0 ? "SufficientPods" : "InsufficientPods", ""},
      world_.now());
  for (auto& one : status["conditions"]) {
    one["message"] = string_at(one, "message");
    one["observedGeneration"] = generation_of(budget);
  }
  if (before && *before == status) return {};
  Json edited = budget;
  edited["status"] = std::move(status);
  TRY(world_.update_status(kinds::kDisruptionBudget, std::move(edited)));
  return {};
}

QuotaController::QuotaController(World& world) : Controller(world, "quota", std::chrono::milliseconds(200)) {
  world.attach(*this, {kinds::kResourceQuota, kinds::kPod, kinds::kService, kinds::kConfigMap, kinds::kSecret,
                       kinds::kClaim, kinds::kDeployment, kinds::kStatefulSet, kinds::kJob, kinds::kCronJob,
                       kinds::kReplicaSet, kinds::kIngress});
}

void QuotaController::observe(const Observation& change) {
  if (change.is(kinds::kResourceQuota)) {
    if (change.after) enqueue(key_of(*change.after));
    return;
  }
  // Counts change with creation and deletion; a pod also stops counting when it ends.
  const bool ended = change.is(kinds::kPod) && change.before && change.after &&
                     string_at(*change.before, "status", "phase") != string_at(*change.after, "status", "phase");
  if (change.before && change.after && !ended && !change.is(kinds::kService) && !change.is(kinds::kClaim)) return;
  world_.server().store().scan(resource::kResourceQuotas, namespace_of(change.object()), "",
                               [&](const std::string&, const Object& quota) {
                                 enqueue(key_of(*quota));
                                 return true;
                               });
}

namespace {

bool best_effort(const PodInfo& pod) {
  return pod_amounts(pod.spec(), "requests").empty() && pod_amounts(pod.spec(), "limits").empty();
}

bool in_scope(const Json& quota, const PodInfo& pod) {
  const bool limited = pod.spec().contains("activeDeadlineSeconds");
  if (const Json* scopes = find(quota, "spec", "scopes"); scopes && scopes->is_array())
    for (const auto& scope : *scopes) {
      if (scope == "Terminating" && !limited) return false;
      if (scope == "NotTerminating" && limited) return false;
      if (scope == "BestEffort" && !best_effort(pod)) return false;
      if (scope == "NotBestEffort" && best_effort(pod)) return false;
    }
  if (const Json* terms = find(quota, "spec", "scopeSelector", "matchExpressions"); terms && terms->is_array())
    for (const auto& term : *terms)
      if (string_at(term, "scopeName") == "PriorityClass") {
        const Json* priority = find(pod.spec(), "priorityClassName");
        const std::string* name = priority && priority->is_string() ? priority->get_ptr<const std::string*>() : nullptr;
        if (!meets(term, name)) return false;
      }
  return true;
}

// How many objects a "count/<resource>[.<group>]" or a bare plural stands for; -1 if it is not a count.
std::int64_t object_count(World& world, const std::string& what, const std::string& ns) {
  std::string_view name = what;
  if (name.starts_with("count/")) name.remove_prefix(6);
  const auto dot = name.find('.');
  const GroupResource wanted{dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1),
                             name.substr(0, dot)};
  if (!world.server().find(wanted)) return -1;
  return static_cast<std::int64_t>(world.server().store().count(wanted, ns));
}

}  // namespace

Result<> QuotaController::reconcile(const Key& key) {
  auto object = world_.get(kinds::kResourceQuota, key);
  if (!object || is_deleting(*object)) return {};
  const Json* hard = find(*object, "spec", "hard");
  if (!hard || !hard->is_object()) return {};
  Amounts pods;
  std::int64_t pod_count = 0;
  world_.each_pod(key.ns, [&](const PodInfo& pod) {
    if (pod.terminal() || !in_scope(*object, pod)) return;
    ++pod_count;
    for (const char* field : {"requests", "limits"})
      for (const auto& [name, milli] : pod_amounts(pod.spec(), field)) pods[std::string(field) + "." + name] += milli;
  });
  Json used = Json::object();
  for (const auto& [name, quantity] : hard->items()) {
    std::int64_t milli = 0;
    const std::string full =
        name == "cpu" || name == "memory" || name == "ephemeral-storage" ? "requests." + name : name;
    if (name == "pods" || name == "count/pods") {
      milli = pod_count * 1000;
    } else if (name == "requests.storage") {
      for (const auto& claim : world_.list(kinds::kClaim, key.ns))
        if (const Json* wanted = find(*claim, "spec", "resources", "requests", "storage"))
          milli += quantity_milli(*wanted).value_or(0);
    } else if (name == "services.loadbalancers" || name == "services.nodeports") {
      for (const auto& service : world_.list(kinds::kService, key.ns)) {
        const std::string type = string_at(*service, "spec", "type");
        milli += 1000 * (type == "LoadBalancer" || (type == "NodePort" && name == "services.nodeports"));
      }
    } else if (full.starts_with("requests.") || full.starts_with("limits.")) {
      milli = pods[full];
    } else {
      milli = std::max<std::int64_t>(0, object_count(world_, name, key.ns)) * 1000;
    }
    const bool bytes = full.ends_with("memory") || full.ends_with("storage");
    used[name] = quantity_text(milli, bytes);
  }
  Json status = {{"hard", *hard}, {"used", std::move(used)}};
  const Json* before = find(*object, "status");
  auto same = [&](const char* part) {
    return before && amounts_of(find(*before, part)) == amounts_of(find(status, part));
  };
  if (same("hard") && same("used")) return {};
  Json edited = *object;
  edited["status"] = std::move(status);
  TRY(world_.update_status(kinds::kResourceQuota, std::move(edited)));
  return {};
}

}  // namespace nautilus::sim
