#include "core/sim/control/scheduler.h"

#include <fmt/format.h>

#include "core/sim/control/pods.h"
#include "core/sim/control/selectors.h"
#include "core/sim/control/times.h"

namespace nautilus::sim {

using value::find;
using value::int_at;
using value::string_at;

namespace {

constexpr std::string_view kComponent = "default-scheduler";

const std::string* node_label(const std::map<std::string, std::string, std::less<>>& labels, std::string_view key) {
  auto found = labels.find(key);
  return found == labels.end() ? nullptr : &found->second;
}

const Json* required_terms(const Json& spec, const char* kind) {
  const Json* terms = find(spec, "affinity", kind, "requiredDuringSchedulingIgnoredDuringExecution");
  return terms && terms->is_array() && !terms->empty() ? terms : nullptr;
}

bool spreads_hard(const Json& constraint) { return string_at(constraint, "whenUnsatisfiable") != "ScheduleAnyway"; }

// The constraint's selector with the values of matchLabelKeys taken from the pod.
Json spread_selector(const Json& constraint, const Json* labels) {
  Json selector = find(constraint, "labelSelector") ? *find(constraint, "labelSelector") : Json();
  if (const Json* keys = find(constraint, "matchLabelKeys"); keys && keys->is_array() && labels)
    for (const auto& key : *keys)
      if (key.is_string() && labels->contains(key.get_ref<const std::string&>()))
        selector["matchLabels"][key.get_ref<const std::string&>()] = (*labels)[key.get_ref<const std::string&>()];
  return selector;
}

}  // namespace

// Which nodes are still possible, and how many fell for which reason.
struct SchedulerController::Verdict {
  std::map<std::string, const NodeState*> possible;
  std::map<std::string, int> reasons;
  std::size_t total = 0;

