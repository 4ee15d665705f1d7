#include <fmt/format.h>

#include "tests/contract/fixture.h"

using namespace nautilus;
using namespace nautilus::contract;

TEST_CASE("an object with a finalizer stays until it is released") {
  Scene scene;
  const std::string path = scene.core("configmaps", "a");
  REQUIRE_STATUS(api().post(scene.core("configmaps"), with_meta(config_map("a"), "finalizers", {"example.test/hold"})),
                 201);
  const Answer marked = api().remove(path);
  REQUIRE_STATUS(marked, 200);
  CHECK(at(marked.body, "/kind") == "ConfigMap");
  CHECK(at(marked.body, "/metadata/deletionTimestamp").is_string());
  CHECK(at(marked.body, "/metadata/deletionGracePeriodSeconds") == 0);
  const Answer still = api().get(path);
  REQUIRE_STATUS(still, 200);

  // No new holds on what is going.
  const Answer more =
      api().merge_patch(path, {{"metadata", {{"finalizers", {"example.test/hold", "example.test/more"}}}}});
  CHECK_STATUS(more, 422);
  CHECK_HOLDS(more.message(),
              "no new finalizers can be added if the object is being deleted, found new finalizers "
              "[]string{\"example.test/more\"}");
  REQUIRE_STATUS(api().merge_patch(path, {{"metadata", {{"finalizers", nullptr}}}}), 200);
  CHECK_STATUS(api().get(path), 404);
}

TEST_CASE("what is owned goes with its owner, in the way asked for") {
  Scene scene;
  const std::string many = scene.core("configmaps");
  const auto child_of = [&](const Answer& owner, std::string_view name) {
    Json reference = {{"apiVersion", "v1"},
                      {"kind", "ConfigMap"},
                      {"name", at(owner.body, "/metadata/name")},
                      {"uid", owner.uid()},
                      {"blockOwnerDeletion", true}};
    return with_meta(config_map(name), "ownerReferences", Json::array({reference}));
  };
  const auto gone = [&](std::string_view name) { return api().get(scene.core("configmaps", name)).status == 404; };
  const auto with_policy = [](const char* policy) {
    return Json{{"apiVersion", "v1"}, {"kind", "DeleteOptions"}, {"propagationPolicy", policy}};
  };

  SUBCASE("background: the owner at once, the rest after") {
    const Answer owner = api().post(many, config_map("owner"));
    REQUIRE_STATUS(api().post(many, child_of(owner, "child")), 201);
    REQUIRE_STATUS(api().remove(scene.core("configmaps", "owner"), with_policy("Background")), 200);
    CHECK(gone("owner"));
    CHECK(api().eventually([&] { return gone("child"); }));
  }
  SUBCASE("foreground: the owner last") {
    const Answer owner = api().post(many, config_map("owner"));
    REQUIRE_STATUS(api().post(many, with_meta(child_of(owner, "child"), "finalizers", {"example.test/hold"})), 201);
    const Answer marked = api().remove(scene.core("configmaps", "owner"), with_policy("Foreground"));
    REQUIRE_STATUS(marked, 200);
    CHECK(at(marked.body, "/metadata/finalizers") == Json::array({"foregroundDeletion"}));
    REQUIRE(api().eventually([&] {
      return at(api().get(scene.core("configmaps", "child")).body, "/metadata/deletionTimestamp").is_string();
    }));
    CHECK_FALSE(gone("owner"));
    REQUIRE_STATUS(api().merge_patch(scene.core("configmaps", "child"), {{"metadata", {{"finalizers", nullptr}}}}),
                   200);
    CHECK(api().eventually([&] { return gone("owner") && gone("child"); }));
  }
  SUBCASE("orphan: the rest stays, without an owner") {
    const Answer owner = api().post(many, config_map("owner"));
    REQUIRE_STATUS(api().post(many, child_of(owner, "child")), 201);
    REQUIRE_STATUS(api().remove(scene.core("configmaps", "owner"), with_policy("Orphan")), 200);
    CHECK(api().eventually([&] { return gone("owner"); }));
    CHECK(api().eventually(
        [&] { return at(api().get(scene.core("configmaps", "child")).body, "/metadata/ownerReferences").is_null(); }));
    CHECK_FALSE(gone("child"));
  }
  SUBCASE("an owner that never was takes its object along") {
    Json orphan = with_meta(config_map("lost"), "ownerReferences",
                            Json::array({{{"apiVersion", "v1"},
                                          {"kind", "ConfigMap"},
                                          {"name", "never"},
                                          {"uid", "11111111-2222-3333-4444-555555555555"}}}));
    REQUIRE_STATUS(api().post(many, orphan), 201);
    CHECK(api().eventually([&] { return gone("lost"); }));
  }
}

