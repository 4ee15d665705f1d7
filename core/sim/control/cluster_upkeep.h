// What a cluster does by itself: namespaces filled and emptied, nodes that leave or are tainted, definitions accepted.
#pragma once

#include "core/sim/control/controller.h"

namespace nautilus::sim {

// Gives every namespace its `default` ServiceAccount and kube-root-ca.crt, and empties it when it is deleted: pods
// first, then everything else, until nothing is left and the kubernetes finalizer can go.
class NamespaceController final : public Controller {
 public:
  static constexpr port::Duration kLookAgain = std::chrono::seconds(1);

  explicit NamespaceController(World& world);
  void observe(const Observation& change) override;
  Result<> reconcile(const Key& key) override;

 private:
  Result<> furnish(const std::string& ns);
  Result<> drain(const Json& ns);
};

// Pods of nodes that are gone are removed at once; pods that do not tolerate a NoExecute taint, when their toleration
// (if any) runs out.
class NodeController final : public Controller {
 public:
  explicit NodeController(World& world);
  void observe(const Observation& change) override;
  Result<> reconcile(const Key& key) override;
};

// CustomResourceDefinitions become Established, APIServices Available.
class DefinitionController final : public Controller {
 public:
  explicit DefinitionController(World& world);
  void observe(const Observation& change) override;
  Result<> reconcile(const Key& key) override;
};

}  // namespace nautilus::sim