  void reject(std::map<std::string, const NodeState*>::iterator& node, std::string reason) {
    ++reasons[std::move(reason)];
    node = possible.erase(node);
  }
  std::string message() const {
    std::vector<std::string> parts;
    for (const auto& [reason, count] : reasons) parts.push_back(fmt::format("{} {}", count, reason));
    std::sort(parts.begin(), parts.end());
    if (total == 0) return "no nodes available to schedule pods";
    // Room can be made by removing others; a label or a taint stays what it is.
    int curable = 0;
    for (const auto& [reason, count] : reasons)
      if (reason.starts_with("Insufficient") || reason == "Too many pods" ||
          reason.find("anti-affinity") != std::string::npos || reason.ends_with("spread constraints"))
        curable += count;
    std::vector<std::string> hopes;
    if (curable > 0) hopes.push_back(fmt::format("{} No preemption victims found for incoming pod", curable));
    if (static_cast<int>(total) > curable)
      hopes.push_back(fmt::format("{} Preemption is not helpful for scheduling", static_cast<int>(total) - curable));
    return fmt::format("0/{} nodes are available: {}. preemption: 0/{} nodes are available: {}.", total,
                       fmt::join(parts, ", "), total, fmt::join(hopes, ", "));
  }
};

SchedulerController::SchedulerController(World& world) : Controller(world, "scheduler", std::chrono::milliseconds(2)) {
  world.attach(*this, {kinds::kNode, kinds::kPod, kinds::kClaim});
}

void SchedulerController::observe(const Observation& change) {
  if (change.is(kinds::kNode)) {
    const std::string name = name_of(change.object());
    if (!change.after) {
      nodes_.erase(name);
      return;
    }
    const bool fresh = !nodes_.contains(name);
    NodeState& node = nodes_[name];
    if (fresh)
      for (const PodInfo* pod : world_.pods_on(name))
        if (auto there = placed_.find(pod->key); there != placed_.end()) add(node.used, there->second.requests);
    node.object = change.after;
    node.allocatable = amounts_of(find(*change.after, "status", "allocatable"));
    node.labels.clear();
    if (const Json* labels = find(*change.after, "metadata", "labels"); labels && labels->is_object())
      for (const auto& [key, text] : labels->items())
        if (text.is_string()) node.labels[key] = text.get_ref<const std::string&>();
    retry_waiting();
    return;
  }
  if (change.is(kinds::kClaim)) {
    if (change.after) retry_waiting();
    return;
  }
  const Key key = key_of(change.object());
  const PodInfo* pod = change.after ? world_.pod(key) : nullptr;
  if (!pod || pod->terminal()) {
    waiting_.erase(key);
    if (placed_.contains(key)) {
      unplace(key);
      retry_waiting();  // room for somebody
    }
    return;
  }
  if (!pod->node.empty()) {
    waiting_.erase(key);
    if (!placed_.contains(key)) place(*pod);
  } else if (!pod->deleting && !change.before) {
    enqueue(key);
  } else if (change.before && !waiting_.contains(key)) {
    enqueue(key);
  }
}

void SchedulerController::retry_waiting() {
  // Upstream wakes the pods that an event may help; all of them are few here.
  for (const auto& key : waiting_) enqueue_after(key, std::chrono::milliseconds(50));
}

void SchedulerController::place(const PodInfo& pod) {
  Placed placed;
  placed.node = pod.node;
  placed.requests = pod_amounts(pod.spec(), "requests");
  placed.requests["pods"] = 1000;
  placed.has_anti_affinity = required_terms(pod.spec(), "podAntiAffinity") != nullptr;
  if (auto node = nodes_.find(pod.node); node != nodes_.end()) add(node->second.used, placed.requests);
  for (auto counted = matches_.lower_bound({pod.key.ns, ""});
       counted != matches_.end() && counted->first.first == pod.key.ns; ++counted) {
    if (!selects(&counted->second->selector, pod.labels())) continue;
    ++counted->second->on_node[pod.node];
    placed.counted_in.push_back(counted->second.get());
  }
  if (placed.has_anti_affinity) anti_affine_.insert(pod.key);
  placed_.emplace(pod.key, std::move(placed));
}

void SchedulerController::unplace(const Key& key) {
  auto found = placed_.find(key);
  if (found == placed_.end()) return;
  if (auto node = nodes_.find(found->second.node); node != nodes_.end())
    add(node->second.used, found->second.requests, -1);
  for (Matches* counted : found->second.counted_in)
    if (--counted->on_node[found->second.node] == 0) counted->on_node.erase(found->second.node);
  anti_affine_.erase(key);
  placed_.erase(found);
}

SchedulerController::Matches& SchedulerController::matches(const std::string& ns, const Json& selector) {
  if (matches_.size() >= kMaxSelectors) {
    for (auto& [key, placed] : placed_) placed.counted_in.clear();
    matches_.clear();
  }
  auto& entry = matches_[{ns, selector.dump()}];
  if (!entry) {
    entry = std::make_unique<Matches>();
    entry->ns = ns;
    entry->selector = selector;
    for (auto placed = placed_.lower_bound(Key{ns, ""}); placed != placed_.end() && placed->first.ns == ns; ++placed) {
      const PodInfo* pod = world_.pod(placed->first);
      if (!pod || !selects(&entry->selector, pod->labels())) continue;
      ++entry->on_node[placed->second.node];
      placed->second.counted_in.push_back(entry.get());
    }
  }
  return *entry;
}

std::map<std::string, std::int64_t> SchedulerController::by_domain(const Matches& counted,
                                                                   const std::string& topology_key) const {
  std::map<std::string, std::int64_t> domains;
  for (const auto& [name, count] : counted.on_node) {
    auto node = nodes_.find(name);
    if (node == nodes_.end()) continue;
    if (const std::string* domain = node_label(node->second.labels, topology_key)) domains[*domain] += count;
  }
  return domains;
}

Result<> SchedulerController::reconcile(const Key& key) {
  const PodInfo* pod = world_.pod(key);
  if (!pod || !pod->node.empty() || pod->deleting || pod->terminal()) return {};
  const std::string scheduler = string_at(pod->spec(), "schedulerName");
  if (!scheduler.empty() && scheduler != "default-scheduler") return {};
  if (const Json* gates = find(pod->spec(), "schedulingGates"); gates && !gates->empty()) return {};
  Amounts requests = pod_amounts(pod->spec(), "requests");
  requests["pods"] = 1000;
  Verdict verdict = filter(*pod, requests);
  if (verdict.possible.empty()) return mark_unschedulable(*pod, verdict);
  const std::string node = choose(*pod, verdict, requests);
  waiting_.erase(key);
  const ObjectPtr object = pod->object;
  auto bound = world_.server().bind(key.ns, key.name, node, {"kube-scheduler", "system:kube-scheduler"});
  if (!bound.ok()) return Error(Code::conflict, bound.message());
  // Claims that wait for their first consumer are told where it is.
  if (const Json* volumes = find(*object, "spec", "volumes"); volumes && volumes->is_array())
    for (const auto& volume : *volumes) {
      const std::string claim = string_at(volume, "persistentVolumeClaim", "claimName");
      if (claim.empty()) continue;
      auto found = world_.get(kinds::kClaim, key.ns, claim);
      if (!found || !string_at(*found, "spec", "volumeName").empty()) continue;
      (void)world_.modify({"", "persistentvolumeclaims", {key.ns, claim}}, [&](Json& edited) {
        edited["metadata"]["annotations"]["volume.kubernetes.io/selected-node"] = node;
        return true;
      });
    }
  world_.record(*object, kinds::kPod, false, "Scheduled",
                fmt::format("Successfully assigned {} to {}", key.text(), node), kComponent);
  return {};
}

SchedulerController::Verdict SchedulerController::filter(const PodInfo& pod, const Amounts& requests) {
  Verdict verdict;
  verdict.total = nodes_.size();
  for (const auto& [name, node] : nodes_) verdict.possible.emplace(name, &node);
  for (auto node = verdict.possible.begin(); node != verdict.possible.end();) {
    const Json& object = *node->second->object;
    static const Json kUnschedulable = {{"key", "node.kubernetes.io/unschedulable"}, {"effect", "NoSchedule"}};
    if (value::bool_at(object, false, "spec", "unschedulable") && !tolerates(pod.spec(), kUnschedulable)) {
      verdict.reject(node, "node(s) were unschedulable");
      continue;
    }
    if (const Json* taint = untolerated_taint(pod.spec(), object)) {
      (void)taint;
      verdict.reject(node, "node(s) had untolerated taint(s)");
      continue;
    }
    if (!node_affinity_matches(pod.spec(), object)) {
      verdict.reject(node, "node(s) didn't match Pod's node affinity/selector");
      continue;
    }
    std::string short_of;
    for (const auto& [resource_name, milli] : requests) {
      if (milli == 0) continue;
      auto has = node->second->allocatable.find(resource_name);
      auto used = node->second->used.find(resource_name);
      const std::int64_t room = (has == node->second->allocatable.end() ? 0 : has->second) -
                                (used == node->second->used.end() ? 0 : used->second);
      if (milli > room) {
        short_of = resource_name;
        break;
      }
    }
    if (!short_of.empty()) {
      verdict.reject(node, short_of == "pods" ? "Too many pods" : "Insufficient " + short_of);
      continue;
    }
    ++node;
  }
  if (!verdict.possible.empty()) filter_spread(pod, verdict);
  if (!verdict.possible.empty()) filter_affinity(pod, verdict);
  if (!verdict.possible.empty()) filter_volumes(pod, verdict);
  return verdict;
}

void SchedulerController::filter_spread(const PodInfo& pod, Verdict& verdict) {
  const Json* constraints = find(pod.spec(), "topologySpreadConstraints");
  if (!constraints || !constraints->is_array()) return;
  for (const auto& constraint : *constraints) {
    if (!spreads_hard(constraint)) continue;
    const std::string topology = string_at(constraint, "topologyKey");
    const Json selector = spread_selector(constraint, pod.labels());
    auto counts = by_domain(matches(pod.key.ns, selector), topology);
    const bool honor_taints = string_at(constraint, "nodeTaintsPolicy") == "Honor";
    // A domain counts if one of its nodes is eligible, even if it has no pod yet.
    std::int64_t fewest = std::numeric_limits<std::int64_t>::max();
    std::set<std::string> domains;
    for (const auto& [name, node] : nodes_) {
      const std::string* domain = node_label(node.labels, topology);
      if (!domain || !node_affinity_matches(pod.spec(), *node.object)) continue;
      if (honor_taints && untolerated_taint(pod.spec(), *node.object)) continue;
      if (domains.insert(*domain).second) fewest = std::min(fewest, counts[*domain]);
    }
    if (static_cast<std::int64_t>(domains.size()) < int_at(constraint, 1, "minDomains")) fewest = 0;
    const std::int64_t self = selects(&selector, pod.labels()) ? 1 : 0;
    const std::int64_t skew = int_at(constraint, 1, "maxSkew");
    for (auto node = verdict.possible.begin(); node != verdict.possible.end();) {
      const std::string* domain = node_label(node->second->labels, topology);
      if (!domain)
        verdict.reject(node, "node(s) didn't match pod topology spread constraints (missing required label)");
      else if (counts[*domain] + self - fewest > skew)
        verdict.reject(node, "node(s) didn't match pod topology spread constraints");
      else
        ++node;
    }
  }
}

void SchedulerController::filter_affinity(const PodInfo& pod, Verdict& verdict) {
  auto namespaces = [&](const Json& term) {
    std::vector<std::string> names;
    if (const Json* listed = find(term, "namespaces"); listed && listed->is_array())
      for (const auto& one : *listed)
        if (one.is_string()) names.push_back(one.get<std::string>());
    if (names.empty()) names.push_back(pod.key.ns);
    return names;
  };
  auto domains_of = [&](const Json& term) {
    std::map<std::string, std::int64_t> total;
    const Json* selector = find(term, "labelSelector");
    for (const auto& ns : namespaces(term))
      for (const auto& [domain, count] :
           by_domain(matches(ns, selector ? *selector : Json()), string_at(term, "topologyKey")))
        total[domain] += count;
    return total;
  };
  if (const Json* terms = required_terms(pod.spec(), "podAntiAffinity"))
    for (const auto& term : *terms) {
      const auto taken = domains_of(term);
      for (auto node = verdict.possible.begin(); node != verdict.possible.end();) {
        const std::string* domain = node_label(node->second->labels, string_at(term, "topologyKey"));
        if (domain && taken.contains(*domain))
          verdict.reject(node, "node(s) didn't match pod anti-affinity rules");
        else
          ++node;
      }
    }
  if (const Json* terms = required_terms(pod.spec(), "podAffinity"))
    for (const auto& term : *terms) {
      const auto present = domains_of(term);
      // The first pod of a group that wants to be together may go anywhere.
      if (present.empty() && selects(find(term, "labelSelector"), pod.labels())) continue;
      for (auto node = verdict.possible.begin(); node != verdict.possible.end();) {
        const std::string* domain = node_label(node->second->labels, string_at(term, "topologyKey"));
        if (domain && present.contains(*domain))
          ++node;
        else
          verdict.reject(node, "node(s) didn't match pod affinity rules");
      }
    }
  // Pods already placed may refuse our company. Pods of our own controller carry our own terms, judged above.
  for (const auto& key : anti_affine_) {
    const PodInfo* other = world_.pod(key);
    if (!other || (!pod.controller_uid.empty() && other->controller_uid == pod.controller_uid)) continue;
    const Json* terms = required_terms(other->spec(), "podAntiAffinity");
    auto home = nodes_.find(other->node);
    if (!terms || home == nodes_.end()) continue;
    for (const auto& term : *terms) {
      const Json* listed = find(term, "namespaces");
      const bool concerns = listed && listed->is_array() && !listed->empty()
                                ? std::find(listed->begin(), listed->end(), pod.key.ns) != listed->end()
                                : other->key.ns == pod.key.ns;
      if (!concerns || !selects(find(term, "labelSelector"), pod.labels())) continue;
      const std::string topology = string_at(term, "topologyKey");
      const std::string* theirs = node_label(home->second.labels, topology);
      for (auto node = verdict.possible.begin(); node != verdict.possible.end();) {
        const std::string* domain = node_label(node->second->labels, topology);
        if (theirs && domain && *theirs == *domain)
          verdict.reject(node, "node(s) didn't satisfy existing pods anti-affinity rules");
        else
          ++node;
      }
    }
  }
}

void SchedulerController::filter_volumes(const PodInfo& pod, Verdict& verdict) {
  const Json* volumes = find(pod.spec(), "volumes");
  if (!volumes || !volumes->is_array()) return;
  auto reject_all = [&](const std::string& reason) {
    // Upstream reports a missing claim for the pod, not per node; the form below is its message.
    for (auto node = verdict.possible.begin(); node != verdict.possible.end();) verdict.reject(node, reason);
  };
  for (const auto& volume : *volumes) {
    const std::string name = string_at(volume, "persistentVolumeClaim", "claimName");
    if (name.empty()) continue;
    auto claim = world_.get(kinds::kClaim, pod.key.ns, name);
    if (!claim) return reject_all(fmt::format("persistentvolumeclaim \"{}\" not found", name));
    if (is_deleting(*claim)) return reject_all(fmt::format("persistentvolumeclaim \"{}\" is being deleted", name));
    const std::string volume_name = string_at(*claim, "spec", "volumeName");
    if (volume_name.empty()) {
      const std::string storage_class = string_at(*claim, "spec", "storageClassName");
      auto definition = world_.get(kinds::kStorageClass, "", storage_class);
      const bool waits = definition && string_at(*definition, "volumeBindingMode") == "WaitForFirstConsumer";
      if (!waits) return reject_all("pod has unbound immediate PersistentVolumeClaims");
      continue;
    }
    auto backing = world_.get(kinds::kVolume, "", volume_name);
    const Json* affinity = backing ? find(*backing, "spec", "nodeAffinity", "required") : nullptr;
    if (!affinity) continue;
    for (auto node = verdict.possible.begin(); node != verdict.possible.end();)
      if (node_matches(*affinity, *node->second->object))
        ++node;
      else
        verdict.reject(node, "node(s) didn't match PersistentVolume's node affinity");
  }
}

std::string SchedulerController::choose(const PodInfo& pod, const Verdict& verdict, const Amounts& requests) {
  // Smaller is better, term by term: soft spreading, preferred company, load in thousandths, name.
  struct Score {
    std::int64_t crowd = 0, dislike = 0, load = 0;
    auto operator<=>(const Score&) const = default;
  };
  std::map<std::string, Score> scores;
  for (const auto& [name, node] : verdict.possible) scores[name];
  auto count_in = [&](const Json& selector, const std::string& topology, auto&& apply) {
    const auto counts = by_domain(matches(pod.key.ns, selector), topology);
    for (auto& [name, score] : scores) {
      const std::string* domain = node_label(verdict.possible.at(name)->labels, topology);
      auto found = domain ? counts.find(*domain) : counts.end();
      apply(score, found == counts.end() ? 0 : found->second);
    }
  };
  if (const Json* constraints = find(pod.spec(), "topologySpreadConstraints"); constraints && constraints->is_array())
    for (const auto& constraint : *constraints)
      count_in(spread_selector(constraint, pod.labels()), string_at(constraint, "topologyKey"),
               [](Score& score, std::int64_t count) { score.crowd += count; });
  for (const char* kind : {"podAntiAffinity", "podAffinity"}) {
    const Json* terms = find(pod.spec(), "affinity", kind, "preferredDuringSchedulingIgnoredDuringExecution");
    if (!terms || !terms->is_array()) continue;
    const int sign = std::string_view(kind) == "podAffinity" ? -1 : 1;
    for (const auto& weighted : *terms) {
      const Json* term = find(weighted, "podAffinityTerm");
      if (!term) continue;
      const std::int64_t weight = int_at(weighted, 1, "weight") * sign;
      const Json* selector = find(*term, "labelSelector");
      count_in(selector ? *selector : Json(), string_at(*term, "topologyKey"),
               [&](Score& score, std::int64_t count) { score.dislike += weight * count; });
    }
  }
  if (const Json* terms =
          find(pod.spec(), "affinity", "nodeAffinity", "preferredDuringSchedulingIgnoredDuringExecution");
      terms && terms->is_array())
    for (const auto& weighted : *terms) {
      const Json* preference = find(weighted, "preference");
      if (!preference) continue;
      const Json as_selector = {{"nodeSelectorTerms", Json::array({*preference})}};
      for (auto& [name, score] : scores)
        if (node_matches(as_selector, *verdict.possible.at(name)->object))
          score.dislike -= int_at(weighted, 1, "weight");
    }
  for (auto& [name, score] : scores) {
    const NodeState& node = *verdict.possible.at(name);
    for (const char* resource_name : {"cpu", "memory", "pods"}) {
      auto has = node.allocatable.find(resource_name);
      if (has == node.allocatable.end() || has->second <= 0) continue;
      auto used = node.used.find(resource_name);
      auto wanted = requests.find(resource_name);
      const double taken = static_cast<double>((used == node.used.end() ? 0 : used->second) +
                                               (wanted == requests.end() ? 0 : wanted->second));
      score.load += static_cast<std::int64_t>(taken * 1000.0 / static_cast<double>(has->second));
    }
  }
  auto best = scores.begin();
  for (auto score = scores.begin(); score != scores.end(); ++score)
    if (score->second < best->second) best = score;
  return best->first;
}

Result<> SchedulerController::mark_unschedulable(const PodInfo& pod, const Verdict& verdict) {
  waiting_.insert(pod.key);
  const std::string message = verdict.message();
  const ObjectPtr object = pod.object;
  const Json* status = find(*object, "status");
  const Json* current = status ? condition(*status, "PodScheduled") : nullptr;
  // Once a minute at most, and whenever the reason changes, as the scheduler's own backoff has it.
  if (current && string_at(*current, "message") == message) return {};
  Json edited = *object;
  set_condition(edited["status"], {"PodScheduled", "False", "Unschedulable", message}, world_.now());
  world_.record(*object, kinds::kPod, true, "FailedScheduling", message, kComponent);
  TRY(world_.update_status(kinds::kPod, std::move(edited), {"kube-scheduler", "system:kube-scheduler"}));
  return {};
}

}  // namespace nautilus::sim
