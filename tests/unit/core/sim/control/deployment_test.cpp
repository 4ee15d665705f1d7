#include "sim_fixture.h"

using namespace nautilus;
using namespace nautilus::test;

TEST_CASE("a Deployment becomes available and reports it as upstream does") {
  SimFixture sim;
  sim.apply(kinds::kDeployment, deployment("web", 3));
  sim.cluster.run_for(60s);
  const Json status = sim.status(kinds::kDeployment, "web");
  CHECK(status["observedGeneration"] == 1);
  CHECK(status["replicas"] == 3);
  CHECK(status["updatedReplicas"] == 3);
  CHECK(status["readyReplicas"] == 3);
  CHECK(status["availableReplicas"] == 3);
  CHECK(status["terminatingReplicas"] == 0);
  CHECK_FALSE(status.contains("unavailableReplicas"));
  CHECK(sim.condition(kinds::kDeployment, "web", "Available") == "True MinimumReplicasAvailable");
  CHECK(sim.condition(kinds::kDeployment, "web", "Progressing") == "True NewReplicaSetAvailable");
  auto sets = sim.cluster.world().list(kinds::kReplicaSet, "default");
  REQUIRE(sets.size() == 1);
  const Json* progressing = sim::condition(status, "Progressing");
  CHECK((*progressing)["message"] == "ReplicaSet \"" + sim::name_of(*sets[0]) + "\" has successfully progressed.");
  const std::string hash = sim::label(*sets[0], "pod-template-hash");
  CHECK(sim::name_of(*sets[0]) == "web-" + hash);
  CHECK(sim::annotation(*sets[0], "deployment.kubernetes.io/revision") == "1");
  CHECK(sim::annotation(*sim.get(kinds::kDeployment, "web"), "deployment.kubernetes.io/revision") == "1");
  CHECK(sim.event_seen("ScalingReplicaSet", "web"));
  CHECK(sim.event_seen("Scheduled"));
}

TEST_CASE("a rolling update keeps within its limits, and a rollback reuses the old ReplicaSet") {
  SimFixture sim;
  Json object = deployment("web", 8);
  object["spec"]["strategy"] = {{"rollingUpdate", {{"maxSurge", 2}, {"maxUnavailable", 1}}}};
  sim.apply(kinds::kDeployment, object);
  sim.cluster.run_for(60s);
  object["spec"]["template"]["spec"]["containers"][0]["image"] = "app:2";
  sim.apply(kinds::kDeployment, object);
  std::size_t most = 0, fewest = 99;
  sim.cluster.run_until(
      [&] {
        std::size_t alive = 0;
        sim.cluster.world().each_pod("default", [&](const sim::PodInfo& pod) { alive += pod.active(); });
        most = std::max(most, alive);
        fewest = std::min(fewest, sim.pods(true));
        return false;
      },
      120s);
  CHECK(most <= 10);
  CHECK(fewest >= 7);
  CHECK(sim.count(kinds::kDeployment, "web", "updatedReplicas") == 8);
  CHECK(sim.condition(kinds::kDeployment, "web", "Progressing") == "True NewReplicaSetAvailable");
  CHECK(sim.cluster.world().list(kinds::kReplicaSet, "default").size() == 2);
  CHECK(sim::annotation(*sim.get(kinds::kDeployment, "web"), "deployment.kubernetes.io/revision") == "2");

  object["spec"]["template"]["spec"]["containers"][0]["image"] = "app:1";
  sim.apply(kinds::kDeployment, object);
  sim.cluster.run_for(120s);
  CHECK(sim.cluster.world().list(kinds::kReplicaSet, "default").size() == 2);
  CHECK(sim::annotation(*sim.get(kinds::kDeployment, "web"), "deployment.kubernetes.io/revision") == "3");
  CHECK(sim.count(kinds::kDeployment, "web", "availableReplicas") == 8);
}

TEST_CASE("a rollout that never becomes ready runs into its deadline and leaves the old pods alone") {
  SimFixture sim;
  Json object = deployment("web", 4);
  object["spec"]["progressDeadlineSeconds"] = 60;
  sim.apply(kinds::kDeployment, object);
  sim.cluster.run_for(60s);
  object["spec"]["template"]["spec"]["containers"][0]["image"] = "app:sim-never-ready";
  sim.apply(kinds::kDeployment, object);
  sim.cluster.run_for(50s);
  CHECK(sim.condition(kinds::kDeployment, "web", "Progressing") == "True ReplicaSetUpdated");
  sim.cluster.run_for(60s);
  CHECK(sim.condition(kinds::kDeployment, "web", "Progressing") == "False ProgressDeadlineExceeded");
  CHECK(sim.condition(kinds::kDeployment, "web", "Available") == "True MinimumReplicasAvailable");
  CHECK(sim.count(kinds::kDeployment, "web", "availableReplicas") == 3);
}

