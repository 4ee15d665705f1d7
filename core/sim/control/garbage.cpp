#include "core/sim/control/garbage.h"

namespace nautilus::sim {

using value::find;
using value::string_at;

namespace {

constexpr std::string_view kForeground = "foregroundDeletion";
constexpr std::string_view kOrphan = "orphan";

bool has_refs(const Json& object) {
  const Json* refs = find(object, "metadata", "ownerReferences");
  return refs && refs->is_array() && !refs->empty();
}

bool waits_for_dependents(const Json& owner) { return is_deleting(owner) && has_finalizer(owner, kForeground); }

}  // namespace

GarbageCollector::GarbageCollector(World& world) : Controller(world, "garbage", std::chrono::milliseconds(20)) {
  world.attach_to_everything(*this);
}

// Keys are UIDs, as owner references are.
void GarbageCollector::observe(const Observation& change) {
  const Json& object = change.object();
  const std::string& uid = uid_of(object);
  if (!change.after) {
    for (const auto& what : world_.dependents_of(uid))
      if (auto dependent = world_.get(what)) enqueue({"", uid_of(*dependent)});
    // An owner that waits for this one may be free.
    if (const Json* refs = find(object, "metadata", "ownerReferences"); refs && refs->is_array())
      for (const auto& ref : *refs) enqueue({"", string_at(ref, "uid")});
    return;
  }
  if (is_deleting(object) && (has_finalizer(object, kForeground) || has_finalizer(object, kOrphan))) {
    enqueue({"", uid});
    return;
  }
  if (!has_refs(object)) return;
  const bool refs_changed = !change.before || (*change.before)["metadata"].value("ownerReferences", Json()) !=
                                                  object["metadata"]["ownerReferences"];
  if (refs_changed) enqueue({"", uid});
}

Result<> GarbageCollector::reconcile(const Key& key) {
  const Locator* found = world_.locate(key.name);
  if (!found) return {};
  const Locator what = *found;
  auto object = world_.get(what);
  if (!object || uid_of(*object) != key.name) return {};
  if (is_deleting(*object) && (has_finalizer(*object, kForeground) || has_finalizer(*object, kOrphan)))
    return tend_owner(key.name, *object);
  return has_refs(*object) && !is_deleting(*object) ? tend_dependent(what) : Result<>();
}

Result<> GarbageCollector::tend_owner(const std::string& uid, const Json& owner) {
  const Locator self = *world_.locate(uid);
  const std::set<Locator> dependents = world_.dependents_of(uid);
  if (has_finalizer(owner, kOrphan)) {
    for (const auto& what : dependents) {
      auto done = world_.modify(what, [&](Json& dependent) {
        Json kept = Json::array();
        for (const auto& ref : dependent["metadata"]["ownerReferences"])
          if (string_at(ref, "uid") != uid) kept.push_back(ref);
        if (kept.empty())
          dependent["metadata"].erase("ownerReferences");
        else
          dependent["metadata"]["ownerReferences"] = std::move(kept);
        return true;
      });
      if (!done.ok() && done.error().code != Code::not_found) return done;
    }
    return world_.modify(self, [](Json& edited) { return drop_finalizer(edited, kOrphan); });
  }
  bool blocked = false;
  for (const auto& what : dependents) {
    auto dependent = world_.get(what);
    if (!dependent) continue;
    for (const auto& ref : (*dependent)["metadata"]["ownerReferences"])
      if (string_at(ref, "uid") == uid) blocked = blocked || value::bool_at(ref, false, "blockOwnerDeletion");
    if (!is_deleting(*dependent)) TRY(tend_dependent(what));
  }
  if (blocked) return {};
  return world_.modify(self, [](Json& edited) { return drop_finalizer(edited, kForeground); });
}

Result<> GarbageCollector::tend_dependent(const Locator& what) {
  auto object = world_.get(what);
  if (!object || is_deleting(*object)) return {};
  Json solid = Json::array();
  bool waiting = false, dangling = false;
  for (const auto& ref : (*object)["metadata"]["ownerReferences"]) {
    const Locator* owner = world_.locate(string_at(ref, "uid"));
    auto owner_object = owner ? world_.get(*owner) : nullptr;
    if (!owner_object)
      dangling = true;
    else if (waits_for_dependents(*owner_object))
      waiting = true;
    else
      solid.push_back(ref);
  }
  if (!solid.empty()) {
    if (!dangling && !waiting) return {};
    return world_.modify(what, [&](Json& edited) {
      edited["metadata"]["ownerReferences"] = solid;
      return true;
    });
  }
  if (!dangling && !waiting) return {};
  const bool has_dependents = !world_.dependents_of(uid_of(*object)).empty();
  auto removed = world_.remove(what, {uid_of(*object), waiting && has_dependents ? "Foreground" : "Background", {}});
  return removed.ok() || removed.error().code == Code::not_found ? Result<>() : removed;
}

}  // namespace nautilus::sim
