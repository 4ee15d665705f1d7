#include "core/apply/k8s_tree.h"

#include <doctest/doctest.h>

using namespace nautilus;

namespace {

apply::Desired two_objects() {
  apply::Desired desired;
  desired.objects.push_back(
      {Json{{"kind", "Service"}, {"metadata", {{"name", "a"}, {"labels", {{"tier", "web"}}}}}}, "s.yaml"});
  desired.objects.push_back({Json{{"kind", "Namespace"}, {"metadata", {{"name", "n"}}}}, "n.yaml"});
  return desired;
}

Json rule(const char* path, Json match) { return {{"path", path}, {"match", std::move(match)}}; }

}  // namespace

TEST_CASE("the first rule that matches decides the file") {
  const Json rules = {{"rules",
                       {rule("web/a.yaml", {{"labels", {{"tier", "web"}}}}),
                        rule("services/all.yaml", {{"kind", {"Service", "Ingress"}}}),
                        rule("namespaces/all.yaml", {{"kind", "Namespace"}})}}};
  const auto desired = two_objects();
  auto tree = apply::arrange(desired, rules, "t.yaml");
  REQUIRE_MESSAGE(tree.ok(), tree.error().text());
  CHECK(tree->size() == 2);
  CHECK(tree->at("web/a.yaml").size() == 1);
  CHECK(tree->at("namespaces/all.yaml")[0]->source == "n.yaml");
}

TEST_CASE("an object without a file is an error that names it, not a silent loss") {
  const auto desired = two_objects();
  auto tree = apply::arrange(desired, {{"rules", {rule("s.yaml", {{"kind", "Service"}})}}}, "t.yaml");
  REQUIRE_FALSE(tree.ok());
  CHECK(tree.error().message == "no file for Namespace n from n.yaml");
  CHECK(tree.error().where == "t.yaml");
}

TEST_CASE("a path that leaves the output directory is refused") {
  const auto desired = two_objects();
  for (const char* path : {"../x.yaml", "/etc/x.yaml", "a/../../x.yaml", ""}) {
    CAPTURE(path);
    CHECK_FALSE(apply::arrange(desired, {{"rules", {rule(path, Json::object())}}}, "t.yaml").ok());
  }
}

TEST_CASE("a misspelt match key is refused") {
  const auto desired = two_objects();
  auto tree = apply::arrange(desired, {{"rules", {rule("x.yaml", {{"kinds", "Service"}})}}}, "t.yaml");
  REQUIRE_FALSE(tree.ok());
  CHECK(tree.error().where == "t.yaml: rules[0].match.kinds");
}
