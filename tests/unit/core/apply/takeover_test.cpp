#include "core/apply/takeover.h"

#include <doctest/doctest.h>

#include "core/apply/compare.h"
#include "core/apply/ownership.h"

using namespace nautilus;

namespace {

Json manifest() {
  return Json::parse(R"({"apiVersion":"apps/v1","kind":"Deployment",
    "metadata":{"name":"a","namespace":"n","labels":{"app":"a"}},
    "spec":{"replicas":2,"selector":{"matchLabels":{"app":"a"}},"template":{"spec":{"containers":[
      {"name":"z","image":"z:1"},{"name":"b","image":"b:1","ports":[{"containerPort":80}]}],
      "volumes":[{"name":"tmp","emptyDir":{}}]}}}})");
}

// What a server records for the creator of it: defaults too, and "." on the way.
Json created_fields() {
  return Json::parse(R"({"f:metadata":{"f:labels":{".":{},"f:app":{}}},
    "f:spec":{"f:progressDeadlineSeconds":{},"f:replicas":{},"f:selector":{},"f:template":{"f:spec":{
      "f:containers":{
        "k:{\"name\":\"b\"}":{".":{},"f:image":{},"f:imagePullPolicy":{},"f:name":{},"f:resources":{},
          "f:ports":{".":{},"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{},"f:protocol":{}}}},
        "k:{\"name\":\"z\"}":{".":{},"f:image":{},"f:name":{}}},
      "f:restartPolicy":{},
      "f:volumes":{".":{},"k:{\"name\":\"tmp\"}":{".":{},"f:emptyDir":{},"f:name":{}}}}}}})");
}

Json live(const char* manager, const char* operation, Json fields) {
  Json object = manifest();
  object["spec"]["progressDeadlineSeconds"] = 600;
  auto& b = object["spec"]["template"]["spec"]["containers"][1];
  b["imagePullPolicy"] = "IfNotPresent";
  b["ports"][0]["protocol"] = "TCP";
  object["metadata"]["resourceVersion"] = "7";
  object["metadata"]["annotations"] = {{"meta.helm.sh/release-name", "platform"},
                                       {"meta.helm.sh/release-namespace", "n"}};
  object["metadata"]["managedFields"] = Json::array({{{"manager", manager},
                                                      {"operation", operation},
                                                      {"apiVersion", "apps/v1"},
                                                      {"fieldsType", "FieldsV1"},
                                                      {"fieldsV1", std::move(fields)}},
                                                     {{"manager", "kube-controller-manager"},
                                                      {"operation", "Update"},
                                                      {"apiVersion", "apps/v1"},
                                                      {"subresource", "status"},
                                                      {"fieldsType", "FieldsV1"},
                                                      {"fieldsV1", {{"f:status", Json::object()}}}}});
  return object;
}

// The object as the patch leaves it, as far as managedFields go.
Json after(Json object, const apply::Takeover& takeover) {
  object["metadata"]["managedFields"] = takeover.patch[0]["value"];
  return object;
}

}  // namespace

TEST_CASE("what Helm 3 created is owned afterwards as an apply would own it, and a deploy has nothing to do") {
  const Json object = live("helm", "Update", created_fields());
  const auto takeover = apply::take_over(object, manifest(), manifest(), {.helm = true});
  REQUIRE(takeover.needed);
  CHECK(takeover.from == std::vector<std::string>{"helm (update)"});
  CHECK(apply::owns_exactly(takeover.fields, manifest()));
  CHECK(apply::certainly_unchanged(manifest(), after(object, takeover)));
  CHECK(apply::fields_outside(takeover.fields, manifest()).empty());
}

