#include "core/sim/control/deployment.h"

#include <fmt/format.h>

#include <charconv>

#include "core/sim/control/selectors.h"
#include "core/sim/control/times.h"

namespace nautilus::sim {

using value::find;
using value::int_at;
using value::string_at;

namespace {

constexpr std::string_view kRevision = "deployment.kubernetes.io/revision";
constexpr std::string_view kRevisionHistory = "deployment.kubernetes.io/revision-history";
constexpr std::string_view kDesired = "deployment.kubernetes.io/desired-replicas";
constexpr std::string_view kMax = "deployment.kubernetes.io/max-replicas";
constexpr std::string_view kHash = "pod-template-hash";
constexpr std::string_view kComponent = "deployment-controller";
constexpr std::int64_t kNoDeadline = 2147483647;  // spec.progressDeadlineSeconds of a Deployment without a deadline

std::int64_t number(const std::string& text) {
  std::int64_t parsed = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), parsed);
  return code == std::errc() && end == text.data() + text.size() ? parsed : 0;
}

bool own_annotation(std::string_view key) {
  return key == "kubectl.kubernetes.io/last-applied-configuration" || key == kRevision || key == kRevisionHistory ||
         key == kDesired || key == kMax || key == "deprecated.deployment.rollback.to";
}

Json without_hash(Json pod_template) {
  if (auto meta = pod_template.find("metadata"); meta != pod_template.end() && meta->is_object()) {
    if (auto labels = meta->find("labels"); labels != meta->end() && labels->is_object())
      labels->erase(std::string(kHash));
    meta->erase("creationTimestamp");
  }
  return pod_template;
}

void put_count(Json& status, const char* field, std::int64_t count) {
  if (count != 0)
    status[field] = count;
  else
    status.erase(field);
}

// A Deployment's conditions also say when they were last looked at, and stay as they are while status and reason do.
void set_deployment_condition(Json& status, std::string type, std::string state, std::string reason,
                              std::string message, port::WallTime now) {
  const Json* current = condition(status, type);
  if (current && string_at(*current, "status") == state && string_at(*current, "reason") == reason) return;
  const std::string since =
      current && string_at(*current, "status") == state ? string_at(*current, "lastTransitionTime") : time_text(now);
  drop_condition(status, type);
  Json& all = status["conditions"];
  if (!all.is_array()) all = Json::array();
  all.push_back({{"type", std::move(type)},
                 {"status", std::move(state)},
                 {"lastUpdateTime", time_text(now)},
                 {"lastTransitionTime", since},
                 {"reason", std::move(reason)},
                 {"message", std::move(message)}});
}

}  // namespace

struct DeploymentController::Set {
  ObjectPtr object;
  ReplicaSetSize size;
  std::int64_t replicas = 0, ready = 0;
  std::int64_t revision = 0;
  std::string name() const { return name_of(*object); }
};

struct DeploymentController::Rollout {
  Json deployment;
  RolloutLimits limits;
  std::vector<Set> old;  // oldest first
  std::optional<Set> fresh;
  port::WallTime now{};

  std::int64_t deadline() const { return int_at(deployment, kNoDeadline, "spec", "progressDeadlineSeconds"); }
  bool has_deadline() const { return deadline() != kNoDeadline; }
  std::int64_t total() const {
    std::int64_t sum = fresh ? fresh->size.wanted : 0;
    for (const auto& set : old) sum += set.size.wanted;
    return sum;
  }
};

DeploymentController::DeploymentController(World& world)
    : Controller(world, "deployment", std::chrono::milliseconds(8)) {
  world.attach(*this, {kinds::kDeployment, kinds::kReplicaSet, kinds::kPod});
}

void DeploymentController::observe(const Observation& change) {
  if (change.is(kinds::kDeployment)) {
    if (change.after) enqueue(key_of(*change.after));
  } else if (change.is(kinds::kReplicaSet)) {
    enqueue_owner(change.object(), kinds::kDeployment);
  } else if (change.is(kinds::kPod) && !change.after) {
    // A Recreate rollout waits for the last old pod to be gone.
    const Json* ref = controller_ref(*change.before);
    if (!ref || string_at(*ref, "kind") != "ReplicaSet") return;
    auto set = world_.get(kinds::kReplicaSet, namespace_of(*change.before), string_at(*ref, "name"));
    if (set) enqueue_owner(*set, kinds::kDeployment);
  }
}