TEST_CASE("a namespace empties itself before it goes") {
  const Answer made =
      api().post("/api/v1/namespaces",
                 {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"generateName", "contract-"}}}});
  REQUIRE_STATUS(made, 201);
  const std::string name = value::string_at(made.body, "metadata", "name"), path = "/api/v1/namespaces/" + name;
  CHECK(at(made.body, "/status/phase") == "Active");
  CHECK(at(made.body, "/metadata/labels/kubernetes.io~1metadata.name") == name);
  REQUIRE_STATUS(api().post(path + "/configmaps", with_meta(config_map("held"), "finalizers", {"example.test/hold"})),
                 201);
  const Answer marked = api().remove(path);
  CHECK(marked.ok());
  REQUIRE(api().eventually([&] { return at(api().get(path).body, "/status/phase") == "Terminating"; }));

  const Answer late = api().post(path + "/configmaps", config_map("late"));
  CHECK_STATUS(late, 403);
  CHECK_HOLDS(late.message(), fmt::format("configmaps \"late\" is forbidden: unable to create new content in namespace "
                                          "{} because it is being terminated",
                                          name));
  CHECK(at(late.body, "/details/causes/0/reason") == "NamespaceTerminating");

  REQUIRE(api().eventually([&] {
    return value::string_at(condition(api().get(path).body, "NamespaceFinalizersRemaining"), "status") == "True";
  }));
  REQUIRE_STATUS(api().merge_patch(path + "/configmaps/held", {{"metadata", {{"finalizers", nullptr}}}}), 200);
  CHECK(api().eventually([&] { return api().get(path).status == 404; }));
}

TEST_CASE("a quota counts, and refuses with the numbers") {
  Scene scene;
  const Json quota = {{"apiVersion", "v1"},
                      {"kind", "ResourceQuota"},
                      {"metadata", {{"name", "q"}}},
                      {"spec", {{"hard", {{"pods", "1"}, {"requests.cpu", "100m"}, {"count/configmaps", "5"}}}}}};
  REQUIRE_STATUS(api().post(scene.core("resourcequotas"), quota), 201);
  REQUIRE(api().eventually(
      [&] { return at(api().get(scene.core("resourcequotas", "q")).body, "/status/used/pods") == "0"; }));
  const auto pod = [](const char* name, const char* cpu) {
    Json object = {{"apiVersion", "v1"}, {"kind", "Pod"}, {"metadata", {{"name", name}}}, {"spec", pod_spec()}};
    object["spec"]["containers"][0]["resources"]["requests"]["cpu"] = cpu;
    return object;
  };
  const Answer large = api().post(scene.core("pods"), pod("large", "200m"));
  CHECK_STATUS(large, 403);
  CHECK_HOLDS(large.message(),
              "pods \"large\" is forbidden: exceeded quota: q, requested: requests.cpu=200m, used: requests.cpu=0, "
              "limited: requests.cpu=100m");
  REQUIRE_STATUS(api().post(scene.core("pods"), pod("first", "60m")), 201);
  const Answer second = api().post(scene.core("pods"), pod("second", "60m"));
  CHECK_STATUS(second, 403);
  CHECK_HOLDS(second.message(),
              "pods \"second\" is forbidden: exceeded quota: q, requested: pods=1,requests.cpu=60m, used: "
              "pods=1,requests.cpu=60m, limited: "
              "pods=1,requests.cpu=100m");
  Json silent = pod("silent", "1m");
  silent["spec"]["containers"][0].erase("resources");
  const Answer unsaid = api().post(scene.core("pods"), silent);
  CHECK_STATUS(unsaid, 403);
  CHECK_HOLDS(unsaid.message(), "failed quota: q: must specify requests.cpu for: app");
}

