// Deployments: a ReplicaSet per pod template, moved from old to new at the pace the strategy allows.
#pragma once

#include "core/sim/control/controller.h"
#include "core/sim/control/rollout.h"

namespace nautilus::sim {

class DeploymentController final : public Controller {
 public:
  explicit DeploymentController(World& world);
  void observe(const Observation& change) override;
  Result<> reconcile(const Key& key) override;

 private:
  struct Set;
  struct Rollout;
  Result<> load(Rollout& rollout);
  Result<> note_pause(Rollout& rollout);
  Result<> find_or_create_new_set(Rollout& rollout, bool create);
  Result<> refresh_new_set(Rollout& rollout);
  Result<> create_new_set(Rollout& rollout);
  Result<> scale(Rollout& rollout);
  Result<> roll(Rollout& rollout);
  Result<> recreate(Rollout& rollout);
  Result<bool> resize(Rollout& rollout, Set& set, std::int64_t size, bool force);
  Result<> clean_history(Rollout& rollout);
  Json status_of(const Rollout& rollout) const;
  Result<> write_rollout_status(Rollout& rollout);
  Result<> write_status(Rollout& rollout, Json status);
  void judge_progress(Rollout& rollout, Json& status) const;
};

}  // namespace nautilus::sim
