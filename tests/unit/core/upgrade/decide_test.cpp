// decide() by tables: what is asked, what is seen, what comes next.
#include "core/upgrade/decide.h"

#include <doctest/doctest.h>

#include "core/port/wall_time.h"

using namespace nautilus;
using namespace nautilus::upgrade;
using namespace std::chrono_literals;

namespace {

const port::WallTime kNow = std::chrono::sys_days(std::chrono::year(2026) / 11 / 28) + 12h;
const std::string kOld = "a@sha256:" + std::string(64, 'a'), kNew = "a@sha256:" + std::string(64, 'b');

Json change_json(const char* strategy) {
  Json change = {{"component", "app"},
                 {"target", {{"kind", std::string_view(strategy) == "ordered" ? "StatefulSet" : "Deployment"},
                             {"namespace", "ns"},
                             {"name", "app"}}},
                 {"strategy", strategy},
                 {"images", Json::array({{{"container", "app"}, {"image", kNew}}})},
                 {"limits", {{"deadline", "1h"}, {"step", "5m"}, {"rollback", "10m"}}}};
  if (std::string_view(strategy) == "canary") {
    change["steps"] = Json::array({{{"weight", 10}, {"hold", "1m"}}, {{"weight", 50}, {"hold", "1m"}}});
    change["routes"] = Json::array({{{"name", "app"}}});
  }
  if (std::string_view(strategy) == "ordered")
    change["primary"] = {{"label", "role=primary"}, {"switchover", {{"image", kNew}}}};
  return change;
}

struct Case {
  Plan plan;
  Observed seen;

  explicit Case(const char* strategy, const char* phase = kPending) {
    plan = plan_from_json(new_plan("p", change_json(strategy)));
    REQUIRE(plan.invalid.empty());
    plan.uid = "uid";
    plan.status.phase = phase;
    seen.stable = workload(kOld);
    seen.window.state = WindowVerdict::State::open;
    if (plan.change.with_canary()) seen.routes = {{true, 0, ""}};
    if (std::string_view(phase) == kPending) return;
    plan.status.digest = plan.digest();
    plan.status.steps = step_count(plan.change, 3);
    plan.status.preflight_at = plan.status.step_started = port::micro_time(kNow - 10s);
    if (!touched(phase)) return;
    plan.status.started = port::micro_time(kNow - 10s);
    plan.status.images_before = {{"app", kOld}};
    plan.status.strategy_before = seen.stable.strategy;
  }

  WorkloadView workload(const std::string& image, status::State health = status::State::current) const {
    WorkloadView view;
    view.exists = true;
    view.images = {{"app", image}};
    view.replicas = 3;
    view.health = {health, "", "2 of 3 replicas are ready"};
    view.strategy = plan.change.strategy == Strategy::ordered
                        ? Json{{"type", "RollingUpdate"}, {"rollingUpdate", {{"partition", 0}}}}
                        : Json{{"type", "RollingUpdate"}, {"rollingUpdate", {{"maxSurge", "25%"}, {"maxUnavailable", 0}}}};
    return view;
  }
  void gentle() {
    seen.stable.strategy = {{"type", "RollingUpdate"}, {"rollingUpdate", {{"maxSurge", 1}, {"maxUnavailable", 0}}}};
  }
  void pod(int ordinal, bool updated, bool primary = false, bool ready = true) {
    PodView view;
    view.name = fmt::format("app-{}", ordinal);
    view.ordinal = ordinal;
    view.updated = updated;
    view.primary = primary;
    view.ready = ready;
    seen.stable.pods.push_back(view);
  }
  Decision decide() const { return upgrade::decide(plan, seen, kNow); }
  // The phase and reason of the next status.
  std::string next() const {
    const auto decision = decide();
    return decision.status.phase + "/" + decision.status.reason;
  }
  std::string action() const {
    const auto decision = decide();
    return decision.actions.empty() ? "" : decision.actions.front().text();
  }
};

}  // namespace

