// Every strategy on the embedded cluster: it ends where it should, and whoever dies at any write, the next process
// finishes the same plan with the same end.
#include <doctest/doctest.h>

#include "core/release/lease.h"
#include "scene.h"

using namespace nautilus;
using namespace nautilus::upgrade_test;
using namespace std::chrono_literals;
using upgrade::WindowVerdict;

namespace {

const char* kind_of(const std::string& strategy) { return strategy == "ordered" ? "StatefulSet" : "Deployment"; }

Json at_image(const std::string& image) {
  return {{"images", Json::array({{{"container", "app"}, {"image", image}}})}};
}


std::string image_of(Scene& scene, const char* plural) {
  return scene.get("apps", plural, "app")["spec"]["template"]["spec"]["containers"][0]["image"];
}

}  // namespace

TEST_CASE("every strategy ends with every pod new, nothing beside it, and its own strategy back") {
  for (const std::string strategy : {"rolling", "ordered", "canary", "blueGreen"}) {
    CAPTURE(strategy);
    Scene scene(kind_of(strategy));
    const char* plural = strategy == "ordered" ? "statefulsets" : "deployments";
    const Json before = scene.get("apps", plural, "app");
    scene.make_plan(scene.change(strategy));
    const auto plan = scene.run();
    INFO((plan.ok() ? "" : plan.error().text()));
    REQUIRE(plan.ok());
    CHECK(plan->status.phase == upgrade::kDone);
    CHECK(image_of(scene, plural) == kNew);
    const Json end = scene.end();
    CHECK_FALSE(end.contains("deployments/app-canary"));
    Json expected = before["spec"];
    expected["template"]["spec"]["containers"][0]["image"] = kNew;
    CHECK(end[std::string(plural) + "/app"]["spec"] == expected);
    CHECK(end["virtual"]["http"][0]["route"][1]["weight"] == 0);
  }
}

TEST_CASE("a build that crashes, or is never ready, goes back by itself") {
  for (const std::string strategy : {"rolling", "ordered", "canary", "blueGreen"})
    for (const std::string& image : {kCrash, kNeverReady}) {
      CAPTURE(strategy);
      CAPTURE(image);
      Scene scene(kind_of(strategy));
      const char* plural = strategy == "ordered" ? "statefulsets" : "deployments";
      const Json before = scene.end();
      scene.make_plan(scene.change(strategy, at_image(image)));
      const auto plan = scene.run();
      INFO((plan.ok() ? "" : plan.error().text()));
      REQUIRE(plan.ok());
      CHECK(plan->status.phase == upgrade::kRolledBack);
      CHECK(plan->status.reason == (image == kCrash ? "PodsBroken" : "StepTimeout"));
      const Json end = scene.end();
      CHECK(end[std::string(plural) + "/app"]["spec"] == before[std::string(plural) + "/app"]["spec"]);
      CHECK_FALSE(end.contains("deployments/app-canary"));
      CHECK(end["virtual"] == before["virtual"]);
    }
}

namespace {

// Every write; under a sanitizer, which makes it ten times slower, every fifth.
#ifdef __SANITIZE_ADDRESS__
constexpr int kEvery = 5;
#else
constexpr int kEvery = 1;
#endif

// Runs the scene to its end, whatever dies.
void killed_everywhere(const std::string& strategy, const Json& more, const char* ends_in) {
  CAPTURE(strategy);
  const auto make = [&] {
    auto scene = std::make_unique<Scene>(kind_of(strategy));
    scene->make_plan(scene->change(strategy, more));
    scene->connector.network().revive();
    return scene;
  };
  auto faultless = make();
  const auto plan = faultless->run();
  REQUIRE(plan.ok());
  REQUIRE(plan->status.phase == ends_in);
  const auto writes = static_cast<int>(faultless->connector.network().writes());
  const Json wanted = faultless->end();
  REQUIRE(writes >= 10);
  for (int n = 1; n <= writes; n += kEvery)
    for (const bool after : {false, true}) {
      CAPTURE(n);
      CAPTURE(after);
      auto scene = make();
      scene->connector.network().crash_at_write(n, after);
      (void)scene->run();
      if (!scene->connector.network().crashed()) continue;  // it came to its end with fewer renewals of the lock
      scene->connector.network().revive();
      scene->cluster.run_for(40s);  // the lock of the dead runs out
      const auto again = scene->run();
      INFO((again.ok() ? "" : again.error().text()));
      REQUIRE(again.ok());
      const Json end = scene->end();
      for (const auto& [key, part] : wanted.items()) {
        CAPTURE(key);
        CHECK(end[key] == part);
      }
    }
}

}  // namespace

