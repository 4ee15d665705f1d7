// HorizontalPodAutoscalers on CPU and memory, every 15 seconds.
//
// What a pod uses comes from its annotation sim.nautilusctl.io/cpu (or /memory): an amount ("250m") or a share of its
// request ("80%"); without one from the load function, and without that it is half of the request. Other metrics
// (Pods, Object, External, ContainerResource) are answered as a cluster without an adapter for them would.
#pragma once

#include <deque>
#include <functional>

#include "core/sim/control/controller.h"

namespace nautilus::sim {

// Thousandths of the resource ("cpu", "memory") that the pod uses now; nullopt = no opinion.
using LoadFunction = std::function<std::optional<std::int64_t>(const PodInfo& pod, std::string_view resource)>;

class AutoscalerController final : public Controller {
 public:
  static constexpr port::Duration kSyncPeriod = std::chrono::seconds(15);
  static constexpr port::Duration kDownscaleStabilisation = std::chrono::seconds(300);

  AutoscalerController(World& world, LoadFunction load);
  void observe(const Observation& change) override;
  Result<> reconcile(const Key& key) override;

 private:
  struct Pass;
  struct Timed {
    port::WallTime at;
    std::int64_t replicas;  // a recommendation, or a change
  };
  struct Memory {
    std::deque<Timed> recommendations;
    std::deque<Timed> ups, downs;  // sizes of changes
  };
  bool measure(Pass& pass);
  std::optional<std::int64_t> propose(Pass& pass, const Json& metric, Json& shown);
  std::int64_t usage(const PodInfo& pod, std::string_view resource, std::int64_t request) const;
  std::int64_t limit(Pass& pass, std::int64_t proposed);
  std::int64_t stabilise(Pass& pass, std::int64_t proposed);
  std::int64_t rate_limit(const Pass& pass, const Json& rules, bool up, std::int64_t current) const;
  Result<> write_status(Pass& pass);

  LoadFunction load_;
  std::map<std::string, Memory> memory_;  // by UID
};

}  // namespace nautilus::sim
