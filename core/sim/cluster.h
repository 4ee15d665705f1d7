// The embedded cluster: API server, controllers, scheduler and nodes in this process, on a virtual clock, from one
// seed.
//
// Purpose: `rehearse` runs a plan against it, `sim serve` puts it on a loopback port, scenario tests break it.
// Nothing in it happens by wall time: every response, pass of a controller and start of a container is an event of
// queue(), run by run_for() or by whoever polls a transport (core/sim/transport.h).
// Threading: one thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/sim/api/server.h"
#include "core/sim/control/autoscaler.h"
#include "core/sim/control/controller.h"
#include "core/sim/control/kubelet.h"
#include "core/sim/random.h"
#include "core/sim/virtual_clock.h"

namespace nautilus::sim {

struct NodeGroup {
  std::string prefix = "sim-node";
  int count = 12;
  std::vector<std::string> zones = {"sim-zone-a", "sim-zone-b", "sim-zone-c"};  // dealt in turn
  std::string cpu = "16", memory = "64Gi", ephemeral_storage = "200Gi";
  int max_pods = 110;
  std::map<std::string, std::string> labels;
  Json taints = Json::array();
};

struct ClusterOptions {
  std::uint64_t seed = 1;
  port::WallTime start = std::chrono::sys_days(std::chrono::year(2026) / 1 / 5) + std::chrono::hours(6);  // a Monday
  std::vector<NodeGroup> nodes = {NodeGroup{}};
  bool default_storage_class = true;
  port::Duration latency_min = std::chrono::microseconds(300), latency_max = std::chrono::milliseconds(3);
  KubeletOptions kubelet;
  LoadFunction load;     // may be empty
  ServerOptions server;  // its seed is replaced by one drawn from `seed`
};

class Cluster {
 public:
  explicit Cluster(ClusterOptions options = {});
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  const port::Clock& clock() const { return clock_; }
  EventQueue& queue() { return queue_; }
  Server& server() { return *server_; }
  World& world() { return *world_; }
  const ClusterOptions& options() const { return options_; }
  // A stream of chance of its own for a part outside, the same in every run of the seed.
  Random random(std::string_view purpose) const { return random_.fork(purpose); }

  // Lets virtual time pass.
  void run_for(port::Duration time) { queue_.run_until(clock_.monotonic() + time); }
  // Until `holds` is true after some event, or `most` has passed; whether it is true then.
  template <class Condition>
  bool run_until(Condition holds, port::Duration most) {
    const auto limit = clock_.monotonic() + most;
    while (!holds())
      if (!queue_.run_next(limit)) {
        queue_.run_until(limit);
        return holds();
      }
    return true;
  }

  // A hash of everything that changed in the cluster, when and in which order. Equal seeds and requests: equal hashes.
  std::uint64_t transcript_hash() const { return transcript_; }
  void note(std::string_view line);  // adds to it

 private:
  void add_nodes(const NodeGroup& group);
  void add_storage_class();

  ClusterOptions options_;
  VirtualClock clock_;
  EventQueue queue_;
  Random random_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<World> world_;
  std::vector<std::unique_ptr<Controller>> controllers_;
  Store::Handle transcript_subscription_;
  std::uint64_t transcript_ = 14695981039346656037ull;
  int node_count_ = 0;
};

}  // namespace nautilus::sim
