// The epoch in a Kubernetes Lease: EpochSource's contract (engine/journal/epoch_source.h) on an API server.
//
// The one engine folder that knows Kubernetes. The Lease's holderIdentity is the pod, its annotation
// nautilusctl.io/epoch the epoch; every write carries the resourceVersion that was read, so of two writers one loses.
// A Lease that is released keeps its epoch, with an empty holder. One that was deleted by hand does not lower it: the
// journal's own epoch is given as `higher_than`.
// Source: coordination.k8s.io/v1 Lease, and the leader election of client-go, less its trust in other machines' clocks.
// Threading: one thread; the client is this object's alone. Failure: as the contract says, the client's own errors for
// the rest.
#pragma once

#include <string>

#include "core/kube/client.h"
#include "engine/journal/epoch_source.h"

namespace nautilus::engine {

struct KubernetesEpochOptions {
  std::string namespace_, name;  // of the Lease: "nautilus-trading", "nautilus-engine-0"
  std::string holder;            // the pod
  port::Duration time_to_live = std::chrono::seconds(15);
  port::Duration margin = std::chrono::seconds(2);
};

class KubernetesEpochSource final : public EpochSource {
 public:
  KubernetesEpochSource(kube::Client& client, KubernetesEpochOptions options)
      : client_(client), options_(std::move(options)) {}

  Result<Lease> acquire(Epoch higher_than) override;
  Result<Lease> renew(Epoch epoch) override;
  Result<> release(Epoch epoch) override;
  Result<Epoch> observe() override;
  port::Duration time_to_live() const override { return options_.time_to_live; }

 private:
  struct Seen {
    bool exists = false;
    std::string holder, resource_version, renewed;
    Epoch epoch = 0;
    std::int64_t transitions = 0;
  };
  Result<Seen> read();
  // Code::conflict if the Lease is not as it was seen any more.
  Result<> write(const Seen& seen, Epoch epoch, const std::string& holder);
  std::string path(bool of_object) const;

  kube::Client& client_;
  KubernetesEpochOptions options_;
  // Another holder's last sign of life, and since when there was none, on our clock.
  std::string watched_;
  port::Monotonic watched_since_{};
};

}  // namespace nautilus::engine
