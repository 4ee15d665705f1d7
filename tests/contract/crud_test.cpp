#include <fmt/format.h>

#include <set>

#include "tests/contract/fixture.h"

using namespace nautilus;
using namespace nautilus::contract;

TEST_CASE("an object is created, read, replaced and deleted") {
  Scene scene;
  const Answer made = api().post(scene.core("configmaps"), config_map("a", {{"k", "1"}}));
  REQUIRE_STATUS(made, 201);
  CHECK(at(made.body, "/kind") == "ConfigMap");
  CHECK(at(made.body, "/apiVersion") == "v1");
  CHECK(at(made.body, "/metadata/namespace") == scene.name());
  CHECK(made.uid().size() == 36);
  CHECK_FALSE(made.revision().empty());
  CHECK(at(made.body, "/metadata/creationTimestamp").is_string());

  const Answer read = api().get(scene.core("configmaps", "a"));
  REQUIRE_STATUS(read, 200);
  CHECK(read.body == made.body);

  Json next = read.body;
  next["data"]["k"] = "2";
  const Answer replaced = api().put(scene.core("configmaps", "a"), next);
  REQUIRE_STATUS(replaced, 200);
  CHECK(at(replaced.body, "/data/k") == "2");
  CHECK(replaced.uid() == made.uid());
  CHECK(std::stoull(replaced.revision()) > std::stoull(made.revision()));

  const Answer gone = api().remove(scene.core("configmaps", "a"));
  REQUIRE_STATUS(gone, 200);
  CHECK(at(gone.body, "/kind") == "Status");
  CHECK(at(gone.body, "/status") == "Success");
  CHECK(at(gone.body, "/details/uid") == made.uid());
  CHECK(api().get(scene.core("configmaps", "a")).status == 404);
}

TEST_CASE("a replacement that changes nothing keeps the revision") {
  Scene scene;
  const Answer made = api().post(scene.core("configmaps"), config_map("a", {{"k", "1"}}));
  const Answer again = api().put(scene.core("configmaps", "a"), made.body);
  REQUIRE_STATUS(again, 200);
  CHECK(again.revision() == made.revision());
}

TEST_CASE("refusals carry the API's status, reason and words") {
  Scene scene;
  REQUIRE_STATUS(api().post(scene.core("configmaps"), config_map("taken")), 201);
  struct Case {
    std::string method, target;
    Json body;
    int status;
    std::string reason, message;
  };
  const std::string ns = scene.name();
  const Case cases[] = {
      {"GET", scene.core("configmaps", "none"), nullptr, 404, "NotFound", "configmaps \"none\" not found"},
      {"GET", scene.group("apps/v1", "deployments", "none"), nullptr, 404, "NotFound",
       "deployments.apps \"none\" not found"},
      {"GET", scene.core("unknowns"), nullptr, 404, "NotFound", "the server could not find the requested resource"},
      {"POST", scene.core("configmaps"), config_map("taken"), 409, "AlreadyExists",
       "configmaps \"taken\" already exists"},
      {"POST", scene.core("configmaps"), config_map("Not_A_Name"), 422, "Invalid",
       "ConfigMap \"Not_A_Name\" is invalid: metadata.name: Invalid value: \"Not_A_Name\": a lowercase RFC 1123 "
       "subdomain must consist of"},
      {"POST", scene.core("configmaps"), with_meta(config_map("a"), "namespace", "elsewhere"), 400, "BadRequest",
       "the namespace of the provided object does not match the namespace sent on the request"},
      {"POST", "/api/v1/namespaces/no-such-namespace/configmaps", config_map("a"), 404, "NotFound",
       "namespaces \"no-such-namespace\" not found"},
      {"PUT", scene.core("configmaps", "taken"), config_map("other"), 400, "BadRequest",
       "the name of the object (other) does not match the name on the URL (taken)"},
      {"DELETE", scene.core("configmaps", "none"), nullptr, 404, "NotFound", "configmaps \"none\" not found"},
      {"POST", scene.core("configmaps"), Json{{"apiVersion", "v1"}, {"kind", "Secret"}, {"metadata", {{"name", "a"}}}},
       400, "BadRequest", "Secret in version \"v1\" cannot be handled as a ConfigMap"},
  };
  for (const auto& expected : cases) {
    CAPTURE(expected.method);
    CAPTURE(expected.target);
    const Answer answer =
        api().send(expected.method, expected.target, expected.body.is_null() ? "" : expected.body.dump());
    CHECK_STATUS(answer, expected.status);
    CHECK(answer.reason() == expected.reason);
    CHECK_HOLDS(answer.message(), expected.message);
    CHECK(at(answer.body, "/kind") == "Status");
    CHECK(at(answer.body, "/status") == "Failure");
    CHECK(at(answer.body, "/code") == expected.status);
  }
}