Result<> DeploymentController::load(Rollout& rollout) {
  rollout.limits = rollout_limits(rollout.deployment);
  rollout.now = world_.now();
  rollout.old.clear();
  rollout.fresh.reset();
  const std::string uid = uid_of(rollout.deployment);
  const Json wanted = without_hash(rollout.deployment["spec"]["template"]);
  std::vector<Set> sets;
  for (auto& object : world_.children(kinds::kReplicaSet, uid)) {
    Set set;
    set.size = {int_at(*object, 1, "spec", "replicas"), int_at(*object, 0, "status", "availableReplicas"),
                number(annotation(*object, kMax))};
    set.replicas = int_at(*object, 0, "status", "replicas");
    set.ready = int_at(*object, 0, "status", "readyReplicas");
    set.revision = number(annotation(*object, kRevision));
    set.object = std::move(object);
    sets.push_back(std::move(set));
  }
  std::stable_sort(sets.begin(), sets.end(), [](const Set& left, const Set& right) {
    return std::pair(string_at(*left.object, "metadata", "creationTimestamp"), left.revision) <
           std::pair(string_at(*right.object, "metadata", "creationTimestamp"), right.revision);
  });
  for (auto& set : sets) {
    const bool same = !rollout.fresh && without_hash((*set.object)["spec"]["template"]) == wanted;
    if (same)
      rollout.fresh = std::move(set);
    else
      rollout.old.push_back(std::move(set));
  }
  return {};
}

Result<> DeploymentController::reconcile(const Key& key) {
  auto object = world_.get(kinds::kDeployment, key);
  if (!object) return {};
  Rollout rollout;
  rollout.deployment = *object;
  const Json* selector = find(rollout.deployment, "spec", "selector");
  if (!selector || selector->empty()) {
    world_.record(rollout.deployment, kinds::kDeployment, true, "SelectingAll",
                  "This deployment is selecting all pods. A non-empty selector is required.", kComponent);
    return {};
  }
  TRY(load(rollout));
  if (is_deleting(rollout.deployment)) return write_status(rollout, status_of(rollout));
  TRY(note_pause(rollout));
  const bool paused = value::bool_at(rollout.deployment, false, "spec", "paused");
  TRY(find_or_create_new_set(rollout, false));
  bool scaling = paused;
  auto resized = [&](const Set& set) {
    const std::string desired = annotation(*set.object, kDesired);
    return set.size.wanted > 0 && !desired.empty() && number(desired) != rollout.limits.replicas;
  };
  for (const auto& set : rollout.old) scaling = scaling || resized(set);
  if (rollout.fresh) scaling = scaling || resized(*rollout.fresh);
  if (scaling) {
    TRY(scale(rollout));
    if (paused) TRY(clean_history(rollout));
    return write_status(rollout, status_of(rollout));
  }
  return rollout.limits.rolling ? roll(rollout) : recreate(rollout);
}

Result<> DeploymentController::note_pause(Rollout& rollout) {
  if (!rollout.has_deadline()) return {};
  Json& deployment = rollout.deployment;
  const Json empty = Json::object();
  const Json* status = find(deployment, "status");
  const Json* progressing = condition(status ? *status : empty, "Progressing");
  const std::string reason = progressing ? string_at(*progressing, "reason") : "";
  if (reason == "ProgressDeadlineExceeded") return {};
  const bool paused = value::bool_at(deployment, false, "spec", "paused");
  if (paused == (reason == "DeploymentPaused")) return {};
  Json edited = status ? *status : empty;
  set_deployment_condition(edited, "Progressing", "Unknown", paused ? "DeploymentPaused" : "DeploymentResumed",
                           paused ? "Deployment is paused" : "Deployment is resumed", rollout.now);
  return write_status(rollout, std::move(edited));
}

Result<> DeploymentController::find_or_create_new_set(Rollout& rollout, bool create) {
  if (rollout.fresh) return refresh_new_set(rollout);
  return create ? create_new_set(rollout) : Result<>();
}

