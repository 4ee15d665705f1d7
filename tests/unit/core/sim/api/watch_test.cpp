#include "tests/unit/core/sim/api/fixture.h"

namespace nautilus::sim::test {
namespace {

struct Watcher {
  std::vector<Json> events;
  OpenedWatch opened;
  Watcher(Cluster& cluster, const std::string& target, const std::string& accept = "application/json") {
    port::HttpRequest request;
    request.method = "GET";
    request.target = target;
    request.headers = {{"Accept", accept}};
    REQUIRE(Server::is_watch(request));
    opened = cluster.server.open_watch(request, [this](std::string_view line) {
      REQUIRE(line.ends_with("\n"));
      events.push_back(Json::parse(line, nullptr, false));
    });
  }
  std::string types() const {
    std::string text;
    for (const Json& e : events)
      text += (text.empty() ? "" : " ") + value::string_at(e, "type") + ":" +
              value::string_at(e, "object", "metadata", "name");
    return text;
  }
};

const std::string kMaps = "/api/v1/namespaces/t/configmaps";
Json config(const std::string& name, const std::string& label) {
  return {{"metadata", {{"name", name}, {"labels", {{"l", label}}}}}, {"data", {{"a", label}}}};
}

TEST_CASE("a watch shows what is there, then what comes, and ends with its handle") {
  Cluster cluster;
  cluster.make_namespace("t");
  cluster.send("POST", kMaps, config("a", "1"));
  {
    Watcher watcher(cluster, kMaps + "?watch=1&allowWatchBookmarks=true");
    CHECK(watcher.types() == "ADDED:a");
    cluster.send("POST", kMaps, config("b", "1"));
    cluster.merge(kMaps + "/a", {{"data", {{"a", "2"}}}});
    cluster.merge(kMaps + "/a", {{"data", {{"a", "2"}}}});  // changes nothing: no event
    cluster.send("DELETE", kMaps + "/b");
    CHECK(watcher.types() == "ADDED:a ADDED:b MODIFIED:a DELETED:b");
    watcher.opened.stream->bookmark();
    CHECK(watcher.events.back()["type"] == "BOOKMARK");
    CHECK(watcher.events.back()["object"]["metadata"]["resourceVersion"] ==
          std::to_string(cluster.server.store().revision()));
  }
  CHECK(cluster.send("POST", kMaps, config("c", "1")).status == 201);
}

TEST_CASE("a watch resumes from a revision, and is told when that is too old") {
  ServerOptions options;
  options.watch_history = 4;
  Cluster cluster(options);
  cluster.make_namespace("t");
  std::string since = cluster.send("GET", kMaps).body["metadata"]["resourceVersion"];
  cluster.send("POST", kMaps, config("a", "1"));
  cluster.send("POST", kMaps, config("b", "1"));
  CHECK(Watcher(cluster, kMaps + "?watch=true&resourceVersion=" + since).types() == "ADDED:a ADDED:b");
  for (int i = 0; i < 5; ++i) cluster.merge(kMaps + "/a", {{"data", {{"n", std::to_string(i)}}}});
  Watcher late(cluster, kMaps + "?watch=true&resourceVersion=" + since);
  REQUIRE(late.events.size() == 1);
  CHECK(late.events[0]["type"] == "ERROR");
  CHECK(late.events[0]["object"]["code"] == 410);
  CHECK(late.events[0]["object"]["reason"] == "Expired");
  CHECK(value::string_at(late.events[0], "object", "message").starts_with("too old resource version: " + since + " ("));
  CHECK(late.opened.stream->closed());
}

TEST_CASE("leaving and entering a label selection look like deletion and creation") {
  Cluster cluster;
  cluster.make_namespace("t");
  cluster.send("POST", kMaps, config("a", "1"));
  Watcher watcher(cluster, kMaps + "?watch=1&labelSelector=l%3D1");
  cluster.merge(kMaps + "/a", {{"metadata", {{"labels", {{"l", "2"}}}}}});
  cluster.merge(kMaps + "/a", {{"metadata", {{"labels", {{"l", "1"}}}}}});
  CHECK(watcher.types() == "ADDED:a DELETED:a ADDED:a");
}

TEST_CASE("a streamed list ends with an annotated bookmark") {
  Cluster cluster;
  cluster.make_namespace("t");
  cluster.send("POST", kMaps, config("a", "1"));
  Watcher watcher(cluster,
                  kMaps + "?watch=1&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
  REQUIRE(watcher.events.size() == 2);
  CHECK(watcher.events[1]["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"] == "true");
  Watcher refused(cluster, kMaps + "?watch=1&sendInitialEvents=true");
  CHECK(refused.opened.head.status == 422);
  CHECK(refused.opened.stream == nullptr);
}

TEST_CASE("a watch as a table sends its column definitions once") {
  Cluster cluster;
  cluster.make_namespace("t");
  cluster.send("POST", kMaps, config("a", "1"));
  cluster.send("POST", kMaps, config("b", "1"));
  Watcher watcher(cluster, kMaps + "?watch=1", "application/json;as=Table;v=v1;g=meta.k8s.io");
  REQUIRE(watcher.events.size() == 2);
  CHECK(watcher.events[0]["object"]["columnDefinitions"].size() == 3);
  CHECK(watcher.events[1]["object"]["columnDefinitions"].is_null());
  CHECK(watcher.events[1]["object"]["rows"][0]["cells"][0] == "b");
}

}  // namespace
}  // namespace nautilus::sim::test
