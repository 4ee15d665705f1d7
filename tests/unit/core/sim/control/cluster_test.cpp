#include "core/sim/transport.h"
#include "sim_fixture.h"

using namespace nautilus;
using namespace nautilus::test;

TEST_CASE("a namespace is furnished when it appears and emptied when it goes") {
  SimFixture sim;
  sim.apply(kinds::kNamespace, R"({"metadata":{"name":"shop"}})");
  sim.cluster.run_for(1s);
  sim.ns = "shop";
  CHECK(sim.get(kinds::kServiceAccount, "default"));
  CHECK(sim.get(kinds::kConfigMap, "kube-root-ca.crt"));
  sim.apply(kinds::kDeployment, deployment("web", 5));
  sim.apply(kinds::kConfigMap, R"({"metadata":{"name":"held","finalizers":["example.com/hold"]},"data":{}})");
  sim.cluster.run_for(60s);
  CHECK(sim.pods(true) == 5);
  sim.remove(kinds::kNamespace, "shop");
  sim.cluster.run_for(60s);
  auto ns = sim.cluster.world().get(kinds::kNamespace, "", "shop");
  REQUIRE(ns);
  CHECK((*ns)["status"]["phase"] == "Terminating");
  CHECK(sim.condition(kinds::kNamespace, "shop", "NamespaceContentRemaining") == "True SomeResourcesRemain");
  CHECK(sim.condition(kinds::kNamespace, "shop", "NamespaceFinalizersRemaining") == "True SomeFinalizersRemain");
  CHECK(sim.pods() == 0);
  Json held = *sim.get(kinds::kConfigMap, "held");
  held["metadata"].erase("finalizers");
  REQUIRE(sim.cluster.server().update(sim::resource::kConfigMaps, held).ok());
  sim.cluster.run_for(30s);
  CHECK_FALSE(sim.cluster.world().get(kinds::kNamespace, "", "shop"));
  CHECK(sim.cluster.world().list(kinds::kDeployment, "shop").empty());
}

