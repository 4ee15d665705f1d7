// What Velero's objects say, as values.
//
// Source followed: velero.io/v1 of Velero 1.18 (Backup, Restore, Schedule, BackupStorageLocation, PodVolumeBackup).
// Unknown fields are left alone and an unknown phase counts as running: what is not known to have ended well has not.
// Threading: plain values and pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/port/clock.h"
#include "core/value/json.h"

namespace nautilus::backup {

inline constexpr std::string_view kVeleroApi = "velero.io/v1";
inline constexpr std::string_view kVeleroNamespace = "velero-system";  // of the platform's chart
inline constexpr std::string_view kEnvironmentLabel = "nautilusctl.io/environment";
inline constexpr std::string_view kScheduleLabel = "velero.io/schedule-name";

enum class State { running, good, partial, failed, deleting };
std::string_view word(State state);

// Phases of a Backup or a Restore.
State state_of(std::string_view phase);

struct Volumes {
  std::int64_t wanted = 0, done = 0;  // snapshots, moved data and files of pods together
  bool missing() const { return done < wanted; }
};

struct Backup {
  std::string name, phase, location, schedule, environment, reason;
  State state = State::running;
  std::optional<port::WallTime> created, started, completed, expires;
  std::int64_t items = 0, items_in_all = 0, errors = 0, warnings = 0;
  Volumes volumes;
  std::vector<std::string> namespaces, problems;  // problems: of validation
  bool expired(port::WallTime now) const { return expires && *expires <= now; }
  // When the state that it holds was taken; nothing if it has not begun.
  std::optional<port::WallTime> point() const { return started ? started : created; }
};

struct Schedule {
  std::string name, phase, cron, location;
  bool paused = false;
  std::optional<port::WallTime> created, last_backup, last_skipped;
  std::optional<port::Duration> keeps;
  std::vector<std::string> problems;
};

struct Location {
  std::string name, phase, message, bucket;
  bool read_only = false, is_default = false;
  std::optional<port::WallTime> checked;
};

Backup backup_of(const Json& object);
Schedule schedule_of(const Json& object);
Location location_of(const Json& object);
// Adds what a PodVolumeBackup says to the backup that it belongs to; true if it belongs to this one.
bool add_pod_volume(const Json& object, Backup& backup);

// Why a run failed, where its words tell that the store is full; empty otherwise.
bool says_full(std::string_view text);

}  // namespace nautilus::backup
