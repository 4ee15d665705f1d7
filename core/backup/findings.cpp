#include "core/backup/findings.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "core/base/duration.h"
#include "core/port/wall_time.h"

namespace nautilus::backup {

namespace {

using std::chrono::floor;
using std::chrono::minutes;

constexpr std::size_t kRunsShown = 4;

// Whether a run at `due` is answered by this backup: the next run's backups are not.
bool answers(const Backup& backup, port::WallTime due, port::WallTime next) {
  const auto made = backup.created ? backup.created : backup.started;
  return made && *made >= due - std::chrono::seconds(5) && *made < next;
}

bool was_running(const Backup& backup, port::WallTime at) {
  const auto begun = backup.created ? backup.created : backup.started;
  return begun && *begun < at && (!backup.completed || *backup.completed > at);
}

class Judging {
 public:
  Judging(const Observed& observed, port::WallTime now) : observed_(observed), now_(now) {}

  std::vector<Finding> run() {
    if (observed_.locations.empty())
      add(Finding::Level::failed, "backup.no-location", "Velero", "there is no BackupStorageLocation",
          "switch `backup` on in the environment's values");
    for (const auto& location : observed_.locations) judge(location);
    for (const auto& schedule : observed_.schedules) judge(schedule);
    for (const auto& backup : observed_.backups) judge(backup);
    return std::move(out_);
  }

 private:
  void add(Finding::Level level, std::string id, std::string object, std::string message, std::string hint) {
    out_.push_back({level, std::move(id), std::move(object), std::move(message), std::move(hint)});
  }

  void judge(const Location& location) {
    const std::string object = "BackupStorageLocation " + location.name;
    if (location.phase == "Unavailable") {
      const bool full = says_full(location.message);
      add(Finding::Level::failed, full ? "backup.location-full" : "backup.location-unavailable", object,
          full ? "the store is full: " + location.message
               : "cannot be reached: " + (location.message.empty() ? "no reason given" : location.message),
          full ? "delete backups that nobody needs, or enlarge the bucket's quota"
               : "check the bucket, the credentials and the way out of the cluster");
    } else if (location.phase != "Available") {
      add(Finding::Level::unknown, "backup.location-unchecked", object, "Velero has not looked at it yet",
          "is the velero Deployment running?");
    } else if (location.checked && now_ - *location.checked > kUncheckedAfter) {
      add(Finding::Level::unknown, "backup.location-unchecked", object,
          fmt::format("Velero looked at it last {} ago", base::human_duration(now_ - *location.checked)),
          "is the velero Deployment running?");
    }
    if (location.read_only)
      add(Finding::Level::warning, "backup.location-read-only", object,
          "is read-only: nothing can be backed up into it",
          "that is right while one restores from it; set accessMode: ReadWrite afterwards");
  }

  void judge(const Schedule& schedule) {
    const std::string object = "Schedule " + schedule.name;
    if (schedule.phase == "FailedValidation")
      return add(Finding::Level::failed, "backup.schedule-invalid", object,
                 fmt::format("Velero refuses it: {}", fmt::join(schedule.problems, "; ")), "it makes no backups");
    if (schedule.paused)
      return add(Finding::Level::warning, "backup.schedule-paused", object, "is paused", "it makes no backups");
    auto missed = missed_runs(schedule, observed_.backups, now_);
    if (!missed.ok())
      return add(Finding::Level::unknown, "backup.schedule-unreadable", object, missed.error().text(),
                 "whether it skips runs cannot be told");
    if (!missed->empty()) missing(object, *missed);
    newest_good(schedule, object);
  }

  void missing(const std::string& object, const std::vector<MissedRun>& missed) {
    std::vector<std::string> shown;
    std::string because;
    for (auto run = missed.rbegin(); run != missed.rend() && shown.size() < kRunsShown; ++run)
      shown.push_back(second_text(run->due));
    for (const auto& run : missed)
      if (!run.because.empty()) because = run.because;
    const std::string more =
        missed.size() > shown.size() ? fmt::format(" and {} more", missed.size() - shown.size()) : std::string();
    add(Finding::Level::failed, "backup.skipped", object,
        fmt::format("{} run{} did not happen: {}{}{}", missed.size(), missed.size() == 1 ? "" : "s",
                    fmt::join(shown, ", "), more,
                    because.empty() ? "" : fmt::format("; {} was still in progress", because)),
        because.empty() ? "Velero was not running then, or could not make the backup"
                        : "a run takes longer than the time between two: fewer volumes, or a longer interval");
  }

  void newest_good(const Schedule& schedule, const std::string& object) {
    for (const auto& backup : observed_.backups)
      if (backup.schedule == schedule.name && backup.state == State::good && !backup.expired(now_)) return;
    const bool any = std::any_of(observed_.backups.begin(), observed_.backups.end(),
                                 [&](const Backup& backup) { return backup.schedule == schedule.name; });
    if (any || schedule.last_backup)
      add(Finding::Level::failed, "backup.none-good", object, "has no good backup",
          "`nautilusctl backup describe` of its newest one says why");
  }

