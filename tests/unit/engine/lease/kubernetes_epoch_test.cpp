// The epoch as a Lease, on the embedded cluster: two contenders, a holder that dies, one that was deposed.
#include "engine/lease/kubernetes_epoch.h"

#include <doctest/doctest.h>

#include "core/sim/cluster.h"
#include "core/sim/random.h"
#include "core/sim/transport.h"

namespace nautilus::engine {
namespace {

using std::chrono::seconds;

// The cluster's clock is const there; the client asks for the interface.
struct ClusterClock final : port::Clock {
  explicit ClusterClock(const port::Clock& of) : clock(of) {}
  port::WallTime now() const override { return clock.now(); }
  port::Monotonic monotonic() const override { return clock.monotonic(); }
  const port::Clock& clock;
};

struct Contender {
  Contender(sim::Cluster& cluster, const char* pod)
      : random(sim::Random(7)), clock(cluster.clock()), connector(cluster) {
    auto transport = connector.connect({});
    REQUIRE(transport.ok());
    client = std::make_unique<kube::Client>(
        kube::Client::Wiring{clock, random, never, "sim", std::move(*transport), nullptr, {}, {}});
    source = std::make_unique<KubernetesEpochSource>(
        *client, KubernetesEpochOptions{"default", "nautilus-engine-0", pod, seconds(15), seconds(2)});
  }
  sim::SimEntropy random;
  ClusterClock clock;
  sim::SimConnector connector;
  port::NeverInterrupted never;
  std::unique_ptr<kube::Client> client;
  std::unique_ptr<KubernetesEpochSource> source;
};

}  // namespace

TEST_CASE("one of two contenders holds the epoch; the other takes over when it stays silent, with a higher one") {
  sim::Cluster cluster;
  Contender a(cluster, "pod-a"), b(cluster, "pod-b");
  CHECK(a.source->observe().value() == 0);
  auto first = a.source->acquire(4);  // the journal had epoch 4
  REQUIRE(first.ok());
  CHECK(first->epoch == 5);
  CHECK(first->deadline <= cluster.clock().monotonic() + seconds(15));

  auto held = b.source->acquire(0);
  REQUIRE_FALSE(held.ok());
  CHECK(held.error().code == Code::locked);
  CHECK(held.error().hint.find("pod-a") != std::string::npos);

  cluster.run_for(seconds(10));
  REQUIRE(a.source->renew(5).ok());
  cluster.run_for(seconds(16));  // longer than it lives, but not since b saw the renewal
  CHECK(b.source->acquire(0).error().code == Code::locked);
  cluster.run_for(seconds(16));
  CHECK(b.source->acquire(0).error().code == Code::locked);  // within the margin
  cluster.run_for(seconds(2));
  auto second = b.source->acquire(0);
  REQUIRE(second.ok());
  CHECK(second->epoch == 6);

  // The old one may live on: it is told that it is over, and so it stays.
  CHECK(a.source->renew(5).error().code == Code::conflict);
  CHECK(a.source->release(5).ok());
  CHECK(b.source->renew(6).ok());
  CHECK(a.source->observe().value() == 6);
}

TEST_CASE("a released epoch may be taken at once, and is never given again") {
  sim::Cluster cluster;
  Contender a(cluster, "pod-a"), b(cluster, "pod-b");
  REQUIRE(a.source->acquire(0).value().epoch == 1);
  REQUIRE(a.source->release(1).ok());
  CHECK(a.source->renew(1).error().code == Code::conflict);
  CHECK(b.source->acquire(0).value().epoch == 2);
}

TEST_CASE("the same pod comes back with a higher epoch, without waiting for its own lease") {
  sim::Cluster cluster;
  Contender before(cluster, "pod-a"), after(cluster, "pod-a");
  REQUIRE(before.source->acquire(0).value().epoch == 1);
  CHECK(after.source->acquire(1).value().epoch == 2);
  CHECK(before.source->renew(1).error().code == Code::conflict);
}

TEST_CASE("a Lease without an epoch is somebody else's") {
  sim::Cluster cluster;
  Contender a(cluster, "pod-a");
  kube::Request request;
  request.method = "POST";
  request.target = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
  request.body = {
      {"apiVersion", "coordination.k8s.io/v1"}, {"kind", "Lease"}, {"metadata", {{"name", "nautilus-engine-0"}}}};
  REQUIRE(a.client->call(std::move(request)).ok());
  auto got = a.source->acquire(0);
  REQUIRE_FALSE(got.ok());
  CHECK(got.error().code == Code::invalid);
}

}  // namespace nautilus::engine
