// What controllers make of objects, as far as a client that waits for health can see it.
#include <set>

#include "tests/contract/fixture.h"

using namespace nautilus;
using namespace nautilus::contract;

namespace {

constexpr port::Duration kLong = std::chrono::seconds(120);

std::string condition_status(const Json& object, std::string_view type) {
  return value::string_at(condition(object, type), "status");
}

Json stateful_set(std::string_view name, int replicas) {
  Json set = deployment(name, replicas);
  set["kind"] = "StatefulSet";
  set["spec"]["serviceName"] = name;
  set["spec"]["volumeClaimTemplates"] = {
      {{"metadata", {{"name", "data"}}},
       {"spec", {{"accessModes", {"ReadWriteOnce"}}, {"resources", {{"requests", {{"storage", "1Gi"}}}}}}}}};
  return set;
}

Json job_spec(int completions) {
  Json spec = pod_spec();
  spec["restartPolicy"] = "Never";
  return {{"completions", completions}, {"parallelism", completions}, {"template", {{"spec", spec}}}};
}

bool rolled_out(const Json& object, int replicas) {
  return at(object, "/status/observedGeneration") == at(object, "/metadata/generation") &&
         at(object, "/status/updatedReplicas") == replicas && at(object, "/status/availableReplicas") == replicas &&
         at(object, "/status/replicas") == replicas;
}

}  // namespace

TEST_CASE("a Deployment becomes available, rolls, scales and says so") {
  Scene scene;
  const std::string path = scene.group("apps/v1", "deployments", "d");
  REQUIRE_STATUS(api().post(scene.group("apps/v1", "deployments"), deployment("d", 3)), 201);
  const auto read = [&] { return api().get(path).body; };
  REQUIRE(api().eventually([&] { return rolled_out(read(), 3); }, kLong));
  REQUIRE(api().eventually(
      [&] { return value::string_at(condition(read(), "Progressing"), "reason") == "NewReplicaSetAvailable"; }, kLong));
  CHECK(condition_status(read(), "Available") == "True");
  CHECK(value::string_at(condition(read(), "Available"), "reason") == "MinimumReplicasAvailable");
  CHECK(at(read(), "/metadata/annotations/deployment.kubernetes.io~1revision") == "1");

  const Json sets = at(api().get(scene.group("apps/v1", "replicasets") + "?labelSelector=app%3Dd").body, "/items");
  REQUIRE(sets.size() == 1);
  CHECK(at(sets[0], "/metadata/ownerReferences/0/kind") == "Deployment");
  CHECK(at(sets[0], "/metadata/ownerReferences/0/controller") == true);
  CHECK(at(sets[0], "/metadata/labels/pod-template-hash").is_string());
  for (const auto& pod : at(api().get(scene.core("pods") + "?labelSelector=app%3Dd").body, "/items")) {
    CHECK(at(pod, "/status/phase") == "Running");
    CHECK(condition_status(pod, "Ready") == "True");
    CHECK(at(pod, "/spec/nodeName").is_string());
    CHECK(at(pod, "/metadata/ownerReferences/0/kind") == "ReplicaSet");
  }

  REQUIRE_STATUS(
      api().strategic_patch(
          path, Json::parse(
                    R"({"spec":{"template":{"spec":{"containers":[{"name":"app","image":"example.test/app:2"}]}}}})")),
      200);
  REQUIRE(api().eventually([&] { return rolled_out(read(), 3); }, kLong));
  CHECK(at(read(), "/metadata/annotations/deployment.kubernetes.io~1revision") == "2");
  REQUIRE_STATUS(api().merge_patch(path + "/scale", {{"spec", {{"replicas", 5}}}}), 200);
  REQUIRE(api().eventually([&] { return rolled_out(read(), 5); }, kLong));
  REQUIRE_STATUS(api().merge_patch(path, {{"spec", {{"replicas", 0}}}}), 200);
  REQUIRE(api().eventually(
      [&] { return at(api().get(scene.core("pods") + "?labelSelector=app%3Dd").body, "/items").empty(); }, kLong));
}