TEST_CASE("a write against an old revision is a conflict") {
  Scene scene;
  const Answer made = api().post(scene.core("configmaps"), config_map("a", {{"k", "1"}}));
  Json first = made.body, second = made.body;
  first["data"]["k"] = "2";
  second["data"]["k"] = "3";
  REQUIRE_STATUS(api().put(scene.core("configmaps", "a"), first), 200);
  const Answer refused = api().put(scene.core("configmaps", "a"), second);
  CHECK_STATUS(refused, 409);
  CHECK(refused.reason() == "Conflict");
  CHECK_HOLDS(refused.message(),
              "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your "
              "changes to the latest "
              "version and try again");
  // Without a revision the last writer wins, for this kind.
  second["metadata"].erase("resourceVersion");
  CHECK_STATUS(api().put(scene.core("configmaps", "a"), second), 200);
}

TEST_CASE("a lease is taken by one of two who saw the same revision") {
  Scene scene;
  const std::string leases = scene.group("coordination.k8s.io/v1", "leases");
  const Json lease = {
      {"apiVersion", "coordination.k8s.io/v1"},
      {"kind", "Lease"},
      {"metadata", {{"name", "lock"}}},
      {"spec",
       {{"holderIdentity", "nobody"}, {"leaseDurationSeconds", 15}, {"renewTime", "2026-01-05T06:00:00.000000Z"}}}};
  const Answer made = api().post(leases, lease);
  REQUIRE_STATUS(made, 201);
  CHECK(at(made.body, "/spec/renewTime") == "2026-01-05T06:00:00.000000Z");
  Json one = made.body, two = made.body;
  one["spec"]["holderIdentity"] = "one";
  two["spec"]["holderIdentity"] = "two";
  CHECK_STATUS(api().put(leases + "/lock", one), 200);
  CHECK_STATUS(api().put(leases + "/lock", two), 409);
  CHECK(at(api().get(leases + "/lock").body, "/spec/holderIdentity") == "one");
  // A lease is never replaced without saying which revision was seen.
  two["metadata"].erase("resourceVersion");
  const Answer blind = api().put(leases + "/lock", two);
  CHECK_STATUS(blind, 422);
  CHECK_HOLDS(blind.message(), "metadata.resourceVersion: Invalid value: 0: must be specified for an update");
}

TEST_CASE("status and spec are written by different doors") {
  Scene scene;
  const std::string path = scene.group("policy/v1", "poddisruptionbudgets");
  const Json budget = {
      {"apiVersion", "policy/v1"},
      {"kind", "PodDisruptionBudget"},
      {"metadata", {{"name", "b"}}},
      {"spec", {{"minAvailable", 1}, {"selector", {{"matchLabels", {{"app", "none"}}}}}}},
      {"status", {{"currentHealthy", 7}, {"desiredHealthy", 0}, {"disruptionsAllowed", 0}, {"expectedPods", 0}}}};
  const Answer made = api().post(path, budget);
  REQUIRE_STATUS(made, 201);
  CHECK(at(made.body, "/status/currentHealthy") != 7);

  const Answer scaled = api().merge_patch(path + "/b/status", {{"spec", {{"minAvailable", 5}}}});
  REQUIRE_STATUS(scaled, 200);
  CHECK(at(scaled.body, "/spec/minAvailable") == 1);
  const Answer patched =
      api().merge_patch(path + "/b", {{"status", {{"currentHealthy", 9}}}, {"spec", {{"minAvailable", 2}}}});
  REQUIRE_STATUS(patched, 200);
  CHECK(at(patched.body, "/spec/minAvailable") == 2);
  CHECK(at(patched.body, "/status/currentHealthy") != 9);
}

