#include "sim_fixture.h"

using namespace nautilus;
using namespace nautilus::test;

namespace {

Json stateful_set(int replicas) {
  return Json::parse(R"({"metadata": {"name": "db"}, "spec": {
    "serviceName": "db", "selector": {"matchLabels": {"app": "db"}},
    "template": {"metadata": {"labels": {"app": "db"}},
                 "spec": {"containers": [{"name": "db", "image": "db:1", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}]}},
    "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"],
                              "resources": {"requests": {"storage": "1Gi"}}}}],
    "replicas": )" + std::to_string(replicas) +
                     "}}");
}

}  // namespace

TEST_CASE("a StatefulSet starts its pods in order, each with its claim bound") {
  SimFixture sim;
  sim.apply(kinds::kStatefulSet, stateful_set(3));
  bool ordered = true;
  sim.cluster.run_until(
      [&] {
        for (int i = 1; i < 3; ++i)
          if (sim.get(kinds::kPod, "db-" + std::to_string(i))) {
            const auto* before = sim.cluster.world().pod({"default", "db-" + std::to_string(i - 1)});
            ordered = ordered && before;
          }
        return false;
      },
      120s);
  CHECK(ordered);
  const Json status = sim.status(kinds::kStatefulSet, "db");
  CHECK(status["replicas"] == 3);
  CHECK(status["readyReplicas"] == 3);
  CHECK(status["currentReplicas"] == 3);
  CHECK(status["updatedReplicas"] == 3);
  CHECK(status["availableReplicas"] == 3);
  CHECK(status["collisionCount"] == 0);
  CHECK(status["currentRevision"] == status["updateRevision"]);
  CHECK(status["observedGeneration"] == 1);
  for (int i = 0; i < 3; ++i) {
    const std::string ordinal = std::to_string(i);
    auto pod = sim.get(kinds::kPod, "db-" + ordinal);
    REQUIRE(pod);
    CHECK(sim::label(*pod, "apps.kubernetes.io/pod-index") == ordinal);
    CHECK(sim::label(*pod, "statefulset.kubernetes.io/pod-name") == "db-" + ordinal);
    CHECK(value::string_at(*pod, "spec", "hostname") == "db-" + ordinal);
    CHECK(value::string_at(*pod, "spec", "subdomain") == "db");
    auto claim = sim.get(kinds::kClaim, "data-db-" + ordinal);
    REQUIRE(claim);
    CHECK((*claim)["status"]["phase"] == "Bound");
    CHECK((*claim)["status"]["capacity"]["storage"] == "1Gi");
    auto volume = sim.cluster.world().get(kinds::kVolume, "", (*claim)["spec"]["volumeName"]);
    REQUIRE(volume);
    CHECK((*volume)["status"]["phase"] == "Bound");
  }
}

TEST_CASE("a rolling update goes from the highest ordinal down to the partition") {
  SimFixture sim;
  Json object = stateful_set(4);
  sim.apply(kinds::kStatefulSet, object);
  sim.cluster.run_for(180s);
  object["spec"]["updateStrategy"] = {{"type", "RollingUpdate"}, {"rollingUpdate", {{"partition", 2}}}};
  object["spec"]["template"]["spec"]["containers"][0]["image"] = "db:2";
  sim.apply(kinds::kStatefulSet, object);
  sim.cluster.run_for(180s);
  auto image = [&](int i) {
    return value::string_at((*sim.get(kinds::kPod, "db-" + std::to_string(i)))["spec"]["containers"][0], "image");
  };
  CHECK(image(0) == "db:1");
  CHECK(image(1) == "db:1");
  CHECK(image(2) == "db:2");
  CHECK(image(3) == "db:2");
  Json status = sim.status(kinds::kStatefulSet, "db");
  CHECK(status["updatedReplicas"] == 2);
  CHECK(status["currentReplicas"] == 2);
  CHECK(status["currentRevision"] != status["updateRevision"]);
  // A pod below the partition returns at the old revision.
  sim.remove(kinds::kPod, "db-0");
  sim.cluster.run_for(60s);
  CHECK(image(0) == "db:1");
  object["spec"]["updateStrategy"]["rollingUpdate"]["partition"] = 0;
  sim.apply(kinds::kStatefulSet, object);
  sim.cluster.run_for(180s);
  status = sim.status(kinds::kStatefulSet, "db");
  CHECK(status["currentRevision"] == status["updateRevision"]);
  CHECK(status["currentReplicas"] == 4);
  CHECK(image(0) == "db:2");
}

TEST_CASE("OnDelete waits for the pods to be deleted by somebody") {
  SimFixture sim;
  Json object = stateful_set(2);
  object["spec"]["updateStrategy"] = {{"type", "OnDelete"}};
  sim.apply(kinds::kStatefulSet, object);
  sim.cluster.run_for(120s);
  object["spec"]["template"]["spec"]["containers"][0]["image"] = "db:2";
  sim.apply(kinds::kStatefulSet, object);
  sim.cluster.run_for(60s);
  auto image = [&](const char* pod) {
    return value::string_at((*sim.get(kinds::kPod, pod))["spec"]["containers"][0], "image");
  };
  CHECK(image("db-1") == "db:1");
  sim.remove(kinds::kPod, "db-1");
  sim.cluster.run_for(60s);
  CHECK(image("db-1") == "db:2");
  CHECK(image("db-0") == "db:1");
}

TEST_CASE("scaling down keeps the claims unless the set says otherwise") {
  for (const bool drop : {false, true}) {
    SimFixture sim;
    Json object = stateful_set(3);
    if (drop)
      object["spec"]["persistentVolumeClaimRetentionPolicy"] = {{"whenScaled", "Delete"}, {"whenDeleted", "Retain"}};
    sim.apply(kinds::kStatefulSet, object);
    sim.cluster.run_for(120s);
    object["spec"]["replicas"] = 1;
    sim.apply(kinds::kStatefulSet, object);
    sim.cluster.run_for(120s);
    CHECK(sim.pods() == 1);
    CHECK(sim.cluster.world().list(kinds::kClaim, "default").size() == (drop ? 1 : 3));
  }
}

TEST_CASE("Parallel sets start all pods at once") {
  SimFixture sim;
  Json object = stateful_set(5);
  object["spec"]["podManagementPolicy"] = "Parallel";
  sim.apply(kinds::kStatefulSet, object);
  sim.cluster.run_for(1s);
  CHECK(sim.pods() == 5);
  sim.cluster.run_for(60s);
  CHECK(sim.count(kinds::kStatefulSet, "db", "readyReplicas") == 5);
}
