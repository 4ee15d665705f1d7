#include "core/sim/control/daemon_set.h"

#include <fmt/format.h>

#include "core/sim/control/pods.h"
#include "core/sim/control/selectors.h"

namespace nautilus::sim {

using value::find;
using value::int_at;
using value::string_at;

namespace {

constexpr std::string_view kComponent = "daemonset-controller";
constexpr const char* kRevisionLabel = "controller-revision-hash";

// Daemon pods stay on nodes that are in trouble.
void add_tolerations(Json& spec) {
  Json& all = spec["tolerations"];
  if (!all.is_array()) all = Json::array();
  for (const char* key : {"not-ready", "unreachable"})
    all.push_back(
        {{"key", fmt::format("node.kubernetes.io/{}", key)}, {"operator", "Exists"}, {"effect", "NoExecute"}});
  for (const char* key : {"disk-pressure", "memory-pressure", "pid-pressure", "unschedulable"})
    all.push_back(
        {{"key", fmt::format("node.kubernetes.io/{}", key)}, {"operator", "Exists"}, {"effect", "NoSchedule"}});
  if (value::bool_at(spec, false, "hostNetwork"))
    all.push_back(
        {{"key", "node.kubernetes.io/network-unavailable"}, {"operator", "Exists"}, {"effect", "NoSchedule"}});
}

void pin_to(Json& spec, const std::string& node) {
  Json& required = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
  const Json field = {{"key", "metadata.name"}, {"operator", "In"}, {"values", Json::array({node})}};
  Json terms = Json::array();
  if (const Json* own = find(required, "nodeSelectorTerms"); own && own->is_array()) terms = *own;
  if (terms.empty()) terms.push_back(Json::object());
  for (auto& term : terms) term["matchFields"] = Json::array({field});
  required["nodeSelectorTerms"] = std::move(terms);
}

// The node a daemon pod is meant for, bound or not.
std::string target_of(const PodInfo& pod) {
  if (!pod.node.empty()) return pod.node;
  const Json* terms = find(pod.spec(), "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution",
                           "nodeSelectorTerms");
  if (!terms || !terms->is_array()) return {};
  for (const auto& term : *terms)
    if (const Json* fields = find(term, "matchFields"); fields && fields->is_array())
      for (const auto& field : *fields)
        if (const Json* values = find(field, "values");
            values && values->is_array() && values->size() == 1 && values->front().is_string())
          return values->front().get<std::string>();
  return {};
}

}  // namespace

struct DaemonSetController::Pass {
  ObjectPtr object;
  Revisions revisions;
  std::map<std::string, std::vector<Key>> by_node;
  std::set<std::string> wanted;  // nodes
  std::int64_t min_ready = 0;
  port::WallTime now{};
  const Json& set() const { return *object; }
};

DaemonSetController::DaemonSetController(World& world) : Controller(world, "daemonset", std::chrono::milliseconds(7)) {
  world.attach(*this, {kinds::kDaemonSet, kinds::kPod, kinds::kNode});
}

void DaemonSetController::observe(const Observation& change) {
  if (change.is(kinds::kDaemonSet)) {
    if (change.after) enqueue(key_of(*change.after));
  } else if (change.is(kinds::kPod)) {
    enqueue_owner(change.object(), kinds::kDaemonSet);
  } else {
    for (const auto& set : world_.list(kinds::kDaemonSet)) enqueue(key_of(*set));
  }
}

Result<> DaemonSetController::reconcile(const Key& key) {
  Pass pass;
  pass.object = world_.get(kinds::kDaemonSet, key);
  if (!pass.object || is_deleting(*pass.object)) return {};
  const Json& set = pass.set();
  pass.now = world_.now();
  pass.min_ready = int_at(set, 0, "spec", "minReadySeconds");
  TRY(claim_pods(world_, set, kinds::kDaemonSet, find(set, "spec", "selector")));
  ASSIGN_OR_RETURN(pass.revisions, sync_revisions(world_, set, kinds::kDaemonSet));
  Json spec = find(set, "spec", "template", "spec") ? set["spec"]["template"]["spec"] : Json::object();
  add_tolerations(spec);
  for (const auto& node : world_.list(kinds::kNode))
    if (node_affinity_matches(spec, *node) && !untolerated_taint(spec, *node)) pass.wanted.insert(name_of(*node));
  for (const PodInfo* pod : world_.pods_of(uid_of(set))) pass.by_node[target_of(*pod)].push_back(pod->key);
  auto placed = place(pass);
  auto updated = placed.ok() ? update_pods(pass) : Result<>();
  TRY(write_status(pass));
  TRY(placed);
  TRY(updated);
  std::set<std::string> in_use = {name_of(*pass.revisions.update)};
  for (const PodInfo* pod : world_.pods_of(uid_of(set)))
    in_use.insert(name_of(set) + "-" + label(*pod->object, kRevisionLabel));
  return trim_revisions(world_, pass.revisions, in_use, int_at(set, 10, "spec", "revisionHistoryLimit"));
}

Result<> DaemonSetController::place(Pass& pass) {
  const Json& set = pass.set();
  auto drop = [&](const Key& key) -> Result<> {
    const PodInfo* pod = world_.pod(key);
    if (!pod || pod->deleting) return {};
    TRY(world_.remove(kinds::kPod, key, {pod->uid, "", {}}));
    world_.record(set, kinds::kDaemonSet, false, "SuccessfulDelete", "Deleted pod: " + key.name, kComponent);
    return {};
  };
  for (const auto& [node, keys] : pass.by_node) {
    bool kept = false;
    for (const auto& key : keys) {
      const PodInfo* pod = world_.pod(key);
      if (!pod) continue;
      const bool wanted = pass.wanted.contains(node) && !pod->terminal() && !kept;
      if (wanted)
        kept = !pod->deleting;
      else
        TRY(drop(key));
    }
  }
  const std::string hash = label(*pass.revisions.update, "controller.kubernetes.io/hash");
  for (const auto& node : pass.wanted) {
    bool present = false;
    for (const auto& key : pass.by_node[node]) present = present || world_.pod(key) != nullptr;
    if (present) continue;
    Json pod = pod_from_template(*find(set, "spec", "template"), set, kinds::kDaemonSet);
    add_tolerations(pod["spec"]);
    pin_to(pod["spec"], node);
    pod["metadata"]["labels"][kRevisionLabel] = hash;
    pod["metadata"]["labels"]["pod-template-generation"] = fmt::format("{}", generation_of(set));
    auto created = world_.create(kinds::kPod, std::move(pod));
    if (!created.ok()) {
      world_.record(set, kinds::kDaemonSet, true, "FailedCreate", "Error creating: " + created.error().message,
                    kComponent);
      return std::move(created).error();
    }
    world_.record(set, kinds::kDaemonSet, false, "SuccessfulCreate", "Created pod: " + name_of(**created), kComponent);
  }
  return {};
}

Result<> DaemonSetController::update_pods(Pass& pass) {
  const Json& set = pass.set();
  if (string_at(set, "spec", "updateStrategy", "type") == "OnDelete") return {};
  const std::string hash = label(*pass.revisions.update, "controller.kubernetes.io/hash");
  const Json* most = find(set, "spec", "updateStrategy", "rollingUpdate", "maxUnavailable");
  std::int64_t budget =
      most ? int_or_percent(*most, static_cast<std::int64_t>(pass.wanted.size()), true).value_or(1) : 1;
  std::vector<std::pair<Key, std::string>> old_ready, old_broken;
  for (const PodInfo* pod : world_.pods_of(uid_of(set))) {
    const bool available = pod->available(pass.min_ready, pass.now) && !pod->deleting;
    if (!available) --budget;
    if (pod->deleting || label(*pod->object, kRevisionLabel) == hash) continue;
    (available ? old_ready : old_broken).emplace_back(pod->key, pod->uid);
  }
  for (const auto& node : pass.wanted)
    if (!pass.by_node.contains(node)) --budget;
  for (const auto& [key, uid] : old_broken) TRY(world_.remove(kinds::kPod, key, {uid, "", {}}));
  for (const auto& [key, uid] : old_ready) {
    if (budget-- <= 0) break;
    TRY(world_.remove(kinds::kPod, key, {uid, "", {}}));
  }
  return {};
}

Result<> DaemonSetController::write_status(Pass& pass) {
  const Json& set = pass.set();
  const std::string hash = label(*pass.revisions.update, "controller.kubernetes.io/hash");
  std::int64_t current = 0, misplaced = 0, ready = 0, available = 0, updated = 0;
  std::set<std::string> seen;
  for (const PodInfo* pod : world_.pods_of(uid_of(set))) {
    const std::string node = target_of(*pod);
    if (!pass.wanted.contains(node)) {
      ++misplaced;
      continue;
    }
    if (!seen.insert(node).second) continue;
    ++current;
    if (label(*pod->object, kRevisionLabel) == hash) ++updated;
    if (!pod->ready || pod->deleting) continue;
    ++ready;
    if (pod->available(pass.min_ready, pass.now))
      ++available;
    else
      enqueue_after(key_of(set), pod->ready_since + std::chrono::seconds(pass.min_ready) - pass.now);
  }
  const auto desired = static_cast<std::int64_t>(pass.wanted.size());
  Json status = {{"currentNumberScheduled", current},
                 {"numberMisscheduled", misplaced},
                 {"desiredNumberScheduled", desired},
                 {"numberReady", ready},
                 {"observedGeneration", generation_of(set)}};
  auto put = [&](const char* field, std::int64_t count) {
    if (count != 0) status[field] = count;
  };
  put("updatedNumberScheduled", updated);
  put("numberAvailable", available);
  put("numberUnavailable", desired - available);
  const Json* before = find(set, "status");
  if (before && before->contains("conditions")) status["conditions"] = (*before)["conditions"];
  if (before && *before == status) return {};
  Json edited = set;
  edited["status"] = std::move(status);
  TRY(world_.update_status(kinds::kDaemonSet, std::move(edited)));
  return {};
}

}  // namespace nautilus::sim
