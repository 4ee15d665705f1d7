// StatefulSets: numbered pods with claims of their own, started, updated and removed in order.
// Follows Kubernetes 1.37, where maxUnavailable counts and the Recreate strategy is off.
#pragma once

#include "core/sim/control/controller.h"
#include "core/sim/control/revisions.h"

namespace nautilus::sim {

class StatefulSetController final : public Controller {
 public:
  explicit StatefulSetController(World& world);
  void observe(const Observation& change) override;
  Result<> reconcile(const Key& key) override;

 private:
  struct Pass;
  Json new_pod(const Pass& pass, std::int64_t ordinal) const;
  Result<bool> tend_replica(Pass& pass, std::int64_t ordinal);
  Result<bool> retire(Pass& pass, const Key& condemned, bool first_unavailable);
  Result<> make_claims(Pass& pass, std::int64_t ordinal);
  Result<> own_claims(Pass& pass, std::int64_t ordinal, bool condemned);
  Result<> advance(Pass& pass);
  Result<> drop_pod(Pass& pass, const PodInfo& pod);
  Result<> run(Pass& pass);
  Result<> write_status(Pass& pass);
  void classify(Pass& pass);
};

}  // namespace nautilus::sim
