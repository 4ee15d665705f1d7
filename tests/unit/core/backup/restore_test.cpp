// Restores on the embedded cluster with a stand-in for Velero: the fence, the account of every object, and runs that
// are killed.
#include "core/backup/restore.h"

#include "tests/unit/core/backup/simulated_velero.h"

using namespace nautilus;
using namespace nautilus::backup;
using namespace nautilus::backup::test;

namespace {

Json thing(const char* version, const char* kind, const char* name, Json more = Json::object()) {
  Json out = {{"apiVersion", version}, {"kind", kind}, {"metadata", {{"name", name}, {"namespace", "trading"}}}};
  out.merge_patch(more);
  return out;
}

Json pods_of(const char* name) {
  return {{"selector", {{"matchLabels", {{"app", name}}}}},
          {"template",
           {{"metadata", {{"labels", {{"app", name}}}}},
            {"spec", {{"containers", Json::array({{{"name", "app"}, {"image", "app:1"}}})}}}}}};
}

std::vector<Json> platform() {
  Json engine = {{"spec", pods_of("engine")}, {"metadata", {{"labels", {{"app.kubernetes.io/component", "engine"}}}}}};
  engine["spec"]["replicas"] = 2;
  engine["spec"]["serviceName"] = "engine";
  const Json job = Json::parse(R"({"spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": {"spec":
      {"restartPolicy": "Never", "containers": [{"name": "app", "image": "app:1"}]}}}}}})");
  return {thing("v1", "ConfigMap", "settings", {{"data", {{"a", "1"}}}}),
          thing("v1", "Secret", "engine-venue-credentials", {{"data", {{"key", "c2VjcmV0"}}}}),
          thing("v1", "Secret", "database", {{"data", {{"password", "c2VjcmV0"}}}}),
          thing("networking.k8s.io/v1", "NetworkPolicy", "engine-to-venues",
                {{"spec",
                  {{"podSelector", Json::object()},
                   {"egress", Json::array({Json::object()})},
                   {"policyTypes", {"Egress"}}}}}),
          thing("apps/v1", "StatefulSet", "engine", engine),
          thing("apps/v1", "Deployment", "web", {{"spec", pods_of("web")}}),
          thing("batch/v1", "CronJob", "drill", job)};
}

struct Scene : Velero {
  Scene() {
    contents = platform();
    backup("good", {{"phase", "Completed"}}, {{std::string(kEnvironmentLabel), "test"}});
  }
  static RestoreOptions options() {
    RestoreOptions out;
    out.from = "good";
    out.namespaces = {{"trading", "again"}};
    out.lock_wait = 2min;
    return out;
  }
  Result<> restore_now(RestorePlan& plan, const RestoreOptions& how = options()) {
    return with(
        [&](const Settings& settings, const Store& store) { return backup::restore(settings, store, how, plan); });
  }
  Json live(sim::GroupResource resource, const char* name) {
    auto found = cluster.server().get(resource, "again", name);
    return found ? *found : Json();
  }
  Json end() {
    Json out = Json::object();
    out["policies"] = Json::array();
    for (const auto& policy : cluster.server().list({"networking.k8s.io", "networkpolicies"}, "again"))
      out["policies"].push_back((*policy)["spec"]);
    for (const char* name : {"settings"}) out[name] = live({"", "configmaps"}, name).value("data", Json());
    for (const char* name : {"engine-venue-credentials", "database"})
      out[name] = live({"", "secrets"}, name).value("data", Json());
    out["engine"] = live({"apps", "statefulsets"}, "engine").value("spec", Json());
    out["web"] = live({"apps", "deployments"}, "web").value("spec", Json());
    out["drill"] = live({"batch", "cronjobs"}, "drill").value("spec", Json());
    out["restores"] = cluster.server().list({"velero.io", "restores"}, kNamespace).size();
    return out;
  }
};

}  // namespace

TEST_CASE("everything comes back behind the fence, and every object is accounted for") {
  Scene scene;
  RestorePlan plan;
  const auto done = scene.restore_now(plan);
  INFO((done.ok() ? "" : done.error().text()));
  REQUIRE(done.ok());
  CHECK(plan.count(Fate::create) == 6);
  CHECK(plan.count(Fate::fenced) == 1);
  for (const auto& object : plan.objects) CHECK(object.outcome == (object.fate == Fate::create ? "created" : ""));
  const Json end = scene.end();
  REQUIRE(end["policies"].size() == 1);
  CHECK(end["policies"][0] == fence_policy("again", plan.name)["spec"]);
  CHECK(end["engine"]["replicas"] == 0);
  CHECK(end["engine-venue-credentials"].is_null());
  CHECK(end["database"]["password"] == "c2VjcmV0");
  CHECK(end["drill"]["suspend"] == true);
  CHECK(end["restores"] == 2);  // data first, then workloads
  scene.cluster.run_for(60s);
  for (const auto& pod : scene.cluster.server().list({"", "pods"}, "again"))
    CHECK(value::string_at(*pod, "metadata", "labels", "app") != "engine");
}

