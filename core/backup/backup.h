// Makes and deletes backups through Velero's objects, one at a time with the other operations on the release.
//
// create() takes the lock of the environment's release for as long as it waits, so that no deploy, rollback or upgrade
// changes the platform under a backup, and none begins while one of them holds it (Code::locked). A backup that was
// made goes on without us: killed while waiting, `--wait` with the same name takes up the wait again.
// Errors: not_found (unknown, with what there is), refused (in progress, expired, another environment's, a location
// that cannot be written), conflict (the name is taken), timeout, failed runs by their state. Threading: the client's
// thread.
#pragma once

#include <functional>

#include "core/backup/observe.h"
#include "core/release/session.h"

namespace nautilus::backup {

inline constexpr port::Duration kPollEvery = std::chrono::seconds(2);

struct Settings {
  const release::Session& session;
  std::string velero_namespace = std::string(kVeleroNamespace);
};

struct CreateOptions {
  std::string name;                     // "" = <environment>-<UTC time>
  std::string schedule;                 // what it takes and where it goes: that of this Schedule
  std::vector<std::string> namespaces;  // without a schedule; empty = the environment's
  std::string location;                 // "" = the schedule's, or the default
  port::Duration keep{};                // 0 = the schedule's, or Velero's 30 days
  bool wait = false;
  port::Duration timeout = std::chrono::hours(4), lock_wait{};
  std::string take_over_lock;
};

// The Backup object that would be created; nothing is written.
Result<Json> planned_backup(const Settings& settings, const CreateOptions& options);

// The name, and with `wait` how it ended. Code::partial if it is incomplete, Code::refused before anything is written.
struct Created {
  std::string name;
  Backup backup;
};
Result<Created> create(const Settings& settings, const CreateOptions& options);

// Waits until a backup has ended, telling its progress. Code::timeout, interrupted (it goes on).
Result<Backup> wait_for(const Settings& settings, const std::string& name, port::Duration timeout);

// A backup by name; not_found names those that there are.
Result<Backup> find(const Settings& settings, const std::string& name);

enum class For { reading, removing, restoring };
// Refuses what cannot be used for that: in progress, being deleted, expired, of another environment, its location away.
Result<> check_usable(const Settings& settings, const Observed& observed, const Backup& backup, For use,
                      port::WallTime now);

struct RemoveOptions {
  bool wait = false;
  port::Duration timeout = std::chrono::minutes(10);
};
// Through a DeleteBackupRequest, so that the stored data goes too. With `wait`: until it is gone, or Code::partial with
// what Velero could not delete.
Result<> remove(const Settings& settings, const std::string& name, const RemoveOptions& options);

// Reads an object of Velero's every kPollEvery until `finished`, which is asked with null once it is gone.
Result<> poll(const Settings& settings, const value::ObjectId& id, port::Duration timeout,
              const std::function<Result<bool>(const Json&)>& finished);

// The server's answer to a create of one object of ours; true if it is there now. `same`: an object that is there
// already is fine (a run that was killed and is run again).
Result<bool> put_new(const Settings& settings, const Json& object, bool same_is_fine);

}  // namespace nautilus::backup
