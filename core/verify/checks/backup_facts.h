// Backups as the rendered objects describe them: Velero Schedules with their locations, and what makes base backups.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/verify/answer.h"
#include "core/verify/platform.h"

namespace nautilus::verify {

struct BackupSchedule {
  const Json* object = nullptr;
  std::string name, where, text;     // "critical-data", "Schedule velero/critical-data:", "*/15 * * * *"
  std::string zone;                  // said by CRON_TZ
  std::string location_region;       // of its BackupStorageLocation, if rendered
  std::int64_t gap = 0;              // longest between two runs, seconds
  std::optional<std::int64_t> kept;  // spec.template.ttl, seconds; Velero's default is 30 days
  bool paused = false;
  bool volumes = false;  // takes the data, not only the objects
  bool moved = false;    // and brings it to the location; a snapshot stays in the storage system of its region
  // Whether pods with these labels in this namespace are in it.
  bool takes(std::string_view namespace_, const Labels& labels) const;
};

// Schedules that can be read; those that cannot become lines of the answer.
std::vector<BackupSchedule> backup_schedules(const Platform& platform, Answer& answer);

// Whether `other` takes whatever `schedule` takes, data included.
bool covers(const Platform& platform, const BackupSchedule& other, const BackupSchedule& schedule);

// Something rendered that runs base backups: a CronJob (pgbackrest backup, pg_basebackup to a store, barman, wal-g
// backup-push), or a container whose script calls pgBackRest.
std::optional<Read> base_backup(const Platform& platform);

// "15 min", "7 days"
std::string duration_text(std::int64_t seconds);

}  // namespace nautilus::verify
