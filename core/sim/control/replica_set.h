// ReplicaSets: as many pods as wanted, and a count of how they are.
#pragma once

#include "core/sim/control/controller.h"

namespace nautilus::sim {

class ReplicaSetController final : public Controller {
 public:
  // Pods made or removed in one pass; the rest follows in the next.
  static constexpr std::int64_t kBurst = 500;

  explicit ReplicaSetController(World& world);
  void observe(const Observation& change) override;
  Result<> reconcile(const Key& key) override;

 private:
  Result<> resize(const Json& set, std::int64_t difference, std::vector<const PodInfo*> active);
  Result<> write_status(const Json& set, const std::vector<const PodInfo*>& owned, const Result<>& resized);
};

}  // namespace nautilus::sim
