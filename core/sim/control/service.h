// Services made reachable: Endpoints, EndpointSlices, load balancer addresses, Ingress status.
#pragma once

#include "core/sim/control/controller.h"

namespace nautilus::sim {

class EndpointController final : public Controller {
 public:
  static constexpr std::size_t kMostPerSlice = 100;
  static constexpr std::size_t kMostInEndpoints = 1000;  // the legacy object is cut there, as upstream

  explicit EndpointController(World& world);
  void observe(const Observation& change) override;
  Result<> reconcile(const Key& key) override;

 private:
  Result<> write_endpoints(const Json& service, const std::vector<const PodInfo*>& pods);
  Result<> write_slices(const Json& service, const std::vector<const PodInfo*>& pods);
};

class LoadBalancerController final : public Controller {
 public:
  explicit LoadBalancerController(World& world);
  void observe(const Observation& change) override;
  Result<> reconcile(const Key& key) override;

 private:
  Result<> assign(const Kind& kind, const Key& key);
  std::map<std::string, std::string> addresses_;  // by UID
  std::uint32_t next_ = 1;
};

}  // namespace nautilus::sim
