// What is to be done next for a plan, given what the cluster looks like. Pure: no clock, no cluster, no chance.
//
// One call gives the next status and the actions of this round. Nothing depends on what an earlier round did, only on
// the status and what was observed, so any round may be cut off anywhere and the next one, by whoever, goes on.
// Order of a round: observe, decide, record the status (and the audit record, if the phase or step changes), act.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/status/status.h"
#include "core/upgrade/plan.h"

namespace nautilus::upgrade {

// May things be changed now? `unknown` (an expired calendar, a venue nobody knows) means no.
struct WindowVerdict {
  enum class State { open, closed, unknown } state = State::unknown;
  std::optional<port::WallTime> closes, opens;  // closes: absent = it does not close within the calendar's horizon
  std::string reason;                           // "market closed until ...", "the calendar of XNYS has expired"
};

struct PreflightVerdict {
  enum class State { passed, failed, unknown } state = State::unknown;
  std::string reason;               // the first that did not pass
  std::vector<std::string> checks;  // one line each
};

struct PodView {
  std::string name, uid;
  int ordinal = -1;  // of a StatefulSet's pod
  bool ready = false, updated = false, primary = false, ending = false;
  std::string broken;  // why it will not come up: "container backend: CrashLoopBackOff ..."
};

struct WorkloadView {
  bool exists = false;
  std::vector<Image> images;  // of the containers that change, in the change's order; image "" = no such container
  int replicas = 0, partition = 0;
  bool paused = false;
  Json strategy;  // spec.strategy or spec.updateStrategy
  status::Verdict health;
  std::vector<PodView> pods;
  std::string unsuitable;  // why it cannot be upgraded this way; for the stable workload only
};

struct RouteView {
  bool exists = false;
  int weight = -1;      // of the canary; -1: it does not split between the tracks, or its rules differ
  std::string problem;  // in words
};

struct Observed {
  WorkloadView stable, canary;
  std::vector<RouteView> routes;
  WindowVerdict window;
  std::optional<PreflightVerdict> preflight;   // asked in Preflight
  std::optional<canary::Analysis> analysis;    // asked in Analysing
  audit::Override override_;                   // what the approvals allow
  std::string other_plan;                      // an older plan for the same workload that is not over
  bool rollback = false;                       // it brings back what was before the plan it names: proven
  std::string switchover;                      // state of the Job: "", "running", "done", "failed: ..."
  int desired_replicas = 0;
};

struct Action {
  enum class Kind {
    set_workload,   // the stable workload: images, strategy (or partition), paused
    set_canary,     // make it, or change its images and replicas
    set_weight,     // on every route
    remove_canary,  // the Deployment beside it
    switchover,     // start the Job that makes `pod` the primary
    remove_pod,     // a pod of the new version that will never be ready stands in the way of going back
  } kind = Kind::set_workload;
  std::vector<Image> images{};
  Json strategy{};
  bool paused = false;
  int replicas = 0, weight = 0;
  std::string pod{}, uid{}, from{};
  std::string text() const;
};

struct Decision {
  Status status;
  std::vector<Action> actions;
  bool use_override = false;           // an approval is used up with this round
  port::Duration again = std::chrono::seconds(2);
  bool changed = false;                // phase or step: to be recorded
};

inline constexpr port::Duration kPreflightFresh = std::chrono::minutes(5);
inline constexpr port::Duration kPoll = std::chrono::seconds(2);
inline constexpr port::Duration kPollWindow = std::chrono::seconds(30);

Decision decide(const Plan& plan, const Observed& observed, port::WallTime now);

// The steps of a change on a workload of that size: pods for ordered, weights for canary, one otherwise.
int step_count(const Change& change, int replicas);
// Pods of the canary for a share of the traffic: as large a share of the replicas, one at least.
int canary_replicas(const Change& change, int step, int replicas);
// From the first write to the end if everything takes as long as it may; what a window must have left.
port::Duration worst_case(const Change& change);

}  // namespace nautilus::upgrade
