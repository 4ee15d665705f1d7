#include "core/bundle/bundle.h"

#include <doctest/doctest.h>

#include "core/bundle/tar.h"
#include "tests/support/memory_filesystem.h"

using namespace nautilus;

namespace {

testing::MemoryFilesystem project() {
  testing::MemoryFilesystem files;
  files.files["/p/manifests/environments/prod/environment.yaml"] =
      "apiVersion: nautilusctl.io/v1alpha1\nkind: Environment\nmetadata: {name: prod}\nspec:\n"
      "  chart: ../../../templates/app\n  values: [v.yaml]\n  release: {name: app, namespace: app}\n"
      "  operators:\n    - {name: far, namespace: far, chart: {repository: \"https://c.example\", name: far}, version: "
      "1.0.0}\n";
  files.files["/p/manifests/environments/prod/v.yaml"] = "size: 3\n";
  files.files["/p/templates/app/Chart.yaml"] = "apiVersion: v2\nname: app\nversion: 0.1.0\n";
  files.files["/p/templates/app/templates/x.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n";
  return files;
}

struct Made {
  testing::MemoryFilesystem files = project();
  env::Environment env = env::load(files, "/p", "prod").value();
  apply::Desired desired;
  std::vector<apply::DesiredOperator> operators;
  Made() {
    Json pod = {{"apiVersion", "v1"},
                {"kind", "Pod"},
                {"metadata", {{"name", "p"}}},
                {"spec", {{"containers", {{{"image", "example/app:1@sha256:" + std::string(64, 'a')}}}}}}};
    desired.objects.push_back({pod, "x"});
    operators.push_back({&env.operators[0], env, {}, "tgz", chart::digest_of("tgz")});
  }
  Result<bundle::Created> create() { return bundle::create(files, {"/p", env, desired, operators, {{"far", "tgz"}}}); }
};

// The bundle opened after `change` had its way with its files.
template <class Change>
Result<std::unique_ptr<bundle::Bundle>> reopened(Made& made, Change change) {
  auto entries = bundle::read_tar(made.create().value().bytes).value();
  change(entries);
  made.files.files["/b.tar"] = bundle::write_tar(entries).value();
  return bundle::Bundle::open(made.files, "/b.tar");
}

}  // namespace

TEST_CASE("a bundle holds the environment, its chart and its operators' packages, the same each time") {
  Made made;
  const auto first = made.create(), second = made.create();
  REQUIRE_MESSAGE(first.ok(), first.error().text());
  CHECK(first->bytes == second->bytes);
  CHECK(first->digest == chart::digest_of(first->bytes));
  made.files.files["/b.tar"] = first->bytes;
  auto opened = bundle::Bundle::open(made.files, "/b.tar");
  REQUIRE_MESSAGE(opened.ok(), opened.error().text());
  const bundle::Bundle& bundle = **opened;
  CHECK(bundle.environment() == "prod");
  auto env = bundle.load_environment();
  REQUIRE_MESSAGE(env.ok(), env.error().text());
  CHECK(bundle.read(env->values[0], 1000).value() == "size: 3\n");
  CHECK(bundle.read(env->chart + "/Chart.yaml", 1000).ok());
  CHECK(bundle.list(env->chart).value() == std::vector<std::string>{"Chart.yaml", "templates"});
  CHECK(env->operators[0].chart.kind == env::ChartSource::Kind::archive);
  CHECK(bundle.read(env->operators[0].chart.location, 1000).value() == "tgz");
  CHECK(bundle.read("/p/templates/app/Chart.yaml", 1000).ok());  // what is outside is the real file system
  CHECK(bundle.index()["images"][0]["digest"] == "sha256:" + std::string(64, 'a'));
  CHECK_FALSE(opened.value()->write("/.bundle/x", "y", 0644).ok());
}

TEST_CASE("a bundle that was changed is refused") {
  using Entries = std::vector<bundle::TarFile>;
  struct Row {
    const char* what;
    void (*change)(Entries&);
    const char* message;
  };
  const Row rows[] = {
      {"content", [](Entries& e) { e.back().data += " "; }, "is not what the index says"},
      {"same length", [](Entries& e) { e.back().data.back() = '!'; }, "is not what the index says"},
      {"missing", [](Entries& e) { e.pop_back(); }, "is missing"},
      {"added",
       [](Entries& e) {
         e.push_back({"more", "x"});
       },
       "more is not in the index"},
      {"no index", [](Entries& e) { e.erase(e.begin()); }, "does not begin with index.json"},
      {"not JSON", [](Entries& e) { e.front().data = "nonsense"; }, "index.json"},
      {"other format",
       [](Entries& e) { e.front().data.replace(e.front().data.find("\"format\": 1"), 11, "\"format\": 2"); },
       "this program reads 1"},
      {"unknown field",
       [](Entries& e) { e.front().data.replace(e.front().data.find("\"format\""), 8, "\"x\": 1, \"format\""); },
       "unknown field"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Made made;
    auto opened = reopened(made, row.change);
    REQUIRE_FALSE(opened.ok());
    CHECK_MESSAGE((opened.error().text() + opened.error().where).find(row.message) != std::string::npos,
                  opened.error().text());
  }
}

TEST_CASE("what lies outside the project is not bundled") {
  Made made;
  made.files.files["/elsewhere/v.yaml"] = "x: 1\n";
  made.env.values.push_back("/elsewhere/v.yaml");
  const auto created = made.create();
  REQUIRE_FALSE(created.ok());
  CHECK(created.error().code == Code::refused);
  CHECK(created.error().where == "/elsewhere/v.yaml");
}

TEST_CASE("images are listed once, with their digest and who uses them") {
  const Json a = {
      {"kind", "Deployment"},
      {"apiVersion", "apps/v1"},
      {"metadata", {{"name", "a"}, {"namespace", "n"}}},
      {"spec",
       {{"template",
         {{"spec", {{"initContainers", {{{"image", "x/y:1"}}}}, {"containers", {{{"image", "x/z:2"}}}}}}}}}}};
  const Json b = {{"kind", "Prometheus"},
                  {"apiVersion", "monitoring.coreos.com/v1"},
                  {"metadata", {{"name", "b"}}},
                  {"spec", {{"image", "x/y:1"}, {"other", {{"image", {{"repository", "no"}}}}}}}};
  const Json definition = {{"kind", "CustomResourceDefinition"}, {"spec", {{"image", "not:this"}}}};
  const auto images = bundle::images_of({&a, &b, &definition});
  REQUIRE(images.size() == 2);
  CHECK(images[0].reference == "x/y:1");
  CHECK(images[0].digest == "");
  CHECK(images[0].used_by == std::vector<std::string>{"Deployment n/a", "Prometheus.monitoring.coreos.com b"});
  CHECK(images[1].reference == "x/z:2");
}
