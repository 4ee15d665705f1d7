#include "core/check/facts.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/release/lease.h"
#include "core/value/object_id.h"

namespace nautilus::check {

namespace {

// "Deployment nautilus-trading/nautilus-backend" of the controlling owner, or "".
std::string controller_of(const Json& object, std::string* uid = nullptr) {
  for (const Json& owner : items(object, "metadata", "ownerReferences")) {
    if (!value::bool_at(owner, false, "controller")) continue;
    if (uid) *uid = value::string_at(owner, "uid");
    return fmt::format("{} {}/{}", value::string_at(owner, "kind"), namespace_of(object),
                       value::string_at(owner, "name"));
  }
  return "";
}

std::string time_of_event(const Json& event) {
  for (const char* field : {"lastTimestamp", "eventTime", "firstTimestamp"})
    if (std::string time = value::string_at(event, field); !time.empty()) {
      if (const std::string last = value::string_at(event, "series", "lastObservedTime"); last > time) return last;
      return time;
    }
  return value::string_at(event, "metadata", "creationTimestamp");
}

}  // namespace

Facts::Facts(const Snapshot& s, const env::Environment& e, port::WallTime n) : snapshot(s), env(e), now(n) {
  std::vector<const Json*> objects;
  for (const Source* source :
       {&source::kNamespaces, &source::kDeployments, &source::kStatefulSets, &source::kDaemonSets, &source::kJobs,
        &source::kAutoscalers, &source::kNetworkPolicies, &source::kServices})
    for (const Json* object : snapshot.ours(*source)) objects.push_back(object);
  platform_ = std::make_unique<verify::Platform>(objects);

  for (const Json& set : snapshot.all(source::kReplicaSets))
    if (std::string owner = controller_of(set); !owner.empty())
      owner_of_set_[value::string_at(set, "metadata", "uid")] = std::move(owner);
  for (const Json* pod : snapshot.ours(source::kPods)) pods_[workload_of(*pod)].push_back(pod);

  for (const Json& event : snapshot.all(source::kEvents)) {
    const Json* about = value::find(event, "involvedObject");
    if (!about) continue;
    if (const std::string uid = value::string_at(*about, "uid"); !uid.empty()) events_[uid].push_back(&event);
    const std::string space = value::string_at(*about, "namespace");
    events_[fmt::format("{} {}{}{}", value::string_at(*about, "kind"), space, space.empty() ? "" : "/",
                        value::string_at(*about, "name"))]
        .push_back(&event);
  }
  for (auto& [key, list] : events_)
    std::stable_sort(list.begin(), list.end(),
                     [](const Json* a, const Json* b) { return time_of_event(*a) > time_of_event(*b); });

  for (const Json& slice : snapshot.all(source::kSlices)) {
    const std::string service = value::string_at(slice, "metadata", "labels", "kubernetes.io/service-name");
    if (service.empty()) continue;
    int& ready = ready_[namespace_of(slice) + "/" + service];
    for (const Json& endpoint : items(slice, "endpoints"))
      if (value::bool_at(endpoint, true, "conditions", "ready")) ++ready;
  }
}

std::string Facts::workload_of(const Json& pod) const {
  std::string uid;
  std::string owner = controller_of(pod, &uid);
  if (owner.empty()) return id_of(pod);
  const auto above = owner_of_set_.find(uid);
  return above == owner_of_set_.end() ? owner : above->second;
}

std::vector<const Json*> Facts::selected(std::string_view namespace_, const Json* selector) const {
  std::vector<const Json*> found;
  if (!selector) return found;
  for (const Json& pod : snapshot.all(source::kPods)) {
    if (namespace_of(pod) != namespace_) continue;
    verify::Labels labels;
    if (const Json* said = value::find(pod, "metadata", "labels"); said && said->is_object())
      for (const auto& [key, value] : said->items())
        if (value.is_string()) labels.emplace(key, value.get_ref<const std::string&>());
    if (verify::matches(selector, labels)) found.push_back(&pod);
  }
  return found;
}

int Facts::ready_endpoints(std::string_view namespace_, std::string_view service) const {
  const auto found = ready_.find(fmt::format("{}/{}", namespace_, service));
  return found == ready_.end() ? 0 : found->second;
}

std::vector<const Json*> Facts::events_of(const Json& object) const {
  if (const std::string uid = value::string_at(object, "metadata", "uid"); !uid.empty())
    if (const auto found = events_.find(uid); found != events_.end()) return found->second;
  const auto found = events_.find(id_of(object));
  return found == events_.end() ? std::vector<const Json*>() : found->second;
}

std::string Facts::event_text(const Json& object, std::initializer_list<std::string_view> reasons) const {
  for (const Json* event : events_of(object)) {
    const std::string reason = value::string_at(*event, "reason");
    if (std::find(reasons.begin(), reasons.end(), reason) != reasons.end())
      return reason + ": " + value::string_at(*event, "message");
  }
  return "";
}

std::optional<port::Duration> Facts::age(std::string_view time) const {
  const auto then = release::parse_time(time);
  if (!then) return std::nullopt;
  return now - *then;
}

bool Facts::older_than(std::string_view time, port::Duration limit) const {
  const auto since = age(time);
  return since && *since > limit;
}

std::string describe(const Json& object) {
  const value::ObjectId id = value::ObjectId::of(object);
  std::string kind;
  for (const char c : id.kind) kind += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  // A short name of an add-on's kind may belong to two of them (Gateway).
  if (id.group.find('.') != std::string::npos && !id.group.ends_with(".k8s.io")) kind += "." + id.group;
  if (id.group == "gateway.networking.k8s.io" || id.group == "autoscaling.k8s.io") kind += "." + id.group;
  const std::string space = id.namespace_.empty() ? "" : fmt::format("-n {} ", id.namespace_);
  return fmt::format("kubectl {}describe {} {}", space, kind, id.name);
}

std::string age_text(port::Duration age) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(age).count();
  if (seconds < 120) return fmt::format("{}s", seconds);
  if (seconds < 2 * 3600) return fmt::format("{}m", seconds / 60);
  if (seconds < 2 * 86400) return fmt::format("{}h", seconds / 3600);
  return fmt::format("{}d", seconds / 86400);
}

}  // namespace nautilus::check
