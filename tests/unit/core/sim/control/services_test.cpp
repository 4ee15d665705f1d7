#include "sim_fixture.h"

using namespace nautilus;
using namespace nautilus::test;

TEST_CASE("a Service gets Endpoints and slices of the pods it selects") {
  SimFixture sim;
  Json object = deployment("web", 3);
  object["spec"]["template"]["spec"]["containers"][0]["ports"] =
      Json::array({{{"name", "http"}, {"containerPort", 8080}}});
  sim.apply(kinds::kDeployment, object);
  sim.apply(
      kinds::kService,
      R"({"metadata":{"name":"web"},"spec":{"selector":{"app":"web"},"ports":[{"port":80,"targetPort":"http","name":"http"}]}})");
  sim.cluster.run_for(60s);
  auto endpoints = sim.get(kinds::kEndpoints, "web");
  REQUIRE(endpoints);
  REQUIRE((*endpoints)["subsets"].size() == 1);
  CHECK((*endpoints)["subsets"][0]["addresses"].size() == 3);
  CHECK((*endpoints)["subsets"][0]["ports"][0]["port"] == 8080);
  auto slices = sim.cluster.world().list(kinds::kEndpointSlice, "default");
  std::erase_if(slices, [](const auto& slice) { return sim::label(*slice, "kubernetes.io/service-name") != "web"; });
  REQUIRE(slices.size() == 1);
  CHECK((*slices[0])["endpoints"].size() == 3);
  CHECK((*slices[0])["endpoints"][0]["conditions"]["ready"] == true);
  CHECK((*slices[0])["endpoints"][0].contains("zone"));

  sim.remove(kinds::kDeployment, "web");
  sim.cluster.run_for(60s);
  endpoints = sim.get(kinds::kEndpoints, "web");
  REQUIRE(endpoints);
  CHECK_FALSE(endpoints->contains("subsets"));
  sim.remove(kinds::kService, "web");
  sim.cluster.run_for(10s);
  CHECK_FALSE(sim.get(kinds::kEndpoints, "web"));
}

TEST_CASE("load balancers and ingresses get an address") {
  SimFixture sim;
  sim.apply(
      kinds::kService,
      R"({"metadata":{"name":"edge"},"spec":{"type":"LoadBalancer","selector":{"app":"x"},"ports":[{"port":443}]}})");
  sim.apply(kinds::kIngress, R"({"metadata":{"name":"site"},"spec":{"rules":[{"host":"a.example.com","http":{"paths":[
      {"path":"/","pathType":"Prefix","backend":{"service":{"name":"edge","port":{"number":443}}}}]}}]}})");
  sim.cluster.run_for(10s);
  CHECK(sim.status(kinds::kService, "edge")["loadBalancer"]["ingress"][0]["ip"].get<std::string>().starts_with(
      "203.0.113."));
  CHECK(sim.status(kinds::kIngress, "site")["loadBalancer"]["ingress"].size() == 1);
}

TEST_CASE("claims wait for their first consumer, or are bound at once, as their class says") {
  SimFixture sim;
  sim.apply(
      kinds::kStorageClass,
      R"({"metadata":{"name":"fast"},"provisioner":"example.com/fast","volumeBindingMode":"Immediate","reclaimPolicy":"Retain"})");
  const char* claim =
      R"({"metadata":{"name":"%"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"5Gi"}}}})";
  auto claim_named = [&](const char* name, const char* storage_class) {
    Json object = Json::parse(claim);
    object["metadata"]["name"] = name;
    if (storage_class) object["spec"]["storageClassName"] = storage_class;
    return object;
  };
  sim.apply(kinds::kClaim, claim_named("now", "fast"));
  sim.apply(kinds::kClaim, claim_named("later", nullptr));
  sim.apply(kinds::kClaim, claim_named("never", "nowhere"));
  sim.cluster.run_for(10s);
  CHECK(sim.status(kinds::kClaim, "now")["phase"] == "Bound");
  CHECK(sim.status(kinds::kClaim, "later")["phase"] == "Pending");
  CHECK(sim.status(kinds::kClaim, "never")["phase"] == "Pending");
  CHECK(sim.event_seen("ProvisioningFailed", "never"));
  CHECK(sim.event_seen("WaitForFirstConsumer", "later"));
  sim.apply(kinds::kPod, R"({"metadata":{"name":"user"},"spec":{"containers":[{"name":"a","image":"a"}],
      "volumes":[{"name":"d","persistentVolumeClaim":{"claimName":"later"}}]}})");
  sim.cluster.run_for(30s);
  CHECK(sim.status(kinds::kClaim, "later")["phase"] == "Bound");
  CHECK(sim.condition(kinds::kPod, "user", "Ready") == "True");

  // A claim in use is protected; when it goes, a Delete volume goes and a Retain volume is Released.
  sim.remove(kinds::kClaim, "later");
  sim.cluster.run_for(10s);
  CHECK(sim.get(kinds::kClaim, "later"));
  sim.remove(kinds::kPod, "user");
  sim.remove(kinds::kClaim, "now");
  sim.cluster.run_for(60s);
  CHECK_FALSE(sim.get(kinds::kClaim, "later"));
  auto volumes = sim.cluster.world().list(kinds::kVolume);
  REQUIRE(volumes.size() == 1);
  CHECK((*volumes[0])["status"]["phase"] == "Released");
}

