// DaemonSets: one pod on every node that takes it.
#pragma once

#include "core/sim/control/controller.h"
#include "core/sim/control/revisions.h"

namespace nautilus::sim {

class DaemonSetController final : public Controller {
 public:
  explicit DaemonSetController(World& world);
  void observe(const Observation& change) override;
  Result<> reconcile(const Key& key) override;

 private:
  struct Pass;
  Result<> place(Pass& pass);
  Result<> update_pods(Pass& pass);
  Result<> write_status(Pass& pass);
};

}  // namespace nautilus::sim