TEST_CASE("a restricted namespace lets no careless pod in, and says what is missing") {
  Scene scene("restricted");
  const Json careless = {{"apiVersion", "v1"}, {"kind", "Pod"}, {"metadata", {{"name", "p"}}}, {"spec", pod_spec()}};
  const Answer refused = api().post(scene.core("pods"), careless);
  CHECK_STATUS(refused, 403);
  CHECK_HOLDS(refused.message(),
              "pods \"p\" is forbidden: violates PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false");
  for (const char* part :
       {"unrestricted capabilities (container \"app\" must set securityContext.capabilities.drop=[\"ALL\"])",
        "runAsNonRoot != true (pod or container \"app\" must set securityContext.runAsNonRoot=true)", "seccompProfile"})
    CHECK_HOLDS(refused.message(), part);

  const Answer warned = api().post(scene.group("apps/v1", "deployments"), deployment("d", 0));
  CHECK_STATUS(warned, 201);
  REQUIRE_FALSE(warned.header_values("Warning").empty());
  CHECK_HOLDS(warned.header_values("Warning")[0], "would violate PodSecurity \\\"restricted:latest\\\"");

  Json careful = careless;
  careful["spec"]["securityContext"] = {{"runAsNonRoot", true}, {"seccompProfile", {{"type", "RuntimeDefault"}}}};
  careful["spec"]["containers"][0]["securityContext"] = {{"allowPrivilegeEscalation", false},
                                                         {"capabilities", {{"drop", {"ALL"}}}}};
  CHECK_STATUS(api().post(scene.core("pods"), careful), 201);
}

TEST_CASE("a pod of an account that is not there is refused") {
  Scene scene;
  Json pod = {{"apiVersion", "v1"}, {"kind", "Pod"}, {"metadata", {{"name", "p"}}}, {"spec", pod_spec()}};
  pod["spec"]["serviceAccountName"] = "missing";
  const Answer refused = api().post(scene.core("pods"), pod);
  CHECK_STATUS(refused, 403);
  CHECK_HOLDS(
      refused.message(),
      fmt::format(
          "pods \"p\" is forbidden: error looking up service account {}/missing: serviceaccount \"missing\" not found",
          scene.name()));
}

namespace {

const std::string kDefinitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

// The definition of gadgets in a group of its own, so that runs do not meet.
Json gadget_definition(const std::string& group) {
  const Json schema = Json::parse(R"({"type":"object","properties":{
    "spec":{"type":"object","required":["size"],"properties":{
      "size":{"type":"integer","minimum":1,"maximum":10}, "mode":{"type":"string","enum":["fast","safe"],"default":"safe"},
      "items":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["name"],
               "items":{"type":"object","required":["name"],"properties":{"name":{"type":"string"},"value":{"type":"string"}}}}}},
    "status":{"type":"object","properties":{"phase":{"type":"string"}}}}})");
  const Json version = {{"name", "v1"},
                        {"served", true},
                        {"storage", true},
                        {"subresources", {{"status", Json::object()}}},
                        {"schema", {{"openAPIV3Schema", schema}}}};
  return {{"apiVersion", "apiextensions.k8s.io/v1"},
          {"kind", "CustomResourceDefinition"},
          {"metadata", {{"name", "gadgets." + group}}},
          {"spec",
           {{"group", group},
            {"scope", "Namespaced"},
            {"names", {{"plural", "gadgets"}, {"singular", "gadget"}, {"kind", "Gadget"}, {"listKind", "GadgetList"}}},
            {"versions", Json::array({version})}}}};
}

void define_gadgets(const std::string& group, const std::string& many) {
  REQUIRE_STATUS(api().post(kDefinitions, gadget_definition(group)), 201);
  REQUIRE(api().eventually([&] {
    return value::string_at(condition(api().get(kDefinitions + "/gadgets." + group).body, "Established"), "status") ==
           "True";
  }));
  REQUIRE(api().eventually([&] { return api().get(many).ok(); }));
}

}  // namespace

