#include "core/sim/control/pods.h"
#include "sim_fixture.h"

using namespace nautilus;
using namespace nautilus::test;

namespace {

Json pod(const std::string& name, const Json& extra_spec = Json::object()) {
  Json object = {{"metadata", {{"name", name}}},
                 {"spec", {{"containers", Json::array({{{"name", "app"}, {"image", "app:1"}}})}}}};
  object["spec"].update(extra_spec);
  return object;
}

std::string waiting_reason(SimFixture& sim, const std::string& name) {
  const Json status = sim.status(kinds::kPod, name);
  return value::string_at(status["containerStatuses"][0], "state", "waiting", "reason");
}

}  // namespace

TEST_CASE("a pod becomes ready and its status has what a kubelet writes") {
  SimFixture sim;
  sim.apply(kinds::kPod, pod("one"));
  sim.cluster.run_for(30s);
  const Json status = sim.status(kinds::kPod, "one");
  CHECK(status["phase"] == "Running");
  CHECK(status["containerStatuses"][0]["ready"] == true);
  CHECK(status["containerStatuses"][0]["restartCount"] == 0);
  CHECK(status["containerStatuses"][0]["state"].contains("running"));
  CHECK(status.contains("podIP"));
  CHECK(status.contains("hostIP"));
  CHECK(status.contains("startTime"));
  for (const char* type : {"PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"})
    CHECK(sim.condition(kinds::kPod, "one", type) == "True");
  CHECK_FALSE(value::string_at(*sim.get(kinds::kPod, "one"), "spec", "nodeName").empty());
}

TEST_CASE("a pod that fits nowhere says why") {
  struct Row {
    const char *spec, *message;
  };
  const Row rows[] = {
      {R"({"containers":[{"name":"a","image":"a","resources":{"requests":{"cpu":"17"}}}]})",
       "0/12 nodes are available: 12 Insufficient cpu. preemption: 0/12 nodes are available: 12 No preemption victims "
       "found for incoming pod."},
      {R"({"nodeSelector":{"disk":"ssd"}})",
       "0/12 nodes are available: 12 node(s) didn't match Pod's node affinity/selector. preemption: 0/12 nodes are "
       "available: 12 Preemption is not helpful for scheduling."},
  };
  for (const auto& row : rows) {
    SimFixture sim;
    sim.apply(kinds::kPod, pod("big", Json::parse(row.spec)));
    sim.cluster.run_for(10s);
    const Json status = sim.status(kinds::kPod, "big");
    CHECK(status["phase"] == "Pending");
    const Json* scheduled = sim::condition(status, "PodScheduled");
    REQUIRE(scheduled);
    CHECK((*scheduled)["status"] == "False");
    CHECK((*scheduled)["reason"] == "Unschedulable");
    CHECK((*scheduled)["message"] == row.message);
    CHECK(sim.event_seen("FailedScheduling", "big"));
  }
}

TEST_CASE("an unschedulable pod is placed as soon as there is room") {
  SimFixture sim;
  for (int i = 0; i < 12; ++i)
    sim.apply(kinds::kPod,
              pod("big-" + std::to_string(i),
                  Json::parse(R"({"containers":[{"name":"a","image":"a","resources":{"requests":{"cpu":"10"}}}]})")));
  sim.apply(
      kinds::kPod,
      pod("late", Json::parse(R"({"containers":[{"name":"a","image":"a","resources":{"requests":{"cpu":"10"}}}]})")));
  sim.cluster.run_for(30s);
  CHECK(sim.condition(kinds::kPod, "late", "PodScheduled") == "False Unschedulable");
  sim.remove(kinds::kPod, "big-3");
  sim.cluster.run_for(60s);
  CHECK(sim.condition(kinds::kPod, "late", "Ready") == "True");
}

TEST_CASE("hard topology spread and anti-affinity keep pods apart") {
  SimFixture sim;
  Json object = deployment("web", 6);
  object["spec"]["template"]["spec"]["topologySpreadConstraints"] = Json::parse(
      R"([{"maxSkew":1,"topologyKey":"topology.kubernetes.io/zone","whenUnsatisfiable":"DoNotSchedule",
           "labelSelector":{"matchLabels":{"app":"web"}}}])");
  sim.apply(kinds::kDeployment, object);
  Json apart = deployment("apart", 13);
  apart["spec"]["template"]["spec"]["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] =
      Json::parse(R"([{"topologyKey":"kubernetes.io/hostname","labelSelector":{"matchLabels":{"app":"apart"}}}])");
  sim.apply(kinds::kDeployment, apart);
  sim.cluster.run_for(60s);
  std::map<std::string, int> zones, nodes;
  sim.cluster.world().each_pod("default", [&](const sim::PodInfo& found) {
    if (found.node.empty()) return;
    auto node = sim.cluster.world().get(kinds::kNode, "", found.node);
    if (sim::label(*found.object, "app") == "web")
      ++zones[sim::label(*node, "topology.kubernetes.io/zone")];
    else
      ++nodes[found.node];
  });
  CHECK(zones == std::map<std::string, int>{{"sim-zone-a", 2}, {"sim-zone-b", 2}, {"sim-zone-c", 2}});
  CHECK(nodes.size() == 12);
  for (const auto& [node, count] : nodes) CHECK(count == 1);
  CHECK(sim.count(kinds::kDeployment, "apart", "readyReplicas") == 12);
}

