#include "scene.h"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "core/apply/operators.h"
#include "core/audit/verify.h"
#include "core/audit/log.h"
#include "core/value/yaml.h"

namespace nautilus::upgrade_test {

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

// A dead process does not try again.
class Death final : public port::Interrupt {
 public:
  explicit Death(const sim::Network& network) : network_(network) {}
  bool requested() const override { return network_.crashed(); }

 private:
  const sim::Network& network_;
};

Json definition() {
  std::ifstream file(NAUTILUS_SOURCE_DIR "/manifests/crds/upgradeplans.yaml");
  std::stringstream text;
  text << file.rdbuf();
  auto parsed = value::parse_yaml(text.str(), "upgradeplans.yaml");
  REQUIRE(parsed.ok());
  return *parsed;
}

Json workload(const std::string& kind, int replicas) {
  const Json labels = {{"app", "app"}, {std::string(upgrade::kTrackLabel), "stable"}};
  Json object = {
      {"apiVersion", "apps/v1"},
      {"kind", kind},
      {"metadata", {{"name", "app"}, {"namespace", "ns"}}},
      {"spec",
       {{"replicas", replicas},
        {"selector", {{"matchLabels", {{"app", "app"}}}}},
        {"template",
         {{"metadata", {{"labels", labels}}},
          {"spec", {{"containers", Json::array({{{"name", "app"}, {"image", kOld}}})}}}}}}}};
  if (kind == "StatefulSet") object["spec"]["serviceName"] = "app";
  return object;
}

Json virtual_service() {
  const auto destination = [](const char* subset, int weight) {
    return Json{{"destination", {{"host", "app"}, {"subset", subset}}}, {"weight", weight}};
  };
  return {{"apiVersion", "networking.istio.io/v1"},
          {"kind", "VirtualService"},
          {"metadata", {{"name", "app"}, {"namespace", "ns"}}},
          {"spec",
           {{"hosts", {"app.example"}},
            {"http", Json::array({{{"route", Json::array({destination("stable", 100), destination("canary", 0)})}},
                                  {{"redirect", {{"uri", "/"}}}}})}}}};
}

Json http_route() {
  return {{"apiVersion", "gateway.networking.k8s.io/v1"},
          {"kind", "HTTPRoute"},
          {"metadata", {{"name", "app"}, {"namespace", "ns"}}},
          {"spec",
           {{"rules", Json::array({{{"backendRefs", Json::array({{{"name", "app-stable"}, {"weight", 100}},
                                                                 {{"name", "app-canary"}, {"weight", 0}}})}}})}}}};
}

}  // namespace

sim::ClusterOptions Scene::options() {
  sim::ClusterOptions options;
  options.kubelet.tags = {{std::string(64, 'c'), sim::Behaviour::crash}, {std::string(64, 'd'), sim::Behaviour::never_ready}};
  return options;
}