namespace {

// Copies what a person annotated on the Deployment, and the bookkeeping of revisions.
bool annotate_set(Json& set, const Json& deployment, std::int64_t revision, bool existed) {
  Json& notes = set["metadata"]["annotations"];
  if (!notes.is_object()) notes = Json::object();
  const Json before = notes;
  if (const Json* own = find(deployment, "metadata", "annotations"); own && own->is_object())
    for (const auto& [key, text] : own->items())
      if (!own_annotation(key)) notes[key] = text;
  const std::int64_t old_revision = number(annotation(set, kRevision));
  if (old_revision < revision) {
    if (existed && old_revision > 0) {
      const std::string history = annotation(set, kRevisionHistory);
      const std::string entry = fmt::format("{}", old_revision);
      notes[std::string(kRevisionHistory)] = history.empty() ? entry : history + "," + entry;
    }
    notes[std::string(kRevision)] = fmt::format("{}", revision);
  }
  return notes != before;
}

void annotate_size(Json& set, const RolloutLimits& limits) {
  Json& notes = set["metadata"]["annotations"];
  if (!notes.is_object()) notes = Json::object();
  notes[std::string(kDesired)] = fmt::format("{}", limits.replicas);
  notes[std::string(kMax)] = fmt::format("{}", limits.replicas + limits.surge);
}

}  // namespace

Result<> DeploymentController::refresh_new_set(Rollout& rollout) {
  std::int64_t newest_old = 0;
  for (const auto& set : rollout.old) newest_old = std::max(newest_old, set.revision);
  Json edited = *rollout.fresh->object;
  bool changed = annotate_set(edited, rollout.deployment, newest_old + 1, true);
  const std::int64_t min_ready = int_at(rollout.deployment, 0, "spec", "minReadySeconds");
  if (int_at(edited, 0, "spec", "minReadySeconds") != min_ready) {
    edited["spec"]["minReadySeconds"] = min_ready;
    changed = true;
  }
  if (changed) {
    ASSIGN_OR_RETURN(rollout.fresh->object, world_.update(kinds::kReplicaSet, std::move(edited)));
    rollout.fresh->revision = number(annotation(*rollout.fresh->object, kRevision));
  }
  const std::string revision = annotation(*rollout.fresh->object, kRevision);
  if (annotation(rollout.deployment, kRevision) != revision) {
    // Through the status: an update of the object itself would raise its generation.
    rollout.deployment["metadata"]["annotations"][std::string(kRevision)] = revision;
    ASSIGN_OR_RETURN(auto written, world_.update_status(kinds::kDeployment, rollout.deployment));
    rollout.deployment = *written;
  }
  const Json* status = find(rollout.deployment, "status");
  if (rollout.has_deadline() && !(status && condition(*status, "Progressing"))) {
    Json next = status ? *status : Json::object();
    set_deployment_condition(next, "Progressing", "True", "FoundNewReplicaSet",
                             fmt::format("Found new replica set \"{}\"", rollout.fresh->name()), rollout.now);
    TRY(write_status(rollout, std::move(next)));
  }
  return {};
}

Result<> DeploymentController::create_new_set(Rollout& rollout) {
  Json& deployment = rollout.deployment;
  const Key key = key_of(deployment);
  const std::int64_t collisions = int_at(deployment, 0, "status", "collisionCount");
  Json pod_template = deployment["spec"]["template"];
  const std::string hash = safe_hash(pod_template, collisions);
  pod_template["metadata"]["labels"][std::string(kHash)] = hash;
  Json selector = deployment["spec"]["selector"];
  selector["matchLabels"][std::string(kHash)] = hash;
  std::int64_t newest_old = 0;
  for (const auto& set : rollout.old) newest_old = std::max(newest_old, set.revision);
  const std::string name = fit_name(key.name, "-" + hash, 253);
  const std::int64_t size = new_set_size(rollout.limits, rollout.total(), 0);
  Json set = {{"apiVersion", "apps/v1"},
              {"kind", "ReplicaSet"},
              {"metadata",
               {{"name", name},
                {"namespace", key.ns},
                {"labels", pod_template["metadata"]["labels"]},
                {"ownerReferences", Json::array({owner_ref(deployment, kinds::kDeployment)})}}},
              {"spec", {{"replicas", size}, {"selector", selector}, {"template", pod_template}}}};
  if (const auto ready = int_at(deployment, 0, "spec", "minReadySeconds"); ready != 0)
    set["spec"]["minReadySeconds"] = ready;
  annotate_set(set, deployment, newest_old + 1, false);
  annotate_size(set, rollout.limits);
  if (world_.get(kinds::kReplicaSet, key.ns, name)) {
    // Somebody else's set has our name: the next pass tries another hash.
    Json next = find(deployment, "status") ? deployment["status"] : Json::object();
    next["collisionCount"] = collisions + 1;
    TRY(write_status(rollout, std::move(next)));
    return Error(Code::conflict, "replica set name taken");
  }
  auto created = world_.create(kinds::kReplicaSet, std::move(set));
  Json next = find(deployment, "status") ? deployment["status"] : Json::object();
  if (!created.ok()) {
    const std::string text = fmt::format("Failed to create new replica set \"{}\": {}", name, created.error().message);
    if (rollout.has_deadline()) {
      set_deployment_condition(next, "Progressing", "False", "ReplicaSetCreateError", text, rollout.now);
      TRY(write_status(rollout, std::move(next)));
    }
    world_.record(deployment, kinds::kDeployment, true, "ReplicaSetCreateError", text, kComponent);
    return std::move(created).error();
  }
  rollout.fresh = Set{*created, {size, 0, rollout.limits.replicas + rollout.limits.surge}, 0, 0, newest_old + 1};
  if (size > 0)
    world_.record(deployment, kinds::kDeployment, false, "ScalingReplicaSet",
                  fmt::format("Scaled up replica set {} from 0 to {}", name, size), kComponent);
  // Through the status: an update of the object itself would raise its generation.
  deployment["metadata"]["annotations"][std::string(kRevision)] = fmt::format("{}", newest_old + 1);
  if (rollout.has_deadline())
    set_deployment_condition(next, "Progressing", "True", "NewReplicaSetCreated",
                             fmt::format("Created new replica set \"{}\"", name), rollout.now);
  deployment["status"] = std::move(next);
  ASSIGN_OR_RETURN(auto written, world_.update_status(kinds::kDeployment, deployment));
  deployment = *written;
  return {};
}

