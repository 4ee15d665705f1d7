#include "tests/contract/fixture.h"

using namespace nautilus;
using namespace nautilus::contract;

namespace {

Json labelled(Json labels) { return with_meta(config_map("a"), "labels", std::move(labels)); }

Json service(Json ports) {
  return {{"apiVersion", "v1"},
          {"kind", "Service"},
          {"metadata", {{"name", "s"}}},
          {"spec", {{"selector", {{"app", "s"}}}, {"ports", std::move(ports)}}}};
}

Json port_entry(int port, const std::string& name, int target) {
  return {{"port", port}, {"name", name}, {"targetPort", target}};
}

}  // namespace

TEST_CASE("apply makes what is absent and records who owns which field") {
  Scene scene;
  const Answer made = api().apply(scene.core("configmaps", "a"), config_map("a", {{"k", "1"}}), "alpha");
  REQUIRE_STATUS(made, 201);
  const Json entry = managed_by(made.body, "alpha");
  REQUIRE_FALSE(entry.is_null());
  CHECK(at(entry, "/operation") == "Apply");
  CHECK(at(entry, "/apiVersion") == "v1");
  CHECK(at(entry, "/fieldsType") == "FieldsV1");
  CHECK(at(entry, "/fieldsV1") == Json::parse(R"({"f:data":{"f:k":{}}})"));
}

TEST_CASE("applying the same again writes nothing") {
  Scene scene;
  const std::string deployments = scene.group("apps/v1", "deployments", "d");
  const Answer made = api().apply(deployments, deployment("d", 0), "alpha");
  REQUIRE_STATUS(made, 201);
  // Let the controllers say what they have to say first.
  REQUIRE(api().eventually([&] {
    return at(api().get(deployments).body, "/status/observedGeneration") == 1 &&
           !condition(api().get(deployments).body, "Available").is_null();
  }));
  api().pause(std::chrono::seconds(2));
  const std::string before = api().get(deployments).revision();
  const Answer again = api().apply(deployments, deployment("d", 0), "alpha");
  REQUIRE_STATUS(again, 200);
  CHECK(again.revision() == before);
}

TEST_CASE("a field of another manager is a conflict that names both") {
  Scene scene;
  const std::string path = scene.core("configmaps", "a");
  REQUIRE_STATUS(api().apply(path, config_map("a", {{"k", "1"}, {"own", "x"}}), "alpha"), 201);
  const Answer refused = api().apply(path, config_map("a", {{"k", "2"}}), "beta");
  CHECK_STATUS(refused, 409);
  CHECK(refused.reason() == "Conflict");
  CHECK_HOLDS(refused.message(), "Apply failed with 1 conflict: conflict with \"alpha\": .data.k");
  const Json causes = at(refused.body, "/details/causes");
  REQUIRE(causes.size() == 1);
  CHECK(at(causes[0], "/reason") == "FieldManagerConflict");
  CHECK(at(causes[0], "/field") == ".data.k");
  CHECK(at(causes[0], "/message") == "conflict with \"alpha\"");
  CHECK(at(api().get(path).body, "/data/k") == "1");

  // The same value is no conflict: it is shared from then on.
  REQUIRE_STATUS(api().apply(path, config_map("a", {{"k", "1"}}), "beta"), 200);
  const Answer both = api().get(path);
  CHECK(at(managed_by(both.body, "alpha"), "/fieldsV1/f:data/f:k").is_object());
  CHECK(at(managed_by(both.body, "beta"), "/fieldsV1/f:data/f:k").is_object());
}

TEST_CASE("several conflicts are listed by manager") {
  Scene scene;
  const std::string path = scene.core("configmaps", "a");
  REQUIRE_STATUS(api().apply(path, config_map("a", {{"k", "1"}, {"l", "1"}}), "alpha"), 201);
  const Answer refused = api().apply(path, config_map("a", {{"k", "2"}, {"l", "2"}}), "beta");
  CHECK_STATUS(refused, 409);
  CHECK_HOLDS(refused.message(), "Apply failed with 2 conflicts: conflicts with \"alpha\":\n- .data.k\n- .data.l");
}

