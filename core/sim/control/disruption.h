// Disruption budgets and quotas: numbers kept beside what they count.
#pragma once

#include "core/sim/control/controller.h"

namespace nautilus::sim {

class DisruptionController final : public Controller {
 public:
  explicit DisruptionController(World& world);
  void observe(const Observation& change) override;
  Result<> reconcile(const Key& key) override;

 private:
  std::int64_t expected_scale(const std::vector<const PodInfo*>& pods) const;
};

class QuotaController final : public Controller {
 public:
  explicit QuotaController(World& world);
  void observe(const Observation& change) override;
  Result<> reconcile(const Key& key) override;
};

}  // namespace nautilus::sim
