// A key given twice, wherever YAML or JSON of a chart is read. The outcomes are those of Helm 4.3.1 and 3.22: `helm
// template` takes the last everywhere; only `helm lint` minds, and only in Chart.yaml.
#include <doctest/doctest.h>

#include "core/chart/render.h"
#include "tests/unit/core/chart/memory_filesystem.h"

using namespace nautilus;
using namespace nautilus::chart;

namespace {

constexpr const char* kChart = "apiVersion: v2\nname: c\nversion: 0.1.0\n";
constexpr const char* kShow =
    "kind: ConfigMap\nmetadata: {name: x}\ndata: {shown: {{ .Values | toJson | quote }}, chart: {{ .Chart.Name }}}\n";

struct Row {
  std::string file, text;          // in the chart
  std::string shown;               // data.shown of what is rendered
  std::vector<std::string> where;  // of the warnings
};

struct Outcome {
  Json object;
  std::vector<std::string> warnings;
};

Result<Outcome> rendered(const std::map<std::string, std::string>& files, const ValuesInput& input = {}) {
  chart_test::MemoryFilesystem disk;
  disk.files["c/Chart.yaml"] = kChart;
  disk.files["c/templates/x.yaml"] = kShow;
  for (const auto& [name, text] : files) disk.files[name] = text;
  Outcome out;
  ASSIGN_OR_RETURN(const auto loaded, load(disk, "c"));
  ASSIGN_OR_RETURN(const Json values, merge_values(disk, input, &out.warnings));
  ReleaseInfo release;
  release.name = "r";
  release.namespace_ = "ns";
  RenderServices services;
  ASSIGN_OR_RETURN(auto all, render(*loaded, values, release, {}, services));
  out.warnings.insert(out.warnings.end(), all.warnings.begin(), all.warnings.end());
  for (auto* part : {&all.crds, &all.objects})
    if (!part->empty()) out.object = std::move(part->back().object);
  return out;
}

void check(const Row& row, const Result<Outcome>& got) {
  INFO(row.file, "\n", row.text);
  REQUIRE_MESSAGE(got.ok(), (got.ok() ? "" : got.error().text()));
  CHECK_EQ(value::string_at(got->object, "data", "shown"), row.shown);
  CHECK_EQ(got->warnings.size(), row.where.size());
  for (std::size_t i = 0; i < std::min(row.where.size(), got->warnings.size()); ++i) {
    INFO(got->warnings[i]);
    CHECK(got->warnings[i].starts_with(row.where[i] + ": key "));
  }
}

}  // namespace

TEST_CASE("in a chart's files and in what they render to the last of two equal keys counts, with a warning") {
  for (const Row& row : std::vector<Row>{
           {"c/values.yaml", "a: 1\na: 2\n", R"({"a":2})", {"c/values.yaml:2:1"}},
           {"c/values.yaml", "m: {x: 1}\nm: {z: 2}\n", R"({"m":{"z":2}})", {"c/values.yaml:2:1"}},
           {"c/values.yaml",
            "m:\n  a: 1\n  <<: {a: 2, b: 4}\n  a: 3\n  b: 5\n  b: 6\n",
            R"({"m":{"a":3,"b":6}})",
            {"c/values.yaml:4:3", "c/values.yaml:6:3"}},
           {"c/values.yaml", "true: a\nyes: b\n", R"({"true":"b"})", {"c/values.yaml:2:1"}},
           {"c/Chart.yaml", "apiVersion: v2\nname: b\nname: c\nversion: 0.1.0\n", "{}", {"c/Chart.yaml:3:1"}},
           {"c/Chart.yaml",
            "apiVersion: v2\nname: c\nversion: 0.1.0\nannotations: {a: x, a: y}\n",
            "{}",
            {"c/Chart.yaml:4:21"}},
           {"c/templates/x.yaml",
            "\nkind: ConfigMap\nmetadata: {name: x}\ndata: {shown: '1'}\ndata: {shown: '2'}\n",
            "2",
            {"c/templates/x.yaml (output line 5:1)"}},
           {"c/templates/x.yaml",
            "kind: ConfigMap\nmetadata: {name: x}\ndata: {shown: {{ \"a: 1\\na: 2\" | fromYaml | toJson | quote }}}\n",
            R"({"a":2})",
            {}},
           {"c/templates/x.yaml",
            "kind: ConfigMap\nmetadata: {name: x}\ndata: {shown: {{ \"- {a: 1, a: 2}\" | fromYamlArray | toJson | "
            "quote "
            "}}}\n",
            R"([{"a":2}])",
            {}},
           {"c/templates/x.yaml",
            "kind: ConfigMap\nmetadata: {name: x}\ndata: {shown: {{ `{\"a\": 1, \"a\": 2}` | fromJson | toJson | quote "
            "}}}\n",
            R"({"a":2})",
            {}},
           {"c/values.schema.json", R"({"properties":{"a":{"type":"string"},"a":{"type":"integer"}}})", "{}", {}},
       })
    check(row, rendered({{row.file, row.text}}));
}

TEST_CASE("a CustomResourceDefinition of a chart with a key given twice") {
  auto got = rendered({{"c/crds/x.yaml", "kind: A\nkind: CustomResourceDefinition\nmetadata: {name: x}\n"},
                       {"c/templates/x.yaml", ""}});
  REQUIRE(got.ok());
  CHECK_EQ(value::string_at(got->object, "kind"), "CustomResourceDefinition");
  REQUIRE_EQ(got->warnings.size(), 1);
  CHECK(got->warnings[0].starts_with("c/crds/x.yaml (output line 2:1): key "));
}

TEST_CASE("values of the user with a key given twice") {
  const std::map<std::string, std::string> files = {{"v.yaml", "a: 1\na: 2\n"}};
  ValuesInput input;
  input.files = {"v.yaml"};
  check({"v.yaml", "", R"({"a":2})", {"v.yaml:2:1"}}, rendered(files, input));
  ValuesInput json;
  json.set_json = {R"(a={"x":1,"x":2})"};
  check({"--set-json", "", R"({"a":{"x":2}})", {}}, rendered({}, json));
  json.set_json = {R"({"a":1,"a":2})"};
  check({"--set-json", "", R"({"a":2})", {}}, rendered({}, json));
  ValuesInput file;
  file.set_file = {"a=v.yaml"};
  check({"--set-file", "", R"({"a":"a: 1\na: 2\n"})", {}}, rendered(files, file));
}

TEST_CASE("values of our own environments may not have a key twice") {
  ValuesInput input;
  input.files = {"own.yaml", "v.yaml"};
  input.strict_files = 1;
  check({"v.yaml", "", R"({"a":2,"b":0})", {"v.yaml:2:1"}},
        rendered({{"own.yaml", "b: 0\n"}, {"v.yaml", "a: 1\na: 2\n"}}, input));
  auto got = rendered({{"own.yaml", "b: 0\nb: 1\n"}, {"v.yaml", ""}}, input);
  REQUIRE_FALSE(got.ok());
  CHECK_EQ(got.error().where, "own.yaml:2:1");
}