TEST_CASE("before it begins: refused with the reason, and nothing is done") {
  const auto check = [](const char* strategy, const std::function<void(Case&)>& with, const char* next) {
    Case c(strategy);
    with(c);
    CHECK(c.next() == next);
    CHECK(c.decide().actions.empty());
  };
  check("rolling", [](Case&) {}, "Preflight/Preflight");
  check("rolling", [](Case& c) { c.seen.other_plan = "first"; }, "Failed/AnotherPlan");
  check("rolling", [](Case& c) { c.seen.stable = {}; }, "Failed/TargetMissing");
  check("rolling", [](Case& c) { c.seen.stable.images[0].image = ""; }, "Failed/ContainerMissing");
  check("rolling", [](Case& c) { c.seen.stable.unsuitable = "Recreate"; }, "Failed/Unsuitable");
  check("rolling", [](Case& c) { c.seen.stable.images[0].image = kNew; }, "Done/NothingToDo");
  check("rolling", [](Case& c) { c.plan.abort = true; }, "Aborted/Aborted");
  check("rolling", [](Case& c) { c.plan.invalid = "no digest"; }, "Failed/Invalid");
  check("rolling", [](Case& c) { c.plan.approvals = {{{"", "sha256:other", "", {}, "", "", "ann"}, ""}}; },
        "Failed/ChangedAfterApproval");
  check("canary", [](Case& c) { c.seen.routes[0] = {true, -1, "sums to 110"}; }, "Failed/RouteUnsuitable");
  check("canary", [](Case& c) { c.seen.routes[0] = {false, -1, "does not exist"}; }, "Failed/RouteUnsuitable");
  check("canary", [](Case& c) { c.seen.canary = c.workload(kOld); }, "Failed/CanaryLeftOver");
}

TEST_CASE("preflight: passed goes on; failed and unknown end it, unless two people stepped over it") {
  using State = PreflightVerdict::State;
  Case c("rolling", kPreflight);
  c.seen.preflight = PreflightVerdict{State::passed, "", {}};
  CHECK(c.next() == "WaitingForWindow/PreflightPassed");
  c.seen.preflight->state = State::failed;
  CHECK(c.next() == "Failed/PreflightFailed");
  c.seen.preflight->state = State::unknown;
  CHECK(c.next() == "Failed/PreflightUnknown");
  c.seen.override_ = {true, {"window"}, {}, {}, kNow + 1h, ""};
  CHECK(c.next() == "Failed/PreflightUnknown");
  c.seen.override_.scope = {"preflight"};
  CHECK(c.next() == "WaitingForWindow/PreflightPassed");
  CHECK(c.decide().use_override);
}

TEST_CASE("the window: closed, unknown and too short wait; open begins; an override begins and is used up") {
  using State = WindowVerdict::State;
  Case c("rolling", kWaitingForWindow);
  CHECK(c.next() == "Running/Started");
  c.seen.window = {State::closed, {}, {}, "market open"};
  CHECK(c.next() == "WaitingForWindow/WindowClosed");
  c.seen.window.state = State::unknown;
  CHECK(c.next() == "WaitingForWindow/WindowUnknown");
  c.seen.window = {State::open, kNow + 69min, {}, ""};
  CHECK(c.next() == "WaitingForWindow/WindowTooShort");
  c.seen.window.closes = kNow + 70min;
  CHECK(c.next() == "Running/Started");
  c.plan.paused = true;
  CHECK(c.next() == "WaitingForWindow/Paused");
  c.plan.paused = false;
  c.seen.window.state = State::closed;
  c.seen.override_ = {true, {"window"}, {}, {}, kNow + 1h, ""};
  const auto decision = c.decide();
  CHECK(decision.status.phase == kRunning);
  CHECK(decision.use_override);
  CHECK(decision.status.override_until == port::micro_time(kNow + 1h));
  c.plan.status.preflight_at = port::micro_time(kNow - 6min);
  CHECK(c.next() == "Preflight/Preflight");
}

TEST_CASE("what sends a running upgrade back") {
  const auto check = [](const std::function<void(Case&)>& with, const char* next) {
    for (const char* phase : {kRunning, kAnalysing, kPromoting, kPaused}) {
      Case c("canary", phase);
      c.plan.paused = phase == std::string_view(kPaused);
      c.seen.canary = c.workload(kNew);
      with(c);
      CAPTURE(phase);
      CHECK(c.next() == next);
      CHECK(c.decide().actions.empty());
      CHECK(c.decide().changed);
    }
  };
  using State = WindowVerdict::State;
  check([](Case& c) { c.seen.window = {State::closed, {}, {}, ""}; }, "RollingBack/WindowClosed");
  check([](Case& c) { c.seen.window = {State::unknown, {}, {}, ""}; }, "RollingBack/WindowUnknown");
  check([](Case& c) { c.seen.window = {State::open, kNow + 10min, {}, ""}; }, "RollingBack/WindowEnding");
  check([](Case& c) { c.plan.status.started = port::micro_time(kNow - 1h); }, "RollingBack/DeadlineExceeded");
  check([](Case& c) { c.plan.status.override_until = port::micro_time(kNow); }, "RollingBack/OverrideExpired");
  check([](Case& c) { c.plan.change_json["component"] = "x"; }, "RollingBack/PlanChanged");
  check([](Case& c) { c.plan.abort = true; }, "RollingBack/Aborted");
  check([](Case& c) { c.seen.canary.pods = {{"c", "", -1, false, true, false, false, "CrashLoopBackOff"}}; },
        "RollingBack/PodsBroken");
}