Result<bool> DeploymentController::resize(Rollout& rollout, Set& set, std::int64_t size, bool force) {
  const bool moves = set.size.wanted != size;
  if (!moves && !force) return false;
  Json edited = *set.object;
  annotate_size(edited, rollout.limits);
  edited["spec"]["replicas"] = size;
  if (!moves && edited == *set.object) return false;
  ASSIGN_OR_RETURN(set.object, world_.update(kinds::kReplicaSet, std::move(edited)));
  if (moves)
    world_.record(rollout.deployment, kinds::kDeployment, false, "ScalingReplicaSet",
                  fmt::format("Scaled {} replica set {} from {} to {}", size > set.size.wanted ? "up" : "down",
                              set.name(), set.size.wanted, size),
                  kComponent);
  set.size.wanted = size;
  return moves;
}

Result<> DeploymentController::scale(Rollout& rollout) {
  std::vector<Set*> active, every;
  for (auto& set : rollout.old) every.push_back(&set);
  if (rollout.fresh) every.push_back(&*rollout.fresh);
  for (Set* set : every)
    if (set->size.wanted > 0) active.push_back(set);
  if (every.empty()) return {};
  if (active.size() <= 1) {
    // One set carries everything: it takes the new size. None does: the newest is to.
    Set* only = active.empty() ? (rollout.fresh ? &*rollout.fresh : &rollout.old.back()) : active.front();
    TRY(resize(rollout, *only, rollout.limits.replicas, true));
    return {};
  }
  if (rollout.fresh && number(annotation(*rollout.fresh->object, kDesired)) == rollout.limits.replicas &&
      rollout.fresh->size.wanted == rollout.limits.replicas &&
      rollout.fresh->size.available == rollout.limits.replicas) {
    for (auto& set : rollout.old) TRY(resize(rollout, set, 0, false));
    return {};
  }
  if (!rollout.limits.rolling) return {};
  const std::int64_t allowed = rollout.limits.replicas > 0 ? rollout.limits.replicas + rollout.limits.surge : 0;
  const bool growing = allowed > rollout.total();
  if (growing) std::reverse(active.begin(), active.end());  // newest first among equals
  std::stable_sort(active.begin(), active.end(),
                   [](const Set* left, const Set* right) { return left->size.wanted > right->size.wanted; });
  std::vector<ReplicaSetSize> sizes;
  for (const Set* set : active) sizes.push_back(set->size);
  const auto wanted = proportional_sizes(rollout.limits, int_at(rollout.deployment, 0, "status", "replicas"), sizes);
  for (std::size_t i = 0; i < active.size(); ++i) TRY(resize(rollout, *active[i], wanted[i], true));
  return {};
}

