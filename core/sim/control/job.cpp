#include "core/sim/control/job.h"

#include <fmt/format.h>

#include <charconv>

#include "core/sim/control/pods.h"
#include "core/sim/control/times.h"

namespace nautilus::sim {

using value::find;
using value::int_at;
using value::string_at;

namespace {

constexpr std::string_view kComponent = "job-controller";
constexpr std::string_view kTracking = "batch.kubernetes.io/job-tracking";
constexpr std::string_view kIndex = "batch.kubernetes.io/job-completion-index";

bool finished(const Json& job) {
  const Json* status = find(job, "status");
  return status && (condition_is(*status, "Complete") || condition_is(*status, "Failed"));
}

std::int64_t index_of(const Json& pod) {
  const std::string text = annotation(pod, kIndex);
  std::int64_t index = -1;
  std::from_chars(text.data(), text.data() + text.size(), index);
  return index;
}

void add_condition(Json& status, const std::string& type, const std::string& reason, const std::string& message,
                   port::WallTime now) {
  if (set_condition(status, {type, "True", reason, message}, now))
    for (auto& one : status["conditions"])
      if (string_at(one, "type") == type) one["lastProbeTime"] = time_text(now);
}

}  // namespace

std::string index_ranges(const std::set<std::int64_t>& indexes) {
  std::string text;
  for (auto at = indexes.begin(); at != indexes.end();) {
    const std::int64_t first = *at;
    std::int64_t last = first;
    for (++at; at != indexes.end() && *at == last + 1; ++at) last = *at;
    if (!text.empty()) text += ',';
    text += first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
  }
  return text;
}

std::set<std::int64_t> parse_index_ranges(std::string_view text) {
  constexpr std::int64_t kMostIndexes = 100'000;
  std::set<std::int64_t> indexes;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    const std::string_view range = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    std::int64_t first = 0, last = 0;
    auto [end, code] = std::from_chars(range.data(), range.data() + range.size(), first);
    last = first;
    if (code == std::errc() && end != range.data() + range.size() && *end == '-')
      std::from_chars(end + 1, range.data() + range.size(), last);
    for (std::int64_t i = first; code == std::errc() && i <= last && i - first < kMostIndexes; ++i) indexes.insert(i);
  }
  return indexes;
}

struct JobController::Pass {
  ObjectPtr object;
  Json status;
  std::vector<Key> active;
  std::set<std::int64_t> active_indexes, done_indexes;
  std::int64_t succeeded = 0, failed = 0, ready = 0, terminating = 0, wanted_parallel = 1;
  std::optional<std::int64_t> completions;
  bool indexed = false, suspended = false;
  std::string verdict, reason, message;  // "Failed" or "Complete" once it is decided
  port::WallTime now{};
  const Json& job() const { return *object; }
};

JobController::JobController(World& world) : Controller(world, "job", std::chrono::milliseconds(9)) {
  world.attach(*this, {kinds::kJob, kinds::kPod});
}

void JobController::observe(const Observation& change) {
  if (change.is(kinds::kPod)) {
    enqueue_owner(change.object(), kinds::kJob);
    return;
  }
  if (change.after)
    enqueue(key_of(*change.after));
  else
    last_failure_.erase(uid_of(*change.before));
}

Result<> JobController::reconcile(const Key& key) {
  Pass pass;
  pass.object = world_.get(kinds::kJob, key);
  if (!pass.object) return {};
  const Json& job = pass.job();
  pass.now = world_.now();
  pass.status = find(job, "status") ? job["status"] : Json::object();
  pass.indexed = string_at(job, "spec", "completionMode") == "Indexed";
  pass.suspended = value::bool_at(job, false, "spec", "suspend");
  pass.wanted_parallel = int_at(job, 1, "spec", "parallelism");
  if (const Json* completions = find(job, "spec", "completions"); completions && completions->is_number_integer())
    pass.completions = completions->get<std::int64_t>();
  else if (!find(job, "spec", "parallelism"))
    pass.completions = 1;
  TRY(count_finished(pass));
  if (finished(job)) return expire(job);
  if (find(job, "spec", "podFailurePolicy") || find(job, "spec", "successPolicy") ||
      find(job, "spec", "backoffLimitPerIndex"))
    world_.record(job, kinds::kJob, true, "NotSimulated",
                  "podFailurePolicy, successPolicy and backoffLimitPerIndex are ignored by the simulated cluster",
                  kComponent);
  if (!pass.status.contains("startTime") && !pass.suspended) pass.status["startTime"] = time_text(pass.now);
  judge(pass);
  Result<> adjusted;
  if (!is_deleting(job)) adjusted = adjust_pods(pass);
  TRY(write_status(pass));
  return adjusted;
}

