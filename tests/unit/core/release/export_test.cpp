// Handing over on the embedded cluster: killed at every write, it is finished by running it again, and the end is the
// same.
#include "core/release/export.h"

#include <doctest/doctest.h>

#include "core/kube/connect.h"
#include "core/release/adopt.h"
#include "core/release/gzip.h"
#include "core/sim/control/kinds.h"
#include "core/sim/transport.h"

using namespace nautilus;
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

Json object(const char* kind, const std::string& name) {
  if (std::string_view(kind) == "ConfigMap")
    return {{"apiVersion", "v1"},
            {"kind", kind},
            {"metadata", {{"name", name}, {"namespace", "ns"}}},
            {"data", {{"a", "1"}}}};
  return {{"apiVersion", "apps/v1"},
          {"kind", kind},
          {"metadata", {{"name", name}, {"namespace", "ns"}}},
          {"spec",
           {{"replicas", 1},
            {"selector", {{"matchLabels", {{"app", name}}}}},
            {"template",
             {{"metadata", {{"labels", {{"app", name}}}}},
              {"spec", {{"containers", Json::array({{{"name", "app"}, {"image", "app:1"}}})}}}}}}}};
}

std::vector<Json> manifests() {
  return {object("ConfigMap", "settings"), object("Deployment", "web"), object("Deployment", "api")};
}

// A cluster on which nautilusctl has deployed the manifests.
struct Scene {
  sim::Cluster cluster;
  sim::SimConnector connector{cluster};
  SimClock clock{cluster.clock()};
  Chance entropy;
  port::NullSink events;
  env::Environment env;
  apply::Desired desired;
  release::HelmSource source{{{"metadata", {{"name", "nautilus"}, {"version", "0.1.0"}, {"apiVersion", "v2"}}}},
                             {{"backend", {{"replicas", 3}}}}};

  template <class Work>
  auto with_session(Work work) {
    kube::Client::Wiring wiring{
        clock,   entropy, never_, "http://127.0.0.1", std::make_unique<sim::SimTransport>(cluster, connector.network()),
        nullptr, {},      ""};
    kube::Client client(std::move(wiring));
    kube::Discovery discovery(client);
    apply::Cluster api(client, discovery, events);
    const release::Session session{api, env, entropy, "tester"};
    return work(session);
  }

  Scene() {
    env.name = "test";
    env.release = "platform";
    env.namespace_ = "ns";
    REQUIRE(cluster.server()
                .create({"", "namespaces"},
                        {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", "ns"}}}},
                        {"admin", "admin"})
                .ok());
    for (const Json& manifest : manifests()) desired.objects.push_back({manifest, "t/templates/t.yaml"});
    const auto done = with_session([&](const release::Session& session) {
      release::DeployOptions options;
      options.wait = false;
      release::Outcome outcome;
      return release::deploy(session, desired, options, outcome);
    });
    INFO((done.ok() ? "" : done.error().text()));
    REQUIRE(done.ok());
    cluster.run_for(30s);
  }

  Result<int> hand_over(release::Export& plan, const std::string& name = {}) {
    return with_session([&](const release::Session& session) {
      release::ExportOptions options;
      options.release = name;
      options.lock_wait = 2min;  // the lock of a run that was killed runs out
      return release::export_release(session, desired, source, options, plan);
    });
  }

  Json live(const Json& manifest) {
    const bool map = manifest["kind"] == "ConfigMap";
    auto found = cluster.server().get({map ? "" : "apps", map ? "configmaps" : "deployments"}, "ns",
                                      manifest["metadata"]["name"].get<std::string>());
    REQUIRE(found);
    return *found;
  }

  std::vector<Json> records() {
    std::vector<Json> out;
    for (int version = 1; version < 9; ++version)
      if (auto found = cluster.server().get({"", "secrets"}, "ns", release::helm_secret_name("platform", version)))
        out.push_back(*found);
    return out;
  }

  // What handing over must bring about, and what it must leave alone.
  Json end() {
    Json out = Json::object();
    for (const auto& manifest : manifests()) {
      const Json object = live(manifest);
      Json& entry = out[manifest["metadata"]["name"].get<std::string>()];
      entry = {{"spec", object.value("spec", Json())},
               {"annotations", object["metadata"].value("annotations", Json())},
               {"labels", object["metadata"].value("labels", Json())}};
      for (const auto& owner : object["metadata"]["managedFields"])
        entry["owners"].push_back({owner["manager"], owner["operation"], owner["fieldsV1"]});
    }
    for (const auto& secret : records()) {
      auto payload = release::helm_payload(secret);
      REQUIRE(payload.ok());
      (*payload)["info"].erase("first_deployed");
      (*payload)["info"].erase("last_deployed");
      out["records"].push_back({secret["metadata"]["labels"]["status"], *payload});
    }
    return out;
  }

 private:
  port::NeverInterrupted never_;
};

}  // namespace

TEST_CASE("what is handed over is Helm's: fields, marks and record; nothing that runs has changed") {
  Scene scene;
  const Json before = scene.end();
  release::Export plan;
  const auto revision = scene.hand_over(plan);
  INFO((revision.ok() ? "" : revision.error().text()));
  REQUIRE(revision.ok());
  CHECK(*revision == 2);
  CHECK(plan.to_move() == 3);
  const Json after = scene.end();
  for (const char* name : {"settings", "web", "api"}) {
    CHECK(after[name]["spec"] == before[name]["spec"]);
    CHECK(after[name]["annotations"]["meta.helm.sh/release-name"] == "platform");
    CHECK(after[name]["annotations"]["meta.helm.sh/release-namespace"] == "ns");
    CHECK(after[name]["labels"]["app.kubernetes.io/managed-by"] == "Helm");
    CHECK(after[name].dump().find("\"nautilusctl\"") == std::string::npos);
  }
  REQUIRE(scene.records().size() == 1);
  const auto record = release::helm_release(scene.records().front());
  REQUIRE(record.ok());
  CHECK(record->status == "deployed");
  CHECK(record->server_side);
  CHECK(record->chart == "nautilus-0.1.0");
  CHECK(record->objects == manifests());
  CHECK(scene.cluster.world().list(sim::kinds::kReplicaSet, "ns").size() == 2);
  CHECK(*scene.hand_over(plan) == 0);  // and again: nothing to do
}

