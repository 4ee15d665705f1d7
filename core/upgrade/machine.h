// Carries out one UpgradePlan, from a laptop, a pipeline or the controller: the same rounds.
//
// run() holds the lock of the plan's workload (a Lease in upgrade-system) while it works, so that two never act at once;
// when its process dies, the lock runs out and the next one goes on from what the cluster holds. Every change of phase or
// step is in the audit record before it is in the status, and in the status before anything is done for it.
// Threading: the client's thread.
#pragma once

#include "core/flow/drive.h"
#include "core/release/lock.h"
#include "core/upgrade/plans.h"
#include "core/upgrade/services.h"

namespace nautilus::upgrade {

// "upgrade-<namespace>-<kind>-<name>": what the lock is named after, shortened by a digest if it is long.
std::string lock_name(const Change& change);

class Machine {
 public:
  Machine(apply::Cluster& cluster, const Services& services) : cluster_(cluster), services_(services) {}

  // One round: observe, decide, record, act. `lock` is asked before every write. done = the plan has ended.
  Result<flow::Tick> round(const std::string& name, const release::Lock& lock);
  // Until the plan has ended. Waits `lock_wait` for another's lock (Code::locked).
  Result<Plan> run(const std::string& name, port::Duration lock_wait);
  const Plan& latest() const { return plan_; }

 private:
  Result<> record(const Decision& decision, const Observed& observed);
  Result<> go_back(const Error& error, const Observed& observed);
  void tell(const Status& before, const Status& after);

  apply::Cluster& cluster_;
  const Services& services_;
  Plan plan_;
};

// Every plan that is there, oldest first, each under its own lock, for ever (until interrupted), while the Lease
// `nautilusctl-upgrade-controller` is ours. `rounds`: how many passes; -1 = for ever.
Result<> control(apply::Cluster& cluster, const Services& services, port::Duration every, int rounds = -1);

}  // namespace nautilus::upgrade
