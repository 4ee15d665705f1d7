// RollingBack: traffic first, then the pods, then what was put beside them. It never gives up by itself: after its time
// it says that a person is needed, and keeps what it has done.
#include "core/upgrade/round.h"

namespace nautilus::upgrade {

namespace {

// Broken pods of the new version: a StatefulSet waits for them instead of replacing them.
bool broken_pods_removed(Round& round) {
  if (round.change().strategy != Strategy::ordered) return true;
  for (const PodView& pod : round.seen.stable.pods)
    if (pod.updated && !pod.ready && !pod.ending) {
      round.act({Action::Kind::remove_pod, {}, {}, false, 0, 0, pod.name, pod.uid});
      return false;
    }
  return true;
}

}  // namespace

void backward(Round& round) {
  Status& status = round.status();
  const WorkloadView& stable = round.seen.stable;
  const std::string cause = status.message;
  if (round.in_step() > round.change().deadline + round.change().rollback_reserve)
    return round.end(kFailed, "RollbackStuck",
                     fmt::format("going back did not end ({}); a person is needed. It went back because: {}",
                                 stable.health.message, cause));
  if (round.change().with_canary() && !weighs(round.seen, 0)) return round.act({Action::Kind::set_weight});
  status.weight = 0;
  // Images that are neither the new nor the old ones are somebody else's, and stay.
  if (stable.exists && (is_new(stable, round.change()) || is_before(stable, status))) {
    const Json& strategy = status.strategy_before;
    if (!is_before(stable, status) || stable.paused || (!strategy.is_null() && !covers(stable.strategy, strategy)))
      return round.act({Action::Kind::set_workload, status.images_before, strategy});
    if (!broken_pods_removed(round)) return;
  }
  if (round.seen.canary.exists) return round.act({Action::Kind::remove_canary});
  if (stable.exists && stable.health.state != status::State::current) return;
  const std::string reason = status.reason;
  round.end(status.outcome == kAborted ? kAborted : kRolledBack, reason, cause);
}

}  // namespace nautilus::upgrade
