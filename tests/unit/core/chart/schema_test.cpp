#include "core/chart/schema.h"

#include <doctest/doctest.h>

using nautilus::Code;
using nautilus::Json;
using namespace nautilus::chart;

namespace {

std::vector<SchemaViolation> violations(const char* schema, const char* value) {
  auto found = validate(Json::parse(schema), Json::parse(value), "test.json");
  if (!found.ok()) FAIL(found.error().text());
  return found.ok() ? *found : std::vector<SchemaViolation>{};
}

void accepts(const char* schema, const char* value) {
  CAPTURE(schema);
  CAPTURE(value);
  const auto found = violations(schema, value);
  CHECK(found.empty());
}
void rejects(const char* schema, const char* value, const char* schema_path, const char* value_path) {
  CAPTURE(schema);
  CAPTURE(value);
  const auto found = violations(schema, value);
  REQUIRE(found.size() == 1);
  CHECK(found[0].schema_path == schema_path);
  CHECK(found[0].value_path == value_path);
}

}  // namespace

TEST_CASE("a violation names both places and both types") {
  const auto found =
      violations(R"({"properties":{"a/b":{"items":{"type":["integer","null"]}}}})", R"({"a/b":[1,"x"]})");
  REQUIRE(found.size() == 1);
  CHECK(found[0].schema_path == "#/properties/a~1b/items/type");
  CHECK(found[0].value_path == "/a~1b/1");
  CHECK(found[0].message == "got string, want integer or null");
}

TEST_CASE("a whole float is an integer") {
  accepts(R"({"type":"integer"})", "3.0");
  rejects(R"({"type":"integer"})", "3.5", "#/type", "");
  rejects(R"({"enum":[1,"a"]})", "\"b\"", "#/enum", "");
  accepts(R"({"enum":[1]})", "1.0");
}

TEST_CASE("each draft has its own keywords") {
  accepts(R"({"$schema":"http://json-schema.org/draft-04/schema#","const":1})", "2");
  rejects(R"({"$schema":"http://json-schema.org/draft-04/schema#","minimum":1,"exclusiveMinimum":true})", "1",
          "#/minimum", "");
  rejects(R"({"exclusiveMinimum":1})", "1", "#/exclusiveMinimum", "");
  accepts(
      R"({"$schema":"http://json-schema.org/draft-07/schema#","$ref":"#/definitions/x","type":"string","definitions":{"x":{}}})",
      "1");
  rejects(R"({"$ref":"#/$defs/x","type":"string","$defs":{"x":{}}})", "1", "#/type", "");
  rejects(R"({"prefixItems":[{"type":"string"}],"items":false})", R"(["a",1])", "#/items/", "/1");
  rejects(R"({"$schema":"https://json-schema.org/draft/2019-09/schema","items":[{}],"additionalItems":false})", "[1,2]",
          "#/additionalItems/", "/1");
  rejects(R"({"allOf":[{"properties":{"a":true}}],"unevaluatedProperties":false})", R"({"a":1,"b":2})",
          "#/unevaluatedProperties", "/b");
  rejects(R"({"contains":{"const":1},"minContains":2})", "[1,2]", "#/contains", "");
  rejects(R"({"dependentRequired":{"a":["b"]}})", R"({"a":1})", "#/dependentRequired/a", "");
  rejects(R"({"$schema":"http://json-schema.org/draft-07/schema#","format":"ipv4"})", "\"1.2.3\"", "#/format", "");
  accepts(R"({"format":"ipv4"})", "\"1.2.3\"");
}

TEST_CASE("references are resolved inside the document only") {
  rejects(R"({"properties":{"a":{"$ref":"#/$defs/deep~1er/x%20y"}},"$defs":{"deep/er":{"x y":{"type":"null"}}}})",
          R"({"a":1})", "#/$defs/deep~1er/x%20y/type", "/a");
  rejects(R"({"$ref":"#anchor","$defs":{"x":{"$anchor":"anchor","type":"null"}}})", "1", "#anchor/type", "");
  rejects(R"({"$ref":"item.json","$defs":{"x":{"$id":"https://x.example/item.json","type":"null"}}})", "1",
          "item.json/type", "");
  accepts(R"({"$ref":"urn:whatever"})", "1");
  const auto outside = validate(Json::parse(R"({"$ref":"https://x.example/other.json"})"), 1, "test.json");
  REQUIRE_FALSE(outside.ok());
  CHECK(outside.error().code == Code::refused);
  const auto missing = validate(Json::parse(R"({"$ref":"#/nowhere"})"), 1, "test.json");
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().code == Code::invalid);
}

TEST_CASE("a recursive schema follows the data and an endless one is stopped") {
  accepts(R"({"properties":{"next":{"$ref":"#"}},"additionalProperties":false})", R"({"next":{"next":{}}})");
  rejects(R"({"properties":{"next":{"$ref":"#"}},"additionalProperties":false})", R"({"next":{"x":1}})",
          "#/additionalProperties", "/next/x");
  const auto endless = validate(Json::parse(R"({"$ref":"#"})"), 1, "test.json");
  REQUIRE_FALSE(endless.ok());
  CHECK(endless.error().code == Code::limit);
  // Doubling at every level: refused by the number of steps, not by patience.
  Json bomb = Json::parse(R"({"$defs":{"d40":{}}})");
  for (int i = 39; i >= 0; --i) {
    const Json reference = {{"$ref", "#/$defs/d" + std::to_string(i + 1)}};
    bomb["$defs"]["d" + std::to_string(i)] = {{"anyOf", Json::array({{{"not", reference}}, reference, reference})}};
    bomb["$defs"]["d" + std::to_string(i)]["anyOf"].push_back(reference);
  }
  bomb["not"] = {{"not", {{"allOf", Json::array({{{"$ref", "#/$defs/d0"}}, {{"not", {{"$ref", "#/$defs/d0"}}}}})}}}};
  const auto exploded = validate(bomb, 1, "test.json");
  CHECK((!exploded.ok() && exploded.error().code == Code::limit));
}

TEST_CASE("a schema that is not one is refused with its place") {
  for (const char* schema :
       {R"({"type":"strng"})", R"({"properties":{"a":5}})", R"({"pattern":"("})", R"({"$ref":5})"}) {
    CAPTURE(schema);
    const auto found = validate(Json::parse(schema), Json::parse(R"({"a":"x"})"), "test.json");
    const auto text = validate(Json::parse(schema), "x", "test.json");
    CHECK((!found.ok() || !text.ok()));
  }
}

TEST_CASE("alternatives say what each of them would have wanted") {
  const auto found = violations(R"({"oneOf":[{"type":"string"},{"type":"object","required":["a"]}]})", "5");
  REQUIRE(found.size() == 1);
  CHECK(found[0].message == "fits none of the alternatives (got number, want string; got number, want object)");
  rejects(R"({"oneOf":[{"type":"number"},{"minimum":1}]})", "5", "#/oneOf", "");
}

TEST_CASE("values never appear in an error") {
  Chart chart;
  chart.metadata.name = "vault";
  chart.schema = R"({"properties":{"password":{"type":"integer"},"token":{"pattern":"^x"},"kind":{"enum":["a"]}}})";
  const auto done = validate_values(chart, Json::parse(R"({"password":"hunter2","token":"hunter2","kind":"hunter2"})"));
  REQUIRE_FALSE(done.ok());
  CHECK(done.error().text().find("hunter2") == std::string::npos);
  CHECK(done.error().message.find(
            "chart vault: value /password: got string, want integer (schema #/properties/password/type)") !=
        std::string::npos);
}
