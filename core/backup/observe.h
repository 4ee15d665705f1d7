// Reads what Velero has: locations, schedules, backups, volumes of pods.
//
// Failure: Code::not_found if the cluster does not serve Velero's kinds. Threading: the client's thread.
#pragma once

#include "core/apply/cluster.h"
#include "core/backup/objects.h"

namespace nautilus::backup {

struct Observed {
  std::vector<Location> locations;
  std::vector<Schedule> schedules;
  std::vector<Backup> backups;  // the newest first
  const Backup* find(const std::string& name) const;
  const Location* location(const std::string& name) const;  // "" = the default
};

Result<Observed> observe(apply::Cluster& cluster, const std::string& velero_namespace);

// A kind of Velero's, or the error that says that Velero is not there.
Result<const kube::Resource*> velero_kind(apply::Cluster& cluster, const std::string& kind);
value::ObjectId velero_id(const std::string& kind, const std::string& velero_namespace, const std::string& name);

}  // namespace nautilus::backup
