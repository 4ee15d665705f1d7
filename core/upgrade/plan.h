// An UpgradePlan as it is in the cluster: what is wanted, what was asked of it, and how far it is (status).
//
// The status holds what a run cannot find out from the cluster again: when things began, what was there before, which
// way it goes. Everything else is looked at anew in every round. Threading: plain values.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/audit/approval.h"
#include "core/upgrade/change.h"

namespace nautilus::upgrade {

inline constexpr const char* kPending = "Pending";
inline constexpr const char* kPreflight = "Preflight";
inline constexpr const char* kWaitingForWindow = "WaitingForWindow";
inline constexpr const char* kRunning = "Running";      // a step's pods are coming up
inline constexpr const char* kAnalysing = "Analysing";  // they are up and are watched
inline constexpr const char* kPaused = "Paused";
inline constexpr const char* kPromoting = "Promoting";  // the canary was good: the workload itself becomes new
inline constexpr const char* kRollingBack = "RollingBack";
inline constexpr const char* kDone = "Done";
inline constexpr const char* kRolledBack = "RolledBack";
inline constexpr const char* kFailed = "Failed";    // nothing was touched, or a person is needed: the message says
inline constexpr const char* kAborted = "Aborted";  // because somebody asked; everything is as before

bool terminal(std::string_view phase);
// True once something may have been written for it.
bool touched(std::string_view phase);

struct Status {
  std::string phase;  // "" is Pending
  int step = 0, steps = 0, weight = 0;
  std::string reason, message;       // "StepTimeout", one line for a person
  std::string digest;                // of the change it began with
  int transitions = 0;               // changes of phase or step; numbers the audit records
  std::string started, finished;     // first write, end
  std::string step_started;          // this phase of this step began
  std::string preflight_at;          // the last good preflight
  std::string resume;                // Paused: the phase it goes back to
  std::string outcome;               // RollingBack: the phase it ends in
  std::string override_until;        // the window is stepped over until then
  std::vector<Image> images_before;  // of the containers that change
  Json strategy_before;              // spec.strategy or spec.updateStrategy
  Json metrics = Json::array();      // last readings
  std::string window;                // "open until ...", "closed, opens ..."
  std::vector<std::string> checks;   // preflight, one line each
};

Json to_json(const Status& status);
Status status_from_json(const Json& json);

struct Plan {
  std::string name, uid, resource_version, created;
  std::int64_t generation = 0;
  Json change_json;
  Change change;
  std::string invalid;  // why spec.change cannot be read; then change is empty
  bool paused = false, abort = false;
  std::string abort_reason;
  std::vector<audit::Approval> approvals;
  Status status;

  std::string digest() const { return upgrade::digest(change_json); }
  std::string id() const { return std::string(kNamespace) + "/" + name; }
};

Plan plan_from_json(const Json& object);
// A new object: what `upgrade plan` prints.
Json new_plan(const std::string& name, const Json& change);

}  // namespace nautilus::upgrade
