// Adoption on the embedded cluster: killed at every write, it is finished by running it again, and the end is the same.
#include "core/release/adopt.h"

#include <doctest/doctest.h>

#include "core/kube/connect.h"
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

// A cluster in which Helm 3 (or kubectl) has installed the manifests.
struct Scene {
  sim::Cluster cluster;
  sim::SimConnector connector{cluster};
  SimClock clock{cluster.clock()};
  Chance entropy;
  port::NullSink events;
  env::Environment env;
  apply::Desired desired;

  explicit Scene(bool helm) {
    env.name = "test";
    env.release = "platform";
    env.namespace_ = "ns";
    create("namespaces", {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", "ns"}}}}, "admin");
    std::string text;
    for (Json manifest : manifests()) {
      desired.objects.push_back({manifest, "t.yaml"});
      text += "---\n" + manifest.dump() + "\n";
      auto& notes = manifest["metadata"]["annotations"];
      if (helm)
        notes = {{"meta.helm.sh/release-name", "platform"}, {"meta.helm.sh/release-namespace", "ns"}};
      else
        notes = {{std::string(apply::kLastApplied), manifest.dump()}};
      create(manifest["kind"] == "ConfigMap" ? "configmaps" : "deployments", manifest,
             helm ? "helm" : "kubectl-client-side-apply");
    }
    if (helm) create("secrets", helm_secret(text), "Helm");
    cluster.run_for(30s);
  }

  static Json helm_secret(const std::string& manifest) {
    const Json record = {{"name", "platform"},
                         {"namespace", "ns"},
                         {"version", 3},
                         {"info", {{"status", "deployed"}}},
                         {"chart", {{"metadata", {{"name", "nautilus"}, {"version", "0.1.0"}}}}},
                         {"manifest", manifest}};
    return {{"apiVersion", "v1"},
            {"kind", "Secret"},
            {"type", "helm.sh/release.v1"},
            {"metadata",
             {{"name", "sh.helm.release.v1.platform.v3"},
              {"namespace", "ns"},
              {"labels", {{"owner", "helm"}, {"name", "platform"}, {"status", "deployed"}, {"version", "3"}}}}},
            {"data", {{"release", release::base64(release::base64(release::gzip(record.dump())))}}}};
  }

  void create(const char* plural, const Json& body, const char* manager) {
    const std::string group = std::string_view(plural) == "deployments" ? "apps" : "";
    auto made = cluster.server().create({group, plural}, body, {manager, manager});
    INFO(made.message());
    REQUIRE(made.ok());
  }

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

  Result<int> adopt(release::Adoption& adoption, bool restart = false) {
    return with_session([&](const release::Session& session) {
      release::AdoptOptions options;
      options.lock_wait = 2min;  // the lock of a run that was killed runs out
      options.allow_restart = restart;
      return release::adopt(session, desired, options, adoption);
    });
  }

  std::size_t replica_sets() {
    cluster.run_for(60s);
    return cluster.world().list(sim::kinds::kReplicaSet, "ns").size();
  }

  // What adopting must bring about, and what it must leave alone.
  Json end() {
    Json out = Json::object();
    for (const auto& manifest : manifests()) {
      const bool map = manifest["kind"] == "ConfigMap";
      auto found = cluster.server().get({map ? "" : "apps", map ? "configmaps" : "deployments"}, "ns",
                                        manifest["metadata"]["name"].get<std::string>());
      REQUIRE(found);
      const Json& live = *found;
      Json& entry = out[manifest["metadata"]["name"].get<std::string>()];
      entry = {{"generation", value::int_at(live, 0, "metadata", "generation")},
               {"spec", live.value("spec", Json())},
               {"annotations", live["metadata"].value("annotations", Json())}};
      for (const auto& owner : live["metadata"]["managedFields"])
        entry["owners"].push_back({owner["manager"], owner["operation"], owner["fieldsV1"]});
    }
    return out;
  }

 private:
  port::NeverInterrupted never_;
};

}  // namespace

TEST_CASE("what was adopted is recorded as it is, and a deploy has nothing to write") {
  for (bool helm : {true, false}) {
    CAPTURE(helm);
    Scene scene(helm);
    const auto before = scene.end();
    release::Adoption adoption;
    const auto revision = scene.adopt(adoption);
    INFO((revision.ok() ? "" : revision.error().text()));
    REQUIRE(revision.ok());
    CHECK(*revision == 1);
    CHECK(adoption.to_move() == 3);
    CHECK(adoption.helm.has_value() == helm);
    for (const char* name : {"web", "api"}) CHECK(scene.end()[name]["spec"] == before[name]["spec"]);
    CHECK(scene.replica_sets() == 2);
    scene.with_session([&](const release::Session& session) {
      const auto plan = release::plan(session, scene.desired, {});
      REQUIRE(plan.ok());
      CHECK_FALSE(plan->plan.changes_anything());
      const auto history = session.store().list(true);
      REQUIRE(history.ok());
      REQUIRE(history->size() == 1);
      CHECK(history->front().status == release::kDeployed);
      CHECK(history->front().objects.size() == 3);
      for (const auto& recorded : history->front().objects)
        if (recorded.id.name == "web") CHECK(recorded.manifest == object("Deployment", "web"));
      return 0;
    });
    CHECK(*scene.adopt(adoption) == 0);
  }
}

TEST_CASE("killed at any write, before or after it was done, adopting is finished by running it again") {
  for (bool helm : {true, false}) {
    Scene faultless(helm);
    release::Adoption adoption;
    REQUIRE(faultless.adopt(adoption).ok());
    const auto writes = static_cast<int>(faultless.connector.network().writes());
    const Json wanted = faultless.end();
    REQUIRE(writes >= 6);
    for (int n = 1; n <= writes; ++n)
      for (bool after : {false, true}) {
        CAPTURE(helm);
        CAPTURE(n);
        CAPTURE(after);
        Scene scene(helm);
        scene.connector.network().crash_at_write(n, after);
        (void)scene.adopt(adoption);
        REQUIRE(scene.connector.network().crashed());
        scene.connector.network().revive();
        scene.cluster.run_for(60s);
        const auto again = scene.adopt(adoption);
        INFO((again.ok() ? "" : again.error().text()));
        REQUIRE(again.ok());
        CHECK(scene.end() == wanted);
      }
  }
}

TEST_CASE("what would restart pods or belongs to somebody else is refused before anything is written") {
  release::Adoption adoption;
  Scene scene(true);
  scene.desired.objects[1].manifest["spec"]["template"]["spec"]["containers"][0]["image"] = "app:2";
  const Json before = scene.end();
  auto refused = scene.adopt(adoption);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Code::refused);
  CHECK(refused.error().hint.find("--allow-restart") != std::string::npos);
  CHECK(scene.end() == before);
  CHECK(scene.adopt(adoption, true).ok());

  Scene other(true);
  other.env.release = "another";
  refused = other.adopt(adoption);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message.find("Helm release platform") != std::string::npos);
}

TEST_CASE("a damaged record of Helm is refused with its name") {
  Json secret = Scene::helm_secret("kind: X\n");
  CHECK(release::helm_release(secret)->chart == "nautilus-0.1.0");
  CHECK(release::helm_release(secret)->version == 3);
  for (const char* bad : {"", "!!!!", "aGVsbG8="}) {
    secret["data"]["release"] = bad;
    const auto read = release::helm_release(secret);
    REQUIRE_FALSE(read.ok());
    CHECK(read.error().text().find("sh.helm.release.v1.platform.v3") != std::string::npos);
  }
}
