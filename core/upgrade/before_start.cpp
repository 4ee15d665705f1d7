// Pending, Preflight, WaitingForWindow: nothing is written to the workload, and everything can still say no.
#include "core/port/wall_time.h"
#include "core/release/lease.h"
#include "core/upgrade/round.h"

namespace nautilus::upgrade {

namespace {

// Why the plan cannot be carried out at all: reason and message; empty if it can.
std::pair<std::string, std::string> refusal(const Round& round) {
  const Observed& seen = round.seen;
  if (!seen.other_plan.empty())
    return {"AnotherPlan", fmt::format("plan {} changes {} already", seen.other_plan, round.change().target().text())};
  if (!seen.stable.exists) return {"TargetMissing", round.change().target().text() + " does not exist"};
  for (std::size_t i = 0; i < seen.stable.images.size(); ++i)
    if (seen.stable.images[i].image.empty())
      return {"ContainerMissing", fmt::format("{} has no container {}", round.change().target().text(),
                                              seen.stable.images[i].container)};
  if (!seen.stable.unsuitable.empty()) return {"Unsuitable", seen.stable.unsuitable};
  for (const RouteView& route : seen.routes)
    if (!route.exists || route.weight != 0) return {"RouteUnsuitable", route.problem};
  if (!round.change().rollback_of.empty() && !seen.rollback)
    return {"NotARollback", fmt::format("plan {} did not replace these images of {}", round.change().rollback_of,
                                        round.change().target().text())};
  if (seen.canary.exists)
    return {"CanaryLeftOver", fmt::format("Deployment {}/{} is there already", round.change().target_namespace,
                                          round.change().canary_name())};
  return {};
}

void pending(Round& round) {
  Status& status = round.status();
  // A plan that was changed after somebody approved it is not the plan that was approved.
  for (const auto& approval : round.plan.approvals)
    if (approval.statement.digest != round.plan.digest())
      return round.end(kFailed, "ChangedAfterApproval",
                       fmt::format("{} approved {}, the plan is now {}", approval.statement.identity,
                                   approval.statement.digest, round.plan.digest()));
  if (auto [reason, message] = refusal(round); !reason.empty()) return round.end(kFailed, reason, message);
  status.digest = round.plan.digest();
  status.steps = step_count(round.change(), round.seen.stable.replicas);
  if (is_new(round.seen.stable, round.change()) && round.seen.stable.health.state == status::State::current)
    return round.end(kDone, "NothingToDo", "every pod has these images already");
  round.enter(kPreflight, "Preflight", "checking whether it may begin");
  round.decision.again = port::Duration::zero();
}

void preflight(Round& round) {
  Status& status = round.status();
  const bool stepped_over = round.seen.override_.covers("preflight");
  if (round.seen.rollback) {
    status.preflight_at = port::micro_time(round.now);
    round.enter(kWaitingForWindow, "GoingBack", "going back to what ran before is not held up");
    round.decision.again = port::Duration::zero();
    return;
  }
  if (!round.seen.preflight) return;
  const PreflightVerdict& verdict = *round.seen.preflight;
  status.checks = verdict.checks;
  if (verdict.state == PreflightVerdict::State::passed || stepped_over) {
    status.preflight_at = port::micro_time(round.now);
    if (verdict.state != PreflightVerdict::State::passed) round.decision.use_override = true;
    round.enter(kWaitingForWindow, "PreflightPassed", stepped_over ? "stepped over by approval" : "every check passed");
    round.decision.again = port::Duration::zero();
    return;
  }
  round.end(kFailed,
            verdict.state == PreflightVerdict::State::failed ? "PreflightFailed" : "PreflightUnknown", verdict.reason);
}

void begin(Round& round) {
  Status& status = round.status();
  if (auto [reason, message] = refusal(round); !reason.empty()) return round.end(kFailed, reason, message);
  status.started = port::micro_time(round.now);
  status.steps = step_count(round.change(), round.seen.stable.replicas);
  status.images_before = round.seen.stable.images;
  status.strategy_before = round.seen.stable.strategy;
  round.enter(kRunning, "Started", fmt::format("step 1 of {}", status.steps));
  round.decision.again = port::Duration::zero();
}

void waiting(Round& round) {
  Status& status = round.status();
  const WindowVerdict& window = round.seen.window;
  round.decision.again = kPollWindow;
  if (round.plan.paused) return round.stay("Paused", "paused by request before it began");
  if (round.seen.rollback) return begin(round);
  const bool stepped_over = round.seen.override_.covers("window");
  const auto enough = [&] { return !window.closes || round.now + worst_case(round.change()) <= *window.closes; };
  if (!stepped_over && window.state != WindowVerdict::State::open)
    return round.stay(window.state == WindowVerdict::State::closed ? "WindowClosed" : "WindowUnknown", window.reason);
  if (!stepped_over && !enough())
    return round.stay("WindowTooShort",
                      fmt::format("the window closes at {}, and at worst this takes {} s", port::micro_time(*window.closes),
                                  std::chrono::duration_cast<std::chrono::seconds>(worst_case(round.change())).count()));
  const auto checked = release::parse_time(status.preflight_at);
  if (!checked || round.now - *checked > kPreflightFresh) {
    round.enter(kPreflight, "Preflight", "checking again: the last time is long ago");
    round.decision.again = port::Duration::zero();
    return;
  }
  if (stepped_over && (window.state != WindowVerdict::State::open || !enough())) {
    status.override_until = port::micro_time(round.seen.override_.expires);
    round.decision.use_override = true;
  }
  begin(round);
}

}  // namespace

void before_start(Round& round) {
  Status& status = round.status();
  if (!status.digest.empty() && status.digest != round.plan.digest())
    return round.end(kFailed, "PlanChanged", "the plan was changed after it was checked");
  if (status.phase == kPending)
    pending(round);
  else if (status.phase == kPreflight)
    preflight(round);
  else
    waiting(round);
}

}  // namespace nautilus::upgrade