TEST_CASE("generation counts the changes of the wish, not of the status or the labels") {
  Scene scene;
  const std::string path = scene.group("apps/v1", "deployments", "d");
  const Answer made = api().post(scene.group("apps/v1", "deployments"), deployment("d", 0));
  REQUIRE_STATUS(made, 201);
  CHECK(at(made.body, "/metadata/generation") == 1);
  CHECK(at(api().merge_patch(path, {{"metadata", {{"labels", {{"x", "y"}}}}}}).body, "/metadata/generation") == 1);
  CHECK(at(api().merge_patch(path, {{"spec", {{"minReadySeconds", 3}}}}).body, "/metadata/generation") == 2);
}

TEST_CASE("generateName makes different names of that beginning") {
  Scene scene;
  Json object = config_map("x");
  object["metadata"] = {{"generateName", "part-"}};
  std::set<std::string> names;
  for (int i = 0; i < 5; ++i) {
    const Answer made = api().post(scene.core("configmaps"), object);
    REQUIRE_STATUS(made, 201);
    const std::string name = value::string_at(made.body, "metadata", "name");
    CHECK(name.size() == 10);
    CHECK(name.starts_with("part-"));
    names.insert(name);
  }
  CHECK(names.size() == 5);
}

TEST_CASE("deletion holds to its preconditions") {
  Scene scene;
  const Answer made = api().post(scene.core("configmaps"), config_map("a"));
  const std::string path = scene.core("configmaps", "a");
  const auto options = [](const Json& preconditions) {
    return Json{{"apiVersion", "v1"}, {"kind", "DeleteOptions"}, {"preconditions", preconditions}};
  };
  const Answer other = api().remove(path, options({{"uid", "00000000-0000-0000-0000-000000000000"}}));
  CHECK_STATUS(other, 409);
  CHECK_HOLDS(other.message(),
              "the UID in the precondition (00000000-0000-0000-0000-000000000000) does not match the UID in record (" +
                  made.uid() + ")");
  CHECK_STATUS(api().remove(path, options({{"resourceVersion", "1"}})), 409);
  CHECK_STATUS(api().get(path), 200);
  CHECK_STATUS(api().remove(path, options({{"uid", made.uid()}, {"resourceVersion", made.revision()}})), 200);
  CHECK_STATUS(api().get(path), 404);
}

TEST_CASE("a collection is deleted by selector") {
  Scene scene;
  for (int i = 0; i < 4; ++i)
    REQUIRE_STATUS(api().post(scene.core("configmaps"), with_meta(config_map(fmt::format("c{}", i)), "labels",
                                                                  {{"half", i % 2 ? "odd" : "even"}})),
                   201);
  REQUIRE_STATUS(api().remove(scene.core("configmaps") + "?labelSelector=half%3Dodd"), 200);
  std::set<std::string> left;
  for (const auto& item : at(api().get(scene.core("configmaps") + "?labelSelector=half").body, "/items"))
    left.insert(item["metadata"]["name"]);
  CHECK(left == std::set<std::string>{"c0", "c2"});
}