TEST_CASE("killed at any write, before or after it was done, handing over is finished by running it again") {
  Scene faultless;
  release::Export plan;
  const auto before = faultless.connector.network().writes();
  REQUIRE(faultless.hand_over(plan).ok());
  const auto writes = static_cast<int>(faultless.connector.network().writes());
  const Json wanted = faultless.end();
  REQUIRE(writes - static_cast<int>(before) >= 7);
  for (int n = static_cast<int>(before) + 1; n <= writes; ++n)
    for (bool after : {false, true}) {
      CAPTURE(n);
      CAPTURE(after);
      Scene scene;
      scene.connector.network().crash_at_write(n, after);
      (void)scene.hand_over(plan);
      REQUIRE(scene.connector.network().crashed());
      scene.connector.network().revive();
      scene.cluster.run_for(60s);
      const auto again = scene.hand_over(plan);
      INFO((again.ok() ? "" : again.error().text()));
      REQUIRE(again.ok());
      CHECK(scene.end() == wanted);
    }
}

TEST_CASE("afterwards nautilusctl writes no more, until it is adopted again") {
  Scene scene;
  release::Export plan;
  REQUIRE(scene.hand_over(plan).ok());
  scene.with_session([&](const release::Session& session) {
    release::Outcome outcome;
    const auto refused = release::deploy(session, scene.desired, {}, outcome);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == Code::refused);
    CHECK(refused.error().hint.find("adopt") != std::string::npos);
    release::Adoption adoption;
    const auto adopted = release::adopt(session, scene.desired, {}, adoption);
    INFO((adopted.ok() ? "" : adopted.error().text()));
    REQUIRE(adopted.ok());
    CHECK(adoption.to_move() == 3);
    const auto again = release::deploy(session, scene.desired, {}, outcome);
    INFO((again.ok() ? "" : again.error().text()));
    CHECK(again.ok());
    return 0;
  });
  // There and back: Helm's record says the same still, so there is one.
  REQUIRE(scene.hand_over(plan).ok());
  CHECK(scene.records().size() == 1);
}

TEST_CASE("handing over is refused when an operation is in progress or the cluster is not as rendered") {
  release::Export plan;
  {
    Scene scene;
    scene.desired.objects[0].manifest["data"]["a"] = "2";
    const Json before = scene.end();
    const auto refused = scene.hand_over(plan);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == Code::refused);
    CHECK(refused.error().hint.find("nautilusctl deploy") != std::string::npos);
    CHECK(scene.end() == before);
  }
  {
    Scene scene;
    const Json payload = {
        {"name", "platform"}, {"namespace", "ns"}, {"version", 4}, {"info", {{"status", "pending-upgrade"}}}};
    const auto secret = release::helm_secret(payload, "createdAt", 1);
    REQUIRE(secret.ok());
    REQUIRE(scene.cluster.server().create({"", "secrets"}, *secret, {"Helm", "Helm"}).ok());
    const auto refused = scene.hand_over(plan);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().text().find("pending-upgrade") != std::string::npos);
  }
  {
    Scene scene;  // nobody deployed it
    scene.env.release = "another";
    const auto refused = scene.hand_over(plan);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == Code::not_found);
  }
  {
    Scene scene;
    scene.with_session([&](const release::Session& session) {
      release::Revision revision;
      revision.number = 2;
      revision.status = release::kPending;
      revision.operation = "deploy";
      REQUIRE(session.store().create(revision).ok());
      return 0;
    });
    const auto refused = scene.hand_over(plan);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().text().find("in progress") != std::string::npos);
  }
}

TEST_CASE("an earlier record of Helm is superseded; one that is too large is refused") {
  Scene scene;
  const Json payload = {{"name", "platform"},
                        {"namespace", "ns"},
                        {"version", 4},
                        {"manifest", "kind: X\n"},
                        {"info", {{"status", "deployed"}, {"first_deployed", "2026-01-02T03:04:05Z"}}}};
  const auto secret = release::helm_secret(payload, "createdAt", 1);
  REQUIRE(secret.ok());
  REQUIRE(scene.cluster.server().create({"", "secrets"}, *secret, {"Helm", "Helm"}).ok());
  release::Export plan;
  REQUIRE(scene.hand_over(plan).ok());
  REQUIRE(scene.records().size() == 2);
  CHECK(scene.records()[0]["metadata"]["labels"]["status"] == "superseded");
  CHECK(release::helm_release(scene.records()[0])->status == "superseded");
  CHECK(release::helm_release(scene.records()[1])->version == 5);
  CHECK((*release::helm_payload(scene.records()[1]))["info"]["first_deployed"] == "2026-01-02T03:04:05Z");

  std::string noise(2u << 20, ' ');
  unsigned seed = 1;
  for (char& c : noise) c = static_cast<char>('!' + (seed = seed * 1664525u + 1013904223u) % 90u);
  Scene other;
  other.source.chart["files"] = {{{"name", "large"}, {"data", noise}}};
  const auto refused = other.hand_over(plan);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Code::limit);
}