TEST_CASE("a Deployment whose pods are refused says which quota or policy it was") {
  Scene scene("restricted");
  const std::string path = scene.group("apps/v1", "deployments", "d");
  REQUIRE_STATUS(api().post(scene.group("apps/v1", "deployments"), deployment("d", 1)), 201);
  REQUIRE(api().eventually([&] { return condition_status(api().get(path).body, "ReplicaFailure") == "True"; }, kLong));
  const Json failure = condition(api().get(path).body, "ReplicaFailure");
  CHECK(at(failure, "/reason") == "FailedCreate");
  CHECK_HOLDS(value::string_at(failure, "message"), "violates PodSecurity \"restricted:latest\"");
}

TEST_CASE("a Deployment that gets nowhere passes its deadline") {
  Scene scene;
  Json stuck = deployment("d", 1);
  stuck["spec"]["progressDeadlineSeconds"] = 3;
  stuck["spec"]["template"]["spec"]["nodeSelector"] = {{"no-such-label", "x"}};
  REQUIRE_STATUS(api().post(scene.group("apps/v1", "deployments"), stuck), 201);
  const auto read = [&] { return api().get(scene.group("apps/v1", "deployments", "d")).body; };
  REQUIRE(api().eventually(
      [&] { return value::string_at(condition(read(), "Progressing"), "reason") == "ProgressDeadlineExceeded"; },
      kLong));
  CHECK(condition_status(read(), "Progressing") == "False");
  CHECK(condition_status(read(), "Available") == "False");
  const Json pod = at(api().get(scene.core("pods")).body, "/items/0");
  CHECK(at(pod, "/status/phase") == "Pending");
  CHECK(condition_status(pod, "PodScheduled") == "False");
  CHECK(value::string_at(condition(pod, "PodScheduled"), "reason") == "Unschedulable");
}

TEST_CASE("a StatefulSet comes up in order, with volumes that outlive it") {
  Scene scene;
  const std::string path = scene.group("apps/v1", "statefulsets", "s");
  REQUIRE_STATUS(api().post(scene.group("apps/v1", "statefulsets"), stateful_set("s", 3)), 201);
  const auto read = [&] { return api().get(path).body; };
  REQUIRE(api().eventually(
      [&] { return at(read(), "/status/readyReplicas") == 3 && at(read(), "/status/availableReplicas") == 3; }, kLong));
  CHECK(at(read(), "/status/currentRevision") == at(read(), "/status/updateRevision"));
  for (const char* name : {"s-0", "s-1", "s-2"}) {
    const Json pod = api().get(scene.core("pods", name)).body;
    CHECK(at(pod, "/metadata/labels/statefulset.kubernetes.io~1pod-name") == name);
    CHECK(at(pod, "/spec/volumes/0/persistentVolumeClaim/claimName") == std::string("data-") + name);
    CHECK(at(api().get(scene.core("persistentvolumeclaims", std::string("data-") + name)).body, "/status/phase") ==
          "Bound");
  }
  REQUIRE_STATUS(
      api().strategic_patch(
          path, Json::parse(
                    R"({"spec":{"template":{"spec":{"containers":[{"name":"app","image":"example.test/app:2"}]}}}})")),
      200);
  REQUIRE(api().eventually(
      [&] {
        return at(read(), "/status/updatedReplicas") == 3 && at(read(), "/status/readyReplicas") == 3 &&
               at(read(), "/status/currentRevision") == at(read(), "/status/updateRevision");
      },
      kLong));
  REQUIRE(api().remove(path).ok());
  REQUIRE(api().eventually([&] { return at(api().get(scene.core("pods")).body, "/items").empty(); }, kLong));
  CHECK(at(api().get(scene.core("persistentvolumeclaims")).body, "/items").size() == 3);
}

TEST_CASE("a Job completes and says so") {
  Scene scene;
  const std::string path = scene.group("batch/v1", "jobs", "j");
  Json job = {{"apiVersion", "batch/v1"}, {"kind", "Job"}, {"metadata", {{"name", "j"}}}, {"spec", job_spec(2)}};
  // A fake node ends the pods of a Job at once; the embedded one after a while.
  REQUIRE_STATUS(api().post(scene.group("batch/v1", "jobs"), job), 201);
  const auto read = [&] { return api().get(path).body; };
  REQUIRE(api().eventually([&] { return condition_status(read(), "Complete") == "True"; }, kLong));
  CHECK(at(read(), "/status/succeeded") == 2);
  CHECK(at(read(), "/status/completionTime").is_string());
  CHECK(condition_status(read(), "SuccessCriteriaMet") == "True");
  CHECK(at(read(), "/spec/selector/matchLabels/batch.kubernetes.io~1controller-uid") == at(read(), "/metadata/uid"));
}