TEST_CASE("an update by somebody else is a conflict with them as of then") {
  Scene scene;
  const std::string path = scene.core("configmaps", "a");
  REQUIRE_STATUS(api().apply(path, config_map("a", {{"k", "1"}}), "alpha"), 201);
  REQUIRE_STATUS(api().merge_patch(path + "?fieldManager=hand", {{"data", {{"k", "2"}}}}), 200);
  const Answer refused = api().apply(path, config_map("a", {{"k", "1"}}), "alpha");
  CHECK_STATUS(refused, 409);
  CHECK_HOLDS(refused.message(), "conflict with \"hand\" using v1");
  CHECK_HOLDS(refused.message(), ".data.k");
}

TEST_CASE("force takes the field over") {
  Scene scene;
  const std::string path = scene.core("configmaps", "a");
  REQUIRE_STATUS(api().apply(path, config_map("a", {{"k", "1"}, {"own", "x"}}), "alpha"), 201);
  const Answer forced = api().apply(path, config_map("a", {{"k", "2"}}), "beta", "&force=true");
  REQUIRE_STATUS(forced, 200);
  CHECK(at(forced.body, "/data") == Json({{"k", "2"}, {"own", "x"}}));
  CHECK(at(managed_by(forced.body, "alpha"), "/fieldsV1") == Json::parse(R"({"f:data":{"f:own":{}}})"));
  CHECK(at(managed_by(forced.body, "beta"), "/fieldsV1") == Json::parse(R"({"f:data":{"f:k":{}}})"));
}

TEST_CASE("what is no longer applied is removed, unless somebody else owns it too") {
  Scene scene;
  const std::string path = scene.core("configmaps", "a");
  REQUIRE_STATUS(api().apply(path, config_map("a", {{"k", "1"}, {"l", "1"}, {"m", "1"}}), "alpha"), 201);
  REQUIRE_STATUS(api().apply(path, config_map("a", {{"m", "1"}}), "beta"), 200);
  const Answer less = api().apply(path, config_map("a", {{"k", "1"}}), "alpha");
  REQUIRE_STATUS(less, 200);
  CHECK(at(less.body, "/data") == Json({{"k", "1"}, {"m", "1"}}));
}

TEST_CASE("labels of several managers live side by side") {
  Scene scene;
  const std::string path = scene.core("configmaps", "a");
  REQUIRE_STATUS(api().apply(path, labelled({{"one", "1"}}), "alpha"), 201);
  REQUIRE_STATUS(api().apply(path, labelled({{"two", "2"}}), "beta"), 200);
  const Answer after = api().apply(path, labelled(Json::object()), "alpha");
  REQUIRE_STATUS(after, 200);
  CHECK(at(after.body, "/metadata/labels") == Json({{"two", "2"}}));
}

TEST_CASE("lists with keys merge by key, element for element") {
  Scene scene;
  const std::string path = scene.core("services", "s");
  REQUIRE_STATUS(api().apply(path, service({port_entry(80, "http", 8080)}), "alpha"), 201);
  const Answer two = api().apply(path, service({port_entry(443, "https", 8443)}), "beta");
  REQUIRE_STATUS(two, 200);
  CHECK(at(two.body, "/spec/ports").size() == 2);
  CHECK_FALSE(at(managed_by(two.body, "alpha"), "/fieldsV1/f:spec/f:ports").is_null());
  CHECK(at(managed_by(two.body, "beta"), "/fieldsV1/f:spec/f:ports").contains(R"(k:{"port":443,"protocol":"TCP"})"));

  const Answer refused = api().apply(path, service({port_entry(80, "http", 9090)}), "beta");
  CHECK_STATUS(refused, 409);
  CHECK_HOLDS(refused.message(), R"(.spec.ports[port=80,protocol="TCP"].targetPort)");

  const Answer one = api().apply(path, service(Json::array()), "beta");
  REQUIRE_STATUS(one, 200);
  REQUIRE(at(one.body, "/spec/ports").size() == 1);
  CHECK(at(one.body, "/spec/ports/0/port") == 80);
}

