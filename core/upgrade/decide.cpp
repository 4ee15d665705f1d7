#include "core/upgrade/decide.h"

#include "core/port/wall_time.h"
#include "core/release/lease.h"
#include "core/upgrade/round.h"

namespace nautilus::upgrade {

namespace {

// What ends an upgrade that has begun, wherever it is; true if it does.
bool must_go_back(Round& round) {
  const Status& status = round.decision.status;
  const WindowVerdict& window = round.seen.window;
  if (status.digest != round.plan.digest()) {
    round.go_back("PlanChanged", "the plan was changed after it began");
    return true;
  }
  if (const auto until = release::parse_time(status.override_until)) {
    if (round.now >= *until) {
      round.go_back("OverrideExpired", "the approvals ran out at " + status.override_until);
      return true;
    }
  } else if (!round.change().rollback_of.empty()) {
    // Going back is allowed at any hour; that it is one was proven before it began.
  } else if (window.state != WindowVerdict::State::open) {
    round.go_back(window.state == WindowVerdict::State::closed ? "WindowClosed" : "WindowUnknown", window.reason);
    return true;
  } else if (window.closes && round.now >= *window.closes - round.change().rollback_reserve) {
    round.go_back("WindowEnding", fmt::format("the window closes at {}: what is left is needed for going back",
                                              port::micro_time(*window.closes)));
    return true;
  }
  const auto started = release::parse_time(status.started);
  if (started && round.now >= *started + round.change().deadline) {
    round.go_back("DeadlineExceeded", "it was not done within its deadline");
    return true;
  }
  for (const auto* workload : {&round.seen.stable, &round.seen.canary})
    for (const PodView& pod : workload->pods)
      if (pod.updated && !pod.broken.empty()) {
        round.go_back("PodsBroken", fmt::format("pod {}: {}", pod.name, pod.broken));
        return true;
      }
  return false;
}

// True if it stays paused or became so.
bool paused(Round& round) {
  Status& status = round.status();
  if (round.plan.paused) {
    if (status.phase != kPaused) {
      status.resume = status.phase;
      round.enter(kPaused, "Paused", "paused by request in phase " + status.resume);
    }
    // A rollout of a Deployment stands still only if it is told to.
    if (round.change().kind == "Deployment" && !round.seen.stable.paused && is_new(round.seen.stable, round.change()) &&
        round.seen.stable.health.state != status::State::current)
      round.act({Action::Kind::set_workload, round.change().images, gentle(round.change()), true});
    return true;
  }
  if (status.phase == kPaused) {
    const std::string phase = std::exchange(status.resume, "");
    for (const char* known : {kRunning, kAnalysing, kPromoting})
      if (phase == known) round.enter(known, "Resumed", "resumed by request");
  }
  return false;
}

}  // namespace

void Round::enter(const char* phase, std::string reason, std::string message) {
  decision.changed = true;
  ++status().transitions;
  status().phase = phase;
  status().step_started = port::micro_time(now);
  stay(std::move(reason), std::move(message));
}

void Round::stay(std::string reason, std::string message) {
  status().reason = std::move(reason);
  status().message = std::move(message);
}

void Round::go_back(std::string reason, std::string message, const char* outcome) {
  status().outcome = outcome;
  enter(kRollingBack, std::move(reason), std::move(message));
  decision.again = port::Duration::zero();
}

void Round::end(const char* phase, std::string reason, std::string message) {
  enter(phase, std::move(reason), std::move(message));
  status().finished = port::micro_time(now);
}

port::Duration Round::in_step() const {
  const auto since = release::parse_time(decision.status.step_started);
  return since ? now - *since : port::Duration::zero();
}

bool is_new(const WorkloadView& workload, const Change& change) {
  return workload.exists && workload.images == change.images;
}

bool is_before(const WorkloadView& workload, const Status& status) {
  return workload.exists && workload.images == status.images_before;
}

bool weighs(const Observed& seen, int weight) {
  return std::all_of(seen.routes.begin(), seen.routes.end(),
                     [weight](const RouteView& route) { return route.exists && route.weight == weight; });
}

Json gentle(const Change& change) {
  return {{"type", "RollingUpdate"}, {"rollingUpdate", {{"maxSurge", change.max_surge}, {"maxUnavailable", 0}}}};
}

Json partitioned(int partition) {
  return {{"type", "RollingUpdate"}, {"rollingUpdate", {{"partition", partition}}}};
}

bool covers(const Json& live, const Json& wanted) {
  if (!wanted.is_object()) return live == wanted;
  if (!live.is_object()) return false;
  for (const auto& [key, part] : wanted.items()) {
    const auto found = live.find(key);
    if (found == live.end() || !covers(*found, part)) return false;
  }
  return true;
}

int step_count(const Change& change, int replicas) {
  if (change.strategy == Strategy::ordered) return std::max(replicas, 1);
  return change.with_canary() ? static_cast<int>(change.steps.size()) : 1;
}

int canary_replicas(const Change& change, int step, int replicas) {
  if (change.strategy == Strategy::blue_green) return std::max(replicas, 1);
  const int weight = change.steps.at(static_cast<std::size_t>(step)).weight;
  return std::max(1, (replicas * weight + 99) / 100);
}

port::Duration worst_case(const Change& change) { return change.deadline + change.rollback_reserve; }

std::string Action::text() const {
  switch (kind) {
    case Kind::set_workload: return paused ? "pause the rollout" : "set images and strategy of the workload";
    case Kind::set_canary: return fmt::format("set the canary to {} replicas", replicas);
    case Kind::set_weight: return fmt::format("give the canary {} % of the traffic", weight);
    case Kind::remove_canary: return "remove the canary";
    case Kind::switchover: return fmt::format("hand over from {} to {}", from, pod);
    case Kind::remove_pod: return "remove pod " + pod;
  }
  return "?";
}

Decision decide(const Plan& plan, const Observed& seen, port::WallTime now) {
  Round round{plan, seen, now, {}};
  Status& status = round.status();
  status = plan.status;
  round.decision.again = kPoll;
  const WindowVerdict& window = seen.window;
  status.window = window.reason;
  if (terminal(status.phase)) return std::move(round.decision);
  if (!plan.invalid.empty() && !touched(status.phase)) {
    round.end(kFailed, "Invalid", plan.invalid);
  } else if (plan.abort && !touched(status.phase)) {
    round.end(kAborted, "Aborted", plan.abort_reason.empty() ? "by request, nothing was touched" : plan.abort_reason);
  } else if (!touched(status.phase)) {
    before_start(round);
  } else if (status.phase == kRollingBack) {
    backward(round);
  } else if (plan.abort) {
    round.go_back("Aborted", plan.abort_reason.empty() ? "by request" : plan.abort_reason, kAborted);
  } else if (!must_go_back(round) && !paused(round)) {
    forward(round);
  }
  return std::move(round.decision);
}

}  // namespace nautilus::upgrade