TEST_CASE("a list comes in pages that all show one moment") {
  Scene scene;
  for (int i = 0; i < 7; ++i)
    REQUIRE_STATUS(
        api().post(scene.core("secrets"),
                   {{"apiVersion", "v1"}, {"kind", "Secret"}, {"metadata", {{"name", fmt::format("s{}", i)}}}}),
        201);
  const Answer first = api().get(scene.core("secrets") + "?limit=3");
  REQUIRE_STATUS(first, 200);
  CHECK(at(first.body, "/kind") == "SecretList");
  CHECK(at(first.body, "/items").size() == 3);
  CHECK(at(first.body, "/metadata/remainingItemCount") == 4);
  std::string token = value::string_at(first.body, "metadata", "continue");
  CHECK_FALSE(token.empty());
  // Made after the first page, so on no page.
  REQUIRE_STATUS(
      api().post(scene.core("secrets"), {{"apiVersion", "v1"}, {"kind", "Secret"}, {"metadata", {{"name", "s9"}}}}),
      201);

  std::vector<std::string> names;
  for (const auto& item : at(first.body, "/items")) names.push_back(item["metadata"]["name"]);
  int pages = 1;
  while (!token.empty() && pages < 10) {
    const Answer page = api().get(scene.core("secrets") + "?limit=3&continue=" + token);
    REQUIRE_STATUS(page, 200);
    ++pages;
    CHECK(page.revision() == first.revision());
    for (const auto& item : at(page.body, "/items")) names.push_back(item["metadata"]["name"]);
    token = value::string_at(page.body, "metadata", "continue");
  }
  CHECK(pages == 3);
  CHECK(names == std::vector<std::string>{"s0", "s1", "s2", "s3", "s4", "s5", "s6"});
  CHECK_STATUS(api().get(scene.core("secrets") + "?limit=3&continue=nonsense"), 400);
}

TEST_CASE("selectors choose by label and by field") {
  Scene scene;
  const Json labels[] = {{{"tier", "web"}, {"env", "prod"}}, {{"tier", "web"}, {"env", "dev"}}, {{"tier", "db"}}};
  for (int i = 0; i < 3; ++i)
    REQUIRE_STATUS(
        api().post(scene.core("configmaps"), with_meta(config_map(fmt::format("o{}", i)), "labels", labels[i])), 201);
  struct Case {
    std::string query;
    std::set<std::string> names;
  };
  const Case cases[] = {
      {"labelSelector=tier%3Dweb", {"o0", "o1"}},
      {"labelSelector=tier%3Dweb%2Cenv%3Dprod", {"o0"}},
      {"labelSelector=env%20in%20(prod%2Cdev)", {"o0", "o1"}},
      {"labelSelector=tier%2C!env", {"o2"}},
      {"labelSelector=tier%2Cenv!%3Dprod", {"o1", "o2"}},
      {"labelSelector=tier%20notin%20(web)%2Ctier", {"o2"}},
      {"labelSelector=tier&fieldSelector=metadata.name%3Do1", {"o1"}},
      {"labelSelector=tier&fieldSelector=metadata.name!%3Do1", {"o0", "o2"}},
  };
  for (const auto& expected : cases) {
    CAPTURE(expected.query);
    const Answer answer = api().get(scene.core("configmaps") + "?" + expected.query);
    REQUIRE_STATUS(answer, 200);
    std::set<std::string> names;
    for (const auto& item : at(answer.body, "/items")) names.insert(item["metadata"]["name"]);
    CHECK(names == expected.names);
  }
  CHECK_STATUS(api().get(scene.core("configmaps") + "?labelSelector=a%3D%3D%3Db"), 400);
  CHECK_STATUS(api().get(scene.core("configmaps") + "?fieldSelector=data.k%3Dv"), 400);
}

