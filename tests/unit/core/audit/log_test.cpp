// The chain in a cluster: two writers at once, a writer that dies, many records, and a name that is recorded once.
#include "core/audit/log.h"

#include <doctest/doctest.h>

#include "core/audit/verify.h"
#include "core/sim/transport.h"

using namespace nautilus;

namespace {

class Chance final : public port::Entropy {
 public:
  void fill(std::span<std::byte> out) override {
    for (auto& byte : out) byte = std::byte{7};
  }
};

class SimClock final : public port::Clock {
 public:
  explicit SimClock(const port::Clock& clock) : clock_(clock) {}
  port::WallTime now() const override { return clock_.now(); }
  port::Monotonic monotonic() const override { return clock_.monotonic(); }

 private:
  const port::Clock& clock_;
};

struct Place {
  sim::Cluster cluster;
  sim::SimConnector connector{cluster};
  SimClock clock{cluster.clock()};

  Place() {
    REQUIRE(cluster.server()
                .create({"", "namespaces"},
                        {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", "upgrade-system"}}}},
                        {"admin", "admin"})
                .ok());
  }
};

struct Writer {
  Chance entropy;
  port::NeverInterrupted never;
  port::NullSink events;
  kube::Client client;
  kube::Discovery discovery{client};
  apply::Cluster api{client, discovery, events};
  audit::Log log{api};

  explicit Writer(Place& place)
      : client({place.clock, entropy, never, "http://127.0.0.1",
                std::make_unique<sim::SimTransport>(place.cluster, place.connector.network()), nullptr, {}, ""}) {}
};

audit::Event event(const std::string& id) { return {id, "ann", "test", "thing", {{"id", id}}}; }

}  // namespace

TEST_CASE("records follow each other over many objects, and a name is recorded once") {
  Place place;
  Writer writer(place);
  CHECK(writer.log.lines()->empty());
  constexpr int kCount = 2 * audit::kPerChunk + 5;
  for (int i = 0; i < kCount; ++i) {
    const auto entry = writer.log.append(event(fmt::format("e{}", i)));
    INFO((entry.ok() ? "" : entry.error().text()));
    REQUIRE(entry.ok());
    CHECK(entry->index == i);
  }
  CHECK(writer.log.append(event("e3"))->index == 3);
  const auto lines = writer.log.lines();
  REQUIRE(lines.ok());
  CHECK(lines->size() == kCount);
  CHECK(audit::verify(*lines).empty());
}

TEST_CASE("two writers on one chain: every record is there once, the chain is whole") {
  Place place;
  Writer one(place), two(place);
  for (int i = 0; i < 10; ++i) {
    // The other writes between what this one reads and what it writes.
    const int at = i;
    sim::NetworkFault slow;
    slow.kind = sim::NetworkFault::Kind::delay;
    slow.times = -1;
    slow.delay = std::chrono::milliseconds(100 + 37 * i);
    place.connector.network().add(slow);
    one.client.after(std::chrono::milliseconds(20), [&two, at] { (void)two.log.append(event(fmt::format("b{}", at))); });
    REQUIRE(one.log.append(event(fmt::format("a{}", i))).ok());
    place.connector.network().clear();
  }
  const auto lines = one.log.lines();
  CHECK(lines->size() == 20);
  CHECK(audit::verify(*lines).empty());
}

TEST_CASE("a writer that dies at its write leaves a whole chain, and the event is recorded once") {
  for (const bool after : {false, true}) {
    Place place;
    {
      Writer first(place);
      REQUIRE(first.log.append(event("first")).ok());
      place.connector.network().revive();
      place.connector.network().crash_at_write(1, after);
      CHECK_FALSE(first.log.append(event("second")).ok());
    }
    place.connector.network().revive();
    Writer again(place);
    REQUIRE(again.log.append(event("second")).ok());
    const auto lines = again.log.lines();
    CHECK(lines->size() == 2);
    CHECK(audit::verify(*lines).empty());
  }
}
