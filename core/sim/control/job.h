// Jobs: pods that run to completion, counted once each.
// Pods carry the finalizer batch.kubernetes.io/job-tracking until they are counted. Not modelled: pod failure policy,
// success policy and backoff limit per index (a Job that uses them gets a Warning event and runs without).
#pragma once

#include "core/sim/control/controller.h"

namespace nautilus::sim {

class JobController final : public Controller {
 public:
  // Pause before a replacement of a failed pod: 10 s, doubling with each failure.
  static constexpr port::Duration kFirstBackoff = std::chrono::seconds(10);
  static constexpr port::Duration kMaxBackoff = std::chrono::minutes(10);

  explicit JobController(World& world);
  void observe(const Observation& change) override;
  Result<> reconcile(const Key& key) override;

 private:
  struct Pass;
  Result<> count_finished(Pass& pass);
  void judge(Pass& pass);
  Result<> adjust_pods(Pass& pass);
  Result<> create_pod(Pass& pass, std::int64_t index);
  Result<> write_status(Pass& pass);
  Result<> expire(const Json& job);

  std::map<std::string, port::WallTime> last_failure_;  // by UID
};

// "0-2,5" for {0,1,2,5}, and back.
std::string index_ranges(const std::set<std::int64_t>& indexes);
std::set<std::int64_t> parse_index_ranges(std::string_view text);

}  // namespace nautilus::sim
