// What is wrong with the backups, from what Velero's objects say and the time: runs that were skipped or are overdue,
// failures, locations that cannot be written, volumes that are missing.
//
// Velero 1.18 does not begin a run of a schedule while another run of it is in progress, and makes up for none that it
// missed while it was down. So a schedule's cron says which runs there should be, and each that no backup answers is
// found here. Threading: pure functions.
#pragma once

#include "core/backup/observe.h"
#include "core/verify/checks/cron.h"

namespace nautilus::backup {

inline constexpr port::Duration kLateness = std::chrono::minutes(3);         // from the cron's minute to the object
inline constexpr port::Duration kLookBack = std::chrono::hours(24 * 8);      // for runs that are missing
inline constexpr port::Duration kUncheckedAfter = std::chrono::minutes(10);  // a location that Velero does not validate
inline constexpr port::Duration kStuckAfter = std::chrono::hours(6);         // a run that does not end
inline constexpr std::size_t kMaxRuns = 5'000;                               // of one schedule that are looked at

struct Finding {
  enum class Level { failed, warning, unknown } level = Level::failed;
  std::string id;      // "backup.skipped"
  std::string object;  // "Schedule critical-data"
  std::string message, hint;
};
std::string_view word(Finding::Level level);

// The runs of a cron (in UTC) in [from, to), oldest first; at most `most`, the newest ones. Not for "@every".
std::vector<port::WallTime> runs_between(const verify::Cron& cron, port::WallTime from, port::WallTime to,
                                         std::size_t most = kMaxRuns);

struct MissedRun {
  port::WallTime due;
  std::string because;  // the backup that was still in progress; empty if none was
};
// Runs that should be there and are not. Code::invalid for a cron that cannot be read.
Result<std::vector<MissedRun>> missed_runs(const Schedule& schedule, const std::vector<Backup>& backups,
                                           port::WallTime now);

std::vector<Finding> findings(const Observed& observed, port::WallTime now);

// "2026-11-29T07:00:00Z"
std::string second_text(port::WallTime time);

}  // namespace nautilus::backup
