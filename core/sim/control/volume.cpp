#include "core/sim/control/volume.h"

#include <fmt/format.h>

#include "core/sim/control/selectors.h"

namespace nautilus::sim {

using value::find;
using value::string_at;

namespace {

constexpr std::string_view kClaimProtection = "kubernetes.io/pvc-protection";
constexpr std::string_view kVolumeProtection = "kubernetes.io/pv-protection";
constexpr std::string_view kComponent = "persistentvolume-controller";

std::int64_t size_of(const Json* quantity) { return quantity ? quantity_milli(*quantity).value_or(0) : 0; }

}  // namespace

ClaimController::ClaimController(World& world)
    : Controller(world, "persistentvolumeclaim", std::chrono::milliseconds(60)) {
  world.attach(*this, {kinds::kClaim, kinds::kVolume, kinds::kPod, kinds::kStorageClass});
}

void ClaimController::observe(const Observation& change) {
  if (change.is(kinds::kClaim)) {
    if (change.after) enqueue(key_of(*change.after));
  } else if (change.is(kinds::kPod)) {
    // A claim may be free to go once its last pod is gone.
    if (change.after && !world_.pod(key_of(*change.after))->terminal()) return;
    if (const Json* volumes = find(change.object(), "spec", "volumes"); volumes && volumes->is_array())
      for (const auto& volume : *volumes)
        if (const auto claim = string_at(volume, "persistentVolumeClaim", "claimName"); !claim.empty())
          enqueue({namespace_of(change.object()), claim});
  } else if (change.is(kinds::kVolume)) {
    const std::string ns = string_at(change.object(), "spec", "claimRef", "namespace");
    if (!ns.empty()) enqueue({ns, string_at(change.object(), "spec", "claimRef", "name")});
  }
  const bool may_unblock = change.is(kinds::kStorageClass) || (change.is(kinds::kVolume) && !change.before);
  if (may_unblock && change.after)
    for (const auto& claim : world_.list(kinds::kClaim))
      if (string_at(*claim, "status", "phase") != "Bound") enqueue(key_of(*claim));
}

bool ClaimController::in_use(const Key& claim) const {
  bool used = false;
  world_.each_pod(claim.ns, [&](const PodInfo& pod) {
    if (used || pod.terminal()) return;
    if (const Json* volumes = find(pod.spec(), "volumes"); volumes && volumes->is_array())
      for (const auto& volume : *volumes)
        used = used || string_at(volume, "persistentVolumeClaim", "claimName") == claim.name;
  });
  return used;
}

Result<> ClaimController::reconcile(const Key& key) {
  auto object = world_.get(kinds::kClaim, key);
  if (!object) return {};
  const Locator self{"", "persistentvolumeclaims", key};
  if (is_deleting(*object)) {
    if (!has_finalizer(*object, kClaimProtection) || in_use(key)) return {};
    return world_.modify(self, [](Json& claim) { return drop_finalizer(claim, kClaimProtection); });
  }
  if (!has_finalizer(*object, kClaimProtection)) {
    TRY(world_.modify(self, [](Json& claim) {
      claim["metadata"]["finalizers"].push_back(std::string(kClaimProtection));
      return true;
    }));
    object = world_.get(kinds::kClaim, key);
  }
  if (string_at(*object, "status", "phase") == "Bound") return grow(*object);
  if (!find(*object, "spec", "storageClassName")) {
    for (const auto& candidate : world_.list(kinds::kStorageClass))
      if (annotation(*candidate, "storageclass.kubernetes.io/is-default-class") == "true") {
        const std::string chosen = name_of(*candidate);
        return world_.modify(self, [&](Json& claim) {
          claim["spec"]["storageClassName"] = chosen;
          return true;
        });
      }
  }
  const std::string volume_name = string_at(*object, "spec", "volumeName");
  ObjectPtr volume = volume_name.empty() ? fitting_volume(*object) : world_.get(kinds::kVolume, "", volume_name);
  if (volume) return bind(*object, *volume);
  const std::string class_name = string_at(*object, "spec", "storageClassName");
  if (!volume_name.empty()) return {};
  if (class_name.empty()) {
    world_.record(*object, kinds::kClaim, false, "FailedBinding",
                  "no persistent volumes available for this claim and no storage class is set", kComponent);
    return {};
  }
  auto storage_class = world_.get(kinds::kStorageClass, "", class_name);
  if (!storage_class) {
    world_.record(*object, kinds::kClaim, true, "ProvisioningFailed",
                  fmt::format("storageclass.storage.k8s.io \"{}\" not found", class_name), kComponent);
    return {};
  }
  if (string_at(*storage_class, "provisioner") == "kubernetes.io/no-provisioner") return {};
  if (string_at(*storage_class, "volumeBindingMode") == "WaitForFirstConsumer" &&
      annotation(*object, "volume.kubernetes.io/selected-node").empty()) {
    world_.record(*object, kinds::kClaim, false, "WaitForFirstConsumer",
                  "waiting for first consumer to be created before binding", kComponent);
    return {};
  }
  return provision(*object, *storage_class);
}

// The smallest volume that is free (or meant for this claim) and satisfies it.
ObjectPtr ClaimController::fitting_volume(const Json& claim) const {
  const std::string class_name = string_at(claim, "spec", "storageClassName");
  const std::int64_t wanted = size_of(find(claim, "spec", "resources", "requests", "storage"));
  ObjectPtr best;
  std::int64_t best_size = 0;
  for (const auto& volume : world_.list(kinds::kVolume)) {
    if (is_deleting(*volume)) continue;
    const Json* reference = find(*volume, "spec", "claimRef");
    const bool ours = reference && string_at(*reference, "namespace") == namespace_of(claim) &&
                      string_at(*reference, "name") == name_of(claim) &&
                      (string_at(*reference, "uid").empty() || string_at(*reference, "uid") == uid_of(claim));
    if (reference && !reference->is_null() && !ours) continue;
    if (ours) return volume;
    const std::int64_t size = size_of(find(*volume, "spec", "capacity", "storage"));
    if (string_at(*volume, "spec", "storageClassName") != class_name || size < wanted) continue;
    if (const Json* selector = find(claim, "spec", "selector"))
      if (!selects(selector, find(*volume, "metadata", "labels"))) continue;
    const Json* offered = find(*volume, "spec", "accessModes");
    bool modes = offered && offered->is_array();
    if (const Json* asked = find(claim, "spec", "accessModes"); asked && asked->is_array())
      for (const auto& mode : *asked)
        modes = modes && std::find(offered->begin(), offered->end(), mode) != offered->end();
    if (modes && (!best || size < best_size)) {
      best = volume;
      best_size = size;
    }
  }
  return best;
}

Result<> ClaimController::provision(const Json& claim, const Json& storage_class) {
  const std::string provisioner = string_at(storage_class, "provisioner");
  const std::string name = "pvc-" + uid_of(claim);
  if (world_.get(kinds::kVolume, "", name)) return {};
  const Json* modes = find(claim, "spec", "accessModes");
  Json reference = {{"apiVersion", "v1"},
                    {"kind", "PersistentVolumeClaim"},
                    {"namespace", namespace_of(claim)},
                    {"name", name_of(claim)},
                    {"uid", uid_of(claim)},
                    {"resourceVersion", string_at(claim, "metadata", "resourceVersion")}};
  const std::string policy = string_at(storage_class, "reclaimPolicy");
  Json spec = {{"accessModes", modes ? *modes : Json::array({"ReadWriteOnce"})},
               {"capacity", {{"storage", *find(claim, "spec", "resources", "requests", "storage")}}},
               {"claimRef", reference},
               {"persistentVolumeReclaimPolicy", policy.empty() ? "Delete" : policy},
               {"storageClassName", name_of(storage_class)},
               {"volumeMode",
                string_at(claim, "spec", "volumeMode").empty() ? "Filesystem" : string_at(claim, "spec", "volumeMode")},
               {"csi", {{"driver", provisioner}, {"volumeHandle", name}}}};
  // A disk lives in the zone of the node it was made for.
  const std::string node_name = annotation(claim, "volume.kubernetes.io/selected-node");
  if (auto node = node_name.empty() ? nullptr : world_.get(kinds::kNode, "", node_name))
    if (const auto zone = label(*node, "topology.kubernetes.io/zone"); !zone.empty())
      spec["nodeAffinity"]["required"]["nodeSelectorTerms"] = Json::array(
          {{{"matchExpressions",
             Json::array(
                 {{{"key", "topology.kubernetes.io/zone"}, {"operator", "In"}, {"values", Json::array({zone})}}})}}});
  auto created = world_.create(kinds::kVolume, {{"apiVersion", "v1"},
                                                {"kind", "PersistentVolume"},
                                                {"metadata",
                                                 {{"name", name},
                                                  {"annotations", {{"pv.kubernetes.io/provisioned-by", provisioner}}},
                                                  {"finalizers", Json::array({std::string(kVolumeProtection)})}}},
                                                {"spec", std::move(spec)}});
  if (!created.ok()) {
    world_.record(claim, kinds::kClaim, true, "ProvisioningFailed", created.error().message, kComponent);
    return std::move(created).error();
  }
  world_.record(claim, kinds::kClaim, false, "ProvisioningSucceeded", "Successfully provisioned volume " + name,
                kComponent);
  return world_.modify({"", "persistentvolumeclaims", key_of(claim)}, [&](Json& edited) {
    for (const char* key :
         {"volume.beta.kubernetes.io/storage-provisioner", "volume.kubernetes.io/storage-provisioner"})
      edited["metadata"]["annotations"][key] = provisioner;
    return true;
  });
}

Result<> ClaimController::bind(const Json& claim, const Json& volume) {
  const std::string volume_name = name_of(volume);
  const bool prebound = !string_at(claim, "spec", "volumeName").empty();
  if (string_at(volume, "spec", "claimRef", "uid") != uid_of(claim))
    TRY(world_.modify({"", "persistentvolumes", {"", volume_name}}, [&](Json& edited) {
      edited["spec"]["claimRef"] = {{"apiVersion", "v1"},
                                    {"kind", "PersistentVolumeClaim"},
                                    {"namespace", namespace_of(claim)},
                                    {"name", name_of(claim)},
                                    {"uid", uid_of(claim)},
                                    {"resourceVersion", string_at(claim, "metadata", "resourceVersion")}};
      edited["metadata"]["annotations"]["pv.kubernetes.io/bound-by-controller"] = "yes";
      return true;
    }));
  TRY(world_.modify({"", "persistentvolumeclaims", key_of(claim)}, [&](Json& edited) {
    edited["spec"]["volumeName"] = volume_name;
    Json& notes = edited["metadata"]["annotations"];
    notes["pv.kubernetes.io/bind-completed"] = "yes";
    if (!prebound) notes["pv.kubernetes.io/bound-by-controller"] = "yes";
    return true;
  }));
  Json edited = *world_.get(kinds::kClaim, key_of(claim));
  edited["status"] = {{"phase", "Bound"},
                      {"accessModes", volume["spec"].value("accessModes", Json::array())},
                      {"capacity", volume["spec"].value("capacity", Json::object())}};
  TRY(world_.update_status(kinds::kClaim, std::move(edited)));
  return {};
}

// A bound claim that asks for more than it has is enlarged if its class allows it.
Result<> ClaimController::grow(const Json& claim) {
  const Json* wanted = find(claim, "spec", "resources", "requests", "storage");
  if (size_of(wanted) <= size_of(find(claim, "status", "capacity", "storage"))) return {};
  auto storage_class = world_.get(kinds::kStorageClass, "", string_at(claim, "spec", "storageClassName"));
  if (!storage_class || !value::bool_at(*storage_class, false, "allowVolumeExpansion")) return {};
  const std::string volume = string_at(claim, "spec", "volumeName");
  const std::int64_t has = size_of(find(claim, "status", "capacity", "storage"));
  TRY(world_.modify({"", "persistentvolumes", {"", volume}}, [&](Json& edited) {
    if (size_of(find(edited, "spec", "capacity", "storage")) >= size_of(wanted)) return false;
    edited["spec"]["capacity"]["storage"] = *wanted;
    return true;
  }));
  if (has == 0) return {};
  Json edited = claim;
  edited["status"]["capacity"]["storage"] = *wanted;
  TRY(world_.update_status(kinds::kClaim, std::move(edited)));
  world_.record(claim, kinds::kClaim, false, "FileSystemResizeSuccessful", "MountVolume.NodeExpandVolume succeeded",
                "kubelet");
  return {};
}

VolumeController::VolumeController(World& world)
    : Controller(world, "persistentvolume", std::chrono::milliseconds(80)) {
  world.attach(*this, {kinds::kVolume, kinds::kClaim});
}

void VolumeController::observe(const Observation& change) {
  if (change.is(kinds::kVolume)) {
    if (change.after) enqueue(key_of(*change.after));
  } else if (const auto volume = string_at(change.object(), "spec", "volumeName"); !volume.empty()) {
    enqueue({"", volume});
  }
}

Result<> VolumeController::reconcile(const Key& key) {
  auto object = world_.get(kinds::kVolume, key);
  if (!object) return {};
  const Json* reference = find(*object, "spec", "claimRef");
  ObjectPtr claim;
  if (reference && reference->is_object())
    claim = world_.get(kinds::kClaim, string_at(*reference, "namespace"), string_at(*reference, "name"));
  const std::string owner = reference ? string_at(*reference, "uid") : "";
  const bool bound = claim && !owner.empty() && uid_of(*claim) == owner;
  const bool released = !owner.empty() && !bound;
  const char* phase = bound ? "Bound" : released ? "Released" : "Available";
  if (is_deleting(*object)) {
    if (bound || !has_finalizer(*object, kVolumeProtection)) return {};
    return world_.modify({"", "persistentvolumes", key},
                         [](Json& volume) { return drop_finalizer(volume, kVolumeProtection); });
  }
  if (string_at(*object, "status", "phase") != phase) {
    Json edited = *object;
    edited["status"]["phase"] = phase;
    TRY(world_.update_status(kinds::kVolume, std::move(edited)));
  }
  const bool made_for_it = !annotation(*object, "pv.kubernetes.io/provisioned-by").empty();
  if (released && made_for_it && string_at(*object, "spec", "persistentVolumeReclaimPolicy") == "Delete")
    return world_.remove(kinds::kVolume, key, {uid_of(*object), "", {}});
  return {};
}

}  // namespace nautilus::sim
