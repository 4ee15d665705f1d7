#include "core/sim/control/replica_set.h"

#include <fmt/format.h>

#include "core/sim/control/pods.h"
#include "core/sim/control/selectors.h"

namespace nautilus::sim {

using value::find;
using value::int_at;

namespace {
constexpr std::string_view kComponent = "replicaset-controller";
}

ReplicaSetController::ReplicaSetController(World& world)
    : Controller(world, "replicaset", std::chrono::milliseconds(6)) {
  world.attach(*this, {kinds::kReplicaSet, kinds::kPod});
}

void ReplicaSetController::observe(const Observation& change) {
  if (change.is(kinds::kReplicaSet)) {
    if (change.after) enqueue(key_of(*change.after));
    return;
  }
  if (change.before) enqueue_owner(*change.before, kinds::kReplicaSet);
  if (change.after) enqueue_owner(*change.after, kinds::kReplicaSet);
}

Result<> ReplicaSetController::reconcile(const Key& key) {
  auto object = world_.get(kinds::kReplicaSet, key);
  if (!object) return {};
  const Json& set = *object;
  ASSIGN_OR_RETURN(auto owned, claim_pods(world_, set, kinds::kReplicaSet, find(set, "spec", "selector")));
  Result<> resized;
  if (!is_deleting(set)) {
    std::vector<const PodInfo*> active;
    for (const PodInfo* pod : owned)
      if (pod->active()) active.push_back(pod);
    const std::int64_t difference = int_at(set, 1, "spec", "replicas") - static_cast<std::int64_t>(active.size());
    if (difference != 0) resized = resize(set, difference, std::move(active));
    const auto& now_owned = world_.pods_of(uid_of(set));
    owned.assign(now_owned.begin(), now_owned.end());
  }
  TRY(write_status(set, owned, resized));
  return resized;
}

Result<> ReplicaSetController::resize(const Json& set, std::int64_t difference, std::vector<const PodInfo*> active) {
  const std::int64_t steps = std::min(std::abs(difference), kBurst);
  if (steps < std::abs(difference)) enqueue(key_of(set));
  if (difference > 0) {
    const Json* pod_template = find(set, "spec", "template");
    for (std::int64_t i = 0; i < steps; ++i) {
      auto created = world_.create(kinds::kPod, pod_from_template(*pod_template, set, kinds::kReplicaSet));
      if (!created.ok()) {
        world_.record(set, kinds::kReplicaSet, true, "FailedCreate", "Error creating: " + created.error().message,
                      kComponent);
        return std::move(created).error();
      }
      world_.record(set, kinds::kReplicaSet, false, "SuccessfulCreate", "Created pod: " + name_of(**created),
                    kComponent);
    }
    return {};
  }
  sort_for_removal(active);
  std::vector<std::pair<Key, std::string>> doomed;
  for (std::size_t i = 0; i < static_cast<std::size_t>(steps); ++i) doomed.emplace_back(active[i]->key, active[i]->uid);
  for (const auto& [key, uid] : doomed) {
    if (auto removed = world_.remove(kinds::kPod, key, {uid, "", {}});
        !removed.ok() && removed.error().code != Code::not_found) {
      world_.record(set, kinds::kReplicaSet, true, "FailedDelete", "Error deleting: " + removed.error().message,
                    kComponent);
      return removed;
    }
    world_.record(set, kinds::kReplicaSet, false, "SuccessfulDelete", "Deleted pod: " + key.name, kComponent);
  }
  return {};
}

Result<> ReplicaSetController::write_status(const Json& set, const std::vector<const PodInfo*>& owned,
                                            const Result<>& resized) {
  const auto now = world_.now();
  const std::int64_t min_ready = int_at(set, 0, "spec", "minReadySeconds");
  const Json* wanted_labels = find(set, "spec", "template", "metadata", "labels");
  std::int64_t replicas = 0, labelled = 0, ready = 0, available = 0, terminating = 0;
  port::Duration next_look = port::Duration::max();
  for (const PodInfo* pod : owned) {
    if (pod->deleting && !pod->terminal()) ++terminating;
    if (!pod->active()) continue;
    ++replicas;
    labelled += !wanted_labels || wanted_labels->empty() || selects_map(wanted_labels, pod->labels());
    if (!pod->ready) continue;
    ++ready;
    if (pod->available(min_ready, now))
      ++available;
    else
      next_look = std::min<port::Duration>(next_look, pod->ready_since + std::chrono::seconds(min_ready) - now);
  }
  const Json* current = find(set, "status");
  Json status = Json::object();
  if (current && current->contains("conditions")) status["conditions"] = (*current)["conditions"];
  status["replicas"] = replicas;
  auto put = [&](const char* field, std::int64_t count) {
    if (count != 0) status[field] = count;
  };
  put("fullyLabeledReplicas", labelled);
  put("readyReplicas", ready);
  put("availableReplicas", available);
  put("observedGeneration", generation_of(set));
  status["terminatingReplicas"] = terminating;
  if (!resized.ok()) {
    if (!condition(status, "ReplicaFailure"))
      set_condition(
          status,
          {"ReplicaFailure", "True", replicas < int_at(set, 1, "spec", "replicas") ? "FailedCreate" : "FailedDelete",
           resized.error().message},
          now);
  } else {
    drop_condition(status, "ReplicaFailure");
    if (status.contains("conditions") && status["conditions"].empty()) status.erase("conditions");
  }
  if (next_look != port::Duration::max()) enqueue_after(key_of(set), next_look);
  if (current && *current == status) return {};
  Json edited = set;
  edited["status"] = std::move(status);
  TRY(world_.update_status(kinds::kReplicaSet, std::move(edited)));
  return {};
}

}  // namespace nautilus::sim
