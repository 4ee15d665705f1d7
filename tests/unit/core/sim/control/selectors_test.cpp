#include "core/sim/control/selectors.h"

#include <doctest/doctest.h>

using namespace nautilus;

namespace {

bool label_selects(const char* selector, const char* labels) {
  const Json parsed = Json::parse(selector), map = Json::parse(labels);
  return sim::selects(parsed.is_null() ? nullptr : &parsed, &map);
}

}  // namespace

TEST_CASE("label selectors") {
  struct Row {
    const char *selector, *labels;
    bool expected;
  };
  const Row rows[] = {
      {"null", R"({"a":"1"})", false},
      {"{}", R"({"a":"1"})", true},
      {R"({"matchLabels":{"a":"1"}})", R"({"a":"1","b":"2"})", true},
      {R"({"matchLabels":{"a":"1"}})", R"({"a":"2"})", false},
      {R"({"matchExpressions":[{"key":"a","operator":"In","values":["1","2"]}]})", R"({"a":"2"})", true},
      {R"({"matchExpressions":[{"key":"a","operator":"NotIn","values":["1"]}]})", R"({})", true},
      {R"({"matchExpressions":[{"key":"a","operator":"Exists"}]})", R"({})", false},
      {R"({"matchExpressions":[{"key":"a","operator":"DoesNotExist"}]})", R"({})", true},
      {R"({"matchLabels":{"a":"1"},"matchExpressions":[{"key":"b","operator":"Exists"}]})", R"({"a":"1"})", false},
      {R"({"matchExpressions":[{"key":"a","operator":"Perhaps"}]})", R"({"a":"1"})", false},
  };
  for (const auto& row : rows) {
    INFO(row.selector, " on ", row.labels);
    CHECK(label_selects(row.selector, row.labels) == row.expected);
  }
}

TEST_CASE("a service without a selector selects nothing") {
  const Json labels = {{"a", "1"}}, empty = Json::object(), wanted = {{"a", "1"}};
  CHECK_FALSE(sim::selects_map(nullptr, &labels));
  CHECK_FALSE(sim::selects_map(&empty, &labels));
  CHECK(sim::selects_map(&wanted, &labels));
}

TEST_CASE("node affinity: one term must hold entirely") {
  const Json node = Json::parse(R"({"metadata":{"name":"n1","labels":{"zone":"a","cores":"16"}}})");
  auto matches = [&](const char* terms) {
    return sim::node_matches({{"nodeSelectorTerms", Json::parse(terms)}}, node);
  };
  CHECK(matches(R"([{"matchExpressions":[{"key":"zone","operator":"In","values":["a"]}]}])"));
  CHECK(matches(R"([{"matchExpressions":[{"key":"zone","operator":"In","values":["b"]}]},
                    {"matchExpressions":[{"key":"cores","operator":"Gt","values":["8"]}]}])"));
  CHECK_FALSE(matches(R"([{"matchExpressions":[{"key":"cores","operator":"Lt","values":["16"]}]}])"));
  CHECK(matches(R"([{"matchFields":[{"key":"metadata.name","operator":"In","values":["n1"]}]}])"));
  CHECK_FALSE(matches(R"([{}])"));
  CHECK_FALSE(matches(R"([])"));
}

TEST_CASE("tolerations") {
  const Json taint = {{"key", "gpu"}, {"value", "yes"}, {"effect", "NoSchedule"}};
  auto tolerated = [&](const char* toleration) {
    return sim::tolerates({{"tolerations", Json::array({Json::parse(toleration)})}}, taint);
  };
  CHECK(tolerated(R"({"key":"gpu","operator":"Equal","value":"yes","effect":"NoSchedule"})"));
  CHECK(tolerated(R"({"key":"gpu","value":"yes"})"));
  CHECK(tolerated(R"({"key":"gpu","operator":"Exists"})"));
  CHECK(tolerated(R"({"operator":"Exists"})"));
  CHECK_FALSE(tolerated(R"({"key":"gpu","value":"no"})"));
  CHECK_FALSE(tolerated(R"({"key":"gpu","operator":"Exists","effect":"NoExecute"})"));
  CHECK_FALSE(tolerated(R"({"key":"","operator":"Equal"})"));
}
