// CronJobs: a Job at each scheduled time.
// A timeZone other than UTC is refused with the event UnknownTimeZone: the embedded cluster has no zone data.
#pragma once

#include "core/sim/control/controller.h"

namespace nautilus::sim {

class CronJobController final : public Controller {
 public:
  static constexpr int kMaxMissed = 100;  // starts looked through after a pause, as upstream

  explicit CronJobController(World& world);
  void observe(const Observation& change) override;
  Result<> reconcile(const Key& key) override;

 private:
  Result<> start(Json& cron_job, port::WallTime scheduled, Json& status);
  Result<> trim_history(const Json& cron_job, std::vector<ObjectPtr>& jobs);
};

}  // namespace nautilus::sim