  void judge(const Backup& backup) {
    const std::string object = "Backup " + backup.name;
    const std::string counts = fmt::format("{} errors, {} warnings", backup.errors, backup.warnings);
    const std::string logs = "`nautilusctl backup logs " + backup.name + "`";
    if (backup.state == State::failed && says_full(backup.reason))
      add(Finding::Level::failed, "backup.location-full", object, "the store is full: " + backup.reason,
          "delete backups that nobody needs, or enlarge the bucket's quota");
    else if (backup.state == State::failed)
      add(Finding::Level::failed, "backup.failed", object,
          !backup.problems.empty() ? fmt::format("{}", fmt::join(backup.problems, "; "))
          : backup.reason.empty()  ? counts
                                   : backup.reason,
          logs);
    if (backup.state == State::partial)
      add(Finding::Level::failed, "backup.partial", object, "is incomplete: " + counts, logs);
    if ((backup.state == State::good || backup.state == State::partial) && backup.volumes.missing())
      add(Finding::Level::failed, "backup.volumes-missing", object,
          fmt::format("holds {} of {} volumes", backup.volumes.done, backup.volumes.wanted), logs);
    if (backup.state == State::running && backup.started && now_ - *backup.started > kStuckAfter)
      add(Finding::Level::failed, "backup.stuck", object,
          fmt::format("is in progress for {}", base::human_duration(now_ - *backup.started)),
          "Velero fails it by itself when it is restarted");
    if (backup.expired(now_) && backup.state != State::deleting && now_ - *backup.expires > std::chrono::hours(2))
      add(Finding::Level::warning, "backup.expired", object,
          fmt::format("expired {} ago and is still there", base::human_duration(now_ - *backup.expires)),
          "Velero removes it within the hour, unless its location is read-only or cannot be reached");
  }

  const Observed& observed_;
  port::WallTime now_;
  std::vector<Finding> out_;
};

}  // namespace

std::string_view word(Finding::Level level) {
  return level == Finding::Level::failed ? "failed" : level == Finding::Level::warning ? "warning" : "unknown";
}

std::string second_text(port::WallTime time) {
  return port::micro_time(floor<std::chrono::seconds>(time)).substr(0, 19) + "Z";
}

std::vector<port::WallTime> runs_between(const verify::Cron& cron, port::WallTime from, port::WallTime to,
                                         std::size_t most) {
  std::vector<port::WallTime> out;
  // From the newest day backwards, so that the bound cuts the oldest.
  for (auto day = floor<std::chrono::days>(to); day + std::chrono::days(1) > from; day -= std::chrono::days(1)) {
    const std::chrono::year_month_day date(day);
    const std::chrono::weekday weekday(day);
    if (!cron.on_day(static_cast<int>(static_cast<unsigned>(date.month())),
                     static_cast<int>(static_cast<unsigned>(date.day())), static_cast<int>(weekday.c_encoding())))
      continue;
    for (int minute = 24 * 60 - 1; minute >= 0; --minute) {
      if (!cron.hours[static_cast<std::size_t>(minute / 60)] || !cron.minutes[static_cast<std::size_t>(minute % 60)])
        continue;
      const port::WallTime time = day + minutes(minute);
      if (time >= to || time < from) continue;
      out.push_back(time);
      if (out.size() == most) break;
    }
    if (out.size() == most) break;
  }
  std::reverse(out.begin(), out.end());
  return out;
}

Result<std::vector<MissedRun>> missed_runs(const Schedule& schedule, const std::vector<Backup>& backups,
                                           port::WallTime now) {
  ASSIGN_OR_RETURN(const auto cron, verify::Cron::parse(schedule.cron));
  std::vector<MissedRun> out;
  if (cron.every_seconds > 0) return Error(Code::invalid, "\"@every\" counts from the last run, not from the clock");
  if (!cron.zone.empty() && cron.zone != "UTC" && cron.zone != "Etc/UTC")
    return Error(Code::invalid, fmt::format("the schedule is in the zone {}", cron.zone));
  // What has expired is gone: no longer back than backups are kept.
  port::WallTime from = now - kLookBack;
  if (schedule.keeps) from = std::max(from, now - *schedule.keeps + kLateness);
  if (schedule.created) from = std::max(from, *schedule.created + kLateness);
  const auto runs = runs_between(cron, from, now - kLateness);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const port::WallTime next = i + 1 < runs.size() ? runs[i + 1] : now + kLateness;
    MissedRun missed{runs[i], {}};
    bool there = false;
    for (const auto& backup : backups) {
      if (backup.schedule != schedule.name) continue;
      there = there || answers(backup, runs[i], next);
      if (was_running(backup, runs[i])) missed.because = backup.name;
    }
    if (!there) out.push_back(std::move(missed));
  }
  return out;
}

std::vector<Finding> findings(const Observed& observed, port::WallTime now) { return Judging(observed, now).run(); }

}  // namespace nautilus::backup
