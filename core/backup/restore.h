// Restores a backup into namespaces behind the fence (fence.h), and accounts for every object of it.
//
// plan_restore() reads the backup's list of objects and what is in the target, and says of each object what will become
// of it. restore() then, in this order: namespaces, fence, modifiers; a Restore of everything but workloads; when that
// has ended, a Restore of the workloads (so no controller or operator makes afresh what the backup holds); the check of
// the fence; the account, from Velero's list of what it restored and what is really there. Names are made of the
// restore's name, so that a run that was killed at any call is finished by the same command.
// Errors: what find() and check_usable() refuse; refused (a target in use, kinds that the cluster does not serve,
// volumes that only pods bring back, a fence with a hole); partial (an object is missing, failed, or was skipped).
// Source followed: Velero 1.18 pkg/restore. Threading: the client's thread.
#pragma once

#include <map>

#include "core/backup/download.h"
#include "core/backup/fence.h"

namespace nautilus::backup {

inline constexpr std::size_t kMaxObjects = 200'000;  // of one backup

enum class Fate {
  create,  // not in the target
  change,  // in the target; --existing update
  skip,    // in the target, stays as it is
  fenced,  // kept out so that the platform cannot trade
  left,    // made by the cluster or its controllers, or of the cluster and not of the platform
};
std::string_view word(Fate fate);

struct RestoredObject {
  std::string api_version, kind, source, target, name;  // namespaces in the backup and here; empty: of the cluster
  std::string resource;                                 // "statefulsets.apps"
  Fate fate = Fate::create;
  std::string why;        // of fenced and left
  bool workload = false;  // of the second Restore
  std::string outcome;    // "created", "updated", "skipped", "failed", "missing"; empty before
  std::string text() const;
};

struct RestoreOptions {
  std::string from;                               // the backup
  std::string from_schedule;                      // or the newest good one of this Schedule,
  std::optional<port::WallTime> to_time;          // not newer than this
  std::string name;                               // "" = of the backup and the map
  std::map<std::string, std::string> namespaces;  // backup -> here
  bool update_existing = false, keep_existing = false, allow_partial = false;
  port::Duration timeout = std::chrono::hours(4), lock_wait{};
  std::string take_over_lock;
  std::function<Result<bool>(const struct RestorePlan&)> confirm;
};

struct RestorePlan {
  Backup backup;
  std::string name;
  std::map<std::string, std::string> namespaces;  // every one, also those that keep their name
  std::vector<RestoredObject> objects;
  std::vector<Error> problems;  // each stops the restore
  std::vector<std::string> notes;
  int count(Fate fate) const;
};

Result<RestorePlan> plan_restore(const Settings& settings, const Store& store, const RestoreOptions& options);
// Fills in the outcomes. With problems in the plan: the first of them, and nothing is written.
Result<> restore(const Settings& settings, const Store& store, const RestoreOptions& options, RestorePlan& plan);

// The Restore objects, the second for workloads; null if there is nothing for it.
Json restore_object(const Settings& settings, const RestorePlan& plan, const RestoreOptions& options, bool workloads);

// What a list of Velero's says: "apps/v1/Deployment": ["ns/name", ...], of a restore "ns/name(created)".
struct ListedObject {
  std::string api_version, kind, namespace_, name, action;
};
Result<std::vector<ListedObject>> read_list(const Json& list);

}  // namespace nautilus::backup