TEST_CASE("a dry run answers as if, and writes nothing") {
  Scene scene;
  const std::string many = scene.core("configmaps"), one = scene.core("configmaps", "a");
  const Answer imagined = api().post(many + "?dryRun=All", config_map("a", {{"k", "1"}}));
  REQUIRE_STATUS(imagined, 201);
  CHECK(at(imagined.body, "/data/k") == "1");
  CHECK_FALSE(imagined.uid().empty());
  CHECK_STATUS(api().get(one), 404);

  const Answer made = api().post(many, config_map("a", {{"k", "1"}}));
  Json next = made.body;
  next["data"]["k"] = "2";
  CHECK(at(api().put(one + "?dryRun=All", next).body, "/data/k") == "2");
  CHECK(at(api().merge_patch(one + "?dryRun=All", {{"data", {{"k", "3"}}}}).body, "/data/k") == "3");
  CHECK(at(api().apply(one, config_map("a", {{"m", "4"}}), "someone", "&dryRun=All").body, "/data/m") == "4");
  CHECK_STATUS(api().remove(one + "?dryRun=All"), 200);
  CHECK(api().get(one).body == made.body);
  CHECK_STATUS(api().post(many + "?dryRun=Some", config_map("b")), 422);
}

TEST_CASE("unknown and doubled fields are refused, told or dropped, as asked") {
  Scene scene;
  const std::string many = scene.group("apps/v1", "deployments");
  Json object = deployment("d", 0);
  object["spec"]["replicaz"] = 3;
  object["spec"]["template"]["spec"]["containers"][0]["imagee"] = "x";

  const Answer strict = api().post(many + "?fieldValidation=Strict", object);
  CHECK_STATUS(strict, 400);
  CHECK(strict.reason() == "BadRequest");
  CHECK_HOLDS(strict.message(), "strict decoding error: unknown field \"spec.replicaz\"");
  CHECK_HOLDS(strict.message(), "unknown field \"spec.template.spec.containers[0].imagee\"");

  const Answer warned = api().post(many + "?fieldValidation=Warn&dryRun=All", object);
  CHECK_STATUS(warned, 201);
  const auto warnings = warned.header_values("Warning");
  REQUIRE(warnings.size() == 2);
  CHECK_HOLDS(warnings[0] + warnings[1], "299 - \"unknown field \\\"spec.replicaz\\\"\"");
  CHECK_HOLDS(warnings[0] + warnings[1], "unknown field \\\"spec.template.spec.containers[0].imagee\\\"");
  CHECK(at(warned.body, "/spec/replicaz").is_null());

  const Answer ignored = api().post(many + "?fieldValidation=Ignore&dryRun=All", object);
  CHECK_STATUS(ignored, 201);
  CHECK(ignored.header_values("Warning").empty());

  const std::string doubled =
      R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"two"},"data":{"a":"1"},"data":{"b":"2"}})";
  const Answer twice = api().send("POST", scene.core("configmaps") + "?fieldValidation=Strict", doubled);
  CHECK_STATUS(twice, 400);
  CHECK_HOLDS(twice.message(), "duplicate field \"data\"");

  const Answer applied =
      api().apply(scene.group("apps/v1", "deployments", "d"), object, "me", "&fieldValidation=Strict");
  // Apply fails earlier, while it finds out who owns what, and so with other words and another status.
  CHECK_STATUS(applied, 500);
  CHECK_HOLDS(applied.message(), "failed to create typed patch object (/d; apps/v1, Kind=Deployment): ");
  CHECK_HOLDS(applied.message(), ".spec.replicaz: field not declared in schema");
}

TEST_CASE("a value of the wrong type is a bad request") {
  Scene scene;
  Json object = deployment("d", 0);
  object["spec"]["replicas"] = "three";
  const Answer refused = api().post(scene.group("apps/v1", "deployments"), object);
  CHECK_STATUS(refused, 400);
  CHECK_HOLDS(refused.message(), "Deployment in version \"v1\" cannot be handled as a Deployment");
  CHECK_HOLDS(refused.message(), "spec.replicas");
}