TEST_CASE("a missing Secret or ConfigMap keeps the pod waiting until it appears") {
  SimFixture sim;
  sim.apply(kinds::kPod, pod("env", Json::parse(R"({"containers":[{"name":"a","image":"a","env":[
      {"name":"P","valueFrom":{"secretKeyRef":{"name":"creds","key":"password"}}}]}]})")));
  sim.apply(kinds::kPod, pod("vol", Json::parse(R"({"containers":[{"name":"a","image":"a"}],
      "volumes":[{"name":"c","configMap":{"name":"settings"}}]})")));
  sim.apply(kinds::kPod, pod("opt", Json::parse(R"({"containers":[{"name":"a","image":"a","envFrom":[
      {"secretRef":{"name":"nowhere","optional":true}}]}],
      "volumes":[{"name":"c","configMap":{"name":"nowhere","optional":true}}]})")));
  sim.cluster.run_for(60s);
  CHECK(waiting_reason(sim, "env") == "CreateContainerConfigError");
  CHECK(value::string_at(sim.status(kinds::kPod, "env")["containerStatuses"][0], "state", "waiting", "message") ==
        "secret \"creds\" not found");
  CHECK(waiting_reason(sim, "vol") == "ContainerCreating");
  CHECK(sim.event_seen("FailedMount", "vol"));
  CHECK(sim.condition(kinds::kPod, "opt", "Ready") == "True");
  sim.apply(kinds::kSecret, R"({"metadata":{"name":"creds"},"stringData":{"other":"x"}})");
  sim.apply(kinds::kConfigMap, R"({"metadata":{"name":"settings"},"data":{"a":"b"}})");
  sim.cluster.run_for(60s);
  CHECK(value::string_at(sim.status(kinds::kPod, "env")["containerStatuses"][0], "state", "waiting", "message") ==
        "couldn't find key password in Secret default/creds");
  CHECK(sim.condition(kinds::kPod, "vol", "Ready") == "True");
  sim.apply(kinds::kSecret, R"({"metadata":{"name":"creds"},"data":{"password":"eA=="}})");
  sim.cluster.run_for(60s);
  CHECK(sim.condition(kinds::kPod, "env", "Ready") == "True");
}

TEST_CASE("images behave as their tag or the pod's annotation says") {
  SimFixture sim;
  Json crash = pod("crash"), stuck = pod("stuck");
  crash["spec"]["containers"][0]["image"] = "app:sim-crash";
  stuck["spec"]["containers"][0]["image"] = "app:sim-image-pull-error";
  Json never = pod("never");
  never["metadata"]["annotations"] = {{"sim.nautilusctl.io/behaviour", "never-ready"}};
  for (const auto& object : {crash, stuck, never}) sim.apply(kinds::kPod, object);
  sim.cluster.run_for(300s);
  CHECK(waiting_reason(sim, "crash") == "CrashLoopBackOff");
  CHECK(sim.status(kinds::kPod, "crash")["containerStatuses"][0]["restartCount"] >= 4);
  CHECK(waiting_reason(sim, "stuck") == "ImagePullBackOff");
  CHECK(sim.status(kinds::kPod, "never")["phase"] == "Running");
  CHECK(sim.condition(kinds::kPod, "never", "Ready") == "False ContainersNotReady");
}

TEST_CASE("init containers run before the pod does, probes delay readiness") {
  SimFixture sim;
  sim.apply(kinds::kPod,
            pod("one", Json::parse(R"({"initContainers":[{"name":"i1","image":"i"},{"name":"i2","image":"i"}],
     "containers":[{"name":"a","image":"a","readinessProbe":{"initialDelaySeconds":20,"httpGet":{"port":80}}}]})")));
  sim.cluster.run_for(15s);
  CHECK(sim.status(kinds::kPod, "one")["phase"] == "Running");
  CHECK(sim.condition(kinds::kPod, "one", "Ready") == "False ContainersNotReady");
  CHECK(sim.status(kinds::kPod, "one")["initContainerStatuses"][1]["state"]["terminated"]["reason"] == "Completed");
  sim.cluster.run_for(30s);
  CHECK(sim.condition(kinds::kPod, "one", "Ready") == "True");
}

TEST_CASE("a deleted pod stops within its grace, a preStop sleep is waited for") {
  SimFixture sim;
  sim.apply(kinds::kPod, pod("quick"));
  sim.apply(kinds::kPod, pod("slow", Json::parse(R"({"terminationGracePeriodSeconds":60,
     "containers":[{"name":"a","image":"a","lifecycle":{"preStop":{"sleep":{"seconds":20}}}}]})")));
  sim.cluster.run_for(30s);
  sim.remove(kinds::kPod, "quick");
  sim.remove(kinds::kPod, "slow");
  CHECK(sim::is_deleting(*sim.get(kinds::kPod, "quick")));
  sim.cluster.run_for(10s);
  CHECK_FALSE(sim.get(kinds::kPod, "quick"));
  CHECK(sim.get(kinds::kPod, "slow"));
  sim.cluster.run_for(15s);
  CHECK_FALSE(sim.get(kinds::kPod, "slow"));
}

TEST_CASE("a NoExecute taint drives pods away that do not tolerate it") {
  SimFixture sim;
  sim.apply(kinds::kDeployment, deployment("web", 12));
  sim.cluster.run_for(60s);
  const std::string victim = sim.cluster.world().pod({"default", sim.first_pod()})->node;
  Json node = *sim.cluster.world().get(kinds::kNode, "", victim);
  node["spec"]["taints"] = Json::array({{{"key", "maintenance"}, {"effect", "NoExecute"}}});
  REQUIRE(sim.cluster.server().update(sim::resource::kNodes, node).ok());
  sim.cluster.run_for(60s);
  CHECK(sim.cluster.world().pods_on(victim).empty());
  CHECK(sim.count(kinds::kDeployment, "web", "availableReplicas") == 12);
}
