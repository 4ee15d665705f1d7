#include "core/upgrade/machine.h"

#include "core/audit/log.h"
#include "core/port/wall_time.h"
#include "core/upgrade/actions/actions.h"
#include "core/value/digest.h"

namespace nautilus::upgrade {

namespace {

bool refusal(const Error& error) {
  return error.code == Code::refused || error.code == Code::forbidden || error.code == Code::invalid ||
         error.code == Code::not_found;
}

}  // namespace

std::string lock_name(const Change& change) {
  if (change.name.empty()) return "upgrade-unreadable";
  std::string name = fmt::format("upgrade-{}-{}-{}", change.target_namespace,
                                 change.kind == "StatefulSet" ? "sts" : "deploy", change.name);
  if (name.size() > 200) name = "upgrade-" + value::sha256_hex(name).substr(0, 32);
  return name;
}

Result<> Machine::record(const Decision& decision, const Observed& observed) {
  audit::Log log(cluster_);
  const Status& status = decision.status;
  const std::string subject = fmt::format("{} {}", kKind, plan_.id());
  if (decision.use_override) {
    audit::Event used{fmt::format("{}/override", plan_.uid), services_.who, "override.used", subject, {}};
    used.data = {{"uid", plan_.uid},
                 {"digest", plan_.digest()},
                 {"approvals", observed.override_.ids},
                 {"identities", observed.override_.identities},
                 {"scope", observed.override_.scope}};
    for (const auto& approval : plan_.approvals)
      used.data["reasons"][approval.statement.identity] = approval.statement.reason;
    TRY(log.append(used));
  }
  if (!decision.changed) return {};
  audit::Event event{fmt::format("{}/{}/{}", plan_.uid, status.transitions, status.phase), services_.who,
                     "upgrade.phase", subject, {}};
  event.data = {{"from", plan_.status.phase}, {"phase", status.phase},     {"step", status.step},
                {"weight", status.weight},    {"reason", status.reason},   {"message", status.message},
                {"digest", plan_.digest()},   {"window", status.window},   {"component", plan_.change.component}};
  if (status.phase == kRunning && status.step == 0)
    for (const Image& image : plan_.change.images) event.data["images"][image.container] = image.image;
  if (!status.metrics.empty()) event.data["metrics"] = status.metrics;
  TRY(log.append(event));
  return {};
}

// A write that will never be taken: what was done before it is undone.
Result<> Machine::go_back(const Error& error, const Observed& observed) {
  Decision decision;
  decision.status = plan_.status;
  decision.changed = true;
  decision.status.phase = kRollingBack;
  decision.status.outcome = kRolledBack;
  decision.status.reason = "WriteRefused";
  decision.status.message = error.text();
  decision.status.step_started = port::micro_time(cluster_.client().clock().now());
  ++decision.status.transitions;
  TRY(record(decision, observed));
  const Status before = plan_.status;
  TRY(Plans(cluster_).write_status(plan_, decision.status));
  tell(before, decision.status);
  return {};
}

void Machine::tell(const Status& before, const Status& after) {
  if (before.phase == after.phase && before.step == after.step && before.message == after.message &&
      before.weight == after.weight)
    return;
  const bool bad = after.phase == kRollingBack || after.phase == kFailed || after.phase == kRolledBack;
  std::string where = after.steps > 0 && touched(after.phase) && after.phase != kRollingBack
                          ? fmt::format("step {}/{}", std::min(after.step + 1, after.steps), after.steps)
                          : "";
  if (after.weight > 0) where += fmt::format(" {} %", after.weight);
  std::string message = where;
  for (const std::string& part : {after.reason, after.message})
    if (!part.empty()) message += (message.empty() ? "" : ": ") + part;
  cluster_.tell({bad ? port::Event::Level::warning : port::Event::Level::info, {}, "upgrade " + plan_.name,
                 plan_.change.target().text(), after.phase, message});
}

Result<flow::Tick> Machine::round(const std::string& name, const release::Lock& lock) {
  ASSIGN_OR_RETURN(plan_, Plans(cluster_).get(name));
  if (terminal(plan_.status.phase)) return flow::Tick{true, {}};
  TRY(lock.ok());
  ASSIGN_OR_RETURN(const Seen seen, observe(cluster_, services_, plan_));
  Decision decision = decide(plan_, seen.observed, cluster_.client().clock().now());
  TRY(lock.ok());
  TRY(record(decision, seen.observed));
  const Status before = plan_.status;
  TRY(Plans(cluster_).write_status(plan_, decision.status));
  tell(before, decision.status);
  for (const Action& action : decision.actions) {
    TRY(lock.ok());
    auto done = act(cluster_, plan_, seen, action);
    if (done.ok()) continue;
    Error error = std::move(done).error().within(action.text());
    if (!refusal(error) || decision.status.phase == kRollingBack) return error;
    TRY(go_back(error, seen.observed));
    return flow::Tick{false, {}};
  }
  return flow::Tick{terminal(decision.status.phase), decision.again};
}

Result<Plan> Machine::run(const std::string& name, port::Duration lock_wait) {
  ASSIGN_OR_RETURN(plan_, Plans(cluster_).get(name));
  if (terminal(plan_.status.phase)) return plan_;
  release::LockOptions options{services_.who, lock_wait, ""};
  ASSIGN_OR_RETURN(const auto lock, release::Lock::take(cluster_, lock_name(plan_.change), std::string(kNamespace),
                                                        options));
  const auto trouble = [&](const Error& error) {
    cluster_.tell({port::Event::Level::warning, {}, "upgrade " + name, "", "again", error.text()});
  };
  TRY(flow::drive(cluster_.client(), [&] { return round(name, *lock); }, trouble));
  const kube::Uninterrupted section(cluster_.client());
  TRY(lock->release());
  return plan_;
}

namespace {

// Who is to be looked at again when.
class Attending {
 public:
  Attending(apply::Cluster& cluster, const Services& services) : cluster_(cluster), services_(services) {}

