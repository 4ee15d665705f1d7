// Discovery, reading, writing and watching against scripted answers.
#include <doctest/doctest.h>

#include "core/kube/discovery.h"
#include "core/kube/paths.h"
#include "core/kube/reader.h"
#include "core/kube/watch.h"
#include "core/kube/writer.h"
#include "tests/support/fake_transport.h"

namespace nautilus::kube {
namespace {

using test::FakeTransport;
using test::FakeWorld;
using test::Rule;

struct Fixture : FakeWorld {
  std::unique_ptr<Client> client;
  Fixture() {
    client = std::make_unique<Client>(Client::Wiring{clock,
                                                     entropy,
                                                     interrupt,
                                                     "https://api.test:6443",
                                                     std::make_unique<FakeTransport>(clock, connector.log),
                                                     nullptr,
                                                     {},
                                                     ""});
  }
  void answer(const std::string& target, int status, const std::string& body, int times = 1) {
    Rule out;
    out.target = target;
    out.status = status;
    out.body = body;
    out.times = times;
    rule(std::move(out));
  }
  std::vector<std::string> targets() {
    std::vector<std::string> out;
    for (const auto& entry : log().requests) out.push_back(entry.request.target);
    return out;
  }
};

Resource deployments() {
  Resource out;
  out.group = "apps";
  out.version = "v1";
  out.plural = "deployments";
  out.kind = "Deployment";
  out.namespaced = true;
  return out;
}

Resource config_maps() {
  Resource out;
  out.version = "v1";
  out.plural = "configmaps";
  out.kind = "ConfigMap";
  out.namespaced = true;
  return out;
}

std::string status(int code, const std::string& reason) {
  return Json{{"kind", "Status"}, {"status", "Failure"}, {"reason", reason}, {"message", reason}, {"code", code}}
      .dump();
}

constexpr const char* kAggregatedCore =
    R"({"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2","items":[
 {"metadata":{"name":""},"versions":[{"version":"v1","freshness":"Current","resources":[
  {"resource":"configmaps","responseKind":{"group":"","version":"","kind":"ConfigMap"},"scope":"Namespaced","singularResource":"configmap","verbs":["get","list"],"shortNames":["cm"]},
  {"resource":"pods","responseKind":{"kind":"Pod"},"scope":"Namespaced","verbs":["get"],"subresources":[{"subresource":"eviction"},{"subresource":"status"}]}]}]}]})";
constexpr const char* kAggregatedGroups = R"({"kind":"APIGroupDiscoveryList","items":[
 {"metadata":{"name":"apps"},"versions":[{"version":"v1","resources":[{"resource":"deployments","responseKind":{"kind":"Deployment"},"scope":"Namespaced","verbs":["get"]}]},
   {"version":"v1beta1","resources":[{"resource":"deployments","responseKind":{"kind":"Deployment"},"scope":"Namespaced","verbs":["get"]}]}]},
 {"metadata":{"name":"metrics.k8s.io"},"versions":[{"version":"v1beta1","freshness":"Stale","resources":[]}]}]})";

}  // namespace