TEST_CASE("a custom resource definition becomes Established") {
  SimFixture sim;
  sim.apply(kinds::kDefinition,
            R"({"metadata":{"name":"plans.example.com"},"spec":{"group":"example.com","scope":"Namespaced",
    "names":{"plural":"plans","kind":"Plan"},"versions":[{"name":"v1","served":true,"storage":true,
    "schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}]}})");
  sim.cluster.run_for(1s);
  CHECK(sim.condition(kinds::kDefinition, "plans.example.com", "Established") == "True InitialNamesAccepted");
  CHECK(sim.condition(kinds::kDefinition, "plans.example.com", "NamesAccepted") == "True NoConflicts");
  const Json status = sim.status(kinds::kDefinition, "plans.example.com");
  CHECK(status["acceptedNames"]["listKind"] == "PlanList");
  CHECK(status["storedVersions"] == Json::array({"v1"}));
}

TEST_CASE("dependents go with their last owner, and not before") {
  SimFixture sim;
  auto first = sim.apply(kinds::kConfigMap, R"({"metadata":{"name":"first"}})");
  auto second = sim.apply(kinds::kConfigMap, R"({"metadata":{"name":"second"}})");
  Json child = {{"metadata", {{"name", "child"}}}};
  child["metadata"]["ownerReferences"] = Json::array(
      {sim::owner_ref(*first, kinds::kConfigMap, false), sim::owner_ref(*second, kinds::kConfigMap, false)});
  sim.apply(kinds::kSecret, child);
  Json lost = {{"metadata", {{"name", "lost"}}}};
  lost["metadata"]["ownerReferences"] = Json::array(
      {{{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"name", "no"}, {"uid", "00000000-0000-0000-0000-000000000000"}}});
  sim.apply(kinds::kSecret, lost);
  sim.cluster.run_for(5s);
  CHECK_FALSE(sim.get(kinds::kSecret, "lost"));
  sim.remove(kinds::kConfigMap, "first");
  sim.cluster.run_for(5s);
  auto left = sim.get(kinds::kSecret, "child");
  REQUIRE(left);
  CHECK((*left)["metadata"]["ownerReferences"].size() == 1);
  sim.remove(kinds::kConfigMap, "second");
  sim.cluster.run_for(5s);
  CHECK_FALSE(sim.get(kinds::kSecret, "child"));
}

namespace {

std::uint64_t transcript(std::uint64_t seed) {
  sim::ClusterOptions options;
  options.seed = seed;
  SimFixture sim(std::move(options));
  sim.apply(kinds::kDeployment, deployment("web", 6));
  sim.apply(kinds::kService, R"({"metadata":{"name":"web"},"spec":{"selector":{"app":"web"},"ports":[{"port":80}]}})");
  sim.cluster.run_for(20s);
  sim.apply(kinds::kDeployment, deployment("web", 6, "app:2"));
  sim.cluster.run_for(60s);
  return sim.cluster.transcript_hash();
}

}  // namespace

TEST_CASE("the same seed and requests give the same transcript, another seed another") {
  const auto first = transcript(11);
  CHECK(first == transcript(11));
  CHECK(first != transcript(12));
}

TEST_CASE("many pods start, and twice as many cost about twice the events") {
  auto events = [](int pods) {
    sim::ClusterOptions options;
    options.nodes[0].count = 20;
    SimFixture sim(std::move(options));
    const int per_set = 50;
    for (int i = 0; i < pods / per_set; ++i)
      sim.apply(kinds::kDeployment, deployment("web-" + std::to_string(i), per_set));
    sim.cluster.run_for(120s);
    CHECK(sim.pods(true) == static_cast<std::size_t>(pods));
    return sim.cluster.queue().executed();
  };
  const auto small = events(200), large = events(400);
  CHECK(large < small * 5 / 2);
}

namespace {

port::HttpRequest get(const std::string& target) { return {"GET", target, {}, "", false, port::Duration(0)}; }

port::HttpEvent wait_for(port::HttpTransport& transport, const port::Clock& clock, port::RequestId id) {
  for (int i = 0; i < 1000; ++i)
    for (auto& event : transport.poll(clock.monotonic() + 60s))
      if (event.id == id && (event.kind == port::HttpEvent::Kind::done || event.kind == port::HttpEvent::Kind::failed))
        return event;
  return {};
}

}  // namespace

TEST_CASE("requests over the transport take virtual time and are answered") {
  SimFixture sim;
  sim::SimConnector connector(sim.cluster);
  auto transport = connector.connect({"https://sim.invalid/prefix", "", "", "", "", "", false});
  REQUIRE(transport.ok());
  const auto before = sim.cluster.clock().monotonic();
  const auto id = (*transport)->submit(get("/prefix/api/v1/namespaces/default"));
  CHECK(sim.cluster.clock().monotonic() == before);
  const auto event = wait_for(**transport, sim.cluster.clock(), id);
  CHECK(event.kind == port::HttpEvent::Kind::done);
  CHECK(event.response.status == 200);
  CHECK(Json::parse(event.response.body)["metadata"]["name"] == "default");
  const auto took = sim.cluster.clock().monotonic() - before;
  CHECK(took > port::Duration(0));
  CHECK(took <= sim.cluster.options().latency_max);
}

TEST_CASE("poll with nothing in flight only lets time pass") {
  SimFixture sim;
  sim::SimConnector connector(sim.cluster);
  auto transport = std::move(connector.connect({}).value());
  const auto before = sim.cluster.clock().monotonic();
  CHECK(transport->poll(before + 5s).empty());
  CHECK(sim.cluster.clock().monotonic() == before + 5s);
  CHECK(transport->poll(before).empty());
  CHECK(transport->poll(port::Monotonic::max()).empty());
  CHECK(sim.cluster.clock().monotonic() == before + 5s);
}

TEST_CASE("a watch streams what happens and ends after its timeout") {
  SimFixture sim;
  sim::SimConnector connector(sim.cluster);
  auto transport = std::move(connector.connect({}).value());
  auto request = get("/api/v1/namespaces/default/pods?watch=true&timeoutSeconds=90");
  request.stream = true;
  const auto id = transport->submit(request);
  sim.apply(kinds::kDeployment, deployment("web", 2));
  std::string lines;
  bool done = false;
  while (!done) {
    auto events = transport->poll(sim.cluster.clock().monotonic() + 200s);
    REQUIRE_FALSE(events.empty());
    for (const auto& event : events) {
      CHECK(event.id == id);
      lines += event.data;
      done = event.kind == port::HttpEvent::Kind::done;
    }
  }
  CHECK(lines.find("\"ADDED\"") != std::string::npos);
  CHECK(lines.find("\"MODIFIED\"") != std::string::npos);
  CHECK(sim.cluster.clock().monotonic() >= 90s);
  CHECK(sim.cluster.clock().monotonic() < 100s);
}

TEST_CASE("timeouts, cancellation and faults of the network reach the client") {
  SimFixture sim;
  sim::SimConnector connector(sim.cluster);
  auto transport = std::move(connector.connect({}).value());
  auto run = [&](port::HttpRequest request) {
    return wait_for(*transport, sim.cluster.clock(), transport->submit(std::move(request)));
  };

  auto watch = get("/api/v1/pods?watch=true");
  watch.stream = true;
  watch.timeout = 7s;
  CHECK(run(watch).error.code == Code::timeout);

  connector.network().add({sim::NetworkFault::Kind::refuse, "GET", "/api/v1/nodes", 0, 1, 0, {}});
  CHECK(run(get("/api/v1/nodes")).error.code == Code::unreachable);
  CHECK(run(get("/api/v1/nodes")).response.status == 200);

  connector.network().add({sim::NetworkFault::Kind::drop_after_bytes, "", "", 0, 1, 10, {}});
  CHECK(run(get("/api/v1/nodes")).kind == port::HttpEvent::Kind::failed);

  connector.network().add({sim::NetworkFault::Kind::delay, "", "", 0, 1, 0, 20s});
  const auto before = sim.cluster.clock().monotonic();
  CHECK(run(get("/api/v1/nodes")).response.status == 200);
  CHECK(sim.cluster.clock().monotonic() - before >= 20s);

  const auto id = transport->submit(get("/api/v1/nodes"));
  transport->cancel(id);
  CHECK(transport->poll(sim.cluster.clock().monotonic() + 5s).empty());
}

TEST_CASE("a crash at the n-th write happens before or after the write, and ends everything") {
  for (const bool after : {false, true}) {
    INFO(after);
    SimFixture sim;
    sim::SimConnector connector(sim.cluster);
    auto transport = std::move(connector.connect({}).value());
    connector.network().crash_at_write(2, after);
    auto create = [&](const std::string& name) {
      port::HttpRequest request{"POST",
                                "/api/v1/namespaces/default/configmaps",
                                {{"Content-Type", "application/json"}},
                                R"({"metadata":{"name":")" + name + R"("}})",
                                false,
                                port::Duration(0)};
      return wait_for(*transport, sim.cluster.clock(), transport->submit(request));
    };
    CHECK(create("one").response.status == 201);
    CHECK(create("two").kind == port::HttpEvent::Kind::failed);
    CHECK(connector.network().crashed());
    CHECK(create("three").kind == port::HttpEvent::Kind::failed);
    CHECK(static_cast<bool>(sim.get(kinds::kConfigMap, "two")) == after);
    CHECK_FALSE(sim.get(kinds::kConfigMap, "three"));
    connector.network().revive();
    CHECK(create("four").response.status == 201);
  }
}