TEST_CASE("a CronJob runs by its schedule and keeps its last runs") {
  Scene scene;
  const Json cron = {{"apiVersion", "batch/v1"},
                     {"kind", "CronJob"},
                     {"metadata", {{"name", "c"}}},
                     {"spec", {{"schedule", "* * * * *"}, {"jobTemplate", {{"spec", job_spec(1)}}}}}};
  REQUIRE_STATUS(api().post(scene.group("batch/v1", "cronjobs"), cron), 201);
  const auto read = [&] { return api().get(scene.group("batch/v1", "cronjobs", "c")).body; };
  REQUIRE(
      api().eventually([&] { return at(read(), "/status/lastScheduleTime").is_string(); }, std::chrono::seconds(150)));
  const Json jobs = at(api().get(scene.group("batch/v1", "jobs")).body, "/items");
  REQUIRE(jobs.size() >= 1);
  CHECK(at(jobs[0], "/metadata/ownerReferences/0/kind") == "CronJob");
  CHECK(value::string_at(jobs[0], "metadata", "name").starts_with("c-"));
}

TEST_CASE("a disruption budget counts, and stands in the way of an eviction") {
  Scene scene;
  REQUIRE_STATUS(api().post(scene.group("apps/v1", "deployments"), deployment("d", 2)), 201);
  const Json budget = {{"apiVersion", "policy/v1"},
                       {"kind", "PodDisruptionBudget"},
                       {"metadata", {{"name", "b"}}},
                       {"spec", {{"minAvailable", 2}, {"selector", {{"matchLabels", {{"app", "d"}}}}}}}};
  REQUIRE_STATUS(api().post(scene.group("policy/v1", "poddisruptionbudgets"), budget), 201);
  const auto read = [&] { return api().get(scene.group("policy/v1", "poddisruptionbudgets", "b")).body; };
  REQUIRE(api().eventually([&] { return at(read(), "/status/currentHealthy") == 2; }, kLong));
  CHECK(at(read(), "/status/desiredHealthy") == 2);
  CHECK(at(read(), "/status/disruptionsAllowed") == 0);
  CHECK(at(read(), "/status/expectedPods") == 2);
  CHECK(condition_status(read(), "DisruptionAllowed") == "False");
  const std::string pod = value::string_at(at(api().get(scene.core("pods")).body, "/items/0"), "metadata", "name");
  const Answer refused = api().post(scene.core("pods", pod) + "/eviction",
                                    {{"apiVersion", "policy/v1"}, {"kind", "Eviction"}, {"metadata", {{"name", pod}}}});
  CHECK_STATUS(refused, 429);
  CHECK(refused.reason() == "TooManyRequests");
  CHECK_HOLDS(refused.message(), "Cannot evict pod as it would violate the pod's disruption budget.");
  CHECK(at(refused.body, "/details/causes/0/reason") == "DisruptionBudget");
}

