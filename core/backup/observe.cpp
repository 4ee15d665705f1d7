#include "core/backup/observe.h"

#include <algorithm>

#include "core/kube/reader.h"

namespace nautilus::backup {

const Backup* Observed::find(const std::string& name) const {
  for (const auto& backup : backups)
    if (backup.name == name) return &backup;
  return nullptr;
}

const Location* Observed::location(const std::string& name) const {
  for (const auto& one : locations)
    if (name.empty() ? one.is_default : one.name == name) return &one;
  return nullptr;
}

value::ObjectId velero_id(const std::string& kind, const std::string& velero_namespace, const std::string& name) {
  return {"velero.io", kind, velero_namespace, name};
}

Result<const kube::Resource*> velero_kind(apply::Cluster& cluster, const std::string& kind) {
  auto found = cluster.resource(value::GroupVersion{"velero.io", "v1"}, kind);
  if (found.ok() || found.error().code != Code::not_found) return found;
  return Error(Code::not_found, fmt::format("Velero is not installed: this cluster serves no {} of velero.io/v1", kind),
               "`nautilusctl deploy --env ENV --operator velero` installs it, if the environment has it");
}

Result<Observed> observe(apply::Cluster& cluster, const std::string& velero_namespace) {
  std::vector<const kube::Resource*> kinds;
  for (const char* kind : {"BackupStorageLocation", "Schedule", "Backup", "PodVolumeBackup"}) {
    ASSIGN_OR_RETURN(const auto* resource, velero_kind(cluster, kind));
    kinds.push_back(resource);
  }
  kube::ListOptions options;
  options.namespace_ = velero_namespace;
  ASSIGN_OR_RETURN(auto lists, kube::Reader(cluster.client()).list_many(kinds, options));
  for (auto& list : lists)
    if (!list.list.ok()) return std::move(list.list).error().within("reading Velero's objects");
  Observed out;
  for (const auto& item : lists[0].list->items) out.locations.push_back(location_of(item));
  for (const auto& item : lists[1].list->items) out.schedules.push_back(schedule_of(item));
  for (const auto& item : lists[2].list->items) out.backups.push_back(backup_of(item));
  for (const auto& item : lists[3].list->items)
    for (auto& backup : out.backups)
      if (add_pod_volume(item, backup)) break;
  std::stable_sort(out.backups.begin(), out.backups.end(), [](const Backup& a, const Backup& b) {
    return a.point().value_or(port::WallTime::min()) > b.point().value_or(port::WallTime::min());
  });
  return out;
}

}  // namespace nautilus::backup