// Adds finished pods to the totals, each once, and lets them go.
Result<> JobController::count_finished(Pass& pass) {
  const Json& job = pass.job();
  std::vector<Key> release;
  std::int64_t succeeded = 0, failed = 0;
  if (pass.indexed) pass.done_indexes = parse_index_ranges(string_at(pass.status, "completedIndexes"));
  for (const PodInfo* pod : world_.pods_of(uid_of(job))) {
    const bool tracked = has_finalizer(*pod->object, kTracking);
    if (pod->terminal() && tracked) {
      release.push_back(pod->key);
      const std::int64_t index = index_of(*pod->object);
      if (pod->phase == PodInfo::Phase::failed) {
        ++failed;
      } else if (!pass.indexed || pass.done_indexes.insert(index).second) {
        ++succeeded;
      }
    } else if (pod->active()) {
      pass.active.push_back(pod->key);
      pass.active_indexes.insert(index_of(*pod->object));
      pass.ready += pod->ready;
    } else if (pod->deleting && !pod->terminal()) {
      ++pass.terminating;
      pass.active_indexes.insert(index_of(*pod->object));
    }
  }
  if (failed > 0) last_failure_[uid_of(job)] = pass.now;
  pass.succeeded = int_at(pass.status, 0, "succeeded") + succeeded;
  pass.failed = int_at(pass.status, 0, "failed") + failed;
  for (const auto& key : release) {
    auto done = world_.modify({"", "pods", key}, [](Json& pod) { return drop_finalizer(pod, kTracking); });
    if (!done.ok() && done.error().code != Code::not_found) return done;
  }
  return {};
}

void JobController::judge(Pass& pass) {
  const Json& job = pass.job();
  auto fail = [&](const char* reason, const char* message) {
    pass.verdict = "Failed";
    pass.reason = reason;
    pass.message = message;
  };
  const std::int64_t limit = int_at(job, 6, "spec", "backoffLimit");
  std::int64_t restarts = 0;
  if (string_at(job, "spec", "template", "spec", "restartPolicy") == "OnFailure")
    for (const auto& key : pass.active)
      if (const PodInfo* pod = world_.pod(key)) restarts += pod->restarts;
  if (const Json* earlier = condition(pass.status, "FailureTarget"); earlier && !pass.suspended) {
    pass.verdict = "Failed";
    pass.reason = string_at(*earlier, "reason");
    pass.message = string_at(*earlier, "message");
    return;
  }
  if (pass.failed > limit || (restarts > 0 && restarts >= limit)) {
    fail("BackoffLimitExceeded", "Job has reached the specified backoff limit");
    return;
  }
  const Json* deadline = find(job, "spec", "activeDeadlineSeconds");
  if (deadline && deadline->is_number_integer() && !pass.suspended) {
    const auto started = parse_time(string_at(pass.status, "startTime")).value_or(pass.now);
    const auto ends = started + std::chrono::seconds(deadline->get<std::int64_t>());
    if (ends <= pass.now) {
      fail("DeadlineExceeded", "Job was active longer than specified deadline");
      return;
    }
    enqueue_after(key_of(job), ends - pass.now);
  }
  const bool enough = pass.completions ? pass.succeeded >= *pass.completions : pass.succeeded > 0;
  if (enough && (pass.completions || pass.active.empty())) {
    pass.verdict = "Complete";
    pass.reason = "CompletionsReached";
    pass.message = "Reached expected number of succeeded pods";
  }
}

Result<> JobController::adjust_pods(Pass& pass) {
  const Json& job = pass.job();
  auto drop = [&](std::size_t keep) -> Result<> {
    while (pass.active.size() > keep) {
      const Key key = pass.active.back();
      const PodInfo* pod = world_.pod(key);
      if (pod) {
        pass.ready -= pod->ready;
        TRY(world_.remove(kinds::kPod, key, {pod->uid, "", {}}));
        world_.record(job, kinds::kJob, false, "SuccessfulDelete", "Deleted pod: " + key.name, kComponent);
        ++pass.terminating;
      }
      pass.active.pop_back();
    }
    return {};
  };
  if (!pass.verdict.empty() || pass.suspended) return drop(0);
  std::int64_t wanted = pass.wanted_parallel;
  if (pass.completions)
    wanted = std::min(wanted, *pass.completions - pass.succeeded);
  else if (pass.succeeded > 0)
    wanted = static_cast<std::int64_t>(pass.active.size());
  wanted = std::max<std::int64_t>(0, wanted);
  if (static_cast<std::int64_t>(pass.active.size()) > wanted) return drop(static_cast<std::size_t>(wanted));
  std::int64_t missing = wanted - static_cast<std::int64_t>(pass.active.size()) - pass.terminating;
  if (missing <= 0) return {};
  if (pass.failed > 0) {
    const auto pause = std::min<port::Duration>(
        kMaxBackoff, kFirstBackoff * (std::int64_t{1} << std::min<std::int64_t>(pass.failed - 1, 10)));
    const auto since = last_failure_.contains(uid_of(job)) ? last_failure_[uid_of(job)] : pass.now - kMaxBackoff;
    if (since + pause > pass.now) {
      enqueue_after(key_of(job), since + pause - pass.now);
      return {};
    }
  }
  constexpr std::int64_t kBurst = 500;
  std::int64_t index = 0;
  for (std::int64_t made = 0; made < std::min(missing, kBurst); ++made) {
    while (pass.indexed && (pass.done_indexes.contains(index) || pass.active_indexes.contains(index))) ++index;
    TRY(create_pod(pass, index));
    pass.active_indexes.insert(index);
  }
  if (missing > kBurst) enqueue(key_of(job));
  return {};
}

