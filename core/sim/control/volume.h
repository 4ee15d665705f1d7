// Volumes: claims bound to what exists or provisioned by their class, protected while in use, released afterwards.
#pragma once

#include "core/sim/control/controller.h"

namespace nautilus::sim {

class ClaimController final : public Controller {
 public:
  explicit ClaimController(World& world);
  void observe(const Observation& change) override;
  Result<> reconcile(const Key& key) override;

 private:
  Result<> bind(const Json& claim, const Json& volume);
  Result<> provision(const Json& claim, const Json& storage_class);
  Result<> grow(const Json& claim);
  bool in_use(const Key& claim) const;
  ObjectPtr fitting_volume(const Json& claim) const;
};

class VolumeController final : public Controller {
 public:
  explicit VolumeController(World& world);
  void observe(const Observation& change) override;
  Result<> reconcile(const Key& key) override;
};

}  // namespace nautilus::sim
