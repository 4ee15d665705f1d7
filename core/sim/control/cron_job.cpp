#include "core/sim/control/cron_job.h"

#include <fmt/format.h>

#include "core/sim/control/cron_schedule.h"
#include "core/sim/control/times.h"

namespace nautilus::sim {

using value::find;
using value::int_at;
using value::string_at;

namespace {

constexpr std::string_view kComponent = "cronjob-controller";

bool ended(const Json& job, const char* how) {
  const Json* status = find(job, "status");
  return status && condition_is(*status, how);
}

}  // namespace

CronJobController::CronJobController(World& world) : Controller(world, "cronjob", std::chrono::milliseconds(10)) {
  world.attach(*this, {kinds::kCronJob, kinds::kJob});
}

void CronJobController::observe(const Observation& change) {
  if (change.is(kinds::kCronJob)) {
    if (change.after) enqueue(key_of(*change.after));
  } else {
    enqueue_owner(change.object(), kinds::kCronJob);
  }
}

Result<> CronJobController::reconcile(const Key& key) {
  auto object = world_.get(kinds::kCronJob, key);
  if (!object || is_deleting(*object)) return {};
  Json cron_job = *object;
  Json status = find(cron_job, "status") ? cron_job["status"] : Json::object();
  auto jobs = world_.children(kinds::kJob, uid_of(cron_job));

  Json active = Json::array();
  for (const auto& job : jobs) {
    if (!ended(*job, "Complete") && !ended(*job, "Failed")) {
      active.push_back({{"apiVersion", "batch/v1"},
                        {"kind", "Job"},
                        {"name", name_of(*job)},
                        {"namespace", key.ns},
                        {"uid", uid_of(*job)},
                        {"resourceVersion", string_at(*job, "metadata", "resourceVersion")}});
    } else if (ended(*job, "Complete")) {
      const std::string done = string_at(*job, "status", "completionTime");
      if (done > string_at(status, "lastSuccessfulTime")) status["lastSuccessfulTime"] = done;
    }
  }
  // The reference keeps the version it was made with, else every change of the Job would be a change here.
  for (auto& reference : active)
    if (const Json* known = find(status, "active"); known && known->is_array())
      for (const auto& old : *known)
        if (string_at(old, "uid") == string_at(reference, "uid")) reference = old;
  if (active.empty())
    status.erase("active");
  else
    status["active"] = active;
  TRY(trim_history(cron_job, jobs));

  const std::string zone = string_at(cron_job, "spec", "timeZone");
  auto schedule = CronSchedule::parse(string_at(cron_job, "spec", "schedule"));
  if (!zone.empty() && zone != "UTC" && zone != "Etc/UTC")
    world_.record(cron_job, kinds::kCronJob, true, "UnknownTimeZone",
                  fmt::format("time zone \"{}\" is not known to the simulated cluster, which runs in UTC", zone),
                  kComponent);
  else if (!schedule.ok())
    world_.record(cron_job, kinds::kCronJob, true, "UnparseableSchedule",
                  "unparseable schedule: " + schedule.error().message, kComponent);
  else if (!value::bool_at(cron_job, false, "spec", "suspend")) {
    const auto now = world_.now();
    auto from = parse_time(string_at(status, "lastScheduleTime"));
    if (!from) from = time_at(cron_job, "metadata", "creationTimestamp");
    const Json* deadline = find(cron_job, "spec", "startingDeadlineSeconds");
    const bool limited = deadline && deadline->is_number_integer();
    if (limited) from = std::max(*from, now - std::chrono::seconds(deadline->get<std::int64_t>()));
    std::optional<port::WallTime> due;
    int missed = 0;
    auto next = schedule->next(*from);
    for (; next && *next <= now && missed < kMaxMissed; next = schedule->next(*next), ++missed) due = next;
    if (missed == kMaxMissed) next = schedule->next(now);
    if (due) TRY(start(cron_job, *due, status));
    if (next && *next > now) enqueue_after(key, *next - now);
  }
  if (const Json* current = find(*object, "status"); current ? *current == status : status.empty()) return {};
  cron_job["status"] = std::move(status);
  TRY(world_.update_status(kinds::kCronJob, std::move(cron_job)));
  return {};
}

Result<> CronJobController::start(Json& cron_job, port::WallTime scheduled, Json& status) {
  const Key key = key_of(cron_job);
  const std::string policy = string_at(cron_job, "spec", "concurrencyPolicy");
  const Json running = find(status, "active") ? status["active"] : Json::array();
  if (policy == "Forbid" && !running.empty()) {
    world_.record(cron_job, kinds::kCronJob, false, "JobAlreadyActive",
                  "Not starting job because prior execution is running and concurrency policy is Forbid", kComponent);
    return {};
  }
  if (policy == "Replace") {
    for (const auto& job : running) {
      auto removed =
          world_.remove(kinds::kJob, {key.ns, string_at(job, "name")}, {string_at(job, "uid"), "Background", {}});
      if (!removed.ok() && removed.error().code != Code::not_found) return removed;
    }
    status.erase("active");
  }
  const auto minute = std::chrono::duration_cast<std::chrono::minutes>(scheduled.time_since_epoch()).count();
  const Json* job_template = find(cron_job, "spec", "jobTemplate");
  Json meta = Json::object();
  for (const char* field : {"labels", "annotations"})
    if (const Json* own = job_template ? find(*job_template, "metadata", field) : nullptr) meta[field] = *own;
  meta["name"] = fit_name(key.name, fmt::format("-{}", minute), 63);
  meta["namespace"] = key.ns;
  meta["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"] = time_text(scheduled);
  meta["ownerReferences"] = Json::array({owner_ref(cron_job, kinds::kCronJob)});
  if (!world_.get(kinds::kJob, key.ns, meta["name"].get<std::string>())) {
    auto created = world_.create(
        kinds::kJob,
        {{"apiVersion", "batch/v1"}, {"kind", "Job"}, {"metadata", meta}, {"spec", (*job_template)["spec"]}});
    if (!created.ok()) {
      world_.record(cron_job, kinds::kCronJob, true, "FailedCreate", "Error creating job: " + created.error().message,
                    kComponent);
      return std::move(created).error();
    }
    world_.record(cron_job, kinds::kCronJob, false, "SuccessfulCreate", "Created job " + name_of(**created),
                  kComponent);
    status["active"].push_back({{"apiVersion", "batch/v1"},
                                {"kind", "Job"},
                                {"name", name_of(**created)},
                                {"namespace", key.ns},
                                {"uid", uid_of(**created)},
                                {"resourceVersion", string_at(**created, "metadata", "resourceVersion")}});
  }
  status["lastScheduleTime"] = time_text(scheduled);
  return {};
}

Result<> CronJobController::trim_history(const Json& cron_job, std::vector<ObjectPtr>& jobs) {
  std::stable_sort(jobs.begin(), jobs.end(), [](const ObjectPtr& left, const ObjectPtr& right) {
    return string_at(*left, "status", "startTime") < string_at(*right, "status", "startTime");
  });
  struct Kept {
    const char* how;
    std::int64_t limit;
  };
  for (const auto& kept : {Kept{"Complete", int_at(cron_job, 3, "spec", "successfulJobsHistoryLimit")},
                           Kept{"Failed", int_at(cron_job, 1, "spec", "failedJobsHistoryLimit")}}) {
    std::vector<ObjectPtr> done;
    for (const auto& job : jobs)
      if (ended(*job, kept.how) && !is_deleting(*job)) done.push_back(job);
    for (std::size_t i = 0; static_cast<std::int64_t>(done.size() - i) > kept.limit; ++i) {
      TRY(world_.remove(kinds::kJob, key_of(*done[i]), {uid_of(*done[i]), "Background", {}}));
      world_.record(cron_job, kinds::kCronJob, false, "SuccessfulDelete", "Deleted job " + name_of(*done[i]),
                    kComponent);
    }
  }
  return {};
}

}  // namespace nautilus::sim