Result<> JobController::create_pod(Pass& pass, std::int64_t index) {
  const Json& job = pass.job();
  const Json* pod_template = find(job, "spec", "template");
  Json pod = pod_from_template(*pod_template, job, kinds::kJob);
  Json& meta = pod["metadata"];
  meta["finalizers"].push_back(std::string(kTracking));
  for (const char* key : {"batch.kubernetes.io/controller-uid", "controller-uid"}) meta["labels"][key] = uid_of(job);
  for (const char* key : {"batch.kubernetes.io/job-name", "job-name"}) meta["labels"][key] = name_of(job);
  if (pass.indexed) {
    const std::string text = fmt::format("{}", index);
    meta["annotations"][std::string(kIndex)] = text;
    meta["labels"][std::string(kIndex)] = text;
    meta["generateName"] = fit_name(name_of(job), "-" + text + "-", 58);
    pod["spec"]["hostname"] = fit_name(name_of(job), "-" + text, 63);
    for (auto& container : pod["spec"]["containers"])
      container["env"].push_back({{"name", "JOB_COMPLETION_INDEX"}, {"value", text}});
  }
  auto created = world_.create(kinds::kPod, std::move(pod));
  if (!created.ok()) {
    world_.record(job, kinds::kJob, true, "FailedCreate", "Error creating: " + created.error().message, kComponent);
    return std::move(created).error();
  }
  world_.record(job, kinds::kJob, false, "SuccessfulCreate", "Created pod: " + name_of(**created), kComponent);
  pass.active.push_back(key_of(**created));
  return {};
}

Result<> JobController::write_status(Pass& pass) {
  const Json& job = pass.job();
  Json& status = pass.status;
  auto put = [&](const char* field, std::int64_t count) {
    if (count != 0)
      status[field] = count;
    else
      status.erase(field);
  };
  put("succeeded", pass.succeeded);
  put("failed", pass.failed);
  put("active", static_cast<std::int64_t>(pass.active.size()));
  status["ready"] = pass.ready;
  status["terminating"] = pass.terminating;
  status["uncountedTerminatedPods"] = Json::object();
  if (pass.indexed) {
    const std::string done = index_ranges(pass.done_indexes);
    if (!done.empty()) status["completedIndexes"] = done;
  }
  if (!pass.verdict.empty()) {
    const bool good = pass.verdict == "Complete";
    add_condition(status, good ? "SuccessCriteriaMet" : "FailureTarget", pass.reason, pass.message, pass.now);
    // The final condition waits until no pod of the job is left running.
    if (pass.active.empty() && pass.terminating == 0) {
      add_condition(status, pass.verdict, pass.reason, pass.message, pass.now);
      if (good) status["completionTime"] = time_text(pass.now);
      world_.record(job, kinds::kJob, !good, good ? "Completed" : pass.reason, good ? "Job completed" : pass.message,
                    kComponent);
      if (job["spec"].contains("ttlSecondsAfterFinished")) enqueue(key_of(job));
    }
  } else if (pass.suspended) {
    if (!condition_is(status, "Suspended")) {
      add_condition(status, "Suspended", "JobSuspended", "Job suspended", pass.now);
      status.erase("startTime");
      world_.record(job, kinds::kJob, false, "Suspended", "Job suspended", kComponent);
    }
  } else if (condition_is(status, "Suspended")) {
    set_condition(status, {"Suspended", "False", "JobResumed", "Job resumed"}, pass.now);
    status["startTime"] = time_text(pass.now);
    world_.record(job, kinds::kJob, false, "Resumed", "Job resumed", kComponent);
  }
  if (const Json* current = find(job, "status"); current && *current == status) return {};
  Json edited = job;
  edited["status"] = status;
  TRY(world_.update_status(kinds::kJob, std::move(edited)));
  return {};
}

Result<> JobController::expire(const Json& job) {
  const Json* ttl = find(job, "spec", "ttlSecondsAfterFinished");
  if (!ttl || !ttl->is_number_integer() || is_deleting(job)) return {};
  const Json* last = condition(job["status"], "Complete");
  if (!last) last = condition(job["status"], "Failed");
  const auto ends = parse_time(string_at(*last, "lastTransitionTime")).value_or(world_.now()) +
                    std::chrono::seconds(ttl->get<std::int64_t>());
  if (ends > world_.now()) {
    enqueue_after(key_of(job), ends - world_.now());
    return {};
  }
  return world_.remove(kinds::kJob, key_of(job), {uid_of(job), "Foreground", {}});
}

}  // namespace nautilus::sim
