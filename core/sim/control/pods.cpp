#include "core/sim/control/pods.h"

#include <charconv>

#include "core/sim/control/selectors.h"
#include "core/sim/control/times.h"

namespace nautilus::sim {

using value::find;
using value::string_at;

namespace {

const Json& child_or_empty(const Json& object, const char* field) {
  static const Json kEmpty = Json::object();
  const Json* found = find(object, field);
  return found ? *found : kEmpty;
}

}  // namespace

const Json& PodInfo::spec() const { return child_or_empty(*object, "spec"); }
const Json& PodInfo::status() const { return child_or_empty(*object, "status"); }

PodInfo read_pod(ObjectPtr pod) {
  PodInfo info;
  const Json& object = *pod;
  info.key = key_of(object);
  info.uid = uid_of(object);
  if (const Json* ref = controller_ref(object)) info.controller_uid = string_at(*ref, "uid");
  info.node = string_at(object, "spec", "nodeName");
  info.revision = label(object, "pod-template-hash");
  if (info.revision.empty()) info.revision = label(object, "controller-revision-hash");
  const std::string phase = string_at(object, "status", "phase");
  info.phase = phase == "Running"     ? PodInfo::Phase::running
               : phase == "Succeeded" ? PodInfo::Phase::succeeded
               : phase == "Failed"    ? PodInfo::Phase::failed
                                      : PodInfo::Phase::pending;
  info.deleting = is_deleting(object);
  info.created = time_at(object, "metadata", "creationTimestamp").value_or(port::WallTime{});
  if (const Json* status = find(object, "status")) {
    if (const Json* ready = condition(*status, "Ready"); ready && string_at(*ready, "status") == "True") {
      info.ready = true;
      info.ready_since = parse_time(string_at(*ready, "lastTransitionTime")).value_or(port::WallTime{});
    }
    if (const Json* containers = find(*status, "containerStatuses"); containers && containers->is_array())
      for (const auto& container : *containers) info.restarts += value::int_at(container, 0, "restartCount");
  }
  info.object = std::move(pod);
  return info;
}

Json pod_from_template(const Json& pod_template, const Json& owner, const Kind& owner_kind) {
  Json meta = Json::object();
  const Json* from = find(pod_template, "metadata");
  for (const char* field : {"labels", "annotations", "finalizers"})
    if (const Json* found = from ? find(*from, field) : nullptr; found && !found->empty()) meta[field] = *found;
  meta["generateName"] = fit_name(name_of(owner), "-", 58);
  meta["namespace"] = namespace_of(owner);
  meta["ownerReferences"] = Json::array({owner_ref(owner, owner_kind)});
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata", std::move(meta)},
          {"spec", child_or_empty(pod_template, "spec")}};
}

Result<std::vector<const PodInfo*>> claim_pods(World& world, const Json& owner, const Kind& kind,
                                               const Json* selector) {
  const std::string uid = uid_of(owner);
  std::vector<Key> adopt, release;
  for (const PodInfo* pod : world.pods_of(uid))
    if (!selects(selector, pod->labels()) && !pod->deleting) release.push_back(pod->key);
  if (!is_deleting(owner))
    for (const PodInfo* pod : world.orphans_in(namespace_of(owner)))
      if (!pod->deleting && !pod->terminal() && selects(selector, pod->labels())) adopt.push_back(pod->key);
  auto edit_refs = [&](const Key& key, bool take) {
    return world.modify({"", "pods", key}, [&](Json& pod) {
      Json& refs = pod["metadata"]["ownerReferences"];
      if (!refs.is_array()) refs = Json::array();
      if (take) {
        refs.push_back(owner_ref(owner, kind));
      } else {
        Json kept = Json::array();
        for (const auto& ref : refs)
          if (string_at(ref, "uid") != uid) kept.push_back(ref);
        refs = std::move(kept);
      }
      return true;
    });
  };
  for (const auto& key : release) TRY(edit_refs(key, false));
  for (const auto& key : adopt) TRY(edit_refs(key, true));
  const auto& owned = world.pods_of(uid);
  return std::vector<const PodInfo*>(owned.begin(), owned.end());
}

void sort_for_removal(std::vector<const PodInfo*>& pods) {
  std::map<std::string_view, int> on_node;
  for (const PodInfo* pod : pods) ++on_node[pod->node];
  auto cost = [](const PodInfo* pod) {
    const std::string text = annotation(*pod->object, "controller.kubernetes.io/pod-deletion-cost");
    int amount = 0;
    std::from_chars(text.data(), text.data() + text.size(), amount);
    return amount;
  };
  struct Rank {
    bool scheduled, running, ready;
    int cost, crowd;
    std::int64_t ready_since, restarts, created;
    const PodInfo* pod;
    bool operator<(const Rank& other) const {
      return std::tie(scheduled, running, ready, cost, crowd, ready_since, restarts, created, pod->key) <
             std::tie(other.scheduled, other.running, other.ready, other.cost, other.crowd, other.ready_since,
                      other.restarts, other.created, other.pod->key);
    }
  };
  std::vector<Rank> ranks;
  for (const PodInfo* pod : pods)
    ranks.push_back({!pod->node.empty(), pod->phase == PodInfo::Phase::running, pod->ready, cost(pod),
                     -on_node[pod->node], -pod->ready_since.time_since_epoch().count(), -pod->restarts,
                     -pod->created.time_since_epoch().count(), pod});
  std::sort(ranks.begin(), ranks.end());
  for (std::size_t i = 0; i < ranks.size(); ++i) pods[i] = ranks[i].pod;
}

}  // namespace nautilus::sim