TEST_CASE("an autoscaler without readings keeps the size and says what it lacks") {
  Scene scene;
  REQUIRE_STATUS(api().post(scene.group("apps/v1", "deployments"), deployment("d", 2)), 201);
  const Json scaler = {{"apiVersion", "autoscaling/v2"},
                       {"kind", "HorizontalPodAutoscaler"},
                       {"metadata", {{"name", "h"}}},
                       {"spec",
                        {{"minReplicas", 2},
                         {"maxReplicas", 4},
                         {"scaleTargetRef", {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", "d"}}}}}};
  REQUIRE_STATUS(api().post(scene.group("autoscaling/v2", "horizontalpodautoscalers"), scaler), 201);
  const auto read = [&] { return api().get(scene.group("autoscaling/v2", "horizontalpodautoscalers", "h")).body; };
  REQUIRE(api().eventually([&] { return condition_status(read(), "AbleToScale") == "True"; }, kLong));
  REQUIRE(api().eventually([&] { return !condition(read(), "ScalingActive").is_null(); }, kLong));
  CHECK(at(read(), "/status/currentReplicas") == 2);
  CHECK(at(api().get(scene.group("apps/v1", "deployments", "d")).body, "/spec/replicas") == 2);
}

TEST_CASE("an autoscaler brings a size outside its bounds back in") {
  Scene scene;
  REQUIRE_STATUS(api().post(scene.group("apps/v1", "deployments"), deployment("d", 1)), 201);
  const Json scaler = {{"apiVersion", "autoscaling/v2"},
                       {"kind", "HorizontalPodAutoscaler"},
                       {"metadata", {{"name", "h"}}},
                       {"spec",
                        {{"minReplicas", 3},
                         {"maxReplicas", 4},
                         {"scaleTargetRef", {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", "d"}}}}}};
  REQUIRE_STATUS(api().post(scene.group("autoscaling/v2", "horizontalpodautoscalers"), scaler), 201);
  CHECK(api().eventually(
      [&] { return at(api().get(scene.group("apps/v1", "deployments", "d")).body, "/spec/replicas") == 3; }, kLong));
}

TEST_CASE("a claim is bound to a volume that fits, and protected while a pod uses it") {
  Scene scene;
  const Json claim = {
      {"apiVersion", "v1"},
      {"kind", "PersistentVolumeClaim"},
      {"metadata", {{"name", "c"}}},
      {"spec", {{"accessModes", {"ReadWriteOnce"}}, {"resources", {{"requests", {{"storage", "2Gi"}}}}}}}};
  REQUIRE_STATUS(api().post(scene.core("persistentvolumeclaims"), claim), 201);
  const auto read = [&] { return api().get(scene.core("persistentvolumeclaims", "c")); };
  Json pod = {{"apiVersion", "v1"}, {"kind", "Pod"}, {"metadata", {{"name", "p"}}}, {"spec", pod_spec()}};
  pod["spec"]["volumes"] = {{{"name", "d"}, {"persistentVolumeClaim", {{"claimName", "c"}}}}};
  REQUIRE_STATUS(api().post(scene.core("pods"), pod), 201);
  REQUIRE(api().eventually([&] { return at(read().body, "/status/phase") == "Bound"; }, kLong));
  CHECK(at(read().body, "/spec/storageClassName").is_string());
  CHECK(at(read().body, "/status/capacity/storage") == "2Gi");
  const std::string volume = value::string_at(read().body, "spec", "volumeName");
  CHECK(at(api().get("/api/v1/persistentvolumes/" + volume).body, "/spec/claimRef/name") == "c");
  REQUIRE(api().eventually([&] { return at(api().get(scene.core("pods", "p")).body, "/status/phase") == "Running"; },
                           kLong));

  REQUIRE(api().remove(scene.core("persistentvolumeclaims", "c")).ok());
  api().pause(std::chrono::seconds(1));
  CHECK_STATUS(read(), 200);
  CHECK(at(read().body, "/metadata/deletionTimestamp").is_string());
  REQUIRE(api().remove(scene.core("pods", "p")).ok());
  CHECK(api().eventually([&] { return read().status == 404; }, kLong));
}

TEST_CASE("a Service finds its ready pods") {
  Scene scene;
  REQUIRE_STATUS(api().post(scene.group("apps/v1", "deployments"), deployment("d", 2)), 201);
  const Json service = {{"apiVersion", "v1"},
                        {"kind", "Service"},
                        {"metadata", {{"name", "d"}}},
                        {"spec", {{"selector", {{"app", "d"}}}, {"ports", {{{"port", 80}, {"targetPort", 8080}}}}}}};
  const Answer made = api().post(scene.core("services"), service);
  REQUIRE_STATUS(made, 201);
  CHECK(value::string_at(made.body, "spec", "clusterIP").starts_with("10."));
  CHECK(at(made.body, "/spec/clusterIPs/0") == at(made.body, "/spec/clusterIP"));
  const auto slices = [&] {
    return at(
        api()
            .get(scene.group("discovery.k8s.io/v1", "endpointslices") + "?labelSelector=kubernetes.io/service-name%3Dd")
            .body,
        "/items");
  };
  REQUIRE(api().eventually(
      [&] {
        int ready = 0;
        for (const auto& slice : slices())
          for (const auto& endpoint : at(slice, "/endpoints")) ready += at(endpoint, "/conditions/ready") == true;
        return ready == 2;
      },
      kLong));
  CHECK(at(slices()[0], "/ports/0/port") == 8080);
}
