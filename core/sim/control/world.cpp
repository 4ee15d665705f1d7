#include "core/sim/control/world.h"

#include <fmt/format.h>

#include "core/sim/control/controller.h"
#include "core/sim/control/pods.h"
#include "core/sim/control/times.h"

namespace nautilus::sim {

using value::find;
using value::string_at;

namespace {

GroupResource resource_of(const Kind& kind) { return {kind.group, kind.plural}; }
GroupResource resource_of(const Locator& what) { return {what.group, what.plural}; }
std::string watch_key(std::string_view group, std::string_view plural) {
  return std::string(group) + "/" + std::string(plural);
}

Error error_of(const Outcome& outcome) {
  const std::string reason = outcome.reason();
  Code code = Code::internal;
  if (reason == "NotFound") code = Code::not_found;
  if (reason == "AlreadyExists" || reason == "Conflict") code = Code::conflict;
  if (reason == "Forbidden") code = Code::forbidden;
  if (reason == "Invalid" || reason == "BadRequest") code = Code::invalid;
  if (reason == "TooManyRequests") code = Code::refused;
  return Error(code, outcome.message());
}

Result<ObjectPtr> result_of(Outcome outcome) {
  if (!outcome.ok()) return error_of(outcome);
  return std::move(outcome.object);
}

const PodSet& set_or_none(const std::unordered_map<std::string, PodSet>& index, const std::string& key) {
  static const PodSet kNone;
  auto found = index.find(key);
  return found == index.end() ? kNone : found->second;
}

}  // namespace

World::World(Server& server, EventQueue& queue, Random random) : server_(server), queue_(queue), random_(random) {
  auto take = [this](const ResourceInfo& info) {
    for (const auto& object : server_.list({info.group, info.resource}))
      on_change({Change::Type::added, 0, {info.group, info.resource}, object, nullptr});
  };
  for (const ResourceInfo* info : server_.resources())
    if (info->stored) take(*info);
  subscription_ = server_.store().subscribe({"", ""}, [this](const Change& change) { on_change(change); });
}

World::~World() = default;

ObjectPtr World::get(const Kind& kind, const std::string& ns, const std::string& name) const {
  return server_.get(resource_of(kind), kind.namespaced ? ns : std::string(), name);
}

ObjectPtr World::get(const Locator& what) const { return server_.get(resource_of(what), what.key.ns, what.key.name); }

std::vector<ObjectPtr> World::list(const Kind& kind, const std::string& ns) const {
  return server_.list(resource_of(kind), ns);
}

const PodInfo* World::pod(const Key& key) const {
  auto found = pods_.find(key);
  return found == pods_.end() ? nullptr : &found->second;
}

const PodSet& World::pods_of(const std::string& controller_uid) const {
  return set_or_none(by_controller_, controller_uid);
}
const PodSet& World::pods_on(const std::string& node) const { return set_or_none(by_node_, node); }
const PodSet& World::orphans_in(const std::string& ns) const { return set_or_none(orphans_, ns); }

void World::each_pod(const std::string& ns, const std::function<void(const PodInfo&)>& visit) const {
  for (auto pod = pods_.lower_bound(Key{ns, ""}); pod != pods_.end() && pod->first.ns == ns; ++pod) visit(pod->second);
}

const std::set<Locator>& World::dependents_of(const std::string& uid) const {
  static const std::set<Locator> kNone;
  auto found = dependents_.find(uid);
  return found == dependents_.end() ? kNone : found->second;
}

const Locator* World::locate(const std::string& uid) const {
  auto found = by_uid_.find(uid);
  return found == by_uid_.end() ? nullptr : &found->second;
}

std::vector<ObjectPtr> World::children(const Kind& kind, const std::string& controller_uid) const {
  std::vector<ObjectPtr> found;
  for (const auto& what : dependents_of(controller_uid)) {
    if (what.group != kind.group || what.plural != kind.plural) continue;
    auto object = get(what);
    const Json* ref = object ? controller_ref(*object) : nullptr;
    if (ref && string_at(*ref, "uid") == controller_uid) found.push_back(std::move(object));
  }
  return found;
}

Result<ObjectPtr> World::create(const Kind& kind, Json object) {
  return result_of(server_.create(resource_of(kind), std::move(object)));
}

Result<ObjectPtr> World::update(const Kind& kind, Json object) {
  return result_of(server_.update(resource_of(kind), std::move(object)));
}

Result<ObjectPtr> World::update_status(const Kind& kind, Json object, const Caller& caller) {
  return result_of(server_.update_status(resource_of(kind), std::move(object), caller));
}

Result<> World::remove(const Kind& kind, const Key& key, const RemoveOptions& options) {
  return remove(Locator{std::string(kind.group), std::string(kind.plural), key}, options);
}

Result<> World::remove(const Locator& what, const RemoveOptions& options) {
  DeleteOptions sent;
  sent.grace_period_seconds = options.grace_seconds;
  sent.propagation = options.propagation;
  sent.uid = options.uid;
  auto outcome = server_.remove(resource_of(what), what.key.ns, what.key.name, sent);
  if (!outcome.ok()) return error_of(outcome);
  return {};
}

Result<> World::modify(const Locator& what, const std::function<bool(Json&)>& edit) {
  auto object = get(what);
  if (!object) return Error(Code::not_found, fmt::format("{} {} not found", what.plural, what.key.text()));
  Json edited = *object;
  if (!edit(edited)) return {};
  auto outcome = server_.update(resource_of(what), std::move(edited));
  if (!outcome.ok()) return error_of(outcome);
  return {};
}

void World::record(const Json& about, const Kind& kind, bool warning, std::string_view reason, std::string message,
                   std::string_view component) {
  constexpr std::size_t kLongestMessage = 1024;
  if (message.size() > kLongestMessage) message.resize(kLongestMessage);
  const std::string what = fmt::format("{}/{}/{}", uid_of(about), reason, message);
  if (auto said = recorded_.find(what); said != recorded_.end()) {
    ++said->second.count;
    Json repeat = {{"count", said->second.count}, {"lastTimestamp", time_text(now())}};
    auto outcome = server_.patch(resource::kEvents, said->second.key.ns, said->second.key.name, repeat,
                                 {std::string(component), std::string(component)});
    if (outcome.ok()) return;
    recorded_.erase(said);
  }
  const std::string ns = kind.namespaced ? namespace_of(about) : "default";
  const Key key{ns, fmt::format("{}.{:016x}", name_of(about), fnv1a64(what) + next_event_++)};
  Json involved = {{"apiVersion", kind.api_version()},
                   {"kind", std::string(kind.kind)},
                   {"name", name_of(about)},
                   {"uid", uid_of(about)},
                   {"resourceVersion", string_at(about, "metadata", "resourceVersion")}};
  if (kind.namespaced) involved["namespace"] = ns;
  Json event = {{"metadata", {{"name", key.name}, {"namespace", key.ns}}},
                {"involvedObject", std::move(involved)},
                {"reason", std::string(reason)},
                {"message", std::move(message)},
                {"type", warning ? "Warning" : "Normal"},
                {"source", {{"component", std::string(component)}}},
                {"reportingComponent", std::string(component)},
                {"reportingInstance", ""},
                {"firstTimestamp", time_text(now())},
                {"lastTimestamp", time_text(now())},
                {"count", 1}};
  auto outcome = server_.create(resource::kEvents, std::move(event), {std::string(component), std::string(component)});
  if (!outcome.ok()) return;  // a namespace on its way out takes no more events
  recorded_.emplace(what, Recorded{key, now(), 1});
  recorded_order_.emplace_back(now(), what);
  trim_events();
}

// Events live an hour, and only so many of them.
void World::trim_events() {
  while (!recorded_order_.empty() &&
         (recorded_order_.size() > kMaxEvents || recorded_order_.front().first + kEventLife < now())) {
    auto said = recorded_.find(recorded_order_.front().second);
    if (said != recorded_.end() && said->second.first == recorded_order_.front().first) {
      (void)server_.remove(resource::kEvents, said->second.key.ns, said->second.key.name);
      recorded_.erase(said);
    }
    recorded_order_.pop_front();
  }
}

void World::attach(Controller& controller, const std::vector<Kind>& watched) {
  for (const auto& kind : watched) {
    watchers_[watch_key(kind.group, kind.plural)].push_back(&controller);
    for (const auto& object : list(kind)) controller.observe({kind.group, kind.plural, nullptr, object});
  }
}

void World::attach_to_everything(Controller& controller) {
  all_watchers_.push_back(&controller);
  for (const auto& [uid, what] : by_uid_)
    if (auto object = get(what)) controller.observe({what.group, what.plural, nullptr, object});
}

void World::on_change(const Change& change) {
  const bool gone = change.type == Change::Type::deleted;
  const Observation seen{change.resource.group, change.resource.resource, gone ? change.object : change.previous,
                         gone ? nullptr : change.object};
  if (seen.is(kinds::kEvent)) return;
  if (seen.is(kinds::kPod)) index_pod(seen);
  index_owners(seen);
  if (auto found = watchers_.find(watch_key(seen.group, seen.plural)); found != watchers_.end())
    for (Controller* controller : found->second) controller->observe(seen);
  for (Controller* controller : all_watchers_) controller->observe(seen);
}

void World::index_pod(const Observation& change) {
  const Key key = key_of(change.object());
  auto drop = [](auto& index, const std::string& at, const PodInfo* pod) {
    auto found = index.find(at);
    if (found == index.end()) return;
    found->second.erase(pod);
    if (found->second.empty()) index.erase(found);
  };
  if (auto found = pods_.find(key); found != pods_.end()) {
    const PodInfo* old = &found->second;
    if (old->controller_uid.empty())
      drop(orphans_, key.ns, old);
    else
      drop(by_controller_, old->controller_uid, old);
    if (!old->node.empty()) drop(by_node_, old->node, old);
  }
  if (!change.after) {
    pods_.erase(key);
    return;
  }
  PodInfo& pod = pods_[key];
  pod = read_pod(change.after);
  if (pod.controller_uid.empty())
    orphans_[key.ns].insert(&pod);
  else
    by_controller_[pod.controller_uid].insert(&pod);
  if (!pod.node.empty()) by_node_[pod.node].insert(&pod);
}

void World::index_owners(const Observation& change) {
  const std::string& uid = uid_of(change.object());
  const Locator what{std::string(change.group), std::string(change.plural), key_of(change.object())};
  auto each_owner = [](const Json& object, auto&& visit) {
    const Json* refs = find(object, "metadata", "ownerReferences");
    if (refs && refs->is_array())
      for (const auto& ref : *refs) visit(string_at(ref, "uid"));
  };
  if (change.before)
    each_owner(*change.before, [&](const std::string& owner) {
      auto found = dependents_.find(owner);
      if (found == dependents_.end()) return;
      found->second.erase(what);
      if (found->second.empty()) dependents_.erase(found);
    });
  if (change.after) {
    if (!uid.empty()) by_uid_[uid] = what;
    each_owner(*change.after, [&](const std::string& owner) { dependents_[owner].insert(what); });
  } else {
    by_uid_.erase(uid);
  }
}

}  // namespace nautilus::sim
