#include "core/sim/control/stateful_set.h"

#include <fmt/format.h>

#include <charconv>

#include "core/sim/control/pods.h"
#include "core/sim/control/selectors.h"

namespace nautilus::sim {

using value::find;
using value::int_at;
using value::string_at;

namespace {

constexpr std::string_view kComponent = "statefulset-controller";
constexpr const char* kPodName = "statefulset.kubernetes.io/pod-name";
constexpr const char* kPodIndex = "apps.kubernetes.io/pod-index";
constexpr const char* kRevisionLabel = "controller-revision-hash";

// The number behind the last dash if the rest is the set's name; -1 otherwise.
std::int64_t ordinal_of(const std::string& pod, const std::string& set) {
  if (pod.size() <= set.size() + 1 || !pod.starts_with(set) || pod[set.size()] != '-') return -1;
  const std::string_view digits = std::string_view(pod).substr(set.size() + 1);
  std::int64_t ordinal = -1;
  auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), ordinal);
  return code == std::errc() && end == digits.data() + digits.size() ? ordinal : -1;
}

}  // namespace

struct StatefulSetController::Pass {
  ObjectPtr object;
  Revisions revisions;
  ObjectPtr current;  // the revision that pods below the partition keep
  std::map<std::int64_t, Key> replicas;
  std::vector<std::pair<std::int64_t, Key>> condemned;  // highest ordinal first
  std::int64_t start = 0, wanted = 1, partition = 0, max_unavailable = 1, min_ready = 0;
  bool has_partition = false, ordered = true, on_delete = false;
  port::WallTime now{};
  std::string first_unavailable;  // uid
  const Json& set() const { return *object; }
  bool available(const PodInfo& pod) const { return pod.available(min_ready, now); }
};

StatefulSetController::StatefulSetController(World& world)
    : Controller(world, "statefulset", std::chrono::milliseconds(7)) {
  world.attach(*this, {kinds::kStatefulSet, kinds::kPod, kinds::kClaim});
}

void StatefulSetController::observe(const Observation& change) {
  if (change.is(kinds::kStatefulSet)) {
    if (change.after) enqueue(key_of(*change.after));
  } else if (change.is(kinds::kPod)) {
    enqueue_owner(change.object(), kinds::kStatefulSet);
  } else if (!change.after) {
    // A claim that was being deleted is gone: the pod that waits for its name may be made.
    if (const Json* refs = find(*change.before, "metadata", "ownerReferences"); refs && refs->is_array())
      for (const auto& ref : *refs)
        if (string_at(ref, "kind") == "StatefulSet") enqueue({namespace_of(*change.before), string_at(ref, "name")});
  }
}

Result<> StatefulSetController::reconcile(const Key& key) {
  Pass pass;
  pass.object = world_.get(kinds::kStatefulSet, key);
  if (!pass.object) return {};
  pass.now = world_.now();
  const Json& set = pass.set();
  TRY(claim_pods(world_, set, kinds::kStatefulSet, find(set, "spec", "selector")));
  if (!is_deleting(set)) {
    ASSIGN_OR_RETURN(pass.revisions, sync_revisions(world_, set, kinds::kStatefulSet));
    pass.current = pass.revisions.named(string_at(set, "status", "currentRevision"));
    if (!pass.current) pass.current = pass.revisions.update;
  }
  pass.start = int_at(set, 0, "spec", "ordinals", "start");
  pass.wanted = int_at(set, 1, "spec", "replicas");
  pass.min_ready = int_at(set, 0, "spec", "minReadySeconds");
  pass.ordered = string_at(set, "spec", "podManagementPolicy") != "Parallel";
  pass.on_delete = string_at(set, "spec", "updateStrategy", "type") == "OnDelete";
  const Json* rolling = find(set, "spec", "updateStrategy", "rollingUpdate");
  pass.has_partition = rolling && rolling->contains("partition");
  pass.partition = rolling ? int_at(*rolling, 0, "partition") : 0;
  if (const Json* most = rolling ? find(*rolling, "maxUnavailable") : nullptr)
    pass.max_unavailable = std::max<std::int64_t>(1, int_or_percent(*most, pass.wanted, true).value_or(1));
  if (is_deleting(set)) return {};
  classify(pass);
  auto done = run(pass);
  TRY(write_status(pass));
  TRY(done);
  std::set<std::string> in_use = {name_of(*pass.current), name_of(*pass.revisions.update)};
  for (const PodInfo* pod : world_.pods_of(uid_of(set))) in_use.insert(label(*pod->object, kRevisionLabel));
  return trim_revisions(world_, pass.revisions, in_use, int_at(set, 10, "spec", "revisionHistoryLimit"));
}

