#include "core/apply/ownership.h"

#include <doctest/doctest.h>

using namespace nautilus;

namespace {

const Json kDesired = Json::parse(R"({"apiVersion":"apps/v1","kind":"Deployment",
  "metadata":{"name":"b","namespace":"n","labels":{"app":"b"}},
  "spec":{"replicas":2,"selector":{"matchLabels":{"app":"b"}},
    "template":{"spec":{"containers":[{"name":"c","image":"i:1","ports":[{"containerPort":80}],"args":["a","b"]}]}}}})");

const Json kFields = Json::parse(R"({"f:metadata":{"f:labels":{"f:app":{}}},
  "f:spec":{"f:replicas":{},"f:selector":{},
    "f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:name":{},"f:image":{},"f:args":{},
      "f:ports":{"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{}}}}}}}}})");

Json changed(Json json, const char* pointer, Json to) {
  json[Json::json_pointer(pointer)] = std::move(to);
  return json;
}

}  // namespace

TEST_CASE("what we applied is what we own") { CHECK(apply::owns_exactly(kFields, kDesired)); }

TEST_CASE("a field too many or too few on either side is seen") {
  struct Row {
    const char* name;
    Json fields, desired;
  };
  Json without_replicas = kDesired;
  without_replicas["spec"].erase("replicas");
  Json fields_without_image = kFields;
  fields_without_image["f:spec"]["f:template"]["f:spec"]["f:containers"]["k:{\"name\":\"c\"}"].erase("f:image");
  const Row rows[] = {
      {"left the environment", kFields, without_replicas},
      {"taken over by somebody", fields_without_image, kDesired},
      {"new label", kFields, changed(kDesired, "/metadata/labels/x", "y")},
      {"another container", kFields, changed(kDesired, "/spec/template/spec/containers/1", {{"name", "d"}})},
      {"renamed container", kFields, changed(kDesired, "/spec/template/spec/containers/0/name", "d")},
      {"another port", kFields, changed(kDesired, "/spec/template/spec/containers/0/ports/0/containerPort", 81)},
      {"null is not certain", kFields, changed(kDesired, "/spec/replicas", nullptr)},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    CHECK_FALSE(apply::owns_exactly(row.fields, row.desired));
  }
}

TEST_CASE("set members are owned by value") {
  const Json fields = Json::parse(R"({"f:metadata":{"f:finalizers":{"v:\"a/b\"":{}}}})");
  CHECK(apply::owns_exactly(fields, Json::parse(R"({"metadata":{"finalizers":["a/b"]}})")));
  CHECK_FALSE(apply::owns_exactly(fields, Json::parse(R"({"metadata":{"finalizers":["a/c"]}})")));
}

TEST_CASE("live may have more than we want, never less or other") {
  const Json live = changed(changed(kDesired, "/status", Json::object()), "/spec/strategy", "x");
  CHECK(apply::equal_where_specified(kDesired, live));
  CHECK_FALSE(apply::equal_where_specified(kDesired, changed(live, "/spec/replicas", 3)));
  Json gone = live;
  gone["spec"].erase("replicas");
  CHECK_FALSE(apply::equal_where_specified(kDesired, gone));
}

TEST_CASE("quantities are compared by value, and only where the API has quantities") {
  auto of = [](const char* key, Json value) { return Json{{key, {{"cpu", std::move(value)}}}}; };
  CHECK(apply::equal_where_specified(of("requests", "1000m"), of("requests", "1")));
  CHECK(apply::equal_where_specified(of("limits", "0.5"), of("limits", "500m")));
  CHECK(apply::equal_where_specified(of("hard", 4), of("hard", "4")));
  CHECK(apply::equal_where_specified(of("limits", "1024Mi"), of("limits", "1Gi")));
  CHECK_FALSE(apply::equal_where_specified(of("limits", "1Gi"), of("limits", "1G")));
  CHECK_FALSE(apply::equal_where_specified(of("labels", "1000m"), of("labels", "1")));
}
