// Deployments, ReplicaSets, StatefulSets, DaemonSets, Jobs and Pods.
#include "core/status/rules.h"

namespace nautilus::status {

namespace {

// What the API writes into progressDeadlineSeconds for "none", and what its absence means.
constexpr std::int64_t kNoDeadline = 2147483647;

std::int64_t number(const Json& object, const char* field) { return value::int_at(object, 0, "status", field); }

std::int64_t wanted(const Json& object) { return value::int_at(object, 1, "spec", "replicas"); }

Verdict short_of(const char* reason, std::int64_t have, std::int64_t want, const char* what) {
  return in_progress(reason, fmt::format("{} of {} replicas are {}", have, want, what));
}

// A controller that never wrote a status has not seen the object.
bool unseen(const Json& object) {
  return value::find(object, "metadata", "generation") && !value::find(object, "status", "observedGeneration");
}

Verdict not_seen() { return in_progress("NotObserved", "its controller has not seen it yet"); }

}  // namespace

Verdict deployment(const Json& object) {
  if (const Json* slow = condition(object, "Progressing");
      slow && value::string_at(*slow, "reason") == "ProgressDeadlineExceeded")
    return failed("ProgressDeadlineExceeded", value::string_at(*slow, "message"));
  if (unseen(object)) return not_seen();
  const auto want = wanted(object);
  const auto updated = number(object, "updatedReplicas"), all = number(object, "replicas");
  const auto ready = number(object, "readyReplicas"), available = number(object, "availableReplicas");
  if (all < want) return short_of("LessReplicas", all, want, "there");
  if (updated < want) return short_of("LessUpdated", updated, want, "updated");
  if (all > want) return in_progress("ExtraPods", fmt::format("{} old replicas are still there", all - want));
  if (available < updated) return short_of("LessAvailable", available, updated, "available");
  if (ready < want) return short_of("LessReady", ready, want, "ready");
  // With a deadline the controller keeps the condition Progressing, and it is done when it says so.
  const bool deadline = value::int_at(object, kNoDeadline, "spec", "progressDeadlineSeconds") != kNoDeadline;
  const Json* progressing = condition(object, "Progressing");
  if (deadline && !(progressing && value::string_at(*progressing, "status") == "True" &&
                    value::string_at(*progressing, "reason") == "NewReplicaSetAvailable"))
    return in_progress("ReplicaSetNotAvailable", "its new ReplicaSet is not available yet");
  if (condition_status(object, "Available") != "True")
    return in_progress("DeploymentNotAvailable", "it does not say that it is available");
  return current(fmt::format("{} of {} replicas are ready", ready, want));
}

Verdict replica_set(const Json& object) {
  if (const Json* failure = condition(object, "ReplicaFailure");
      failure && value::string_at(*failure, "status") == "True")
    return in_progress("ReplicaFailure", value::string_at(*failure, "message"));
  if (unseen(object)) return not_seen();
  const auto want = wanted(object), all = number(object, "replicas"), ready = number(object, "readyReplicas");
  if (number(object, "fullyLabeledReplicas") < want)
    return short_of("LessLabelled", number(object, "fullyLabeledReplicas"), want, "labelled");
  if (number(object, "availableReplicas") < want)
    return short_of("LessAvailable", number(object, "availableReplicas"), want, "available");
  if (ready < want) return short_of("LessReady", ready, want, "ready");
  if (all > want) return in_progress("ExtraPods", fmt::format("{} replicas too many", all - want));
  return current(fmt::format("{} of {} replicas are ready", ready, want));
}

Verdict stateful_set(const Json& object) {
  const auto want = wanted(object);
  if (unseen(object)) return not_seen();
  // With OnDelete somebody else decides when a pod is replaced, so old revisions are not unfinished work.
  const bool on_delete = value::string_at(object, "spec", "updateStrategy", "type") == "OnDelete";
  const auto all = number(object, "replicas"), ready = number(object, "readyReplicas");
  if (all < want) return short_of("LessReplicas", all, want, "there");
  if (ready < want) return short_of("LessReady", ready, want, "ready");
  if (all > want) return in_progress("ExtraPods", fmt::format("{} replicas too many", all - want));
  if (on_delete) return current(fmt::format("{} of {} replicas are ready", ready, want));
  const auto partition = value::int_at(object, 0, "spec", "updateStrategy", "rollingUpdate", "partition");
  const auto updated = number(object, "updatedReplicas");
  // The API server writes a partition of 0 by default; then the revisions have to meet as without one.
  if (partition > 0) {
    if (updated < want - partition) return short_of("LessUpdated", updated, want - partition, "updated (partition)");
    return current(fmt::format("{} replicas are updated up to partition {}", updated, partition));
  }
  if (value::string_at(object, "status", "currentRevision") != value::string_at(object, "status", "updateRevision"))
    return short_of("LessUpdated", updated, want, "updated");
  return current(fmt::format("{} of {} replicas are ready", ready, want));
}

Verdict daemon_set(const Json& object) {
  if (unseen(object) || !value::find(object, "metadata", "generation")) return not_seen();
  if (!value::find(object, "status", "desiredNumberScheduled"))
    return in_progress("NoDesiredNumber", "its controller has not said how many nodes it is for");
  const auto want = number(object, "desiredNumberScheduled");
  const auto scheduled = number(object, "currentNumberScheduled"), updated = number(object, "updatedNumberScheduled");
  if (scheduled < want) return short_of("LessScheduled", scheduled, want, "scheduled");
  if (updated < want && value::string_at(object, "spec", "updateStrategy", "type") != "OnDelete")
    return short_of("LessUpdated", updated, want, "updated");
  if (number(object, "numberAvailable") < want)
    return short_of("LessAvailable", number(object, "numberAvailable"), want, "available");
  if (number(object, "numberReady") < want) return short_of("LessReady", number(object, "numberReady"), want, "ready");
  return current(fmt::format("{} replicas are ready", want));
}

Verdict job(const Json& object) {
  if (condition_status(object, "Failed") == "True") {
    const Json& found = *condition(object, "Failed");
    return failed("JobFailed", value::string_at(found, "reason") + ": " + value::string_at(found, "message"));
  }
  if (condition_status(object, "Complete") == "True") return current("complete");
  if (condition_status(object, "Suspended") == "True") return current("suspended");
  // kstatus calls a started Job current; a deploy waits for it, because what comes next may need what it made.
  if (value::string_at(object, "status", "startTime").empty()) return in_progress("JobNotStarted", "not started");
  return in_progress("JobInProgress", fmt::format("{} active, {} succeeded, {} failed", number(object, "active"),
                                                  number(object, "succeeded"), number(object, "failed")));
}

namespace {

// A container that dies again and again does not get well by waiting.
bool crash_loops(const Json& object) {
  const Json* statuses = value::find(object, "status", "containerStatuses");
  if (!statuses || !statuses->is_array()) return false;
  return std::any_of(statuses->begin(), statuses->end(), [](const Json& status) {
    return value::string_at(status, "state", "waiting", "reason") == "CrashLoopBackOff";
  });
}

}  // namespace

Verdict pod(const Json& object) {
  const std::string phase = value::string_at(object, "status", "phase");
  if (phase == "Succeeded") return current("succeeded");
  if (phase == "Failed") return failed("PodFailed", value::string_at(object, "status", "message"));
  if (condition_status(object, "Ready") == "True") return current("ready");
  const std::string why = explain(object, {object});
  if (phase == "Running" && crash_loops(object)) return failed("ContainerCrashLooping", why);
  if (phase.empty()) return in_progress("PodNotObserved", "no kubelet or scheduler has seen it yet");
  return in_progress(phase == "Running" ? "PodRunningNotReady" : "PodPending", why.empty() ? "not ready" : why);
}

}  // namespace nautilus::status
