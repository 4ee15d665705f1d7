#include "core/sim/control/revisions.h"

#include <fmt/format.h>

namespace nautilus::sim {

using value::find;
using value::int_at;

ObjectPtr Revisions::named(const std::string& name) const {
  for (const auto& revision : all)
    if (name_of(*revision) == name) return revision;
  return update && name_of(*update) == name ? update : nullptr;
}

const Json* template_of(const Json& revision) { return find(revision, "data", "spec", "template"); }

Result<Revisions> sync_revisions(World& world, const Json& owner, const Kind& kind) {
  constexpr int kMaxCollisions = 20;
  Revisions found;
  found.collisions = int_at(owner, 0, "status", "collisionCount");
  found.all = world.children(kinds::kControllerRevision, uid_of(owner));
  auto number = [](const ObjectPtr& revision) { return int_at(*revision, 0, "revision"); };
  std::stable_sort(found.all.begin(), found.all.end(),
                   [&](const ObjectPtr& left, const ObjectPtr& right) { return number(left) < number(right); });
  const Json* pod_template = find(owner, "spec", "template");
  Json data = {{"spec", {{"template", pod_template ? *pod_template : Json::object()}}}};
  data["spec"]["template"]["$patch"] = "replace";
  const std::int64_t next = found.all.empty() ? 1 : number(found.all.back()) + 1;
  for (auto revision = found.all.rbegin(); revision != found.all.rend(); ++revision) {
    const Json* saved = find(**revision, "data");
    if (!saved || *saved != data) continue;
    found.update = *revision;
    if (revision == found.all.rbegin()) return found;
    Json renumbered = **revision;
    renumbered["revision"] = next;
    ASSIGN_OR_RETURN(found.update, world.update(kinds::kControllerRevision, std::move(renumbered)));
    found.all.erase(std::next(revision).base());
    found.all.push_back(found.update);
    return found;
  }
  for (int attempt = 0; attempt < kMaxCollisions; ++attempt) {
    const std::string hash = safe_hash(data, found.collisions);
    const std::string name = fit_name(name_of(owner), "-" + hash, 253);
    if (world.get(kinds::kControllerRevision, namespace_of(owner), name)) {
      ++found.collisions;
      continue;
    }
    Json labels = Json::object();
    if (const Json* own = pod_template ? find(*pod_template, "metadata", "labels") : nullptr) labels = *own;
    labels["controller.kubernetes.io/hash"] = hash;
    Json revision = {{"apiVersion", "apps/v1"},
                     {"kind", "ControllerRevision"},
                     {"metadata",
                      {{"name", name},
                       {"namespace", namespace_of(owner)},
                       {"labels", labels},
                       {"ownerReferences", Json::array({owner_ref(owner, kind)})}}},
                     {"data", data},
                     {"revision", next}};
    ASSIGN_OR_RETURN(found.update, world.create(kinds::kControllerRevision, std::move(revision)));
    found.all.push_back(found.update);
    return found;
  }
  return Error(Code::limit, fmt::format("no free revision name for {}", name_of(owner)));
}

Result<> trim_revisions(World& world, const Revisions& revisions, const std::set<std::string>& in_use,
                        std::int64_t keep) {
  std::vector<ObjectPtr> idle;
  for (const auto& revision : revisions.all)
    if (!in_use.contains(name_of(*revision))) idle.push_back(revision);
  for (std::size_t i = 0; static_cast<std::int64_t>(idle.size() - i) > keep; ++i)
    TRY(world.remove(kinds::kControllerRevision, key_of(*idle[i]), {uid_of(*idle[i]), "", {}}));
  return {};
}

}  // namespace nautilus::sim
