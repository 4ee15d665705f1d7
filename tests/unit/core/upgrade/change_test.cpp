// What a plan may ask for; everything else is refused with the field's name.
#include "core/upgrade/change.h"

#include <doctest/doctest.h>

#include "core/upgrade/manifests.h"
#include "core/upgrade/views.h"

using namespace nautilus;
using namespace std::chrono_literals;

namespace {

const std::string kImage = "r.example/app:2@sha256:" + std::string(64, 'b');

Json rolling() {
  return {{"component", "backend"},
          {"target", {{"namespace", "ns"}, {"name", "app"}}},
          {"images", Json::array({{{"container", "app"}, {"image", kImage}}})}};
}

Json with_canary() {
  Json change = rolling();
  change["strategy"] = "canary";
  change["steps"] = Json::array({{{"weight", 5}, {"hold", "2m"}}, {{"weight", 50}}});
  change["routes"] = Json::array({{{"name", "app"}}});
  return change;
}

Json ordered() {
  Json change = rolling();
  change["strategy"] = "ordered";
  change["target"]["kind"] = "StatefulSet";
  change["primary"] = {{"label", "role=primary"}, {"switchover", {{"image", kImage}}}};
  return change;
}

void refused(Json change, std::string_view with) {
  const auto read = upgrade::read_change(change, "plan");
  REQUIRE_FALSE(read.ok());
  CAPTURE(read.error().text());
  CHECK(read.error().text().find(with) != std::string::npos);
}

}  // namespace

TEST_CASE("what is read") {
  const auto plain = upgrade::read_change(rolling(), "plan");
  INFO((plain.ok() ? "" : plain.error().text()));
  REQUIRE(plain.ok());
  CHECK(plain->strategy == upgrade::Strategy::rolling);
  CHECK(plain->kind == "Deployment");
  CHECK(plain->deadline == 1h);
  const auto split = upgrade::read_change(with_canary(), "plan");
  INFO((split.ok() ? "" : split.error().text()));
  REQUIRE(split.ok());
  CHECK(split->steps.size() == 2);
  CHECK(split->steps[0].hold == 2min);
  CHECK(split->routes[0].kind == "VirtualService");
  CHECK(split->routes[0].namespace_ == "ns");
  const auto stateful = upgrade::read_change(ordered(), "plan");
  INFO((stateful.ok() ? "" : stateful.error().text()));
  REQUIRE(stateful.ok());
}

TEST_CASE("what is refused, and what it says") {
  Json change = rolling();
  change["images"][0]["image"] = "r.example/app:2";
  refused(change, "has no digest");
  change = rolling();
  change["images"] = Json::array();
  refused(change, "must be 1 to 8");
  change = rolling();
  change["images"].push_back(change["images"][0]);
  refused(change, "app is there twice");
  change = rolling();
  change["imagez"] = 1;
  refused(change, "imagez");
  change = rolling();
  change["steps"] = Json::array({{{"weight", 5}}});
  refused(change, "are for canary");
  change = with_canary();
  change["steps"] = Json::array({{{"weight", 50}}, {{"weight", 50}}});
  refused(change, "must be more than the 50 before it");
  change["steps"] = Json::array({{{"weight", 101}}});
  refused(change, "weight");
  change = with_canary();
  change.erase("routes");
  refused(change, "must name what splits the traffic");
  change = with_canary();
  change["target"]["kind"] = "StatefulSet";
  refused(change, "must be ordered for a StatefulSet");
  change = ordered();
  change["primary"].erase("switchover");
  refused(change, "go together");
  change = rolling();
  change["analysis"] = {{"metrics", Json::array({{{"name", "errors"}, {"query", "up"}}})}};
  refused(change, "a metric without a bound says nothing");
  change["analysis"]["metrics"][0]["max"] = "lots";
  refused(change, "must be a number");
  change = rolling();
  change["limits"] = {{"deadline", "48h"}};
  refused(change, "24h at most");
}

TEST_CASE("the digest is of the content, with the defaults that the server fills in") {
  Json filled = rolling();
  filled["strategy"] = "rolling";
  filled["target"]["kind"] = "Deployment";
  CHECK(upgrade::digest(rolling()) == upgrade::digest(filled));
  filled["component"] = "other";
  CHECK(upgrade::digest(rolling()) != upgrade::digest(filled));
  Json routed = with_canary();
  routed["routes"][0]["kind"] = "VirtualService";
  CHECK(upgrade::digest(with_canary()) == upgrade::digest(routed));
}

TEST_CASE("weights sum to 100 whatever they were, and routes that do not split are told apart") {
  const auto route_with = [](int stable, int canary) {
    const auto destination = [](const char* subset, int weight) {
      return Json{{"destination", {{"host", "app"}, {"subset", subset}}}, {"weight", weight}};
    };
    return Json{{"metadata", {{"resourceVersion", "7"}}},
                {"spec", {{"http", Json::array({{{"route", Json::array({destination("stable", stable),
                                                                        destination("canary", canary)})}},
                                                {{"route", Json::array({{{"destination", {{"host", "x"}}}}})}}})}}}};
  };
  const upgrade::Route route{"VirtualService", "ns", "app"};
  for (int weight = 0; weight <= 100; ++weight) {
    const Json live = route_with(100, 0);
    const Json after = live.patch(upgrade::weight_patch(route, live, weight));
    const auto weights = upgrade::split_weights(route, after);
    REQUIRE(weights.size() == 1);
    CHECK(weights[0].first + weights[0].second == 100);
    CHECK(upgrade::view_route(route, after).weight == weight);
  }
  CHECK(upgrade::view_route(route, route_with(60, 50)).problem.find("sum to 110") != std::string::npos);
  CHECK(upgrade::view_route(route, route_with(60, 50)).weight == -1);
  CHECK(upgrade::view_route(route, Json{{"spec", Json::object()}}).weight == -1);
  CHECK_FALSE(upgrade::view_route(route, Json()).exists);
}
