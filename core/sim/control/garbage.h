// Objects whose owners are gone, and owners that want to go together with what they own.
// Background: dependents follow their last owner. Foreground (finalizer foregroundDeletion): the owner waits for the
// dependents that block it. Orphan (finalizer orphan): dependents forget the owner.
#pragma once

#include "core/sim/control/controller.h"

namespace nautilus::sim {

class GarbageCollector final : public Controller {
 public:
  explicit GarbageCollector(World& world);
  void observe(const Observation& change) override;
  Result<> reconcile(const Key& key) override;

 private:
  Result<> tend_owner(const std::string& uid, const Json& owner);
  Result<> tend_dependent(const Locator& what);
};

}  // namespace nautilus::sim
