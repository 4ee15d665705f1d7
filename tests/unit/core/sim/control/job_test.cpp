#include "core/sim/control/job.h"

#include "sim_fixture.h"

using namespace nautilus;
using namespace nautilus::test;

namespace {

Json job(const char* spec) {
  Json object = {
      {"metadata", {{"name", "work"}}},
      {"spec",
       {{"template",
         {{"spec", {{"restartPolicy", "Never"}, {"containers", Json::array({{{"name", "w"}, {"image", "w:1"}}})}}}}}}}};
  object["spec"].update(Json::parse(spec));
  return object;
}

}  // namespace

TEST_CASE("a Job runs to completion and says so as upstream does") {
  SimFixture sim;
  sim.apply(kinds::kJob, job(R"({"completions": 5, "parallelism": 2})"));
  sim.cluster.run_for(5s);
  CHECK(sim.count(kinds::kJob, "work", "active") == 2);
  sim.cluster.run_for(60s);
  const Json status = sim.status(kinds::kJob, "work");
  CHECK(status["succeeded"] == 5);
  CHECK_FALSE(status.contains("active"));
  CHECK_FALSE(status.contains("failed"));
  CHECK(status["ready"] == 0);
  CHECK(status["terminating"] == 0);
  CHECK(status["uncountedTerminatedPods"] == Json::object());
  CHECK(status.contains("startTime"));
  CHECK(status.contains("completionTime"));
  REQUIRE(status["conditions"].size() == 2);
  CHECK(status["conditions"][0]["type"] == "SuccessCriteriaMet");
  CHECK(status["conditions"][1]["type"] == "Complete");
  for (const auto& one : status["conditions"]) {
    CHECK(one["reason"] == "CompletionsReached");
    CHECK(one["message"] == "Reached expected number of succeeded pods");
  }
  CHECK(sim.pods() == 5);
  sim.cluster.world().each_pod("default", [](const sim::PodInfo& pod) {
    CHECK(pod.phase == sim::PodInfo::Phase::succeeded);
    CHECK_FALSE(sim::has_finalizer(*pod.object, "batch.kubernetes.io/job-tracking"));
  });
}

TEST_CASE("a Job gives up after its backoff limit") {
  SimFixture sim;
  Json object = job(R"({"backoffLimit": 2})");
  object["spec"]["template"]["spec"]["containers"][0]["image"] = "w:sim-crash";
  sim.apply(kinds::kJob, object);
  sim.cluster.run_for(300s);
  const Json status = sim.status(kinds::kJob, "work");
  CHECK(status["failed"] == 3);
  CHECK(sim.condition(kinds::kJob, "work", "Failed") == "True BackoffLimitExceeded");
  CHECK(sim.condition(kinds::kJob, "work", "FailureTarget") == "True BackoffLimitExceeded");
  CHECK((*sim::condition(status, "Failed"))["message"] == "Job has reached the specified backoff limit");
}

TEST_CASE("a Job is stopped by its deadline") {
  SimFixture sim;
  Json object = job(R"({"activeDeadlineSeconds": 20})");
  object["spec"]["template"]["metadata"]["annotations"] = {{"sim.nautilusctl.io/runtime-seconds", "600"}};
  sim.apply(kinds::kJob, object);
  sim.cluster.run_for(60s);
  CHECK(sim.condition(kinds::kJob, "work", "Failed") == "True DeadlineExceeded");
  CHECK(sim.pods() == 0);
}

TEST_CASE("a suspended Job has no pods until it is resumed") {
  SimFixture sim;
  Json object = job(R"({"suspend": true})");
  sim.apply(kinds::kJob, object);
  sim.cluster.run_for(30s);
  CHECK(sim.pods() == 0);
  CHECK(sim.condition(kinds::kJob, "work", "Suspended") == "True JobSuspended");
  object["spec"]["suspend"] = false;
  sim.apply(kinds::kJob, object);
  sim.cluster.run_for(60s);
  CHECK(sim.condition(kinds::kJob, "work", "Suspended") == "False JobResumed");
  CHECK(sim.condition(kinds::kJob, "work", "Complete") == "True CompletionsReached");
}

