#include "core/backup/objects.h"

#include "core/base/duration.h"
#include "core/release/lease.h"
#include "core/value/escape.h"

namespace nautilus::backup {

namespace {

template <class... Path>
std::optional<port::WallTime> time_at(const Json& object, Path... path) {
  const std::string text = value::string_at(object, path...);
  return text.empty() ? std::nullopt : release::parse_time(text);
}

template <class... Path>
std::string text_at(const Json& object, Path... path) {
  return value::escape_control(value::string_at(object, path...));
}

template <class... Path>
std::vector<std::string> strings_at(const Json& object, Path... path) {
  std::vector<std::string> out;
  if (const Json* list = value::find(object, path...); list && list->is_array())
    for (const auto& item : *list)
      if (item.is_string()) out.push_back(value::escape_control(item.get_ref<const std::string&>()));
  return out;
}

}  // namespace

std::string_view word(State state) {
  switch (state) {
    case State::running: return "in progress";
    case State::good: return "completed";
    case State::partial: return "partially failed";
    case State::failed: return "failed";
    case State::deleting: return "being deleted";
  }
  return "unknown";
}

State state_of(std::string_view phase) {
  if (phase == "Completed") return State::good;
  if (phase == "PartiallyFailed") return State::partial;
  if (phase == "Failed" || phase == "FailedValidation") return State::failed;
  if (phase == "Deleting") return State::deleting;
  return State::running;
}

Backup backup_of(const Json& object) {
  Backup out;
  out.name = text_at(object, "metadata", "name");
  out.phase = text_at(object, "status", "phase");
  out.state = state_of(out.phase);
  out.location = text_at(object, "spec", "storageLocation");
  out.schedule = text_at(object, "metadata", "labels", kScheduleLabel);
  out.environment = text_at(object, "metadata", "labels", kEnvironmentLabel);
  out.reason = text_at(object, "status", "failureReason");
  out.created = time_at(object, "metadata", "creationTimestamp");
  out.started = time_at(object, "status", "startTimestamp");
  out.completed = time_at(object, "status", "completionTimestamp");
  out.expires = time_at(object, "status", "expiration");
  out.items = value::int_at(object, 0, "status", "progress", "itemsBackedUp");
  out.items_in_all = value::int_at(object, 0, "status", "progress", "totalItems");
  out.errors = value::int_at(object, 0, "status", "errors");
  out.warnings = value::int_at(object, 0, "status", "warnings");
  for (const char* kind : {"volumeSnapshots", "csiVolumeSnapshots", "backupItemOperations"}) {
    out.volumes.wanted += value::int_at(object, 0, "status", std::string(kind) + "Attempted");
    out.volumes.done += value::int_at(object, 0, "status", std::string(kind) + "Completed");
  }
  out.namespaces = strings_at(object, "spec", "includedNamespaces");
  out.problems = strings_at(object, "status", "validationErrors");
  return out;
}

Schedule schedule_of(const Json& object) {
  Schedule out;
  out.name = text_at(object, "metadata", "name");
  out.phase = text_at(object, "status", "phase");
  out.cron = text_at(object, "spec", "schedule");
  out.location = text_at(object, "spec", "template", "storageLocation");
  out.paused = value::bool_at(object, false, "spec", "paused");
  out.created = time_at(object, "metadata", "creationTimestamp");
  out.last_backup = time_at(object, "status", "lastBackup");
  out.last_skipped = time_at(object, "status", "lastSkipped");
  if (auto keeps = base::parse_duration(value::string_at(object, "spec", "template", "ttl"));
      keeps.ok() && keeps->count() > 0)
    out.keeps = *keeps;
  out.problems = strings_at(object, "status", "validationErrors");
  return out;
}

Location location_of(const Json& object) {
  Location out;
  out.name = text_at(object, "metadata", "name");
  out.phase = text_at(object, "status", "phase");
  out.message = text_at(object, "status", "message");
  out.bucket = text_at(object, "spec", "objectStorage", "bucket");
  out.read_only = value::string_at(object, "spec", "accessMode") == "ReadOnly";
  out.is_default = value::bool_at(object, false, "spec", "default");
  out.checked = time_at(object, "status", "lastValidationTime");
  return out;
}

bool add_pod_volume(const Json& object, Backup& backup) {
  if (value::string_at(object, "metadata", "labels", "velero.io/backup-name") != backup.name) return false;
  ++backup.volumes.wanted;
  if (value::string_at(object, "status", "phase") == "Completed") ++backup.volumes.done;
  return true;
}

bool says_full(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  for (const char* words : {"no space left", "enospc", "insufficientstorage", "insufficient storage", "quotaexceeded",
                            "quota exceeded", "storage full", "storagefull", "disk quota"})
    if (lower.find(words) != std::string::npos) return true;
  return false;
}

}  // namespace nautilus::backup