Result<> DeploymentController::roll(Rollout& rollout) {
  TRY(find_or_create_new_set(rollout, true));
  Set& fresh = *rollout.fresh;
  const std::int64_t size = new_set_size(rollout.limits, rollout.total(), fresh.size.wanted);
  ASSIGN_OR_RETURN(const bool grew, resize(rollout, fresh, size, false));
  if (grew) return write_rollout_status(rollout);
  std::vector<ReplicaSetSize> sizes;
  for (const auto& set : rollout.old) sizes.push_back(set.size);
  const auto wanted = old_set_sizes(rollout.limits, fresh.size, sizes);
  for (std::size_t i = 0; i < wanted.size(); ++i) TRY(resize(rollout, rollout.old[i], wanted[i], false));
  const Json status = status_of(rollout);
  if (int_at(status, 0, "updatedReplicas") == rollout.limits.replicas &&
      int_at(status, 0, "replicas") == rollout.limits.replicas &&
      int_at(status, 0, "availableReplicas") == rollout.limits.replicas)
    TRY(clean_history(rollout));
  return write_rollout_status(rollout);
}

Result<> DeploymentController::recreate(Rollout& rollout) {
  bool shrank = false;
  for (auto& set : rollout.old) {
    ASSIGN_OR_RETURN(const bool moved, resize(rollout, set, 0, false));
    shrank = shrank || moved;
  }
  if (shrank) return write_rollout_status(rollout);
  for (const auto& set : rollout.old)
    for (const PodInfo* pod : world_.pods_of(uid_of(*set.object)))
      if (!pod->terminal()) return write_rollout_status(rollout);
  TRY(find_or_create_new_set(rollout, true));
  TRY(resize(rollout, *rollout.fresh, rollout.limits.replicas, false));
  TRY(clean_history(rollout));
  return write_rollout_status(rollout);
}

Result<> DeploymentController::clean_history(Rollout& rollout) {
  const std::int64_t keep = int_at(rollout.deployment, 10, "spec", "revisionHistoryLimit");
  std::vector<const Set*> alive;
  for (const auto& set : rollout.old)
    if (!is_deleting(*set.object)) alive.push_back(&set);
  std::stable_sort(alive.begin(), alive.end(),
                   [](const Set* left, const Set* right) { return left->revision < right->revision; });
  const auto surplus = static_cast<std::int64_t>(alive.size()) - keep;
  for (std::int64_t i = 0; i < surplus; ++i) {
    const Set& set = *alive[static_cast<std::size_t>(i)];
    if (set.replicas != 0 || set.size.wanted != 0 ||
        generation_of(*set.object) > int_at(*set.object, 0, "status", "observedGeneration"))
      continue;
    TRY(world_.remove(kinds::kReplicaSet, key_of(*set.object), {uid_of(*set.object), "Background", {}}));
  }
  return {};
}

Json DeploymentController::status_of(const Rollout& rollout) const {
  const Json* current = find(rollout.deployment, "status");
  Json status = Json::object();
  if (current && current->contains("conditions")) status["conditions"] = (*current)["conditions"];
  if (current && current->contains("collisionCount")) status["collisionCount"] = (*current)["collisionCount"];
  std::int64_t replicas = 0, ready = 0, available = 0, wanted = 0, terminating = 0;
  bool terminating_known = true;
  auto count = [&](const Set& set) {
    replicas += set.replicas;
    ready += set.ready;
    available += set.size.available;
    wanted += set.size.wanted;
    if (const Json* leaving = find(*set.object, "status", "terminatingReplicas"))
      terminating += leaving->is_number_integer() ? leaving->get<std::int64_t>() : 0;
    else if (int_at(*set.object, 0, "status", "observedGeneration") != 0)
      terminating_known = false;
  };
  for (const auto& set : rollout.old) count(set);
  if (rollout.fresh) count(*rollout.fresh);
  put_count(status, "observedGeneration", generation_of(rollout.deployment));
  put_count(status, "replicas", replicas);
  put_count(status, "updatedReplicas", rollout.fresh ? rollout.fresh->replicas : 0);
  put_count(status, "readyReplicas", ready);
  put_count(status, "availableReplicas", available);
  put_count(status, "unavailableReplicas", std::max<std::int64_t>(0, wanted - available));
  if (terminating_known) status["terminatingReplicas"] = terminating;
  if (available >= rollout.limits.replicas - rollout.limits.unavailable)
    set_deployment_condition(status, "Available", "True", "MinimumReplicasAvailable",
                             "Deployment has minimum availability.", rollout.now);
  else
    set_deployment_condition(status, "Available", "False", "MinimumReplicasUnavailable",
                             "Deployment does not have minimum availability.", rollout.now);
  return status;
}