TEST_CASE("an indexed Job completes each index once") {
  SimFixture sim;
  sim.apply(kinds::kJob, job(R"({"completions": 4, "parallelism": 3, "completionMode": "Indexed"})"));
  sim.cluster.run_for(90s);
  const Json status = sim.status(kinds::kJob, "work");
  CHECK(status["succeeded"] == 4);
  CHECK(status["completedIndexes"] == "0-3");
}

TEST_CASE("a finished Job goes after its time to live, with its pods") {
  SimFixture sim;
  sim.apply(kinds::kJob, job(R"({"ttlSecondsAfterFinished": 30})"));
  sim.cluster.run_for(25s);
  CHECK(sim.condition(kinds::kJob, "work", "Complete") == "True CompletionsReached");
  sim.cluster.run_for(60s);
  CHECK_FALSE(sim.get(kinds::kJob, "work"));
  CHECK(sim.pods() == 0);
}

TEST_CASE("index ranges are written short and read back") {
  CHECK(sim::index_ranges({}) == "");
  CHECK(sim::index_ranges({0, 1, 2, 5, 7, 8}) == "0-2,5,7-8");
  CHECK(sim::parse_index_ranges("0-2,5,7-8") == std::set<std::int64_t>{0, 1, 2, 5, 7, 8});
  CHECK(sim::parse_index_ranges("").empty());
}

TEST_CASE("a CronJob starts Jobs on time and keeps a short history") {
  SimFixture sim;
  sim.apply(kinds::kCronJob, R"({"metadata":{"name":"tick"},"spec":{"schedule":"*/5 * * * *",
    "jobTemplate":{"spec":{"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"w","image":"w"}]}}}}}})");
  sim.cluster.run_for(31min);
  auto jobs = sim.cluster.world().list(kinds::kJob, "default");
  CHECK(jobs.size() == 3);
  const Json status = sim.status(kinds::kCronJob, "tick");
  CHECK(status["lastScheduleTime"] == "2026-01-05T06:30:00Z");
  CHECK(status.contains("lastSuccessfulTime"));
  CHECK_FALSE(status.contains("active"));
  const auto minute = *sim::parse_time("2026-01-05T06:30:00Z");
  CHECK(sim.get(
      kinds::kJob,
      "tick-" + std::to_string(std::chrono::duration_cast<std::chrono::minutes>(minute.time_since_epoch()).count())));
}

TEST_CASE("concurrencyPolicy decides what happens when a run is still going") {
  for (const char* policy : {"Allow", "Forbid", "Replace"}) {
    INFO(policy);
    SimFixture sim;
    Json object = Json::parse(R"({"metadata":{"name":"tick"},"spec":{"schedule":"* * * * *",
      "jobTemplate":{"spec":{"template":{"metadata":{"annotations":{"sim.nautilusctl.io/runtime-seconds":"600"}},
        "spec":{"restartPolicy":"Never","containers":[{"name":"w","image":"w"}]}}}}}})");
    object["spec"]["concurrencyPolicy"] = policy;
    sim.apply(kinds::kCronJob, object);
    sim.cluster.run_for(3min + 30s);
    CHECK(sim.cluster.world().list(kinds::kJob, "default").size() == (std::string(policy) == "Allow" ? 3 : 1));
    if (std::string(policy) == "Replace")
      CHECK(sim::name_of(*sim.cluster.world().list(kinds::kJob, "default")[0])
                .ends_with(std::to_string(std::chrono::duration_cast<std::chrono::minutes>(
                                              sim::parse_time("2026-01-05T06:03:00Z")->time_since_epoch())
                                              .count())));
  }
}
