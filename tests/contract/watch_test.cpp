#include <fmt/format.h>

#include "tests/contract/fixture.h"

using namespace nautilus;
using namespace nautilus::contract;

TEST_CASE("a watch tells what happens, in order") {
  Scene scene;
  const std::string many = scene.core("secrets");
  const Json secret = {{"apiVersion", "v1"}, {"kind", "Secret"}, {"metadata", {{"name", "a"}}}};
  const Answer before = api().get(many);
  Watch watch(api(), many + "?watch=true&resourceVersion=" + before.revision());
  const Answer made = api().post(many, secret);
  const Answer changed = api().merge_patch(many + "/a", {{"stringData", {{"k", "v"}}}});
  REQUIRE_STATUS(api().remove(many + "/a"), 200);

  const WatchEvent added = watch.next(), modified = watch.next(), deleted = watch.next();
  CHECK(watch.status() == 200);
  CHECK(added.type == "ADDED");
  CHECK(added.object == made.body);
  CHECK(modified.type == "MODIFIED");
  CHECK(modified.object == changed.body);
  CHECK(deleted.type == "DELETED");
  CHECK(at(deleted.object, "/metadata/name") == "a");
  // The deletion is a revision of its own.
  CHECK(std::stoull(value::string_at(deleted.object, "metadata", "resourceVersion")) > std::stoull(changed.revision()));
}

TEST_CASE("a watch goes on where an earlier one stopped") {
  Scene scene;
  const std::string many = scene.core("secrets");
  std::string seen;
  for (int i = 0; i < 4; ++i) {
    const Answer made =
        api().post(many, {{"apiVersion", "v1"}, {"kind", "Secret"}, {"metadata", {{"name", fmt::format("s{}", i)}}}});
    if (i == 1) seen = made.revision();
  }
  Watch watch(api(), many + "?watch=1&resourceVersion=" + seen);
  CHECK(at(watch.next().object, "/metadata/name") == "s2");
  CHECK(at(watch.next().object, "/metadata/name") == "s3");
}

TEST_CASE("a watch without a revision begins with what is there") {
  Scene scene;
  const std::string many = scene.core("secrets");
  REQUIRE_STATUS(api().post(many, {{"apiVersion", "v1"}, {"kind", "Secret"}, {"metadata", {{"name", "a"}}}}), 201);
  Watch watch(api(), many + "?watch=true");
  const WatchEvent first = watch.next();
  CHECK(first.type == "ADDED");
  CHECK(at(first.object, "/metadata/name") == "a");
}

TEST_CASE("a streaming list ends its first part with a marked bookmark") {
  Scene scene;
  const std::string many = scene.core("secrets");
  for (const char* name : {"a", "b"})
    REQUIRE_STATUS(api().post(many, {{"apiVersion", "v1"}, {"kind", "Secret"}, {"metadata", {{"name", name}}}}), 201);
  Watch watch(api(), many +
                         "?watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch="
                         "NotOlderThan&resourceVersion=");
  CHECK(watch.next().type == "ADDED");
  CHECK(watch.next().type == "ADDED");
  const WatchEvent mark = watch.next();
  CHECK(mark.type == "BOOKMARK");
  CHECK(at(mark.object, "/metadata/annotations/k8s.io~1initial-events-end") == "true");
  CHECK_FALSE(value::string_at(mark.object, "metadata", "resourceVersion").empty());
}

TEST_CASE("a watch sees only what it selects, and the leaving of it as a deletion") {
  Scene scene;
  const std::string many = scene.core("configmaps");
  const Answer before = api().get(many);
  Watch watch(api(), many + "?watch=true&labelSelector=on%3Dyes&resourceVersion=" + before.revision());
  REQUIRE_STATUS(api().post(many, config_map("unseen")), 201);
  REQUIRE_STATUS(api().post(many, with_meta(config_map("seen"), "labels", {{"on", "yes"}})), 201);
  REQUIRE_STATUS(api().merge_patch(many + "/seen", {{"metadata", {{"labels", {{"on", "no"}}}}}}), 200);
  REQUIRE_STATUS(api().merge_patch(many + "/seen", {{"metadata", {{"labels", {{"on", "yes"}}}}}}), 200);
  const char* types[] = {"ADDED", "DELETED", "ADDED"};
  for (const char* type : types) {
    const WatchEvent event = watch.next();
    CHECK(event.type == type);
    CHECK(at(event.object, "/metadata/name") == "seen");
  }
}

TEST_CASE("a watch ends by itself when its time is over") {
  Scene scene;
  Watch watch(api(), scene.core("configmaps") + "?watch=true&timeoutSeconds=1&fieldSelector=metadata.name%3Dnone");
  CHECK(watch.next(std::chrono::seconds(15)).type.empty());
  CHECK(watch.ended());
}

TEST_CASE("a watch of a resource nobody knows is refused") {
  Watch watch(api(), "/api/v1/unknowns?watch=true");
  CHECK(watch.next().type.empty());
  CHECK(watch.status() == 404);
}

TEST_CASE("a revision from the future is not served") {
  Scene scene;
  const Answer answer = api().get(scene.core("configmaps") +
                                  "?resourceVersion=900000000000&resourceVersionMatch=NotOlderThan&timeoutSeconds=1");
  CHECK_STATUS(answer, 504);
  CHECK_HOLDS(answer.message(), "Too large resource version: 900000000000, current: ");
}

TEST_CASE("a revision that is no number is refused") {
  Scene scene;
  const Answer refused = api().get(scene.core("configmaps") + "?resourceVersion=nonsense");
  CHECK_MESSAGE((refused.status == 400 || refused.status == 422), refused.status);
}