TEST_CASE("rolling: killed at any write, the next process ends the same") { killed_everywhere("rolling", Json::object(), upgrade::kDone); }
TEST_CASE("ordered: killed at any write, the next process ends the same") { killed_everywhere("ordered", Json::object(), upgrade::kDone); }
TEST_CASE("canary: killed at any write, the next process ends the same") { killed_everywhere("canary", Json::object(), upgrade::kDone); }
TEST_CASE("blue-green: killed at any write, the next process ends the same") { killed_everywhere("blueGreen", Json::object(), upgrade::kDone); }
TEST_CASE("going back: killed at any write, the next process ends the same") {
  killed_everywhere("canary", at_image(kCrash), upgrade::kRolledBack);
  killed_everywhere("ordered", at_image(kCrash), upgrade::kRolledBack);
}

TEST_CASE("a window that closes midway sends it back before it is closed") {
  Scene scene("Deployment");
  const auto begin = scene.cluster.clock().now();
  const auto closes = begin + 40min;
  scene.services.window = [closes](port::WallTime now) {
    return now < closes ? WindowVerdict{WindowVerdict::State::open, closes, {}, "open"}
                        : WindowVerdict{WindowVerdict::State::closed, {}, closes + 9h, "the market is open"};
  };
  const Json before = scene.end();
  Json change = scene.change("canary");
  change["steps"] = Json::array({{{"weight", 50}, {"hold", "6h"}}});
  change["limits"]["deadline"] = "20m";
  scene.make_plan(change);
  // The calendar is read anew while it runs: an early close is announced.
  scene.services.window = [&scene, closes, begin](port::WallTime now) {
    const auto until = now < begin + 10min ? closes : begin + 18min;
    return now < until ? WindowVerdict{WindowVerdict::State::open, until, {}, "open"}
                       : WindowVerdict{WindowVerdict::State::closed, {}, closes + 9h, "the market is open"};
  };
  const auto plan = scene.run();
  REQUIRE(plan.ok());
  CHECK(plan->status.phase == upgrade::kRolledBack);
  CHECK(plan->status.reason == "WindowEnding");
  CHECK(*release::parse_time(plan->status.finished) < begin + 18min);
  CHECK(scene.end()["deployments/app"] == before["deployments/app"]);
}

TEST_CASE("the controller finishes what a laptop began, and leaves alone what is held") {
  Scene scene("Deployment");
  scene.make_plan(scene.change("canary"));
  scene.connector.network().crash_at_write(12, true);
  (void)scene.run();
  REQUIRE(scene.connector.network().crashed());
  CHECK(upgrade::touched(scene.plan().status.phase));
  scene.connector.network().revive();
  const auto controlled = scene.as_process(
      [&](apply::Cluster& api) { return upgrade::control(api, scene.services, std::chrono::seconds(2), 150); });
  INFO((controlled.ok() ? "" : controlled.error().text()));
  CHECK(controlled.ok());
  CHECK(scene.plan().status.phase == upgrade::kDone);
  CHECK(image_of(scene, "deployments") == kNew);
}

TEST_CASE("the second plan for one workload, and what belongs to somebody else, are refused with nothing touched") {
  Scene scene("Deployment");
  scene.services.window = [](port::WallTime) {
    return WindowVerdict{WindowVerdict::State::closed, {}, {}, "the market is open"};
  };
  scene.make_plan(scene.change("rolling"), "plan");
  scene.cluster.run_for(2s);
  scene.make_plan(scene.change("rolling"), "second");
  const Json before = scene.get("apps", "deployments", "app");
  const auto second = scene.run("second");
  REQUIRE(second.ok());
  CHECK(second->status.phase == upgrade::kFailed);
  CHECK(second->status.reason == "AnotherPlan");
  CHECK(scene.get("apps", "deployments", "app") == before);

  Scene other("Deployment");
  other.patch("apps", "deployments", "app",
              {{"spec", {{"template", {{"spec", {{"containers", Json::array({{{"name", "app"}, {"image", kOld + "1"}}})}}}}}}}});
  other.cluster.run_for(60s);
  other.make_plan(other.change("rolling"));
  const auto plan = other.run();
  REQUIRE(plan.ok());
  CHECK(plan->status.phase == upgrade::kRolledBack);
  CHECK(plan->status.reason == "WriteRefused");
  CHECK(image_of(other, "deployments") == kOld + "1");
}