void StatefulSetController::classify(Pass& pass) {
  const std::string name = name_of(pass.set());
  pass.replicas.clear();
  pass.condemned.clear();
  for (const PodInfo* pod : world_.pods_of(uid_of(pass.set()))) {
    const std::int64_t ordinal = ordinal_of(pod->key.name, name);
    if (ordinal < 0) continue;
    if (ordinal >= pass.start && ordinal < pass.start + pass.wanted)
      pass.replicas.emplace(ordinal, pod->key);
    else
      pass.condemned.emplace_back(ordinal, pod->key);
  }
  std::sort(pass.condemned.rbegin(), pass.condemned.rend());
  auto unavailable = [&](const Key& key) {
    const PodInfo* pod = world_.pod(key);
    return pod && (pod->deleting || !pass.available(*pod));
  };
  for (const auto& [ordinal, key] : pass.replicas)
    if (pass.first_unavailable.empty() && unavailable(key)) pass.first_unavailable = world_.pod(key)->uid;
  for (auto condemned = pass.condemned.rbegin(); condemned != pass.condemned.rend(); ++condemned)
    if (pass.first_unavailable.empty() && unavailable(condemned->second))
      pass.first_unavailable = world_.pod(condemned->second)->uid;
}

Result<> StatefulSetController::run(Pass& pass) {
  Result<> first_failure;
  for (std::int64_t ordinal = pass.start; ordinal < pass.start + pass.wanted; ++ordinal) {
    auto blocked = tend_replica(pass, ordinal);
    if (!blocked.ok()) {
      if (pass.ordered) return std::move(blocked).error();
      if (first_failure.ok()) first_failure = std::move(blocked).error();
    } else if (*blocked && pass.ordered) {
      return {};
    }
  }
  TRY(first_failure);
  for (const auto& [ordinal, key] : pass.condemned) TRY(own_claims(pass, ordinal, true));
  const auto condemned = pass.condemned;
  for (const auto& [ordinal, key] : condemned) {
    const PodInfo* pod = world_.pod(key);
    if (!pod) continue;
    ASSIGN_OR_RETURN(const bool blocked, retire(pass, key, pod->uid == pass.first_unavailable));
    if (blocked && pass.ordered) return {};
  }
  return pass.on_delete ? Result<>() : advance(pass);
}

// True: nothing after this ordinal may be touched yet.
Result<bool> StatefulSetController::tend_replica(Pass& pass, std::int64_t ordinal) {
  auto found = pass.replicas.find(ordinal);
  const PodInfo* pod = found == pass.replicas.end() ? nullptr : world_.pod(found->second);
  if (pod && pod->terminal()) {
    if (!pod->deleting) TRY(drop_pod(pass, *pod));
    return true;
  }
  if (!pod) {
    const Json* templates = find(pass.set(), "spec", "volumeClaimTemplates");
    if (templates && templates->is_array())
      for (const auto& claim : *templates) {
        auto existing = world_.get(kinds::kClaim, namespace_of(pass.set()),
                                   fmt::format("{}-{}-{}", name_of(claim), name_of(pass.set()), ordinal));
        if (existing && is_deleting(*existing)) return true;
      }
    TRY(make_claims(pass, ordinal));
    auto created = world_.create(kinds::kPod, new_pod(pass, ordinal));
    const std::string name = fmt::format("{}-{}", name_of(pass.set()), ordinal);
    if (!created.ok()) {
      world_.record(pass.set(), kinds::kStatefulSet, true, "FailedCreate",
                    fmt::format("create Pod {} in StatefulSet {} failed error: {}", name, name_of(pass.set()),
                                created.error().message),
                    kComponent);
      return std::move(created).error();
    }
    world_.record(pass.set(), kinds::kStatefulSet, false, "SuccessfulCreate",
                  fmt::format("create Pod {} in StatefulSet {} successful", name, name_of(pass.set())), kComponent);
    pass.replicas[ordinal] = key_of(**created);
    return true;
  }
  if (pod->phase == PodInfo::Phase::pending && !pod->deleting) TRY(make_claims(pass, ordinal));
  if (pod->deleting) return true;
  if (!pod->ready) return true;
  if (!pass.available(*pod)) {
    enqueue_after(key_of(pass.set()), pod->ready_since + std::chrono::seconds(pass.min_ready) - pass.now);
    return true;
  }
  TRY(own_claims(pass, ordinal, false));
  return false;
}

Result<bool> StatefulSetController::retire(Pass& pass, const Key& key, bool first_unavailable) {
  const PodInfo* pod = world_.pod(key);
  if (!pod) return false;
  if (pod->deleting) return true;
  if (!pass.available(*pod) && pass.ordered && !first_unavailable) return true;
  TRY(drop_pod(pass, *pod));
  return true;
}

