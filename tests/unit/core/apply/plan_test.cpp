#include "core/apply/plan.h"

#include <doctest/doctest.h>

using namespace nautilus;

namespace {

apply::Plan sample() {
  apply::Plan plan;
  plan.operation = "deploy";
  plan.environment = "prod";
  plan.cluster_uid = "u";
  apply::PlanItem item;
  item.id = {"apps", "Deployment", "ns", "backend"};
  item.api_version = "apps/v1";
  item.wave = apply::Wave::workloads;
  item.rank = 1;
  item.action = apply::Action::update;
  item.manifest = {{"kind", "Deployment"}, {"spec", {{"replicas", 3}}}};
  item.changes = {".spec.replicas"};
  item.live_uid = "x";
  plan.items.push_back(item);
  return plan;
}

}  // namespace

TEST_CASE("a plan survives being written and read, with its digest") {
  const auto plan = sample();
  const auto json = apply::to_json(plan);
  REQUIRE(json.ok());
  auto back = apply::plan_from_json(Json::parse(json->dump()), "plan.json");
  REQUIRE(back.ok());
  CHECK(back->digest() == plan.digest());
  CHECK(back->items[0].id == plan.items[0].id);
}

TEST_CASE("a plan that was edited is refused") {
  Json json = apply::to_json(sample()).value();
  json["items"][0]["manifest"]["spec"]["replicas"] = 4;
  auto back = apply::plan_from_json(json, "plan.json");
  REQUIRE_FALSE(back.ok());
  CHECK(back.error().code == Code::refused);
  CHECK(back.error().where == "plan.json");
}

TEST_CASE("a plan of another format, or none, is refused") {
  for (const Json& json : {Json::array(), Json::object(), Json{{"format", 2}}, Json("x")})
    CHECK(apply::plan_from_json(json, "f").error().code == Code::invalid);
}

TEST_CASE("a plan with secret content is never written") {
  auto plan = sample();
  plan.items[0].manifest = {{"kind", "Secret"}, {"stringData", {{"password", "hunter2"}}}};
  auto json = apply::to_json(plan);
  REQUIRE_FALSE(json.ok());
  CHECK(json.error().code == Code::refused);
  CHECK(json.error().message.find("hunter2") == std::string::npos);
}

TEST_CASE("the live digest ignores what servers move and sees what people change") {
  const Json desired = {{"spec", {{"template", 1}}}};
  const Json live = {{"metadata", {{"name", "x"}, {"resourceVersion", "1"}, {"generation", 1}}},
                     {"spec", {{"template", 1}, {"replicas", 3}}},
                     {"status", {{"ready", 1}}}};
  const auto digest = apply::live_digest(live, desired);
  auto changed = [&](const char* pointer, Json to) {
    Json other = live;
    other[Json::json_pointer(pointer)] = std::move(to);
    return apply::live_digest(other, desired) != digest;
  };
  CHECK_FALSE(changed("/metadata/resourceVersion", "2"));
  CHECK_FALSE(changed("/metadata/generation", 2));
  CHECK_FALSE(changed("/status/ready", 0));
  CHECK_FALSE(changed("/spec/replicas", 9));  // desired leaves it to an autoscaler
  CHECK(changed("/spec/template", 2));
  CHECK(changed("/metadata/labels", Json{{"a", "b"}}));
}

TEST_CASE("the order of execution is wave, rank, name") {
  apply::Plan plan;
  auto add = [&](apply::Wave wave, int rank, const char* name) {
    apply::PlanItem item;
    item.wave = wave;
    item.rank = rank;
    item.id.name = name;
    plan.items.push_back(item);
  };
  add(apply::Wave::workloads, 2, "a");
  add(apply::Wave::workloads, 1, "c");
  add(apply::Wave::workloads, 1, "b");
  add(apply::Wave::namespaces, 0, "z");
  apply::put_in_order(plan);
  std::string order;
  for (const auto& item : plan.items) order += item.id.name;
  CHECK(order == "zbca");
}