TEST_CASE("what may not change is refused with its field") {
  Scene scene;
  const std::string deployments = scene.group("apps/v1", "deployments"), sets = scene.group("apps/v1", "statefulsets");
  REQUIRE_STATUS(api().post(deployments, deployment("d", 0)), 201);
  Json set = deployment("s", 0);
  set["kind"] = "StatefulSet";
  set["spec"]["serviceName"] = "s";
  REQUIRE_STATUS(api().post(sets, set), 201);
  REQUIRE_STATUS(api().post(scene.core("configmaps"),
                            [] {
                              Json fixed = config_map("f", {{"k", "1"}});
                              fixed["immutable"] = true;
                              return fixed;
                            }()),
                 201);
  const Json service = {{"apiVersion", "v1"},
                        {"kind", "Service"},
                        {"metadata", {{"name", "v"}}},
                        {"spec", {{"selector", {{"app", "v"}}}, {"ports", {{{"port", 80}}}}}}};
  REQUIRE_STATUS(api().post(scene.core("services"), service), 201);
  const Json secret = {{"apiVersion", "v1"}, {"kind", "Secret"}, {"metadata", {{"name", "t"}}}, {"type", "Opaque"}};
  REQUIRE_STATUS(api().post(scene.core("secrets"), secret), 201);
  struct Case {
    std::string target;
    Json patch;
    std::string message;
  };
  const Case cases[] = {
      {deployments + "/d",
       {{"spec",
         {{"selector", {{"matchLabels", {{"app", "other"}}}}},
          {"template", {{"metadata", {{"labels", {{"app", "other"}}}}}}}}}},
       "Deployment.apps \"d\" is invalid: spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"other\"}}: field "
       "is immutable"},
      {sets + "/s",
       {{"spec", {{"serviceName", "other"}}}},
       "StatefulSet.apps \"s\" is invalid: spec.serviceName: Invalid value: \"other\": field is immutable"},
      {sets + "/s",
       {{"spec", {{"podManagementPolicy", "Parallel"}}}},
       "StatefulSet.apps \"s\" is invalid: spec.podManagementPolicy: Invalid value: \"Parallel\": field is immutable"},
      {scene.core("configmaps", "f"),
       {{"data", {{"k", "2"}}}},
       "ConfigMap \"f\" is invalid: data: Forbidden: field is immutable when `immutable` is set"},
      {scene.core("services", "v"), {{"spec", {{"clusterIP", "10.96.99.99"}}}}, "may not change once set"},
      {scene.core("secrets", "t"),
       {{"type", "kubernetes.io/tls"}},
       "type: Invalid value: \"kubernetes.io/tls\": field is immutable"},
      {scene.core("configmaps", "f"),
       {{"metadata", {{"uid", "00000000-0000-0000-0000-000000000000"}}}},
       "metadata.uid: Invalid value: \"00000000-0000-0000-0000-000000000000\": field is immutable"},
  };
  for (const auto& expected : cases) {
    CAPTURE(expected.target);
    const Answer refused = api().merge_patch(expected.target, expected.patch);
    CHECK_MESSAGE((refused.status == 422 || refused.status == 409), refused.status);
    CHECK_HOLDS(refused.message(), expected.message);
  }
}

TEST_CASE("an object that breaks the rules of its kind is refused with every field named") {
  Scene scene;
  Json object = deployment("d", 1);
  object["spec"]["template"]["metadata"]["labels"]["app"] = "other";
  object["spec"]["template"]["spec"]["containers"][0].erase("image");
  object["spec"]["template"]["spec"]["containers"][0]["name"] = "Not A Name";
  const Answer refused = api().post(scene.group("apps/v1", "deployments"), object);
  CHECK_STATUS(refused, 422);
  CHECK_HOLDS(
      refused.message(),
      "spec.template.metadata.labels: Invalid value: {\"app\":\"other\"}: `selector` does not match template `labels`");
  CHECK_HOLDS(refused.message(), "spec.template.spec.containers[0].image: Required value");
  CHECK_HOLDS(refused.message(), "spec.template.spec.containers[0].name: Invalid value: \"Not A Name\"");
  std::set<std::string> fields;
  for (const auto& cause : at(refused.body, "/details/causes")) fields.insert(value::string_at(cause, "field"));
  CHECK(fields.contains("spec.template.metadata.labels"));
  CHECK(fields.contains("spec.template.spec.containers[0].image"));
}
