// A workload on the embedded cluster, an UpgradePlan for it, and processes that may die at any write.
#pragma once

#include <functional>
#include <memory>

#include "core/sim/transport.h"
#include "core/upgrade/machine.h"

namespace nautilus::upgrade_test {

inline const std::string kOld = "registry.example/app:1.0@sha256:" + std::string(64, 'a');
// How an image behaves on the embedded cluster goes by what stands behind its last colon.
inline const std::string kCrash = "registry.example/app:3.0@sha256:" + std::string(64, 'c');
inline const std::string kNeverReady = "registry.example/app:4.0@sha256:" + std::string(64, 'd');
inline const std::string kNew = "registry.example/app:2.0@sha256:" + std::string(64, 'b');

class Scene {
 public:
  // `kind`: Deployment or StatefulSet, with `replicas` pods of kOld, healthy. A VirtualService and an HTTPRoute split.
  explicit Scene(const std::string& kind, int replicas = 3);

  Json change(const std::string& strategy, Json more = Json::object()) const;
  void make_plan(const Json& change, const std::string& name = "plan");

  using Work = std::function<Result<>(apply::Cluster&)>;
  // A process of its own: a client, and what it knows is gone afterwards.
  Result<> as_process(const Work& work);
  // `upgrade run` until the plan has ended, the process has died, or an error.
  Result<upgrade::Plan> run(const std::string& name = "plan");

  upgrade::Plan plan(const std::string& name = "plan");
  Json get(const std::string& group, const std::string& plural, const std::string& name,
           const std::string& space = "ns");
  void patch(const std::string& group, const std::string& plural, const std::string& name, const Json& merge,
             const std::string& space = "ns");
  std::vector<std::string> audit_lines();
  std::vector<std::string> phases();  // as recorded, "Running 0"
  // What an upgrade must bring about, whoever did it and however often they died.
  Json end();

  sim::Cluster cluster{options()};
  sim::SimConnector connector{cluster};
  upgrade::Services services;
  int processes = 0;

 private:
  static sim::ClusterOptions options();
  void create(const std::string& group, const std::string& plural, const Json& body);
};

}  // namespace nautilus::upgrade_test