TEST_CASE("containers merge by name and environment by name") {
  Scene scene;
  const std::string path = scene.group("apps/v1", "deployments", "d");
  Json base = deployment("d", 0);
  base["spec"]["template"]["spec"]["containers"][0]["env"] = {{{"name", "A"}, {"value", "1"}}};
  REQUIRE_STATUS(api().apply(path, base, "alpha"), 201);
  Json side = {{"apiVersion", "apps/v1"},
               {"kind", "Deployment"},
               {"metadata", {{"name", "d"}}},
               {"spec",
                {{"template",
                  {{"spec",
                    {{"containers",
                      {{{"name", "app"}, {"env", {{{"name", "B"}, {"value", "2"}}}}},
                       {{"name", "side"}, {"image", "example.test/side:1"}}}}}}}}}}};
  const Answer merged = api().apply(path, side, "beta");
  REQUIRE_STATUS(merged, 200);
  CHECK(at(merged.body, "/spec/template/spec/containers").size() == 2);
  CHECK(at(merged.body, "/spec/template/spec/containers/0/image") == "example.test/app:1");
  CHECK(at(merged.body, "/spec/template/spec/containers/0/env").size() == 2);
  const Json fields = at(managed_by(merged.body, "beta"), "/fieldsV1/f:spec/f:template/f:spec/f:containers");
  CHECK(fields.contains(R"(k:{"name":"app"})"));
  CHECK(fields[R"(k:{"name":"app"})"]["f:env"].contains(R"(k:{"name":"B"})"));
}

TEST_CASE("sets merge member by member, atomic parts are owned whole") {
  Scene scene;
  const std::string path = scene.core("configmaps", "a");
  Json one = config_map("a"), two = config_map("a");
  one["metadata"]["finalizers"] = {"example.test/one"};
  two["metadata"]["finalizers"] = {"example.test/two"};
  REQUIRE_STATUS(api().apply(path, one, "alpha"), 201);
  const Answer both = api().apply(path, two, "beta");
  REQUIRE_STATUS(both, 200);
  CHECK(at(both.body, "/metadata/finalizers").size() == 2);
  CHECK(at(managed_by(both.body, "beta"), "/fieldsV1/f:metadata/f:finalizers").contains(R"(v:"example.test/two")"));
  CHECK(at(api().apply(path, config_map("a"), "alpha").body, "/metadata/finalizers") ==
        Json::array({"example.test/two"}));
  REQUIRE_STATUS(api().apply(path, config_map("a"), "beta"), 200);

  const std::string dep = scene.group("apps/v1", "deployments", "d");
  Json base = deployment("d", 0);
  base["spec"]["template"]["spec"]["containers"][0]["command"] = {"run", "a"};
  REQUIRE_STATUS(api().apply(dep, base, "alpha"), 201);
  base["spec"]["template"]["spec"]["containers"][0]["command"] = {"run", "b"};
  const Answer refused = api().apply(dep, base, "beta");
  CHECK_STATUS(refused, 409);
  CHECK_HOLDS(refused.message(), R"(.spec.template.spec.containers[name="app"].command)");
}

TEST_CASE("an autoscaler's replicas are not the applier's once it stops naming them") {
  Scene scene;
  const std::string path = scene.group("apps/v1", "deployments", "d");
  REQUIRE_STATUS(api().apply(path, deployment("d", 1), "alpha"), 201);
  const Answer scaled = api().merge_patch(path + "/scale?fieldManager=autoscaler", {{"spec", {{"replicas", 3}}}});
  REQUIRE_STATUS(scaled, 200);
  CHECK(at(scaled.body, "/kind") == "Scale");
  CHECK(at(scaled.body, "/apiVersion") == "autoscaling/v1");
  const Answer conflict = api().apply(path, deployment("d", 1), "alpha");
  CHECK_STATUS(conflict, 409);
  CHECK_HOLDS(conflict.message(), "conflict with \"autoscaler\" with subresource \"scale\" using ");
  CHECK_HOLDS(conflict.message(), ".spec.replicas");
  Json without = deployment("d", 1);
  without["spec"].erase("replicas");
  const Answer applied = api().apply(path, without, "alpha");
  REQUIRE_STATUS(applied, 200);
  CHECK(at(applied.body, "/spec/replicas") == 3);
}