  Result<> pass(const release::Lock& leader) {
    ASSIGN_OR_RETURN(const auto plans, Plans(cluster_).list());
    const auto now = cluster_.client().clock().monotonic();
    for (const Plan& plan : plans) {
      // What a person asked of it is not kept waiting.
      const bool asked = seen_[plan.uid].generation != plan.generation;
      if (terminal(plan.status.phase) || (!asked && seen_[plan.uid].due > now)) continue;
      auto again = attend(plan, leader);
      if (!again.ok()) {
        if (again.error().code == Code::interrupted || again.error().code == Code::locked)
          return std::move(again).error();
        cluster_.tell({port::Event::Level::warning, {}, "controller", "UpgradePlan " + plan.id(), "again",
                       again.error().text()});
      }
      seen_[plan.uid] = {plan.generation, now + (again.ok() ? *again : flow::kAfterTrouble)};
    }
    return {};
  }

 private:
  struct Last {
    std::int64_t generation = -1;
    port::Monotonic due{};
  };

  // Rounds of a plan that nobody else works on, as long as there is something to be done at once.
  Result<port::Duration> attend(const Plan& plan, const release::Lock& leader) {
    constexpr int kAtOnce = 64;
    TRY(leader.ok());
    auto lock = release::Lock::take(cluster_, lock_name(plan.change), std::string(kNamespace), {services_.who, {}, ""});
    if (!lock.ok()) {
      if (lock.error().code == Code::locked) return kPoll;
      return std::move(lock).error();
    }
    Machine machine(cluster_, services_);
    flow::Tick tick;
    for (int i = 0; i < kAtOnce; ++i) {
      ASSIGN_OR_RETURN(tick, machine.round(plan.name, **lock));
      if (tick.done || tick.again > port::Duration::zero()) break;
    }
    TRY((*lock)->release());
    return std::max(tick.again, kPoll);
  }

  apply::Cluster& cluster_;
  const Services& services_;
  std::map<std::string, Last> seen_;  // by the plan's UID
};

}  // namespace

Result<> control(apply::Cluster& cluster, const Services& services, port::Duration every, int rounds) {
  Attending attending(cluster, services);
  std::unique_ptr<release::Lock> leader;
  for (int pass = 0; rounds < 0 || pass < rounds; ++pass) {
    if (leader && !leader->ok().ok()) leader.reset();
    Result<> done;
    if (!leader) {
      auto taken = release::Lock::take(cluster, "upgrade-controller", std::string(kNamespace), {services.who, {}, ""});
      if (taken.ok()) {
        leader = std::move(*taken);
        cluster.tell({port::Event::Level::info, {}, "controller", "", "leading", services.who});
      } else if (taken.error().code != Code::locked) {
        done = std::move(taken).error();
      }
    }
    if (leader) done = attending.pass(*leader);
    if (!done.ok()) {
      if (!flow::may_pass(done.error()) && done.error().code != Code::locked) return done;
      cluster.tell({port::Event::Level::warning, {}, "controller", "", "again", done.error().text()});
    }
    TRY(flow::pause(cluster.client(), every));
  }
  return {};
}

}  // namespace nautilus::upgrade