TEST_CASE("a bound claim grows if its class allows it") {
  SimFixture sim;
  Json claim = Json::parse(
      R"({"metadata":{"name":"c"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"5Gi"}}}})");
  sim.apply(kinds::kClaim, claim);
  sim.apply(kinds::kPod, R"({"metadata":{"name":"user"},"spec":{"containers":[{"name":"a","image":"a"}],
      "volumes":[{"name":"d","persistentVolumeClaim":{"claimName":"c"}}]}})");
  sim.cluster.run_for(30s);
  claim["spec"]["resources"]["requests"]["storage"] = "8Gi";
  sim.apply(kinds::kClaim, claim);
  sim.cluster.run_for(30s);
  CHECK(sim.status(kinds::kClaim, "c")["capacity"]["storage"] == "8Gi");
}

TEST_CASE("a disruption budget counts, and evictions beyond it are refused") {
  SimFixture sim;
  sim.apply(kinds::kDeployment, deployment("web", 3));
  sim.apply(kinds::kDisruptionBudget,
            R"({"metadata":{"name":"web"},"spec":{"minAvailable":2,"selector":{"matchLabels":{"app":"web"}}}})");
  sim.cluster.run_for(60s);
  const Json status = sim.status(kinds::kDisruptionBudget, "web");
  CHECK(status["currentHealthy"] == 3);
  CHECK(status["desiredHealthy"] == 2);
  CHECK(status["disruptionsAllowed"] == 1);
  CHECK(status["expectedPods"] == 3);
  CHECK(status["observedGeneration"] == 1);
  CHECK(sim.condition(kinds::kDisruptionBudget, "web", "DisruptionAllowed") == "True SufficientPods");
  std::vector<std::string> names;
  sim.cluster.world().each_pod("default", [&](const sim::PodInfo& pod) { names.push_back(pod.key.name); });
  CHECK(sim.cluster.server().evict("default", names[0]).ok());
  const auto refused = sim.cluster.server().evict("default", names[1]);
  CHECK(refused.code == 429);
  sim.cluster.run_for(60s);
  CHECK(sim.count(kinds::kDisruptionBudget, "web", "disruptionsAllowed") == 1);
}

TEST_CASE("budgets by percentage and by maxUnavailable count what the controllers want") {
  SimFixture sim;
  sim.apply(kinds::kDeployment, deployment("web", 5));
  sim.apply(kinds::kDisruptionBudget,
            R"({"metadata":{"name":"share"},"spec":{"minAvailable":"50%","selector":{"matchLabels":{"app":"web"}}}})");
  sim.apply(kinds::kDisruptionBudget,
            R"({"metadata":{"name":"most"},"spec":{"maxUnavailable":1,"selector":{"matchLabels":{"app":"web"}}}})");
  sim.cluster.run_for(60s);
  CHECK(sim.count(kinds::kDisruptionBudget, "share", "desiredHealthy") == 3);
  CHECK(sim.count(kinds::kDisruptionBudget, "share", "disruptionsAllowed") == 2);
  CHECK(sim.count(kinds::kDisruptionBudget, "most", "desiredHealthy") == 4);
  CHECK(sim.count(kinds::kDisruptionBudget, "most", "expectedPods") == 5);
}

TEST_CASE("a quota shows what is used") {
  SimFixture sim;
  sim.apply(
      kinds::kResourceQuota,
      R"({"metadata":{"name":"q"},"spec":{"hard":{"pods":"10","requests.cpu":"2","requests.memory":"1Gi","count/deployments.apps":"5","services":"3"}}})");
  sim.apply(kinds::kDeployment, deployment("web", 3));
  sim.cluster.run_for(60s);
  const Json used = sim.status(kinds::kResourceQuota, "q")["used"];
  CHECK(used["pods"] == "3");
  CHECK(used["requests.cpu"] == "300m");
  CHECK(used["requests.memory"] == "192Mi");
  CHECK(used["count/deployments.apps"] == "1");
  CHECK(used["services"] == "1");  // kubernetes
}