TEST_CASE("status is owned through its own door") {
  Scene scene;
  const std::string path = scene.core("services", "s");
  REQUIRE_STATUS(api().apply(path, service({port_entry(80, "http", 8080)}), "alpha"), 201);
  const Json status = {{"apiVersion", "v1"},
                       {"kind", "Service"},
                       {"metadata", {{"name", "s"}}},
                       {"status",
                        {{"conditions",
                          {{{"type", "Tested"},
                            {"status", "True"},
                            {"reason", "Case"},
                            {"message", ""},
                            {"lastTransitionTime", "2026-01-05T06:00:00Z"}}}}}}};
  const Answer applied = api().apply(path + "/status", status, "beta");
  REQUIRE_STATUS(applied, 200);
  const Json entry = managed_by(applied.body, "beta", "status");
  REQUIRE_FALSE(entry.is_null());
  CHECK(at(entry, "/fieldsV1/f:status/f:conditions").contains(R"(k:{"type":"Tested"})"));
  CHECK(at(api().apply(path, service({port_entry(80, "http", 8080)}), "alpha").body, "/status/conditions").size() == 1);
}

TEST_CASE("apply says what it needs") {
  Scene scene;
  const std::string path = scene.core("configmaps", "a");
  const std::string body = config_map("a").dump();
  const Answer nobody = api().send("PATCH", path, body, "application/apply-patch+yaml");
  CHECK_STATUS(nobody, 422);
  CHECK_HOLDS(nobody.message(), "fieldManager: Required value: is required for apply patch");
  Json wrong = config_map("b");
  CHECK_STATUS(api().apply(path, wrong, "alpha"), 400);
  Json managed = config_map("a");
  managed["metadata"]["managedFields"] = {{{"manager", "x"},
                                           {"operation", "Apply"},
                                           {"apiVersion", "v1"},
                                           {"fieldsType", "FieldsV1"},
                                           {"fieldsV1", Json::object()}}};
  const Answer refused = api().apply(path, managed, "alpha");
  CHECK_STATUS(refused, 400);
  CHECK_HOLDS(refused.message(), "metadata.managedFields must be nil");
  const Answer yaml = api().send("PATCH", path + "?fieldManager=alpha",
                                 "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: \"1\"}\n",
                                 "application/apply-patch+yaml");
  CHECK_STATUS(yaml, 201);
  const Answer forced = api().send("PATCH", path + "?fieldManager=x&force=true", "{\"data\":{\"k\":\"2\"}}",
                                   "application/merge-patch+json");
  CHECK_STATUS(forced, 422);
  CHECK_HOLDS(forced.message(), "force: Forbidden: may not be specified for non-apply patch");
}

TEST_CASE("apply with a revision holds to it") {
  Scene scene;
  const std::string path = scene.core("configmaps", "a");
  const Answer made = api().apply(path, config_map("a", {{"k", "1"}}), "alpha");
  REQUIRE_STATUS(made, 201);
  REQUIRE_STATUS(api().apply(path, config_map("a", {{"k", "2"}}), "alpha"), 200);
  const Answer old =
      api().apply(path, with_meta(config_map("a", {{"k", "3"}}), "resourceVersion", made.revision()), "alpha");
  CHECK_STATUS(old, 409);
  CHECK_HOLDS(old.message(), "the object has been modified");
  CHECK(at(api().get(path).body, "/data/k") == "2");
}
