#include "core/verify/checks/backup_facts.h"

#include <fmt/format.h>

#include <chrono>

#include "core/base/duration.h"
#include "core/verify/checks/cron.h"

namespace nautilus::verify {

std::string duration_text(std::int64_t seconds) {
  if (seconds % 86'400 == 0 && seconds > 0)
    return fmt::format("{} day{}", seconds / 86'400, seconds == 86'400 ? "" : "s");
  if (seconds > 86'400) return fmt::format("{:.1f} h", static_cast<double>(seconds) / 3'600.0);
  if (seconds % 3'600 == 0 && seconds > 0) return fmt::format("{} h", seconds / 3'600);
  if (seconds % 60 == 0 && seconds > 0) return fmt::format("{} min", seconds / 60);
  return fmt::format("{} s", seconds);
}

bool BackupSchedule::takes(std::string_view namespace_, const Labels& labels) const {
  const Json* what = value::find(*object, "spec", "template");
  if (!what) return true;
  const auto lists = [&](const char* field, bool absent) {
    const Json* list = value::find(*what, field);
    if (!list || !list->is_array() || list->empty()) return absent;
    for (const Json& one : *list)
      if (one == "*" || one == std::string(namespace_)) return true;
    return false;
  };
  if (!lists("includedNamespaces", true) || lists("excludedNamespaces", false)) return false;
  if (const Json* one = value::find(*what, "labelSelector"); one && !selects(one, labels)) return false;
  const Json* any = value::find(*what, "orLabelSelectors");
  if (!any || !any->is_array() || any->empty()) return true;
  for (const Json& one : *any)
    if (selects(&one, labels)) return true;
  return false;
}

std::vector<BackupSchedule> backup_schedules(const Platform& platform, Answer& answer) {
  std::vector<BackupSchedule> found;
  for (const Json* object : platform.of_kind("Schedule")) {
    if (!value::string_at(*object, "apiVersion").starts_with("velero.io/")) continue;
    BackupSchedule schedule;
    schedule.object = object;
    schedule.name = name_of(*object);
    schedule.where = id_of(*object) + ":";
    schedule.text = value::string_at(*object, "spec", "schedule");
    schedule.paused = value::bool_at(*object, false, "spec", "paused");
    auto cron = Cron::parse(schedule.text);
    if (!cron.ok()) {
      answer.missing("its schedule cannot be read: " + cron.error().message, id_of(*object) + ": spec.schedule");
      continue;
    }
    if (schedule.paused) {
      answer.note(id_of(*object) + " is paused and does not count");
      continue;
    }
    // Velero's defaults: snapshots where a volume can be snapshotted, no copies of files.
    const bool files = value::bool_at(*object, false, "spec", "template", "defaultVolumesToFsBackup");
    schedule.volumes = files || value::bool_at(*object, true, "spec", "template", "snapshotVolumes");
    schedule.moved = files || value::bool_at(*object, false, "spec", "template", "snapshotMoveData");
    schedule.zone = cron->zone;
    schedule.gap = cron->longest_gap();
    if (const std::string ttl = value::string_at(*object, "spec", "template", "ttl"); !ttl.empty())
      if (const auto kept = base::parse_duration(ttl); kept.ok())
        schedule.kept = std::chrono::duration_cast<std::chrono::seconds>(*kept).count();
    const std::string location = value::string_at(*object, "spec", "template", "storageLocation");
    for (const Json* store : platform.of_kind("BackupStorageLocation"))
      if (location.empty() ? value::bool_at(*store, false, "spec", "default") : name_of(*store) == location)
        schedule.location_region = value::string_at(*store, "spec", "config", "region");
    found.push_back(std::move(schedule));
  }
  return found;
}

namespace {

bool names_a_backup(const Json& container) {
  for (const char* list : {"command", "args"})
    if (const Json* words = value::find(container, list); words && words->is_array())
      for (const Json& word : *words)
        for (const char* sign : {" backup", "backup-push", "pg_basebackup", "barman-cloud-backup"})
          if (word.is_string() && (" " + word.get<std::string>()).find(sign) != std::string::npos) return true;
  return false;
}

// A script that a container runs and that calls pgBackRest for a backup.
const ConfigFile* backup_script(const PodSet& set, const Json& container) {
  const Json* words = value::find(container, "command");
  if (!words || !words->is_array()) return nullptr;
  for (const ConfigFile& file : set.files) {
    if (file.text->find("pgbackrest") == std::string::npos || file.text->find(" backup") == std::string::npos) continue;
    for (const Json& word : *words)
      if (word.is_string() && word.get_ref<const std::string&>().ends_with("/" + file.key)) return &file;
  }
  return nullptr;
}

}  // namespace

std::optional<Read> base_backup(const Platform& platform) {
  for (const PodSet& set : platform.pods()) {
    const bool timed = set.kind == "CronJob";
    const std::string schedule = timed ? value::string_at(*set.object, "spec", "schedule") : "kept up by a container";
    for (const Container& container : containers(set)) {
      if (timed && names_a_backup(*container.json)) return Read{schedule, set.at(container.path + ".command")};
      if (!timed && container.init) continue;
      if (const ConfigFile* script = backup_script(set, *container.json)) return Read{schedule, script->where()};
    }
  }
  return std::nullopt;
}

bool covers(const Platform& platform, const BackupSchedule& other, const BackupSchedule& schedule) {
  if (schedule.volumes && !other.volumes) return false;
  for (const PodSet& set : platform.pods())
    if (schedule.takes(set.namespace_, set.labels) && !other.takes(set.namespace_, set.labels)) return false;
  return true;
}

}  // namespace nautilus::verify
