#include "tests/contract/fixture.h"

using namespace nautilus;
using namespace nautilus::contract;

TEST_CASE("a JSON patch does its operations in order, all or none") {
  Scene scene;
  const std::string path = scene.core("configmaps", "a");
  REQUIRE_STATUS(api().post(scene.core("configmaps"), config_map("a", {{"k", "1"}, {"l", "2"}})), 201);
  const Answer patched = api().json_patch(path, Json::parse(R"([
    {"op":"test","path":"/data/k","value":"1"}, {"op":"replace","path":"/data/k","value":"x"},
    {"op":"add","path":"/data/m","value":"3"}, {"op":"remove","path":"/data/l"}])"));
  REQUIRE_STATUS(patched, 200);
  CHECK(at(patched.body, "/data") == Json({{"k", "x"}, {"m", "3"}}));

  const Answer failed = api().json_patch(
      path,
      Json::parse(R"([{"op":"replace","path":"/data/k","value":"y"}, {"op":"test","path":"/data/m","value":"no"}])"));
  CHECK_STATUS(failed, 422);
  CHECK(at(api().get(path).body, "/data/k") == "x");
  CHECK_STATUS(api().json_patch(path, Json::parse(R"({"op":"remove","path":"/data/k"})")), 400);
}

TEST_CASE("a merge patch sets, and null removes") {
  Scene scene;
  const std::string path = scene.core("configmaps", "a");
  REQUIRE_STATUS(api().post(scene.core("configmaps"), config_map("a", {{"k", "1"}, {"l", "2"}})), 201);
  const Answer patched = api().merge_patch(path, {{"data", {{"k", nullptr}, {"m", "3"}}}});
  REQUIRE_STATUS(patched, 200);
  CHECK(at(patched.body, "/data") == Json({{"l", "2"}, {"m", "3"}}));
  const Answer nothing = api().merge_patch(path, {{"data", {{"m", "3"}}}});
  CHECK(nothing.revision() == patched.revision());
}

TEST_CASE("a strategic patch merges lists by their key and can delete from them") {
  Scene scene;
  const std::string path = scene.group("apps/v1", "deployments", "d");
  Json base = deployment("d", 0);
  base["spec"]["template"]["spec"]["containers"][0]["env"] =
      Json::parse(R"([{"name":"A","value":"1"},{"name":"B","value":"2"}])");
  REQUIRE_STATUS(api().post(scene.group("apps/v1", "deployments"), base), 201);
  const Answer patched = api().strategic_patch(path, Json::parse(R"({"spec":{"template":{"spec":{"containers":[
    {"name":"app","image":"example.test/app:2","env":[{"name":"A","$patch":"delete"},{"name":"C","value":"3"}]},
    {"name":"side","image":"example.test/side:1"}]}}}})"));
  REQUIRE_STATUS(patched, 200);
  const Json containers = at(patched.body, "/spec/template/spec/containers");
  REQUIRE(containers.size() == 2);
  for (const auto& container : containers) {
    if (container["name"] == "side") continue;
    CHECK(container["image"] == "example.test/app:2");
    std::string names;
    for (const auto& entry : container["env"]) names += entry["name"].get<std::string>();
    CHECK_MESSAGE((names == "BC" || names == "CB"), names);
  }
}

TEST_CASE("a patch with a revision is a conflict when that is past") {
  Scene scene;
  const std::string path = scene.core("configmaps", "a");
  const Answer made = api().post(scene.core("configmaps"), config_map("a"));
  REQUIRE_STATUS(api().merge_patch(path, {{"data", {{"k", "1"}}}}), 200);
  const Answer refused =
      api().merge_patch(path, {{"metadata", {{"resourceVersion", made.revision()}}}, {"data", {{"k", "2"}}}});
  CHECK_STATUS(refused, 409);
  CHECK(refused.reason() == "Conflict");
}

TEST_CASE("a patch of an unknown kind of patch or object is refused") {
  Scene scene;
  REQUIRE_STATUS(api().post(scene.core("configmaps"), config_map("a")), 201);
  CHECK_STATUS(api().send("PATCH", scene.core("configmaps", "a"), "{}", "application/json"), 415);
  CHECK_STATUS(api().merge_patch(scene.core("configmaps", "none"), {{"data", {{"k", "1"}}}}), 404);
}
