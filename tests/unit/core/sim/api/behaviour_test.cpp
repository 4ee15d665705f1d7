#include "core/sim/api/pattern.h"
#include "core/sim/api/quantity.h"
#include "tests/unit/core/sim/api/fixture.h"

namespace nautilus::sim::test {
namespace {

const std::string kPods = "/api/v1/namespaces/t/pods";
const std::string kMaps = "/api/v1/namespaces/t/configmaps";

TEST_CASE("lists come in pages, in etcd's order") {
  Cluster cluster;
  cluster.make_namespace("t");
  for (const char* name : {"b", "a", "d", "c", "e"}) cluster.send("POST", kMaps, {{"metadata", {{"name", name}}}});
  std::string names, token;
  int pages = 0;
  do {
    Answer page = cluster.send("GET", kMaps + "?limit=2" + (token.empty() ? "" : "&continue=" + token));
    REQUIRE(page.status == 200);
    for (const Json& item : page.body["items"]) names += value::string_at(item, "metadata", "name");
    token = value::string_at(page.body, "metadata", "continue");
    if (++pages == 1) CHECK(page.body["metadata"]["remainingItemCount"] == 3);
  } while (!token.empty() && pages < 10);
  CHECK(names == "abcde");
  CHECK(pages == 3);
  CHECK(cluster.send("GET", kMaps + "?continue=junk").status == 400);
}

TEST_CASE("selectors choose, and unknown field labels are refused") {
  Cluster cluster;
  cluster.make_namespace("t");
  for (const char* name : {"a", "b", "c"})
    cluster.send("POST", kMaps, {{"metadata", {{"name", name}, {"labels", {{"n", name}, {"all", "1"}}}}}});
  auto count = [&](const std::string& query) { return cluster.send("GET", kMaps + "?" + query).body["items"].size(); };
  CHECK(count("labelSelector=n%3Da") == 1);
  CHECK(count("labelSelector=n+in+(a,b),all") == 2);
  CHECK(count("labelSelector=n+notin+(a)") == 2);
  CHECK(count("labelSelector=!n") == 0);
  CHECK(count("labelSelector=n!%3Da") == 2);
  CHECK(count("fieldSelector=metadata.name%3Db") == 1);
  Answer bad = cluster.send("GET", kMaps + "?fieldSelector=spec.x%3Db");
  CHECK(bad.status == 400);
  CHECK(bad.message() == "field label not supported: spec.x");
}

TEST_CASE("a pod on a node waits for its kubelet, one that is nowhere goes at once") {
  Cluster cluster;
  cluster.make_namespace("t");
  cluster.send("POST", kPods, simple_pod("a"));
  cluster.send("POST", kPods, simple_pod("b"));
  REQUIRE(cluster.server.bind("t", "a", "node-1").ok());
  CHECK(cluster.server.bind("t", "a", "node-2").conflict());
  CHECK(cluster.send("DELETE", kPods + "/b").status == 200);
  CHECK(cluster.server.get(resource::kPods, "t", "b") == nullptr);
  Answer deleted = cluster.send("DELETE", kPods + "/a");
  CHECK(deleted.body["metadata"]["deletionTimestamp"] == "2026-03-02T09:00:30Z");
  CHECK(deleted.body["metadata"]["deletionGracePeriodSeconds"] == 30);
  DeleteOptions now;
  now.grace_period_seconds = 0;
  CHECK(cluster.server.remove(resource::kPods, "t", "a", now).ok());
  CHECK(cluster.server.get(resource::kPods, "t", "a") == nullptr);
}

TEST_CASE("finalizers hold an object, and its last one lets it go") {
  Cluster cluster;
  cluster.make_namespace("t");
  cluster.send("POST", kMaps, {{"metadata", {{"name", "a"}, {"finalizers", {"x.y/z"}}}}});
  Answer deleted = cluster.send("DELETE", kMaps + "/a?propagationPolicy=Foreground");
  CHECK(deleted.body["metadata"]["finalizers"] == Json::array({"x.y/z", "foregroundDeletion"}));
  CHECK(cluster.merge(kMaps + "/a", {{"metadata", {{"finalizers", {"x.y/z", "new.one/f"}}}}}).status == 422);
  CHECK(cluster.merge(kMaps + "/a", {{"metadata", {{"finalizers", nullptr}}}}).status == 200);
  CHECK(cluster.send("GET", kMaps + "/a").status == 404);
}

TEST_CASE("a namespace stays until its finalizer is taken") {
  Cluster cluster;
  cluster.make_namespace("t");
  cluster.send("POST", kMaps, {{"metadata", {{"name", "a"}}}});
  CHECK(cluster.send("DELETE", "/api/v1/namespaces/t").body["status"]["phase"] == "Terminating");
  CHECK(cluster.send("POST", kMaps, {{"metadata", {{"name", "b"}}}}).status == 403);
  CHECK(cluster.send("GET", "/api/v1/namespaces/t").status == 200);
  CHECK(cluster.server.finalize_namespace("t").ok());
  CHECK(cluster.send("GET", "/api/v1/namespaces/t").status == 404);
}

TEST_CASE("preconditions of a deletion are held") {
  Cluster cluster;
  cluster.make_namespace("t");
  cluster.send("POST", kMaps, {{"metadata", {{"name", "a"}}}});
  Json wanted = {{"kind", "DeleteOptions"}, {"apiVersion", "v1"}, {"preconditions", {{"uid", "other"}}}};
  Answer refused = cluster.send("DELETE", kMaps + "/a", wanted);
  CHECK(refused.status == 409);
  CHECK(refused.reason() == "Conflict");
}

TEST_CASE("an eviction is refused while the budget has nothing left") {
  Cluster cluster;
  cluster.make_namespace("t");
  Json pod = simple_pod("a");
  pod["metadata"]["labels"] = {{"app", "a"}};
  cluster.send("POST", kPods, pod);
  cluster.server.bind("t", "a", "n");
  cluster.server.patch_status(
      resource::kPods, "t", "a",
      {{"status", {{"phase", "Running"}, {"conditions", Json::array({{{"type", "Ready"}, {"status", "True"}}})}}}});
  cluster.send("POST", "/apis/policy/v1/namespaces/t/poddisruptionbudgets",
               {{"metadata", {{"name", "p"}}},
                {"spec", {{"minAvailable", 1}, {"selector", {{"matchLabels", {{"app", "a"}}}}}}}});
  auto set_status = [&](int allowed) {
    cluster.server.patch_status(resource::kPodDisruptionBudgets, "t", "p",
                                {{"status",
                                  {{"observedGeneration", 1},
                                   {"disruptionsAllowed", allowed},
                                   {"currentHealthy", 1},
                                   {"desiredHealthy", 1},
                                   {"expectedPods", 1}}}});
  };
  set_status(0);
  Outcome refused = cluster.server.evict("t", "a");
  CHECK(refused.code == 429);
  CHECK(refused.message() == "Cannot evict pod as it would violate the pod's disruption budget.");
  CHECK(refused.status["details"]["causes"][0]["message"] ==
        "The disruption budget p needs 1 healthy pods and has 1 currently");
  set_status(1);
  CHECK(cluster.server.evict("t", "a").ok());
  CHECK(value::int_at(*cluster.server.get(resource::kPodDisruptionBudgets, "t", "p"), -1, "status",
                      "disruptionsAllowed") == 0);
}

TEST_CASE("an apply that changes nothing writes nothing") {
  Cluster cluster;
  cluster.make_namespace("t");
  std::string path = "/apis/apps/v1/namespaces/t/deployments/web";
  Answer first = cluster.apply(path, deployment("web"), "m");
  REQUIRE(first.status == 201);
  auto revision = cluster.server.store().revision();
  cluster.clock.advance(std::chrono::hours(1));
  Answer second = cluster.apply(path, deployment("web"), "m");
  CHECK(second.status == 200);
  CHECK(second.body == first.body);
  CHECK(cluster.server.store().revision() == revision);
}

TEST_CASE("faults strike the requests they name, as often as they say") {
  Cluster cluster;
  cluster.make_namespace("t");
  Fault busy;
  busy.verb = "create";
  busy.resource = "configmaps";
  busy.skip = 1;
  busy.times = 1;
  busy.status = 429;
  busy.retry_after_seconds = 3;
  cluster.server.add_fault(busy);
  CHECK(cluster.send("POST", kMaps, {{"metadata", {{"name", "a"}}}}).status == 201);
  Answer struck = cluster.send("POST", kMaps, {{"metadata", {{"name", "b"}}}});
  CHECK(struck.status == 429);
  CHECK(struck.header("Retry-After") == "3");
  CHECK(cluster.send("POST", kMaps, {{"metadata", {{"name", "b"}}}}).status == 201);
  cluster.server.clear_faults();
  Fault lost;
  lost.verb = "create";
  lost.drop = lost.after = true;
  cluster.server.add_fault(lost);
  port::HttpRequest request{"POST", kMaps, {}, R"({"metadata":{"name":"c"}})", false, {}};
  CHECK(cluster.server.handle(request).drop);
  CHECK(cluster.send("GET", kMaps + "/c").status == 200);
  cluster.server.add_deny_rule({"policy.example.com", "", "configmaps", "", "no", "not here"});
  Answer denied = cluster.send("POST", kMaps, {{"metadata", {{"name", "no-1"}}}});
  CHECK(denied.status == 403);
  CHECK(denied.message() == "admission webhook \"policy.example.com\" denied the request: not here");
}

TEST_CASE("limits are filled in and held") {
  Cluster cluster;
  cluster.make_namespace("t");
  Json item = {{"type", "Container"},
               {"max", {{"cpu", "1"}}},
               {"default", {{"cpu", "500m"}}},
               {"defaultRequest", {{"cpu", "100m"}}}};
  REQUIRE(cluster
              .send("POST", "/api/v1/namespaces/t/limitranges",
                    {{"metadata", {{"name", "l"}}}, {"spec", {{"limits", Json::array({item})}}}})
              .status == 201);
  Answer made = cluster.send("POST", kPods, simple_pod("a"));
  REQUIRE(made.status == 201);
  CHECK(made.body["spec"]["containers"][0]["resources"] ==
        Json::parse(R"({"limits":{"cpu":"500m"},"requests":{"cpu":"100m"}})"));
  Json big = simple_pod("b");
  big["spec"]["containers"][0]["resources"]["limits"]["cpu"] = "2";
  Answer refused = cluster.send("POST", kPods, big);
  CHECK(refused.status == 403);
  CHECK(refused.message() == "pods \"b\" is forbidden: maximum cpu usage per Container is 1, but limit is 2");
}

TEST_CASE("a protobuf body is read by the schema's field numbers") {
  Cluster cluster;
  cluster.make_namespace("t");
  auto field = [](int number, const std::string& bytes) {
    return std::string(1, static_cast<char>(number << 3 | 2)) + static_cast<char>(bytes.size()) + bytes;
  };
  std::string object = field(1, field(1, "c") + field(3, "t")) + field(2, field(1, "key") + field(2, "value"));
  std::string body = std::string("k8s\0", 4) + field(1, field(1, "v1") + field(2, "ConfigMap")) + field(2, object);
  Answer made = cluster.send_text("POST", kMaps, body, "application/vnd.kubernetes.protobuf");
  REQUIRE(made.status == 201);
  CHECK(made.body["data"]["key"] == "value");
  CHECK(
      cluster.send_text("POST", kMaps, body.substr(0, body.size() - 3), "application/vnd.kubernetes.protobuf").status ==
      400);
  CHECK(cluster.send_text("POST", kMaps, "junk", "application/vnd.kubernetes.protobuf").status == 400);
}

TEST_CASE("quantities take their canonical form") {
  for (auto [in, out] : {std::pair{"0.5", "500m"},
                         {"1024Mi", "1Gi"},
                         {"1000m", "1"},
                         {"1500Mi", "1500Mi"},
                         {"1e3", "1e3"},
                         {"0", "0"},
                         {"100", "100"},
                         {"1000", "1k"},
                         {"1.5Gi", "1536Mi"},
                         {"12345678", "12345678"},
                         {"0.1", "100m"},
                         {"-5", "-5"}}) {
    auto parsed = Quantity::parse(in);
    REQUIRE_MESSAGE(parsed, in);
    CHECK_MESSAGE(parsed->text() == out, in);
  }
  for (const char* bad : {"", "abc", "1.2.3", "5KiB", "e3", "--1"}) CHECK_MESSAGE(!Quantity::parse(bad), bad);
}

TEST_CASE("schema patterns are matched within bounds") {
  CHECK(pattern_found("^[a-z]+$", "abc") == true);
  CHECK(pattern_found("^[a-z]+$", "aBc") == false);
  CHECK(pattern_found("^(\\d{1,3}\\.){3}\\d{1,3}$", "10.0.0.1") == true);
  CHECK(pattern_found("^(foo|bar)?$", "bar") == true);
  CHECK(pattern_found("b", "abc") == true);
  CHECK(pattern_found("^(a*)*$", std::string(200, 'a') + "b") != true);
  CHECK(!pattern_found("(?=x)", "x"));
}

TEST_CASE("discovery lists built-in and custom resources in both forms") {
  Cluster cluster;
  Answer list = cluster.send("GET", "/apis", nullptr, "application/json",
                             "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json");
  CHECK(list.header("Content-Type") == "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
  bool apps = false;
  for (const Json& item : list.body["items"]) apps |= item["metadata"]["name"] == "apps";
  CHECK(apps);
  CHECK(cluster.send("GET", "/api/v1").body["kind"] == "APIResourceList");
  CHECK(cluster.send("GET", "/version").body["gitVersion"] == "v1.37.2");
  Answer schema = cluster.send("GET", "/openapi/v3/apis/apps/v1");
  CHECK(schema.body["components"]["schemas"]["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
                   ["x-kubernetes-patch-merge-key"] == "name");
  CHECK(schema.body["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]["parameters"].size() ==
        4);
}

TEST_CASE("the same seed gives the same cluster") {
  auto run = [] {
    Cluster cluster;
    cluster.make_namespace("t");
    Json object = {{"metadata", {{"generateName", "x-"}}}};
    return cluster.send("POST", kMaps, object).raw;
  };
  CHECK(run() == run());
}

}  // namespace
}  // namespace nautilus::sim::test