Result<> StatefulSetController::drop_pod(Pass& pass, const PodInfo& pod) {
  const Key key = pod.key;
  auto removed = world_.remove(kinds::kPod, key, {pod.uid, "", {}});
  if (!removed.ok() && removed.error().code != Code::not_found) return removed;
  world_.record(pass.set(), kinds::kStatefulSet, false, "SuccessfulDelete",
                fmt::format("delete Pod {} in StatefulSet {} successful", key.name, name_of(pass.set())), kComponent);
  return {};
}

Json StatefulSetController::new_pod(const Pass& pass, std::int64_t ordinal) const {
  const Json& set = pass.set();
  // Below the partition (or, without one, among those not updated yet) a pod returns as it was.
  const std::int64_t old_until =
      pass.start + (pass.has_partition ? pass.partition : int_at(set, 0, "status", "currentReplicas"));
  const bool old = !pass.on_delete && ordinal < old_until;
  const ObjectPtr& revision = old ? pass.current : pass.revisions.update;
  Json saved = *template_of(*revision);
  saved.erase("$patch");
  Json pod = pod_from_template(saved, set, kinds::kStatefulSet);
  const std::string name = fmt::format("{}-{}", name_of(set), ordinal);
  pod["metadata"].erase("generateName");
  pod["metadata"]["name"] = name;
  Json& labels = pod["metadata"]["labels"];
  labels[kPodName] = name;
  labels[kPodIndex] = fmt::format("{}", ordinal);
  labels[kRevisionLabel] = name_of(*revision);
  pod["spec"]["hostname"] = name;
  if (const std::string service = string_at(set, "spec", "serviceName"); !service.empty())
    pod["spec"]["subdomain"] = service;
  const Json* templates = find(set, "spec", "volumeClaimTemplates");
  if (!templates || !templates->is_array() || templates->empty()) return pod;
  Json volumes = Json::array();
  std::set<std::string> claimed;
  for (const auto& claim : *templates) {
    claimed.insert(name_of(claim));
    volumes.push_back(
        {{"name", name_of(claim)},
         {"persistentVolumeClaim", {{"claimName", fmt::format("{}-{}-{}", name_of(claim), name_of(set), ordinal)}}}});
  }
  if (const Json* own = find(pod, "spec", "volumes"); own && own->is_array())
    for (const auto& volume : *own)
      if (!claimed.contains(string_at(volume, "name"))) volumes.push_back(volume);
  pod["spec"]["volumes"] = std::move(volumes);
  return pod;
}

Result<> StatefulSetController::make_claims(Pass& pass, std::int64_t ordinal) {
  const Json& set = pass.set();
  const Json* templates = find(set, "spec", "volumeClaimTemplates");
  if (!templates || !templates->is_array()) return {};
  for (const auto& claim_template : *templates) {
    const std::string name = fmt::format("{}-{}-{}", name_of(claim_template), name_of(set), ordinal);
    if (world_.get(kinds::kClaim, namespace_of(set), name)) continue;
    Json claim = claim_template;
    claim["apiVersion"] = "v1";
    claim["kind"] = "PersistentVolumeClaim";
    claim.erase("status");
    Json& meta = claim["metadata"];
    meta.erase("creationTimestamp");
    meta["name"] = name;
    meta["namespace"] = namespace_of(set);
    if (const Json* wanted = find(set, "spec", "selector", "matchLabels"); wanted && wanted->is_object())
      for (const auto& [key, text] : wanted->items()) meta["labels"][key] = text;
    if (string_at(set, "spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted") == "Delete")
      meta["ownerReferences"] = Json::array({owner_ref(set, kinds::kStatefulSet)});
    auto created = world_.create(kinds::kClaim, std::move(claim));
    const std::string who =
        fmt::format("create Claim {} Pod {}-{} in StatefulSet {}", name, name_of(set), ordinal, name_of(set));
    if (!created.ok()) {
      world_.record(set, kinds::kStatefulSet, true, "FailedCreate", who + " failed error: " + created.error().message,
                    kComponent);
      return std::move(created).error();
    }
    world_.record(set, kinds::kStatefulSet, false, "SuccessfulCreate", who + " success", kComponent);
  }
  return {};
}

