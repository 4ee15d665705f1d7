// A snapshot of the embedded cluster, with what really happens there, and with an API server that refuses.
#include "core/check/gather.h"

#include <set>

#include "core/sim/transport.h"
#include "tests/unit/core/check/judge.h"

using namespace nautilus;
using namespace nautilus::check;
using namespace nautilus::check::testing;
using namespace std::chrono_literals;

namespace {

class Chance final : public port::Entropy {
 public:
  void fill(std::span<std::byte> out) override {
    for (auto& byte : out) byte = static_cast<std::byte>(next_++ * 37);
  }

 private:
  unsigned next_ = 1;
};

class SimClock final : public port::Clock {
 public:
  explicit SimClock(const port::Clock& clock) : clock_(clock) {}
  port::WallTime now() const override { return clock_.now(); }
  port::Monotonic monotonic() const override { return clock_.monotonic(); }

 private:
  const port::Clock& clock_;
};

Json deployment(const std::string& name, const std::string& image) {
  return {{"apiVersion", "apps/v1"},
          {"kind", "Deployment"},
          {"metadata", {{"name", name}, {"namespace", "t"}}},
          {"spec",
           {{"replicas", 2},
            {"selector", {{"matchLabels", {{"app", name}}}}},
            {"template",
             {{"metadata", {{"labels", {{"app", name}}}}},
              {"spec", {{"containers", Json::array({{{"name", "app"}, {"image", image}}})}}}}}}}};
}

struct Scene {
  sim::Cluster cluster;
  sim::SimConnector connector{cluster};
  SimClock clock{cluster.clock()};
  Chance entropy;
  port::NeverInterrupted never;
  const env::Environment env = environment();

  Scene() { create("", "namespaces", {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", "t"}}}}); }

  void create(const char* group, const char* plural, const Json& body) {
    auto made = cluster.server().create({group, plural}, body, {"tester", "tester"});
    INFO(made.message());
    REQUIRE(made.ok());
  }

  Result<Snapshot> snapshot() {
    kube::Client::Wiring wiring{
        clock,   entropy, never, "http://127.0.0.1", std::make_unique<sim::SimTransport>(cluster, connector.network()),
        nullptr, {},      ""};
    kube::Client client(std::move(wiring));
    kube::Discovery discovery(client);
    std::vector<const Check*> all;
    for (const Check& check : doctor_checks()) all.push_back(&check);
    return gather(client, discovery, env, sources_of(all));
  }

  // "id object", a line each, sorted.
  std::string found(const Snapshot& seen) {
    const Facts facts(seen, env, clock.now());
    std::set<std::string> all;
    for (const Check& check : doctor_checks())
      for (const Judged& one : run(facts, {&check}))
        for (const Finding& finding : one.outcome.findings()) all.insert(std::string(one.about.id) + " " + finding.object);
    std::string text;
    for (const std::string& line : all) text += line + "\n";
    return text;
  }
};

}  // namespace

TEST_CASE("on the embedded cluster: a healthy workload is not found, each that is broken is, by its cause") {
  Scene scene;
  scene.create("apps", "deployments", deployment("good", "app:1"));
  scene.cluster.run_for(300s);
  auto seen = scene.snapshot();
  REQUIRE(seen.ok());
  CHECK(scene.found(*seen) == "");

  scene.create("apps", "deployments", deployment("pull", "app:sim-image-pull-error"));
  scene.create("apps", "deployments", deployment("crash", "app:sim-crash"));
  scene.create("apps", "deployments", deployment("unready", "app:sim-never-ready"));
  Json needs = deployment("needs", "app:1");
  needs["spec"]["template"]["spec"]["volumes"] = Json::array({{{"name", "v"}, {"secret", {{"secretName", "gone"}}}}});
  scene.create("apps", "deployments", needs);
  Json large = deployment("large", "app:1");
  large["spec"]["template"]["spec"]["containers"][0]["resources"] = {{"requests", {{"cpu", "1000"}}}};
  scene.create("apps", "deployments", large);
  scene.create("", "services",
               {{"apiVersion", "v1"},
                {"kind", "Service"},
                {"metadata", {{"name", "lost"}, {"namespace", "t"}}},
                {"spec", {{"selector", {{"app", "lots"}}}, {"ports", Json::array({{{"port", 80}}})}}}});
  scene.cluster.run_for(600s);
  seen = scene.snapshot();
  REQUIRE(seen.ok());
  CHECK(scene.found(*seen) ==
        "pods.crash-loop Deployment t/crash\n"
        "pods.image-pull Deployment t/pull\n"
        "pods.missing-config Deployment t/needs\n"
        "pods.probe-failing Deployment t/unready\n"
        "pods.unschedulable Deployment t/large\n"
        "services.without-endpoints Service t/lost\n");
}

TEST_CASE("of Secrets nothing but names and certificates is kept") {
  Scene scene;
  scene.create("", "secrets",
               {{"apiVersion", "v1"},
                {"kind", "Secret"},
                {"type", "kubernetes.io/tls"},
                {"metadata", {{"name", "tls"}, {"namespace", "t"}, {"annotations", {{"copy", "cHJpdmF0ZQ=="}}}}},
                {"data", {{"tls.crt", "Y2VydA=="}, {"tls.key", "cHJpdmF0ZQ=="}}}});
  const auto seen = scene.snapshot();
  REQUIRE(seen.ok());
  REQUIRE(seen->ours(source::kTlsSecrets).size() == 1);
  CHECK(value::string_at(*seen->ours(source::kTlsSecrets).front(), "data", "tls.crt") == "Y2VydA==");
  CHECK(seen->ours(source::kTlsSecrets).front()->dump().find("cHJpdmF0ZQ==") == std::string::npos);
  REQUIRE(seen->find(source::kSecrets, "t", "tls"));
  CHECK(!value::find(*seen->find(source::kSecrets, "t", "tls"), "data"));
}

TEST_CASE("a kind that may not be listed everywhere is listed in the environment's namespace; one that fails is a gap") {
  Scene scene;
  scene.create("apps", "deployments", deployment("pull", "app:sim-image-pull-error"));
  scene.cluster.run_for(120s);
  sim::Fault forbidden;
  forbidden.verb = "list";
  forbidden.resource = "pods";
  forbidden.status = 403;
  forbidden.reason = "Forbidden";
  forbidden.message = "pods is forbidden";
  scene.cluster.server().add_fault(forbidden);
  sim::Fault broken = forbidden;
  broken.resource = "nodes";
  broken.status = 500;
  broken.reason = "InternalError";
  broken.message = "etcdserver: no leader";
  broken.times = -1;
  scene.cluster.server().add_fault(broken);
  const auto seen = scene.snapshot();
  REQUIRE(seen.ok());
  CHECK(seen->entry(source::kPods).reach == Snapshot::Reach::one_namespace);
  CHECK(scene.found(*seen) == "pods.image-pull Deployment t/pull\n");
  CHECK(judged("nodes.not-ready", *seen).outcome.state() == State::could_not_check);
  CHECK(judged("nodes.not-ready", *seen).outcome.reason().find("no leader") != std::string::npos);
}
