// The parts of decide(): one round over a plan. Internal to core/upgrade.
#pragma once

#include "core/upgrade/decide.h"

namespace nautilus::upgrade {

struct Round {
  const Plan& plan;
  const Observed& seen;
  port::WallTime now;
  Decision decision;

  const Change& change() const { return plan.change; }
  Status& status() { return decision.status; }

  // A new phase (of the same step), its reason and what it says to a person.
  void enter(const char* phase, std::string reason, std::string message);
  // The same phase, another message.
  void stay(std::string reason, std::string message);
  void act(Action action) { decision.actions.push_back(std::move(action)); }
  void go_back(std::string reason, std::string message, const char* outcome = kRolledBack);
  void end(const char* phase, std::string reason, std::string message);
  port::Duration in_step() const;
};

bool is_new(const WorkloadView& workload, const Change& change);
bool is_before(const WorkloadView& workload, const Status& status);
// Every route exists and gives the canary that share.
bool weighs(const Observed& seen, int weight);
// The strategy under which one pod (maxSurge pods) at a time is replaced, none missing.
Json gentle(const Change& change);
Json partitioned(int partition);
// Every field of `wanted` is in `live` with that value; the server adds defaults of its own.
bool covers(const Json& live, const Json& wanted);

void before_start(Round& round);  // Pending, Preflight, WaitingForWindow
void forward(Round& round);       // Running, Analysing, Promoting
void backward(Round& round);      // RollingBack

}  // namespace nautilus::upgrade