TEST_CASE("the patch carries a precondition, the status keeps its owner and Helm's mark says who has it now") {
  const auto takeover =
      apply::take_over(live("helm", "Update", created_fields()), manifest(), manifest(), {.helm = true});
  const Json& entries = takeover.patch[0]["value"];
  REQUIRE(entries.size() == 2);
  CHECK(entries[0]["manager"] == "kube-controller-manager");
  CHECK(entries[1]["manager"] == "nautilusctl");
  CHECK(entries[1]["operation"] == "Apply");
  CHECK(takeover.patch[1]["path"] == "/metadata/annotations/meta.helm.sh~1release-name");
  CHECK(takeover.patch[1]["value"] == "platform (taken over by nautilusctl)");
  CHECK(takeover.patch[2]["op"] == "replace");
  CHECK(takeover.patch[2]["value"] == "7");
}

TEST_CASE("a second time there is nothing to take") {
  const Json object = live("helm", "Update", created_fields());
  const Json done = after(object, apply::take_over(object, manifest(), manifest(), {.helm = true}));
  const auto again = apply::take_over(done, manifest(), manifest(), {.helm = true});
  CHECK_FALSE(again.needed);
  CHECK(again.fields == apply::take_over(object, manifest(), manifest(), {.helm = true}).fields);
}

TEST_CASE("what the old chart said and the new one does not is taken too, so that a deploy removes it") {
  Json fields = created_fields(), old = manifest();
  fields["f:metadata"]["f:labels"]["f:old"] = Json::object();
  old["metadata"]["labels"]["old"] = "x";
  const auto update = apply::take_over(live("helm", "Update", fields), manifest(), old, {.helm = true});
  CHECK(apply::fields_outside(update.fields, manifest()) == std::vector<std::string>{".metadata.labels.old"});
  // Server-side apply says by itself what was meant.
  const auto apply = apply::take_over(live("helm", "Apply", fields), manifest(), nullptr, {.helm = true});
  CHECK(value::find(apply.fields, "f:metadata", "f:labels", "f:old"));
}

TEST_CASE("only the installers that were named lose fields") {
  struct Row {
    const char *manager, *operation;
    apply::Installers installers;
    bool needed;
  };
  const Row rows[] = {{"helm", "Apply", {.helm = true}, true},
                      {"helm", "Apply", {.kubectl = true}, false},
                      {"kubectl", "Apply", {.kubectl = true}, true},
                      {"kubectl", "Update", {.kubectl = true}, false},  // kubectl label: a person, not an installer
                      {"kubectl-client-side-apply", "Update", {.kubectl = true}, true},
                      {"kubectl-create", "Update", {.kubectl = true}, true},
                      {"kubectl-edit", "Update", {.helm = true, .kubectl = true}, false}};
  for (const auto& row : rows) {
    CAPTURE(row.manager);
    const auto takeover =
        apply::take_over(live(row.manager, row.operation, created_fields()), manifest(), nullptr, row.installers);
    CHECK(takeover.needed == row.needed);
    CHECK(takeover.others.empty() == row.needed);
  }
}

TEST_CASE("client-side apply says in the object what was meant, and its record goes") {
  Json object = live("kubectl-client-side-apply", "Update", created_fields());
  object["metadata"]["annotations"] = {{std::string(apply::kLastApplied), manifest().dump()}};
  const auto takeover = apply::take_over(object, manifest(), nullptr, {.kubectl = true});
  CHECK(apply::owns_exactly(takeover.fields, manifest()));
  CHECK(takeover.patch[1]["op"] == "remove");
  CHECK(takeover.patch[1]["path"] == "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration");
}

TEST_CASE("the object is found again in what is live, lists in their order and without defaults") {
  const Json object = live("helm", "Update", created_fields());
  const auto takeover = apply::take_over(object, manifest(), manifest(), {.helm = true});
  Json expected = manifest();
  CHECK(apply::extract_owned(object, takeover.fields) == [&] {  // the key of a list item is part of it
    expected["spec"]["template"]["spec"]["containers"][1]["ports"][0]["protocol"] = "TCP";
    return expected;
  }());
}