// persistentVolumeClaimRetentionPolicy as owner references: the set's when deletion of the set takes the claims along,
// the condemned pod's when scaling down does.
Result<> StatefulSetController::own_claims(Pass& pass, std::int64_t ordinal, bool condemned) {
  const Json& set = pass.set();
  const Json* templates = find(set, "spec", "volumeClaimTemplates");
  if (!templates || !templates->is_array()) return {};
  const bool when_deleted = string_at(set, "spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted") == "Delete";
  const bool when_scaled = string_at(set, "spec", "persistentVolumeClaimRetentionPolicy", "whenScaled") == "Delete";
  const PodInfo* pod = world_.pod({namespace_of(set), fmt::format("{}-{}", name_of(set), ordinal)});
  for (const auto& claim_template : *templates) {
    const Key key{namespace_of(set), fmt::format("{}-{}-{}", name_of(claim_template), name_of(set), ordinal)};
    auto claim = world_.get(kinds::kClaim, key);
    if (!claim) continue;
    Json refs = Json::array();
    if (const Json* present = find(*claim, "metadata", "ownerReferences"); present && present->is_array())
      for (const auto& ref : *present)
        if (string_at(ref, "uid") != uid_of(set) && (!pod || string_at(ref, "uid") != pod->uid)) refs.push_back(ref);
    if (condemned && when_scaled && pod)
      refs.push_back(owner_ref(*pod->object, kinds::kPod));
    else if (when_deleted)
      refs.push_back(owner_ref(set, kinds::kStatefulSet));
    const Json* present = find(*claim, "metadata", "ownerReferences");
    if (present ? *present == refs : refs.empty()) continue;
    TRY(world_.modify({"", "persistentvolumeclaims", key}, [&](Json& edited) {
      if (refs.empty())
        edited["metadata"].erase("ownerReferences");
      else
        edited["metadata"]["ownerReferences"] = refs;
      return true;
    }));
  }
  return {};
}

// The rolling update, once every replica exists: from the highest ordinal down to the partition, never more than
// maxUnavailable missing.
Result<> StatefulSetController::advance(Pass& pass) {
  const std::string update = name_of(*pass.revisions.update);
  std::int64_t missing = 0;
  bool broken_old = false;
  struct Target {
    Key key;
    std::string uid;
    bool old, deleting, available;
  };
  std::vector<Target> targets;  // highest ordinal first
  for (auto replica = pass.replicas.rbegin(); replica != pass.replicas.rend(); ++replica) {
    const PodInfo* pod = world_.pod(replica->second);
    if (!pod) continue;
    const bool old = label(*pod->object, kRevisionLabel) != update;
    const bool available = pass.available(*pod);
    if (!available || pod->deleting) {
      ++missing;
      broken_old = broken_old || (!pass.ordered && old && !pod->deleting);
    }
    if (replica->first >= pass.start + pass.partition)
      targets.push_back({pod->key, pod->uid, old, pod->deleting, available});
  }
  if (missing >= pass.max_unavailable && !broken_old) return {};
  std::int64_t budget = pass.max_unavailable - missing;
  auto drop = [&](const Target& target) -> Result<> {
    const PodInfo* pod = world_.pod(target.key);
    return pod ? drop_pod(pass, *pod) : Result<>();
  };
  if (!pass.ordered)
    for (const auto& target : targets)
      if (target.old && !target.available && !target.deleting) TRY(drop(target));
  for (const auto& target : targets) {
    if (budget <= 0) break;
    if (!target.old || target.deleting || (!pass.ordered && !target.available)) continue;
    TRY(drop(target));
    --budget;
  }
  return {};
}

Result<> StatefulSetController::write_status(Pass& pass) {
  const Json& set = pass.set();
  const std::string current = name_of(*pass.current), update = name_of(*pass.revisions.update);
  std::int64_t replicas = 0, ready = 0, available = 0, at_current = 0, at_update = 0;
  for (const PodInfo* pod : world_.pods_of(uid_of(set))) {
    if (ordinal_of(pod->key.name, name_of(set)) < 0) continue;
    ++replicas;
    const bool running_ready = pod->ready && pod->phase == PodInfo::Phase::running;
    ready += running_ready;
    available += running_ready && pass.available(*pod);
    if (running_ready && !pass.available(*pod))
      enqueue_after(key_of(set), pod->ready_since + std::chrono::seconds(pass.min_ready) - pass.now);
    if (pod->deleting) continue;
    const std::string revision = label(*pod->object, kRevisionLabel);
    at_current += revision == current;
    at_update += revision == update;
  }
  Json status = Json::object();
  const Json* before = find(set, "status");
  if (before && before->contains("conditions")) status["conditions"] = (*before)["conditions"];
  std::string current_name = current;
  if (at_update == pass.wanted && ready == pass.wanted && replicas == pass.wanted) {
    at_current = at_update;
    current_name = update;
  }
  status["observedGeneration"] = generation_of(set);
  status["replicas"] = replicas;
  status["availableReplicas"] = available;
  auto put = [&](const char* field, std::int64_t count) {
    if (count != 0) status[field] = count;
  };
  put("readyReplicas", ready);
  put("currentReplicas", at_current);
  put("updatedReplicas", at_update);
  status["currentRevision"] = current_name;
  status["updateRevision"] = update;
  status["collisionCount"] = pass.revisions.collisions;
  if (before && *before == status) return {};
  Json edited = set;
  edited["status"] = std::move(status);
  TRY(world_.update_status(kinds::kStatefulSet, std::move(edited)));
  return {};
}

}  // namespace nautilus::sim