TEST_CASE("going back to what a plan replaced needs no window and no preflight, if it is that") {
  Case c("rolling");
  c.plan.change.rollback_of = "first";
  c.plan.change_json["rollbackOf"] = "first";
  c.seen.window.state = WindowVerdict::State::closed;
  CHECK(c.next() == "Failed/NotARollback");
  c.seen.rollback = true;
  CHECK(c.next() == "Preflight/Preflight");
  c.plan.status = c.decide().status;
  CHECK(c.next() == "WaitingForWindow/GoingBack");
  c.plan.status = c.decide().status;
  CHECK(c.next() == "Running/Started");
  c.plan.status = c.decide().status;
  c.seen.rollback = false;
  CHECK(c.decide().status.phase == kRunning);
}

TEST_CASE("an override outlasts a closed window until it expires") {
  Case c("rolling", kRunning);
  c.seen.window = {WindowVerdict::State::closed, {}, {}, ""};
  c.plan.status.override_until = port::micro_time(kNow + 1min);
  CHECK(c.decide().status.phase == kRunning);
}

TEST_CASE("rolling: images and a gentle strategy, wait, watch, own strategy back, done") {
  Case c("rolling", kRunning);
  CHECK(c.action() == "set images and strategy of the workload");
  c.seen.stable = c.workload(kNew, status::State::in_progress);
  c.gentle();
  CHECK(c.next() == "Running/Progressing");
  CHECK(c.action().empty());
  c.plan.status.step_started = port::micro_time(kNow - 5min);
  CHECK(c.next() == "RollingBack/StepTimeout");
  c.seen.stable = c.workload(kNew);
  c.gentle();
  CHECK(c.next() == "Analysing/StepHealthy");
  c.plan.status.phase = kAnalysing;
  c.seen.analysis = canary::Analysis{canary::Outcome::promote, "good", {}};
  CHECK(c.next() == "Analysing/");  // until it has its own strategy again
  CHECK(c.action() == "set images and strategy of the workload");
  c.seen.stable = c.workload(kNew);
  CHECK(c.next() == "Done/Done");
}

TEST_CASE("metrics: promote after the hold, roll back at once, without data never") {
  Case c("canary", kAnalysing);
  c.seen.canary = c.workload(kNew);
  const auto with = [&](canary::Outcome outcome, port::Duration ago) {
    c.plan.status.step_started = port::micro_time(kNow - ago);
    c.seen.analysis = canary::Analysis{outcome, "because", {}};
    return c.next();
  };
  CHECK(with(canary::Outcome::promote, 59s) == "Analysing/Watching");
  CHECK(with(canary::Outcome::promote, 60s) == "Running/StepPassed");
  CHECK(with(canary::Outcome::rollback, 1s) == "RollingBack/MetricsFailed");
  CHECK(with(canary::Outcome::hold, 60s) == "Analysing/Inconclusive");
  CHECK(with(canary::Outcome::hold, 6min) == "RollingBack/NoVerdict");
  c.seen.analysis.reset();
  CHECK(c.next() == "Analysing/Watching");
  c.plan.status.step = 1;
  CHECK(with(canary::Outcome::promote, 60s) == "Promoting/StepsPassed");
  c.seen.canary.health.state = status::State::in_progress;
  CHECK(with(canary::Outcome::promote, 60s) == "Analysing/Unhealthy");
  CHECK(with(canary::Outcome::promote, 6min) == "RollingBack/Unhealthy");
}

TEST_CASE("canary: pods, then traffic, then watching; promoting: pods, traffic away, canary away") {
  Case c("canary", kRunning);
  c.seen.desired_replicas = canary_replicas(c.plan.change, 0, 3);
  CHECK(c.seen.desired_replicas == 1);
  CHECK(c.action() == "set the canary to 1 replicas");
  c.seen.canary = c.workload(kNew, status::State::in_progress);
  c.seen.canary.replicas = 1;
  CHECK(c.action().empty());
  c.seen.canary.health.state = status::State::current;
  CHECK(c.action() == "give the canary 10 % of the traffic");
  c.seen.routes[0].weight = 10;
  CHECK(c.next() == "Analysing/StepHealthy");

  c.plan.status.phase = kPromoting;
  CHECK(c.action() == "set images and strategy of the workload");
  c.seen.stable = c.workload(kNew);
  c.gentle();
  CHECK(c.action() == "give the canary 0 % of the traffic");
  c.seen.routes[0].weight = 0;
  CHECK(c.action() == "remove the canary");
  c.seen.canary = {};
  CHECK(c.action() == "set images and strategy of the workload");
  c.seen.stable = c.workload(kNew);
  CHECK(c.next() == "Done/Done");
}