void DeploymentController::judge_progress(Rollout& rollout, Json& status) const {
  const Json empty = Json::object();
  const Json* was = find(rollout.deployment, "status");
  const Json& before = was ? *was : empty;
  const Json* current = condition(before, "Progressing");
  const std::string reason = current ? string_at(*current, "reason") : "";
  auto at = [](const Json& from, const char* field) { return int_at(from, 0, field); };
  const bool settled = at(status, "replicas") == at(status, "updatedReplicas") && reason == "NewReplicaSetAvailable";
  if (settled) return;
  const std::string subject = rollout.fresh ? fmt::format("ReplicaSet \"{}\"", rollout.fresh->name())
                                            : fmt::format("Deployment \"{}\"", name_of(rollout.deployment));
  const std::int64_t replicas = rollout.limits.replicas;
  if (at(status, "updatedReplicas") == replicas && at(status, "replicas") == replicas &&
      at(status, "availableReplicas") == replicas) {
    set_deployment_condition(status, "Progressing", "True", "NewReplicaSetAvailable",
                             subject + " has successfully progressed.", rollout.now);
    return;
  }
  const bool progress =
      at(status, "updatedReplicas") > at(before, "updatedReplicas") ||
      at(status, "replicas") - at(status, "updatedReplicas") < at(before, "replicas") - at(before, "updatedReplicas") ||
      at(status, "readyReplicas") > at(before, "readyReplicas") ||
      at(status, "availableReplicas") > at(before, "availableReplicas");
  if (progress) {
    const std::string since = current && string_at(*current, "status") == "True"
                                  ? string_at(*current, "lastTransitionTime")
                                  : time_text(rollout.now);
    drop_condition(status, "Progressing");
    set_deployment_condition(status, "Progressing", "True", "ReplicaSetUpdated", subject + " is progressing.",
                             rollout.now);
    status["conditions"].back()["lastTransitionTime"] = since;
    return;
  }
  if (!current || reason == "NewReplicaSetAvailable") return;
  const auto since = parse_time(string_at(*current, "lastUpdateTime"));
  const bool timed_out = reason == "ProgressDeadlineExceeded" ||
                         (since && *since + std::chrono::seconds(rollout.deadline()) < rollout.now);
  if (timed_out)
    set_deployment_condition(status, "Progressing", "False", "ProgressDeadlineExceeded",
                             subject + " has timed out progressing.", rollout.now);
}

Result<> DeploymentController::write_rollout_status(Rollout& rollout) {
  Json status = status_of(rollout);
  if (rollout.has_deadline())
    judge_progress(rollout, status);
  else
    drop_condition(status, "Progressing");
  const Json* failure = nullptr;
  if (rollout.fresh)
    if (const Json* own = find(*rollout.fresh->object, "status")) failure = condition(*own, "ReplicaFailure");
  for (const auto& set : rollout.old)
    if (const Json* own = find(*set.object, "status"); own && !failure) failure = condition(*own, "ReplicaFailure");
  if (failure)
    set_deployment_condition(status, "ReplicaFailure", string_at(*failure, "status"), string_at(*failure, "reason"),
                             string_at(*failure, "message"), rollout.now);
  else
    drop_condition(status, "ReplicaFailure");

  // A rollout without any sign of progress is looked at again when its deadline has passed.
  const Json* progressing = condition(status, "Progressing");
  const bool complete = progressing && string_at(*progressing, "reason") == "NewReplicaSetAvailable" &&
                        int_at(status, 0, "updatedReplicas") == rollout.limits.replicas;
  if (rollout.has_deadline() && progressing && !complete &&
      string_at(*progressing, "reason") != "ProgressDeadlineExceeded") {
    if (auto since = parse_time(string_at(*progressing, "lastUpdateTime")))
      enqueue_after(key_of(rollout.deployment), *since + std::chrono::seconds(rollout.deadline() + 1) - rollout.now);
  }
  return write_status(rollout, std::move(status));
}

Result<> DeploymentController::write_status(Rollout& rollout, Json status) {
  if (const Json* current = find(rollout.deployment, "status"); current && *current == status) return {};
  rollout.deployment["status"] = std::move(status);
  ASSIGN_OR_RETURN(auto written, world_.update_status(kinds::kDeployment, rollout.deployment));
  rollout.deployment = *written;
  return {};
}

}  // namespace nautilus::sim
