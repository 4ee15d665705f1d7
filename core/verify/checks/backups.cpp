// backup.*: how often, how long kept, and whether the clock of a schedule is the one that was meant.
#include <fmt/format.h>

#include "core/value/yaml.h"
#include "core/verify/checks/backup_facts.h"
#include "core/verify/checks/postgres.h"
#include "core/verify/settings.h"
#include "core/verify/verify.h"

namespace nautilus::verify {

namespace {

constexpr std::int64_t kVeleroDefaultTtl = 30 * 86'400;

// A schedule of certain hours need not bridge the others alone: one that takes the same, more often, does.
const BackupSchedule* cover(const Platform& platform, const std::vector<BackupSchedule>& all,
                            const BackupSchedule& schedule) {
  for (const BackupSchedule& other : all)
    if (other.name != schedule.name && other.gap < schedule.gap &&
        other.kept.value_or(kVeleroDefaultTtl) >= 2 * other.gap && covers(platform, other, schedule))
      return &other;
  return nullptr;
}

// Between two runs there must be one to go back to even if one fails: kept at least twice as long as the gap.
void cadence(const Input& input, Answer& answer) {
  const auto schedules = backup_schedules(input.platform, answer);
  for (const BackupSchedule& schedule : schedules) {
    answer.read(schedule.where + " spec.schedule", schedule.text,
                duration_text(schedule.gap) + " between two runs at most");
    const std::int64_t kept = schedule.kept.value_or(kVeleroDefaultTtl);
    answer.read(schedule.where + " spec.template.ttl", duration_text(kept),
                schedule.kept ? "kept" : "Velero's default");
    const bool long_enough = kept >= 2 * schedule.gap;
    if (const BackupSchedule* other = long_enough ? nullptr : cover(input.platform, schedules, schedule)) {
      answer.holds(fmt::format("{}: kept {}, and outside its hours {} takes the same every {}", schedule.name,
                               duration_text(kept), other->name, duration_text(other->gap)));
      continue;
    }
    answer.judge(long_enough,
                 fmt::format("{}: kept {} {} 2 x {}, so that one run may fail", schedule.name, duration_text(kept),
                             long_enough ? ">=" : "<", duration_text(schedule.gap)));
  }
  const Postgres postgres = Postgres::of(input.platform);
  if (postgres.members.empty()) return;
  const auto base = base_backup(input.platform);
  const auto recovery = input.env.promises.recovery.find("operatorError");
  const bool promised = recovery != input.env.promises.recovery.end() && recovery->second.rpo_seconds;
  if (postgres.archives()) {
    answer.read(postgres.parameter("archive_command")->where, "set", "WAL is archived");
    if (base) {
      answer.read(base->where, base->value, "base backups");
      answer.holds("WAL has base backups to be replayed on");
    } else {
      answer.fails("no object makes a base backup: WAL alone restores nothing", postgres.archive_where);
    }
  } else if (schedules.empty() && promised) {
    answer.fails("the database is neither archived nor backed up by anything rendered", postgres.members.front()->id);
  }
}

void records(const Input& input, Answer& answer) {
  const auto promised = input.env.promises.records_days;
  if (!promised) return;
  answer.read(input.env.file + ": spec.promises.recordsDays", *promised, "promised");
  std::int64_t longest = 0;
  std::string who = "nothing";
  for (const BackupSchedule& schedule : backup_schedules(input.platform, answer)) {
    const std::int64_t kept = schedule.kept.value_or(kVeleroDefaultTtl);
    answer.read(schedule.where + " spec.template.ttl", duration_text(kept));
    if (kept > longest) {
      longest = kept;
      who = schedule.name;
    }
  }
  bool locked = false;
  for (const PodSet& set : input.platform.pods()) {
    for (const ConfigFile& file : set.files) {
      // Elasticsearch's lifecycle of the audit index.
      if (file.key.find("policy") != std::string::npos && file.key.find("audit") != std::string::npos) {
        const auto policy = value::parse_json(*file.text, file.where());
        const auto age =
            policy.ok() ? seconds(value::string_at(*policy, "policy", "phases", "delete", "min_age")) : std::nullopt;
        if (!age) continue;
        answer.read(file.where() + " delete.min_age", duration_text(*age), "audit lines, to be searched");
        if (*age > longest) {
          longest = *age;
          who = file.key;
        }
      }
      // A copy in a bucket: how long is set on the bucket itself.
      if (file.key == "collector.yaml" && file.text->find("awss3") != std::string::npos) {
        answer.read(file.where() + " exporters.awss3", "present", "audit lines, copied to a bucket");
        locked = true;
      }
    }
  }
  answer.step(fmt::format("the longest that anything rendered keeps records: {}, {}", duration_text(longest), who));
  if (longest >= *promised * 86'400)
    answer.holds(fmt::format("{} >= {} days", duration_text(longest), *promised));
  else if (locked)
    answer.missing(
        "the copy of record is in a bucket, and its Object Lock is set on the bucket, which no manifest holds");
  else
    answer.fails(fmt::format("{} < {} days: records of trading are gone before the law allows it",
                             duration_text(longest), *promised));
}

constexpr Check kChecks[] = {
    {"backup.cadence", "Every backup can be missed once, and every archive has something to be replayed on.",
     "Each Schedule is kept twice as long as the longest gap between two of its runs, or another that is takes the "
     "same; an archived database has something that makes base backups.",
     "A schedule that keeps less than two runs has nothing when one fails; an archive without a base backup has never "
     "restored anything.",
     "Lengthen spec.template.ttl; render the base backup's CronJob.", "1, 21", cadence},
    {"backup.record-retention", "Records of trading are kept as long as the law wants.",
     "The longest retention of any Schedule, index policy or locked bucket against spec.promises.recordsDays.",
     "MiFID II wants five years and up to seven, CFTC 1.31 five; the guide keeps 24 hours to 90 days.",
     "Write records once to a bucket with Object Lock of that many years, and say so in the environment.", "26",
     records},
};

}  // namespace

std::span<const Check> backup_checks() { return kChecks; }

}  // namespace nautilus::verify