TEST_CASE("the fence is there before anything that Velero brings back") {
  Scene scene;
  scene.running = true;
  RestorePlan plan;
  const auto done = scene.with([&](const Settings& settings, const Store& store) {
    REQUIRE(plan_restore(settings, store, Scene::options()).ok());
    return restore(settings, store, Scene::options(), plan);
  });
  REQUIRE(done.ok());
  const auto number = [](const Json& object) {
    return std::stoll(object["metadata"]["resourceVersion"].get<std::string>());
  };
  const auto fence = scene.live({"networking.k8s.io", "networkpolicies"}, std::string(kFence).c_str());
  for (const auto& restore : scene.cluster.server().list({"velero.io", "restores"}, Velero::kNamespace))
    CHECK(number(fence) < number(*restore));
}

TEST_CASE("killed at any write, before or after it was done, a restore is finished by running it again") {
  Scene faultless;
  RestorePlan plan;
  REQUIRE(faultless.restore_now(plan).ok());
  const auto writes = static_cast<int>(faultless.connector.network().writes());
  const Json wanted = faultless.end();
  REQUIRE(writes >= 8);
  for (int n = 1; n <= writes; ++n)
    for (bool after : {false, true}) {
      CAPTURE(n);
      CAPTURE(after);
      Scene scene;
      scene.connector.network().crash_at_write(n, after);
      (void)scene.restore_now(plan);
      scene.connector.network().revive();
      scene.cluster.run_for(60s);
      const auto again = scene.restore_now(plan);
      INFO((again.ok() ? "" : again.error().text()));
      REQUIRE(again.ok());
      CHECK(scene.end() == wanted);
    }
}

TEST_CASE("what was skipped, failed or is missing is told by name, with the exit code for half done") {
  {
    Scene scene;
    scene.cannot = {"web"};
    RestorePlan plan;
    const auto done = scene.restore_now(plan);
    REQUIRE_FALSE(done.ok());
    CHECK(done.error().code == Code::partial);
    CHECK(done.error().text().find("Deployment again/web missing") != std::string::npos);
  }
  {
    Scene scene;
    scene.make({"", "namespaces"}, {{"metadata", {{"name", "again"}}}});
    Json there = platform()[0];
    there["metadata"]["namespace"] = "again";
    there["data"]["a"] = "2";
    scene.make({"", "configmaps"}, there);
    RestorePlan plan;
    const auto done = scene.restore_now(plan);
    CHECK(plan.count(Fate::skip) == 1);
    REQUIRE_FALSE(done.ok());
    CHECK(done.error().code == Code::partial);
    CHECK(done.error().text().find("ConfigMap again/settings skipped") != std::string::npos);
    auto options = Scene::options();
    options.keep_existing = true;
    CHECK(scene.restore_now(plan, options).ok());
    CHECK(scene.end()["settings"]["a"] == "2");
  }
}