TEST_CASE("a history that is forgotten is said to be expired, never skipped") {
  Scene scene;
  const std::string group = scene.name() + ".example.test",
                    many = fmt::format("/apis/{}/v1/namespaces/{}/gadgets", group, scene.name());
  define_gadgets(group, many);
  // The real server remembers a custom resource from its definition on, the embedded one so many revisions
  // (target.cpp).
  REQUIRE_STATUS(api().post(scene.core("configmaps"), config_map("a")), 201);
  for (int i = 0; i < 150; ++i)
    REQUIRE_STATUS(api().merge_patch(scene.core("configmaps", "a"), {{"data", {{"n", std::to_string(i)}}}}), 200);
  {
    Watch watch(api(), many + "?watch=true&resourceVersion=1");
    const WatchEvent event = watch.next();
    CHECK(event.type == "ERROR");
    CHECK(at(event.object, "/kind") == "Status");
    CHECK(at(event.object, "/code") == 410);
    CHECK(at(event.object, "/reason") == "Expired");
    CHECK_HOLDS(value::string_at(event.object, "message"), "too old resource version: 1 (");
  }
  CHECK(api().remove(kDefinitions + "/gadgets." + group).ok());
}

TEST_CASE("a definition brings a resource, checks it, and takes it along when it goes") {
  Scene scene;
  const std::string group = scene.name() + ".example.test", name = "gadgets." + group;
  const std::string many = fmt::format("/apis/{}/v1/namespaces/{}/gadgets", group, scene.name());
  CHECK_STATUS(api().get(many), 404);
  define_gadgets(group, many);
  CHECK(at(api().get(fmt::format("/apis/{}/v1", group)).body, "/resources/0/kind") == "Gadget");

  const auto gadget = [&](const Json& spec) {
    return Json{{"apiVersion", group + "/v1"}, {"kind", "Gadget"}, {"metadata", {{"name", "g"}}}, {"spec", spec}};
  };
  const Answer large = api().post(many, gadget({{"size", 99}}));
  CHECK_STATUS(large, 422);
  CHECK_HOLDS(
      large.message(),
      "Gadget." + group +
          " \"g\" is invalid: spec.size: Invalid value: 99: spec.size in body should be less than or equal to 10");
  const Answer empty = api().post(many, gadget(Json::object()));
  CHECK_STATUS(empty, 422);
  CHECK_HOLDS(empty.message(), "spec.size: Required value");
  const Answer mode = api().post(many, gadget({{"size", 1}, {"mode", "slow"}}));
  CHECK_STATUS(mode, 422);
  CHECK_HOLDS(mode.message(), "spec.mode: Unsupported value: \"slow\": supported values: \"fast\", \"safe\"");
  const Answer unknown = api().post(many + "?fieldValidation=Strict", gadget({{"size", 1}, {"colour", "red"}}));
  CHECK_STATUS(unknown, 400);
  CHECK_HOLDS(unknown.message(), "unknown field \"spec.colour\"");

  const Answer made =
      api().post(many, gadget({{"size", 3}, {"items", {{{"name", "a"}, {"value", "1"}}}}, {"colour", "red"}}));
  REQUIRE_STATUS(made, 201);
  CHECK(at(made.body, "/spec/mode") == "safe");
  CHECK(at(made.body, "/spec/colour").is_null());
  CHECK(at(made.body, "/metadata/generation") == 1);
  const Answer status =
      api().merge_patch(many + "/g/status", {{"status", {{"phase", "Ready"}}}, {"spec", {{"size", 9}}}});
  REQUIRE_STATUS(status, 200);
  CHECK(at(status.body, "/status/phase") == "Ready");
  CHECK(at(status.body, "/spec/size") == 3);
  CHECK(at(status.body, "/metadata/generation") == 1);
  const Answer applied = api().apply(many + "/g", gadget({{"size", 3}, {"items", {{{"name", "b"}, {"value", "2"}}}}}),
                                     "alpha", "&force=true");
  REQUIRE_STATUS(applied, 200);
  CHECK(at(applied.body, "/spec/items").size() == 2);

  REQUIRE(api().remove(kDefinitions + "/" + name).ok());
  CHECK(api().eventually([&] { return api().get(kDefinitions + "/" + name).status == 404; }));
  CHECK(api().eventually([&] { return api().get(many).status == 404; }));
}