Scene::Scene(const std::string& kind, int replicas) {
  services.window = [](port::WallTime) {
    return upgrade::WindowVerdict{upgrade::WindowVerdict::State::open, {}, {}, "open"};
  };
  services.preflight = [](const upgrade::Plan&) {
    return upgrade::PreflightVerdict{upgrade::PreflightVerdict::State::passed, "", {}};
  };
  for (const char* space : {"ns", "upgrade-system"})
    create("", "namespaces", {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", space}}}});
  create("apiextensions.k8s.io", "customresourcedefinitions", definition());
  for (const Json& one : apply::stand_in_definitions(
           {{"networking.istio.io", "v1", "VirtualService", "virtualservices", "VirtualServiceList", true},
            {"gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes", "HTTPRouteList", true}}))
    create("apiextensions.k8s.io", "customresourcedefinitions", one);
  cluster.run_for(std::chrono::seconds(5));
  create("apps", kind == "Deployment" ? "deployments" : "statefulsets", workload(kind, replicas));
  create("networking.istio.io", "virtualservices", virtual_service());
  create("gateway.networking.k8s.io", "httproutes", http_route());
  cluster.run_for(std::chrono::seconds(120));
}

void Scene::create(const std::string& group, const std::string& plural, const Json& body) {
  const auto made = cluster.server().create({group, plural}, body, {"nautilusctl", "admin"});
  INFO(made.message());
  REQUIRE(made.ok());
}

Json Scene::change(const std::string& strategy, Json more) const {
  Json change = {{"component", "app"},
                 {"target", {{"kind", strategy == "ordered" ? "StatefulSet" : "Deployment"},
                             {"namespace", "ns"},
                             {"name", "app"}}},
                 {"strategy", strategy},
                 {"images", Json::array({{{"container", "app"}, {"image", kNew}}})},
                 {"limits", {{"deadline", "30m"}, {"step", "5m"}, {"rollback", "5m"}}}};
  if (strategy == "canary" || strategy == "blueGreen")
    change["routes"] = Json::array({{{"kind", "VirtualService"}, {"name", "app"}}, {{"kind", "HTTPRoute"}, {"name", "app"}}});
  if (strategy == "canary")
    change["steps"] = Json::array({{{"weight", 10}, {"hold", "20s"}}, {{"weight", 50}, {"hold", "20s"}}});
  if (strategy == "blueGreen") change["steps"] = Json::array({{{"weight", 100}, {"hold", "20s"}}});
  change.update(more);
  return change;
}

void Scene::make_plan(const Json& change, const std::string& name) {
  const auto made = as_process([&](apply::Cluster& api) -> Result<> {
    TRY(upgrade::Plans(api).create(upgrade::new_plan(name, change)));
    return {};
  });
  INFO((made.ok() ? "" : made.error().text()));
  REQUIRE(made.ok());
}

Result<> Scene::as_process(const Work& work) {
  Chance entropy;
  SimClock clock(cluster.clock());
  const Death death(connector.network());
  port::NullSink events;
  kube::Client client({clock, entropy, death, "http://127.0.0.1",
                       std::make_unique<sim::SimTransport>(cluster, connector.network()), nullptr, {}, ""});
  kube::Discovery discovery(client);
  apply::Cluster api(client, discovery, events);
  services.who = fmt::format("process {}", ++processes);
  return work(api);
}

Result<upgrade::Plan> Scene::run(const std::string& name) {
  upgrade::Plan ended;
  TRY(as_process([&](apply::Cluster& api) -> Result<> {
    upgrade::Machine machine(api, services);
    ASSIGN_OR_RETURN(ended, machine.run(name, std::chrono::minutes(2)));
    return {};
  }));
  return ended;
}

Json Scene::get(const std::string& group, const std::string& plural, const std::string& name,
                const std::string& space) {
  const auto found = cluster.server().get({group, plural}, space, name);
  return found ? *found : Json();
}

void Scene::patch(const std::string& group, const std::string& plural, const std::string& name, const Json& merge,
                  const std::string& space) {
  Json object = get(group, plural, name, space);
  object.merge_patch(merge);
  const auto done = cluster.server().update({group, plural}, object, {"somebody", "somebody"});
  INFO(done.message());
  REQUIRE(done.ok());
}

upgrade::Plan Scene::plan(const std::string& name) {
  return upgrade::plan_from_json(get("upgrade.nautilusctl.io", "upgradeplans", name, "upgrade-system"));
}

std::vector<std::string> Scene::audit_lines() {
  std::vector<std::string> lines;
  (void)as_process([&](apply::Cluster& api) -> Result<> {
    ASSIGN_OR_RETURN(lines, audit::Log(api).lines());
    return {};
  });
  return lines;
}

std::vector<std::string> Scene::phases() {
  std::vector<std::string> out;
  for (const auto& line : audit_lines()) {
    const auto entry = audit::from_line(line);
    REQUIRE(entry.ok());
    out.push_back(value::string_at(entry->event.data, "phase") + " " +
                  std::to_string(value::int_at(entry->event.data, 0, "step")));
  }
  return out;
}

Json Scene::end() {
  cluster.run_for(std::chrono::seconds(60));
  Json out = Json::object();
  for (const char* plural : {"deployments", "statefulsets"})
    for (const char* name : {"app", "app-canary"}) {
      const Json live = get("apps", plural, name);
      if (live.is_null()) continue;
      Json& entry = out[std::string(plural) + "/" + name];
      entry = {{"spec", live["spec"]}, {"health", status::compute(live).message}};
    }
  out["virtual"] = get("networking.istio.io", "virtualservices", "app")["spec"];
  out["route"] = get("gateway.networking.k8s.io", "httproutes", "app")["spec"];
  const auto plan_now = plan();
  out["phase"] = plan_now.status.phase;
  out["reason"] = plan_now.status.reason;
  CHECK(audit::verify(audit_lines()).empty());
  out["recorded"] = phases();
  return out;
}

}  // namespace nautilus::upgrade_test