TEST_CASE("targets are percent-encoded") {
  Resource roles;
  roles.group = "rbac.authorization.k8s.io";
  roles.version = "v1";
  roles.plural = "clusterroles";
  CHECK(target(roles, "ignored", "system:a/b c") ==
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Aa%2Fb%20c");
  CHECK(target(config_maps(), "n", "..", "status") == "/api/v1/namespaces/n/configmaps/%2E%2E/status");
  CHECK(target(config_maps(), "", "", "", {{"limit", "5"}, {"continue", ""}, {"labelSelector", "a=b,c!=d"}}) ==
        "/api/v1/configmaps?limit=5&labelSelector=a%3Db%2Cc%21%3Dd");
}

TEST_CASE("aggregated discovery needs two requests, once") {
  Fixture fixture;
  fixture.answer("/apis", 200, kAggregatedGroups);
  fixture.answer("/api", 200, kAggregatedCore);
  Discovery discovery(*fixture.client);
  REQUIRE(discovery.load().ok());
  REQUIRE(discovery.load().ok());
  CHECK(fixture.log().requests.size() == 2);
  CHECK(fixture.log().requests[0].header("Accept").find("APIGroupDiscoveryList") != std::string::npos);
  const Resource* pods = discovery.known("", "v1", "Pod");
  REQUIRE(pods != nullptr);
  CHECK(pods->namespaced);
  CHECK(pods->has_subresource("eviction"));
  CHECK(pods->can("get"));
  CHECK_FALSE(pods->can("list"));
  CHECK(discovery.serves("apps/v1beta1"));
  CHECK_FALSE(discovery.serves("apps/v2"));
  REQUIRE(discovery.find_preferred("apps", "Deployment").ok());
  CHECK((*discovery.find_preferred("apps", "Deployment"))->version == "v1");
  CHECK(discovery.preferred_resources().size() == 3);
  CHECK(discovery.problems() == std::vector<std::string>{"metrics.k8s.io/v1beta1: its API server does not answer"});
  CHECK(discovery.api_versions() == std::vector<std::string>{"apps/v1", "apps/v1/Deployment", "apps/v1beta1",
                                                             "apps/v1beta1/Deployment", "metrics.k8s.io/v1beta1", "v1",
                                                             "v1/ConfigMap", "v1/Pod"});
}

TEST_CASE("a server without aggregated discovery is asked group by group; a broken group is a problem, not the end") {
  Fixture fixture;
  fixture.answer(
      "/apis/apps/v1", 200,
      R"({"kind":"APIResourceList","resources":[{"name":"deployments","namespaced":true,"kind":"Deployment","verbs":["get","patch"]},{"name":"deployments/scale","namespaced":true,"kind":"Scale","verbs":["get"]}]})");
  fixture.answer("/apis/metrics.k8s.io/v1beta1", 503, status(503, "ServiceUnavailable"));
  fixture.answer("/api/v1", 200,
                 R"({"resources":[{"name":"nodes","namespaced":false,"kind":"Node","verbs":["list"]}]})");
  fixture.answer(
      "/apis", 200,
      R"({"kind":"APIGroupList","groups":[{"name":"apps","versions":[{"version":"v1"}],"preferredVersion":{"version":"v1"}},{"name":"metrics.k8s.io","versions":[{"version":"v1beta1"}],"preferredVersion":{"version":"v1beta1"}}]})");
  fixture.answer("/api", 200, R"({"kind":"APIVersions","versions":["v1"]})");
  Discovery discovery(*fixture.client);
  REQUIRE(discovery.load().ok());
  CHECK(fixture.log().requests.size() == 5);
  REQUIRE(discovery.known("apps", "v1", "Deployment") != nullptr);
  CHECK(discovery.known("apps", "v1", "Deployment")->has_subresource("scale"));
  CHECK_FALSE(discovery.known("", "v1", "Node")->namespaced);
  REQUIRE(discovery.problems().size() == 1);
  CHECK(discovery.problems()[0].find("metrics.k8s.io/v1beta1") == 0);
  const auto missing = discovery.find("metrics.k8s.io", "v1beta1", "PodMetrics");
  CHECK(missing.error().code == Code::unreachable);
}

TEST_CASE("a kind that is not there is looked for again, not too often; resources handed out stay good") {
  Fixture fixture;
  fixture.answer("/apis", 200, kAggregatedGroups);
  std::string more = kAggregatedGroups;
  more.replace(more.find("\"Deployment\""), 12, "\"Widget\"");
  fixture.answer("/apis", 200, more, -1);
  fixture.answer("/api", 200, kAggregatedCore, -1);
  Discovery discovery(*fixture.client);
  auto first = discovery.find("apps", "v1", "Deployment");
  REQUIRE(first.ok());
  CHECK_FALSE(discovery.find("apps", "v1", "Widget").ok());
  CHECK(fixture.log().requests.size() == 2);  // it had just been read
  fixture.clock.elapsed += std::chrono::seconds(3);
  REQUIRE(discovery.find("apps", "v1", "Widget").ok());
  CHECK(fixture.log().requests.size() == 4);
  CHECK((*first)->kind == "Deployment");
  const auto gone = discovery.find("apps", "v1", "Deployment");
  CHECK(gone.error().hint == "It serves that kind as apps/v1beta1.");
}

TEST_CASE("lists are read in pages and begin again when the snapshot has gone") {
  const auto page = [](const std::string& name, const std::string& token, const std::string& version) {
    return Json{{"kind", "ConfigMapList"},
                {"metadata", {{"continue", token}, {"resourceVersion", version}}},
                {"items", {{{"metadata", {{"name", name}}}}}}}
        .dump();
  };
  Fixture fixture;
  fixture.answer("/api/v1/configmaps", 200, page("old", "t1", "5"));
  fixture.answer("/api/v1/configmaps", 410, status(410, "Expired"));
  fixture.answer("/api/v1/configmaps", 200, page("a", "t2", "9"));
  fixture.answer("/api/v1/configmaps", 200, page("b", "", "9"));
  auto list = Reader(*fixture.client).list(config_maps());
  REQUIRE(list.ok());
  REQUIRE(list->items.size() == 2);
  CHECK(list->items[0]["metadata"]["name"] == "a");
  CHECK(list->items[0]["kind"] == "ConfigMap");
  CHECK(list->items[0]["apiVersion"] == "v1");
  CHECK(list->resource_version == "9");
  CHECK(fixture.targets() ==
        std::vector<std::string>{"/api/v1/configmaps?limit=500", "/api/v1/configmaps?limit=500&continue=t1",
                                 "/api/v1/configmaps?limit=500", "/api/v1/configmaps?limit=500&continue=t2"});
}

TEST_CASE("a list that expires for ever is given up") {
  Fixture fixture;
  for (int i = 0; i < 10; ++i) {
    fixture.answer("/api/v1/configmaps", 200, R"({"metadata":{"continue":"t"},"items":[]})");
    fixture.answer("/api/v1/configmaps", 410, status(410, "Expired"));
  }
  const auto list = Reader(*fixture.client).list(config_maps());
  CHECK(list.error().code == Code::gone);
  CHECK(fixture.log().requests.size() == 2 * (kMaxListRestarts + 1));
}

TEST_CASE("many kinds are listed at once, each with its own answer") {
  Fixture fixture;
  fixture.answer("/apis/apps/v1/namespaces/n/deployments", 200,
                 R"({"metadata":{},"items":[{"metadata":{"name":"d"}}]})");
  fixture.answer("/api/v1/namespaces/n/configmaps", 403, status(403, "Forbidden"));
  const Resource a = deployments(), b = config_maps();
  ListOptions options;
  options.namespace_ = "n";
  options.metadata_only = true;
  auto many = Reader(*fixture.client).list_many({&a, &b}, options);
  REQUIRE(many.ok());
  CHECK((*many)[0].list->items.size() == 1);
  CHECK((*many)[1].list.error().code == Code::forbidden);
  CHECK(fixture.log().requests[0].header("Accept").find("PartialObjectMetadataList") != std::string::npos);
  CHECK(fixture.log().most_in_flight == 2);
}

TEST_CASE("find tells absence from failure") {
  Fixture fixture;
  fixture.answer("/api/v1/namespaces/n/configmaps/a", 404, status(404, "NotFound"));
  fixture.answer("/api/v1/namespaces/n/configmaps/a", 403, status(403, "Forbidden"));
  Reader reader(*fixture.client);
  auto absent = reader.find(config_maps(), "n", "a");
  REQUIRE(absent.ok());
  CHECK_FALSE(absent->has_value());
  CHECK(reader.find(config_maps(), "n", "a").error().code == Code::forbidden);
}

TEST_CASE("requests that write say what they should") {
  const Json object{
      {"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"metadata", {{"name", "d"}, {"namespace", "n"}}}};
  WriteOptions options;
  options.field_manager = "nautilusctl";
  const Request apply = apply_request(deployments(), object, options);
  CHECK(apply.method == "PATCH");
  CHECK(apply.content_type == "application/apply-patch+yaml");
  CHECK(apply.target == "/apis/apps/v1/namespaces/n/deployments/d?fieldManager=nautilusctl&fieldValidation=Strict");
  CHECK(apply.idempotent);
  options.dry_run = options.force = true;
  options.validation = FieldValidation::warn;
  CHECK(apply_request(deployments(), object, options, "status").target ==
        "/apis/apps/v1/namespaces/n/deployments/d/"
        "status?fieldManager=nautilusctl&force=true&dryRun=All&fieldValidation=Warn");
  options.dry_run = false;
  const Request create = create_request(deployments(), object, options);
  CHECK(create.target == "/apis/apps/v1/namespaces/n/deployments?fieldManager=nautilusctl&fieldValidation=Warn");
  CHECK_FALSE(create.idempotent);
  Json versioned = object;
  versioned["metadata"]["resourceVersion"] = "7";
  CHECK_FALSE(replace_request(deployments(), versioned, options).idempotent);
  DeleteOptions del;
  del.propagation = Propagation::foreground;
  del.uid = "u";
  del.resource_version = "7";
  const Request remove = delete_request(deployments(), "n", "d", del);
  CHECK(remove.body["preconditions"] == Json{{"uid", "u"}, {"resourceVersion", "7"}});
  CHECK(remove.body["propagationPolicy"] == "Foreground");
  CHECK(remove.idempotent);
  CHECK_FALSE(delete_request(deployments(), "n", "d").idempotent);
}

namespace {

std::string event(const std::string& type, const std::string& name, const std::string& version) {
  return Json{
             {"type", type},
             {"object",
              {{"kind", "ConfigMap"},
               {"metadata", {{"name", name}, {"namespace", "n"}, {"uid", "u-" + name}, {"resourceVersion", version}}}}}}
             .dump() +
         "\n";
}

std::string listing(const std::vector<std::pair<std::string, std::string>>& items, const std::string& version) {
  Json list{{"metadata", {{"resourceVersion", version}}}, {"items", Json::array()}};
  for (const auto& [name, own] : items)
    list["items"].push_back(
        {{"metadata", {{"name", name}, {"namespace", "n"}, {"uid", "u-" + name}, {"resourceVersion", own}}}});
  return list.dump();
}

struct Watched : Fixture {
  std::string told;
  int problems = 0;
  std::optional<Error> failed;
  std::unique_ptr<Watch> watch;

  void begin() {
    WatchHandlers handlers;
    handlers.on_change = [this](WatchHandlers::Change change, const Json& object) {
      const char* sign = change == WatchHandlers::Change::added      ? "+"
                         : change == WatchHandlers::Change::modified ? "~"
                                                                     : "-";
      told += sign + value::string_at(object, "metadata", "name") + " ";
    };
    handlers.on_synced = [this] { told += "synced "; };
    handlers.on_bookmark = [this](const std::string& version) { told += "@" + version + " "; };
    handlers.on_problem = [this](const Error&) { ++problems; };
    handlers.on_failed = [this](const Error& error) { failed = error; };
    watch = std::make_unique<Watch>(*client, config_maps(), ListOptions{}, std::move(handlers));
  }
  void stream(std::vector<std::string> chunks, bool hang = false, int code = 200, const std::string& body = "") {
    Rule out;
    out.target = "/api/v1/configmaps?watch";
    out.status = code;
    out.chunks = std::move(chunks);
    out.body = body;
    out.hang = hang;
    rule(std::move(out));
  }
  void run(int seconds) {
    const auto end = clock.monotonic() + std::chrono::seconds(seconds);
    CHECK(client->run_until([] { return false; }, end).error().code == Code::timeout);
  }
};

}  // namespace

TEST_CASE("a watch tells the list, then each change, however the bytes are cut") {
  Watched fixture;
  fixture.answer("/api/v1/configmaps?limit", 200, listing({{"a", "1"}, {"b", "2"}}, "10"));
  const std::string bytes = event("MODIFIED", "a", "11") + event("ADDED", "c", "12") + event("DELETED", "b", "13") +
                            event("BOOKMARK", "", "20");
  std::vector<std::string> chunks;
  for (std::size_t i = 0; i < bytes.size(); i += 7) chunks.push_back(bytes.substr(i, 7));
  fixture.stream(chunks, true);
  fixture.begin();
  fixture.run(1);
  CHECK(fixture.told == "+a +b synced ~a +c -b @20 ");
  CHECK(fixture.targets().back().find("resourceVersion=10") != std::string::npos);
  CHECK(fixture.targets().back().find("allowWatchBookmarks=true") != std::string::npos);
}

TEST_CASE("a watch that ends resumes from the last resourceVersion without listing again") {
  Watched fixture;
  fixture.answer("/api/v1/configmaps?limit", 200, listing({{"a", "1"}}, "10"));
  fixture.stream({event("BOOKMARK", "", "15")});
  fixture.stream({event("MODIFIED", "a", "16"), event("MODIFIED", "a", "16")}, true);
  fixture.begin();
  fixture.run(1);
  CHECK(fixture.told == "+a synced @15 ~a ");
  CHECK(fixture.targets().back().find("resourceVersion=15") != std::string::npos);
  CHECK(fixture.log().requests.size() == 3);
  CHECK(fixture.problems == 0);
}

TEST_CASE("410 lists again and tells only what differs") {
  for (const bool as_status : {true, false}) {
    CAPTURE(as_status);
    Watched fixture;
    fixture.answer("/api/v1/configmaps?limit", 200, listing({{"a", "1"}, {"b", "2"}, {"c", "3"}}, "10"));
    if (as_status) {
      fixture.stream({}, false, 410, status(410, "Expired"));
    } else {
      fixture.stream({R"({"type":"ERROR","object":)" + status(410, "Expired") + "}\n"}, true);
    }
    fixture.answer("/api/v1/configmaps?limit", 200, listing({{"a", "1"}, {"c", "30"}, {"d", "4"}}, "40"));
    fixture.stream({}, true);
    fixture.begin();
    fixture.run(2);
    CHECK(fixture.told == "+a +b +c synced -b ~c +d ");
    CHECK(fixture.problems == 1);
    CHECK(fixture.targets().back().find("resourceVersion=40") != std::string::npos);
  }
}

TEST_CASE("a lost connection is resumed with growing pauses") {
  Watched fixture;
  fixture.answer("/api/v1/configmaps?limit", 200, listing({}, "10"));
  Rule lost;
  lost.target = "/api/v1/configmaps?watch";
  lost.failure = Error(Code::io, "reset");
  lost.times = 6;
  fixture.rule(lost);
  fixture.stream({event("ADDED", "a", "11")}, true);
  fixture.begin();
  fixture.run(60);
  CHECK(fixture.told == "synced +a ");
  CHECK(fixture.problems == 6);
  const auto& log = fixture.log().requests;
  CHECK(log[2].at - log[1].at < log[5].at - log[4].at);
  CHECK(log.size() == 8);
}

TEST_CASE("what cannot get better ends the watch") {
  for (const int code : {401, 403, 404, 405}) {
    Watched fixture;
    fixture.answer("/api/v1/configmaps?limit", 200, listing({}, "10"));
    fixture.stream({}, false, code, status(code, "No"));
    fixture.begin();
    fixture.run(30);
    CHECK(fixture.failed.has_value());
    CHECK(fixture.log().requests.size() == 2);
  }
  Watched fixture;
  fixture.answer("/api/v1/configmaps?limit", 403, status(403, "Forbidden"));
  fixture.begin();
  fixture.run(30);
  CHECK(fixture.failed->code == Code::forbidden);
}

TEST_CASE("nonsense in a watch lists again; an endless line ends it") {
  Watched fixture;
  fixture.answer("/api/v1/configmaps?limit", 200, listing({}, "10"), 2);
  fixture.stream({"{nonsense\n", event("ADDED", "never", "11")}, true);
  fixture.stream({event("ADDED", "a", "12")}, true);
  fixture.begin();
  fixture.run(5);
  CHECK(fixture.told == "synced +a ");

  Watched endless;
  endless.answer("/api/v1/configmaps?limit", 200, listing({}, "10"));
  endless.stream(std::vector<std::string>(17, std::string(1 << 20, 'x')), true);
  endless.begin();
  endless.run(5);
  REQUIRE(endless.failed.has_value());
  CHECK(endless.failed->code == Code::limit);
}

TEST_CASE("a callback may destroy the watch") {
  Fixture fixture;
  fixture.answer("/api/v1/configmaps?limit", 200, listing({{"a", "1"}, {"b", "2"}}, "10"));
  std::unique_ptr<Watch> watch;
  int calls = 0;
  WatchHandlers handlers;
  handlers.on_change = [&](WatchHandlers::Change, const Json&) {
    ++calls;
    watch.reset();
  };
  watch = std::make_unique<Watch>(*fixture.client, config_maps(), ListOptions{}, std::move(handlers));
  const auto end = fixture.clock.monotonic() + std::chrono::seconds(5);
  CHECK_FALSE(fixture.client->run_until([] { return false; }, end).ok());
  CHECK(calls == 1);
  CHECK(fixture.log().requests.size() == 1);
}

TEST_CASE("waiting until an object is gone") {
  const auto wait = [](Fixture& fixture) {
    return wait_until_gone(*fixture.client, config_maps(), "n", "a", "u-a",
                           fixture.clock.monotonic() + std::chrono::seconds(30));
  };
  const std::string base = "/api/v1/namespaces/n/configmaps?";
  {
    Fixture absent;
    absent.answer(base, 200, listing({}, "10"));
    CHECK(wait(absent).ok());
  }
  {
    Fixture deleted;
    deleted.answer(base + "labelSelector", 200, "{}");
    deleted.answer(base + "fieldSelector=metadata.name%3Da&limit", 200, listing({{"a", "1"}}, "10"));
    Rule rule;
    rule.target = base + "watch";
    rule.chunks = {event("MODIFIED", "a", "11"), event("DELETED", "a", "12")};
    rule.hang = true;
    deleted.rule(rule);
    CHECK(wait(deleted).ok());
  }
  {
    Fixture replaced;
    std::string other = listing({{"a", "1"}}, "10");
    other.replace(other.find("u-a"), 3, "u-z");
    replaced.answer(base, 200, other);
    CHECK(wait(replaced).ok());
  }
  {
    Fixture held;
    std::string body = listing({{"a", "1"}}, "10");
    body.replace(body.find("\"name\""), 6, "\"finalizers\":[\"x/protect\"],\"name\"");
    held.answer(base + "fieldSelector=metadata.name%3Da&limit", 200, body);
    Rule rule;
    rule.target = base + "watch";
    rule.hang = true;
    held.rule(rule);
    const auto result = wait(held);
    CHECK(result.error().code == Code::timeout);
    CHECK(result.error().message.find("x/protect") != std::string::npos);
  }
}

}  // namespace nautilus::kube