TEST_CASE("ordered: the highest first; the primary hands over before its turn, to one that is new if there is one") {
  Case c("ordered", kRunning);
  for (const int ordinal : {0, 1, 2}) c.pod(ordinal, false, ordinal == 1);
  auto decision = c.decide();
  REQUIRE(decision.actions.size() == 1);
  CHECK(decision.actions[0].strategy["rollingUpdate"]["partition"] == 2);
  // Step 2: the primary is next.
  c.seen.stable = c.workload(kNew);
  c.seen.stable.strategy["rollingUpdate"]["partition"] = 2;
  c.plan.status.step = 1;
  c.pod(0, false);
  c.pod(1, false, true);
  c.pod(2, true);
  CHECK(c.action() == "hand over from app-1 to app-2");
  c.seen.switchover = "running";
  CHECK(c.next() == "Running/SwitchingOver");
  CHECK(c.action().empty());
  c.seen.switchover = "failed: no";
  CHECK(c.next() == "RollingBack/SwitchoverFailed");
  c.seen.switchover = "done";
  c.seen.stable.pods[1].primary = false;
  c.seen.stable.pods[2].primary = true;
  CHECK(c.action() == "set images and strategy of the workload");

  // The highest is the primary: it hands over to the last one of the order.
  Case first("ordered", kRunning);
  for (const int ordinal : {0, 1, 2}) first.pod(ordinal, false, ordinal == 2);
  CHECK(first.action() == "hand over from app-2 to app-0");
  first.seen.stable.pods[0].ready = false;
  CHECK(first.next() == "Running/NoSuccessor");
}

TEST_CASE("going back: traffic, pods, canary, in this order; somebody else's images stay") {
  Case c("canary", kRollingBack);
  c.plan.status.outcome = kRolledBack;
  c.plan.status.reason = "MetricsFailed";
  c.plan.status.message = "errors";
  c.seen.routes[0].weight = 50;
  c.seen.canary = c.workload(kNew);
  c.seen.stable = c.workload(kNew);
  CHECK(c.action() == "give the canary 0 % of the traffic");
  c.seen.routes[0].weight = 0;
  CHECK(c.action() == "set images and strategy of the workload");
  CHECK(c.decide().actions[0].images == std::vector<Image>{{"app", kOld}});
  c.seen.stable = c.workload(kOld);
  CHECK(c.action() == "remove the canary");
  c.seen.canary = {};
  CHECK(c.next() == "RolledBack/MetricsFailed");
  CHECK(c.decide().status.message == "errors");
  c.seen.stable.health.state = status::State::in_progress;
  CHECK(c.next() == "RollingBack/MetricsFailed");
  c.plan.status.step_started = port::micro_time(kNow - 2h);
  CHECK(c.next() == "Failed/RollbackStuck");
  c.plan.status.step_started = port::micro_time(kNow);
  c.seen.stable = c.workload("somebody/else");
  CHECK(c.next() == "RolledBack/MetricsFailed");
  CHECK(c.action().empty());
}

TEST_CASE("going back on a StatefulSet removes the pod it would wait for") {
  Case c("ordered", kRollingBack);
  c.pod(2, true, false, false);
  CHECK(c.action() == "remove pod app-2");
}

TEST_CASE("paused stands still, resumed goes on where it was; a rollout is stopped midway") {
  Case c("rolling", kRunning);
  c.plan.paused = true;
  c.seen.stable = c.workload(kNew, status::State::in_progress);
  c.gentle();
  auto decision = c.decide();
  CHECK(decision.status.phase == kPaused);
  CHECK(decision.status.resume == kRunning);
  CHECK(decision.actions.at(0).paused);
  c.plan.status = decision.status;
  c.seen.stable.paused = true;
  CHECK_FALSE(c.decide().changed);
  CHECK(c.action().empty());
  c.plan.paused = false;
  decision = c.decide();
  CHECK(decision.status.phase == kRunning);
  CHECK_FALSE(decision.actions.at(0).paused);
}

TEST_CASE("what has ended stays so") {
  for (const char* phase : {kDone, kRolledBack, kFailed, kAborted}) {
    Case c("rolling", phase);
    c.plan.abort = true;
    CHECK_FALSE(c.decide().changed);
    CHECK(c.decide().actions.empty());
  }
}