TEST_CASE("a restore that could trade, or cannot be whole, is refused before anything is written") {
  struct Row {
    const char* says;
    std::function<void(Scene&, RestoreOptions&)> spoil;
  };
  const std::vector<Row> rows = {
      {"no backup", [](Scene&, RestoreOptions& o) { o.from = "godo"; }},
      {"has no namespace",
       [](Scene&, RestoreOptions& o) {
         o.namespaces = {{"elsewhere", "again"}};
       }},
      {"in use",
       [](Scene& s, RestoreOptions& o) {
         o.namespaces.clear();
         s.make({"", "serviceaccounts"}, {{"metadata", {{"name", "default"}, {"namespace", "trading"}}}});
         s.make({"", "pods"}, {{"metadata", {{"name", "engine-0"}, {"namespace", "trading"}}},
                               {"spec", {{"containers", Json::array({{{"name", "a"}, {"image", "a:1"}}})}}}});
       }},
      {"may have a hole",
       [](Scene& s, RestoreOptions&) {
         s.make({"", "namespaces"}, {{"metadata", {{"name", "again"}}}});
         s.make({"networking.k8s.io", "networkpolicies"},
                {{"metadata", {{"name", "out"}, {"namespace", "again"}}}, {"spec", {{"podSelector", Json::object()}}}});
       }},
      {"belongs to restore",
       [](Scene& s, RestoreOptions&) {
         s.make({"", "namespaces"},
                {{"metadata", {{"name", "again"}, {"labels", {{std::string(kRestoreLabel), "other"}}}}}});
       }},
      {"does not serve",
       [](Scene& s, RestoreOptions&) {
         s.contents.push_back(thing("example.org/v1", "Database", "main"));
         s.keep_list("good");
       }},
      {"files of pods",
       [](Scene& s, RestoreOptions&) {
         s.velero("PodVolumeBackup", "v", Json::object(), {{"phase", "Completed"}},
                  {{"velero.io/backup-name", "good"}});
       }},
      {"come back empty",
       [](Scene& s, RestoreOptions&) {
         s.contents.push_back(thing("v1", "PersistentVolumeClaim", "journal"));
         s.keep_list("good");
       }},
      {"incomplete",
       [](Scene& s, RestoreOptions& o) {
         s.backup("half", {{"phase", "PartiallyFailed"}, {"errors", 2}});
         o.from = "half";
       }},
  };
  for (const auto& row : rows) {
    CAPTURE(row.says);
    Scene scene;
    auto options = Scene::options();
    row.spoil(scene, options);
    RestorePlan plan;
    const auto done = scene.restore_now(plan, options);
    REQUIRE_FALSE(done.ok());
    INFO(done.error().text());
    CHECK(done.error().text().find(row.says) != std::string::npos);
    CHECK(scene.cluster.server().list({"velero.io", "restores"}, Velero::kNamespace).empty());
    CHECK(scene.live({"networking.k8s.io", "networkpolicies"}, std::string(kFence).c_str()).is_null());
  }
}

TEST_CASE("the newest good backup of a schedule up to a time") {
  Scene scene;
  const Json labels = {{std::string(kScheduleLabel), "often"}};
  scene.backup("often-1", {{"phase", "Completed"}, {"startTimestamp", "2026-01-04T10:00:00Z"}}, labels);
  scene.backup("often-2", {{"phase", "Completed"}, {"startTimestamp", "2026-01-04T11:00:00Z"}}, labels);
  scene.backup("often-3", {{"phase", "Failed"}, {"startTimestamp", "2026-01-04T12:00:00Z"}}, labels);
  auto options = Scene::options();
  options.from.clear();
  options.from_schedule = "often";
  scene.with([&](const Settings& settings, const Store& store) {
    CHECK(plan_restore(settings, store, options)->backup.name == "often-2");
    options.to_time = std::chrono::sys_days(std::chrono::year(2026) / 1 / 4) + 10h + 30min;
    CHECK(plan_restore(settings, store, options)->backup.name == "often-1");
    options.to_time = std::chrono::sys_days(std::chrono::year(2026) / 1 / 3);
    const auto none = plan_restore(settings, store, options);
    REQUIRE_FALSE(none.ok());
    CHECK(none.error().hint.find("often-2") != std::string::npos);
    return 0;
  });
}

TEST_CASE("each hole of the fence is seen") {
  const Json policy = fence_policy("again", "r");
  CHECK(holes("again", "r", {{policy}, {}, {}, {}}).empty());
  CHECK(holes("again", "r", {}).size() == 1);
  CHECK(holes("again", "other", {{policy}, {}, {}, {}}).size() == 1);
  CHECK(holes("again", "r", {{policy, thing("networking.k8s.io/v1", "NetworkPolicy", "out")}, {}, {}, {}}).size() == 1);
  CHECK(holes("again", "r", {{policy}, {platform()[4]}, {}, {}}).size() == 1);
  CHECK(holes("again", "r", {{policy}, {}, {platform()[1]}, {}}).size() == 1);
  CHECK(holes("again", "r", {{policy}, {}, {platform()[2]}, {}}).empty());
  CHECK(holes("again", "r", {{policy}, {}, {}, {platform()[6]}}).size() == 1);
}

TEST_CASE("Velero's lists of objects") {
  const auto read = read_list({{"apps/v1/Deployment", {"ns/web(created)"}}, {"v1/Namespace", {"ns"}}});
  REQUIRE(read.ok());
  CHECK((*read)[0].api_version == "apps/v1");
  CHECK((*read)[0].action == "created");
  CHECK((*read)[0].name == "web");
  CHECK((*read)[1].api_version == "v1");
  CHECK((*read)[1].namespace_.empty());
  for (const Json& bad : {Json::array(), Json{{"x", Json::array()}}, Json{{"v1/Pod", {1}}}, Json{{"v1/Pod", "a"}}})
    CHECK_FALSE(read_list(bad).ok());
}
