// Running, Analysing, Promoting: step by step to the new version.
#include "core/upgrade/round.h"

namespace nautilus::upgrade {

namespace {

bool healthy(const WorkloadView& workload) { return workload.health.state == status::State::current; }

// Nothing happened for too long in this phase of this step; true if that ends it.
bool too_long(Round& round, const std::string& what) {
  if (round.in_step() < round.change().step_limit) return false;
  round.go_back("StepTimeout", fmt::format("step {} of {}: {} after {} s", round.status().step + 1, round.status().steps,
                                           what.empty() ? "not healthy" : what,
                                           std::chrono::duration_cast<std::chrono::seconds>(round.in_step()).count()));
  return true;
}

// The stable workload becomes new, `strategy` as given; true once every pod is.
bool rolled(Round& round, const Json& strategy) {
  const WorkloadView& stable = round.seen.stable;
  if (!is_new(stable, round.change()) || stable.paused || !covers(stable.strategy, strategy)) {
    round.act({Action::Kind::set_workload, round.change().images, strategy});
    return false;
  }
  if (healthy(stable)) return true;
  if (!too_long(round, stable.health.message)) round.stay("Progressing", stable.health.message);
  return false;
}

void analyse(Round& round, std::string message) { round.enter(kAnalysing, "StepHealthy", std::move(message)); }

// The pod that takes over from the primary before its turn: the highest that is new and ready, else the one that comes
// last.
std::string successor(const WorkloadView& stable, const PodView& primary) {
  const PodView* best = nullptr;
  for (const PodView& pod : stable.pods)
    if (pod.name != primary.name && pod.ready && pod.updated && (!best || pod.ordinal > best->ordinal)) best = &pod;
  for (const PodView& pod : stable.pods)
    if (!best && pod.name != primary.name && pod.ready && pod.ordinal == 0) best = &pod;
  return best ? best->name : "";
}

// False while the pod with that ordinal is the primary and another can be.
bool may_replace(Round& round, int ordinal) {
  if (!round.change().switchover) return true;
  const WorkloadView& stable = round.seen.stable;
  for (const PodView& pod : stable.pods) {
    if (pod.ordinal != ordinal || !pod.primary || pod.updated) continue;
    const std::string to = successor(stable, pod);
    if (to.empty()) {
      if (stable.replicas == 1) return true;
      const std::string what = "no pod can take over from " + pod.name;
      if (!too_long(round, what)) round.stay("NoSuccessor", what);
      return false;
    }
    if (round.seen.switchover.starts_with("failed")) {
      round.go_back("SwitchoverFailed", round.seen.switchover);
      return false;
    }
    if (too_long(round, "handing over from " + pod.name)) return false;
    round.stay("SwitchingOver", fmt::format("from {} to {}", pod.name, to));
    if (round.seen.switchover.empty()) round.act({Action::Kind::switchover, {}, {}, false, 0, 0, to, "", pod.name});
    return false;
  }
  return true;
}

void run_ordered(Round& round) {
  Status& status = round.status();
  const WorkloadView& stable = round.seen.stable;
  const int ordinal = status.steps - 1 - status.step;
  const Json strategy = partitioned(ordinal);
  if (!may_replace(round, ordinal)) return;
  if (!is_new(stable, round.change()) || !covers(stable.strategy, strategy)) {
    round.act({Action::Kind::set_workload, round.change().images, strategy});
    return;
  }
  const bool replaced = std::any_of(stable.pods.begin(), stable.pods.end(), [ordinal](const PodView& pod) {
    return pod.ordinal == ordinal && pod.updated && pod.ready && !pod.ending;
  });
  if (!replaced || !healthy(stable)) {
    const std::string what = replaced ? stable.health.message : fmt::format("pod {} is not new and ready", ordinal);
    if (!too_long(round, what)) round.stay("Progressing", what);
    return;
  }
  if (status.step + 1 == status.steps) return analyse(round, "every pod is new and ready");
  ++status.step;
  round.enter(kRunning, "PodReplaced", fmt::format("step {} of {}", status.step + 1, status.steps));
  round.decision.again = port::Duration::zero();
}

void run_canary(Round& round) {
  Status& status = round.status();
  const auto& step = round.change().steps.at(static_cast<std::size_t>(status.step));
  const WorkloadView& canary = round.seen.canary;
  if (!is_new(canary, round.change()) || canary.replicas != round.seen.desired_replicas) {
    round.act({Action::Kind::set_canary, round.change().images, {}, false, round.seen.desired_replicas});
    return;
  }
  if (!healthy(canary)) {
    if (!too_long(round, canary.health.message)) round.stay("Progressing", canary.health.message);
    return;
  }
  if (!weighs(round.seen, step.weight)) {
    if (too_long(round, "the routes do not take the weight")) return;
    return round.act({Action::Kind::set_weight, {}, {}, false, 0, step.weight});
  }
  status.weight = step.weight;
  analyse(round, fmt::format("{} % of the traffic goes to the new version", step.weight));
}

port::Duration hold_of(const Round& round) {
  const Change& change = round.plan.change;
  return change.with_canary() ? change.steps.at(static_cast<std::size_t>(round.decision.status.step)).hold : change.hold;
}

// The workload gets its own strategy back, the last thing before the end.
bool strategy_restored(Round& round) {
  const Json& before = round.status().strategy_before;
  if (before.is_null() || covers(round.seen.stable.strategy, before)) return true;
  round.act({Action::Kind::set_workload, round.change().images, before});
  return false;
}

void analysing(Round& round) {
  Status& status = round.status();
  const port::Duration hold = hold_of(round);
  if (round.seen.analysis) {
    const canary::Analysis& analysis = *round.seen.analysis;
    status.metrics = canary::to_json(analysis);
    if (analysis.outcome == canary::Outcome::rollback) return round.go_back("MetricsFailed", analysis.reason);
    if (round.in_step() >= hold && analysis.outcome == canary::Outcome::hold) {
      if (round.in_step() >= hold + round.change().step_limit)
        return round.go_back("NoVerdict", "no data never promotes: " + analysis.reason);
      return round.stay("Inconclusive", analysis.reason);
    }
  }
  const WorkloadView& watched = round.change().with_canary() ? round.seen.canary : round.seen.stable;
  if (round.in_step() < hold || !round.seen.analysis)
    return round.stay("Watching", round.seen.analysis ? round.seen.analysis->reason : "waiting for the metrics");
  if (!healthy(watched)) {
    if (round.in_step() >= hold + round.change().step_limit) return round.go_back("Unhealthy", watched.health.message);
    return round.stay("Unhealthy", watched.health.message);
  }
  if (!round.change().with_canary()) {
    if (strategy_restored(round)) round.end(kDone, "Done", "every pod is new, healthy and was found good");
    return;
  }
  if (status.step + 1 == status.steps) {
    round.enter(kPromoting, "StepsPassed", "the workload itself becomes new");
  } else {
    ++status.step;
    round.enter(kRunning, "StepPassed", fmt::format("step {} of {}", status.step + 1, status.steps));
  }
  round.decision.again = port::Duration::zero();
}

void promoting(Round& round) {
  Status& status = round.status();
  const bool over = weighs(round.seen, 0) && is_new(round.seen.stable, round.change()) && healthy(round.seen.stable);
  if (!over && !rolled(round, gentle(round.change()))) return;
  if (!weighs(round.seen, 0)) return round.act({Action::Kind::set_weight});
  status.weight = 0;
  if (round.seen.canary.exists) return round.act({Action::Kind::remove_canary});
  if (strategy_restored(round)) round.end(kDone, "Done", "promoted: every pod is new and healthy");
}

}  // namespace

void forward(Round& round) {
  const Status& status = round.decision.status;
  if (!round.seen.stable.exists)
    return round.end(kFailed, "TargetMissing", round.change().target().text() + " is gone");
  if (!is_new(round.seen.stable, round.change()) && !is_before(round.seen.stable, status))
    return round.go_back("ChangedByOthers", "somebody else set other images meanwhile");
  if (status.phase == kAnalysing) return analysing(round);
  if (status.phase == kPromoting) return promoting(round);
  if (round.change().with_canary()) return run_canary(round);
  if (round.change().strategy == Strategy::ordered) return run_ordered(round);
  if (rolled(round, gentle(round.change()))) analyse(round, "every pod is new and ready");
}

}  // namespace nautilus::upgrade