TEST_CASE("an autoscaler follows the load its pods report") {
  SimFixture sim;
  Json object = deployment("web", 2);
  object["spec"].erase("replicas");
  object["spec"]["template"]["metadata"]["annotations"] = {{"sim.nautilusctl.io/cpu", "90%"}};
  sim.apply(kinds::kDeployment, object);
  sim.apply(kinds::kAutoscaler, R"({"metadata":{"name":"web"},"spec":{"minReplicas":2,"maxReplicas":6,
     "scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"web"},
     "metrics":[{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":60}}}]}})");
  sim.cluster.run_for(240s);
  const Json status = sim.status(kinds::kAutoscaler, "web");
  CHECK(status["currentReplicas"] == 6);
  CHECK(status["desiredReplicas"] == 6);
  CHECK(status["currentMetrics"][0]["resource"]["current"]["averageUtilization"] == 90);
  CHECK(sim.condition(kinds::kAutoscaler, "web", "ScalingActive") == "True ValidMetricFound");
  CHECK(sim.condition(kinds::kAutoscaler, "web", "ScalingLimited") == "True TooManyReplicas");
  CHECK(sim.condition(kinds::kAutoscaler, "web", "AbleToScale") == "True ReadyForNewScale");
  CHECK(sim.count(kinds::kDeployment, "web", "availableReplicas") == 6);

  // The load falls: nothing happens for five minutes, then it shrinks.
  object["spec"]["template"]["metadata"]["annotations"]["sim.nautilusctl.io/cpu"] = "20%";
  sim.apply(kinds::kDeployment, object);
  sim.cluster.run_for(120s);
  CHECK(sim.condition(kinds::kAutoscaler, "web", "AbleToScale") == "True ScaleDownStabilized");
  CHECK(sim.count(kinds::kDeployment, "web", "replicas") == 6);
  sim.cluster.run_for(500s);
  CHECK(sim.count(kinds::kDeployment, "web", "replicas") == 2);
}

TEST_CASE("an autoscaler without its target, or without requests to measure against, says so") {
  SimFixture sim;
  const char* autoscaler =
      R"({"metadata":{"name":"a"},"spec":{"maxReplicas":3,"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"web"}}})";
  sim.apply(kinds::kAutoscaler, autoscaler);
  sim.cluster.run_for(20s);
  CHECK(sim.condition(kinds::kAutoscaler, "a", "AbleToScale") == "False FailedGetScale");
  Json object = deployment("web", 1);
  object["spec"]["template"]["spec"]["containers"][0].erase("resources");
  sim.apply(kinds::kDeployment, object);
  sim.cluster.run_for(60s);
  CHECK(sim.condition(kinds::kAutoscaler, "a", "AbleToScale") == "True SucceededGetScale");
  CHECK(sim.condition(kinds::kAutoscaler, "a", "ScalingActive") == "False FailedGetResourceMetric");
}

TEST_CASE("a DaemonSet has a pod on every node and rolls them one after another") {
  SimFixture sim;
  Json object = deployment("agent", 1);
  object["spec"].erase("replicas");
  sim.apply(kinds::kDaemonSet, object);
  sim.cluster.run_for(60s);
  const Json status = sim.status(kinds::kDaemonSet, "agent");
  for (const char* field :
       {"desiredNumberScheduled", "currentNumberScheduled", "numberReady", "numberAvailable", "updatedNumberScheduled"})
    CHECK(status[field] == 12);
  CHECK(status["numberMisscheduled"] == 0);
  CHECK_FALSE(status.contains("numberUnavailable"));
  object["spec"]["template"]["spec"]["containers"][0]["image"] = "app:2";
  sim.apply(kinds::kDaemonSet, object);
  std::size_t fewest = 99;
  sim.cluster.run_until(
      [&] {
        fewest = std::min(fewest, sim.pods(true));
        return false;
      },
      400s);
  CHECK(fewest == 11);
  CHECK(sim.count(kinds::kDaemonSet, "agent", "updatedNumberScheduled") == 12);
  CHECK(sim.count(kinds::kDaemonSet, "agent", "numberAvailable") == 12);
}