TEST_CASE("Recreate never runs old and new pods together") {
  SimFixture sim;
  Json object = deployment("web", 3);
  object["spec"]["strategy"] = {{"type", "Recreate"}};
  sim.apply(kinds::kDeployment, object);
  sim.cluster.run_for(60s);
  object["spec"]["template"]["spec"]["containers"][0]["image"] = "app:2";
  sim.apply(kinds::kDeployment, object);
  bool mixed = false;
  sim.cluster.run_until(
      [&] {
        std::set<std::string> revisions;
        sim.cluster.world().each_pod("default", [&](const sim::PodInfo& pod) { revisions.insert(pod.revision); });
        mixed = mixed || revisions.size() > 1;
        return false;
      },
      120s);
  CHECK_FALSE(mixed);
  CHECK(sim.count(kinds::kDeployment, "web", "updatedReplicas") == 3);
  CHECK(sim.count(kinds::kDeployment, "web", "availableReplicas") == 3);
}

TEST_CASE("a paused Deployment scales but does not roll") {
  SimFixture sim;
  Json object = deployment("web", 2);
  sim.apply(kinds::kDeployment, object);
  sim.cluster.run_for(60s);
  object["spec"]["paused"] = true;
  object["spec"]["replicas"] = 4;
  object["spec"]["template"]["spec"]["containers"][0]["image"] = "app:2";
  sim.apply(kinds::kDeployment, object);
  sim.cluster.run_for(60s);
  CHECK(sim.condition(kinds::kDeployment, "web", "Progressing") == "Unknown DeploymentPaused");
  CHECK(sim.cluster.world().list(kinds::kReplicaSet, "default").size() == 1);
  CHECK(sim.count(kinds::kDeployment, "web", "availableReplicas") == 4);
  object["spec"]["paused"] = false;
  sim.apply(kinds::kDeployment, object);
  sim.cluster.run_for(60s);
  CHECK(sim.count(kinds::kDeployment, "web", "updatedReplicas") == 4);
}

TEST_CASE("history is kept up to revisionHistoryLimit") {
  SimFixture sim;
  Json object = deployment("web", 1);
  object["spec"]["revisionHistoryLimit"] = 2;
  for (int i = 1; i <= 5; ++i) {
    object["spec"]["template"]["spec"]["containers"][0]["image"] = "app:" + std::to_string(i);
    sim.apply(kinds::kDeployment, object);
    sim.cluster.run_for(60s);
  }
  CHECK(sim.cluster.world().list(kinds::kReplicaSet, "default").size() == 3);
  CHECK(sim::annotation(*sim.get(kinds::kDeployment, "web"), "deployment.kubernetes.io/revision") == "5");
}

TEST_CASE("minReadySeconds delays availability") {
  SimFixture sim;
  Json object = deployment("web", 1);
  object["spec"]["minReadySeconds"] = 30;
  sim.apply(kinds::kDeployment, object);
  sim.cluster.run_for(25s);
  CHECK(sim.count(kinds::kDeployment, "web", "readyReplicas") == 1);
  CHECK(sim.count(kinds::kDeployment, "web", "availableReplicas") == 0);
  CHECK(sim.condition(kinds::kDeployment, "web", "Available") == "False MinimumReplicasUnavailable");
  sim.cluster.run_for(30s);
  CHECK(sim.count(kinds::kDeployment, "web", "availableReplicas") == 1);
}

TEST_CASE("deleting a Deployment takes its ReplicaSets and pods along, however it is asked") {
  for (const char* propagation : {"Background", "Foreground"}) {
    INFO(propagation);
    SimFixture sim;
    sim.apply(kinds::kDeployment, deployment("web", 3));
    sim.cluster.run_for(60s);
    sim.remove(kinds::kDeployment, "web", propagation);
    sim.cluster.run_for(60s);
    CHECK_FALSE(sim.get(kinds::kDeployment, "web"));
    CHECK(sim.cluster.world().list(kinds::kReplicaSet, "default").empty());
    CHECK(sim.pods() == 0);
  }
}

TEST_CASE("orphaned pods stay, and a new Deployment of the same selector takes the ReplicaSet's place") {
  SimFixture sim;
  sim.apply(kinds::kDeployment, deployment("web", 2));
  sim.cluster.run_for(60s);
  sim.remove(kinds::kDeployment, "web", "Orphan");
  sim.cluster.run_for(60s);
  CHECK_FALSE(sim.get(kinds::kDeployment, "web"));
  CHECK(sim.pods() == 2);
  auto sets = sim.cluster.world().list(kinds::kReplicaSet, "default");
  REQUIRE(sets.size() == 1);
  CHECK_FALSE(sim::controller_ref(*sets[0]));
}
