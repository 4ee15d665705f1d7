// Autoscaling: metrics, requests, limits, quota, and two that act on one.
#include "tests/unit/core/check/judge.h"

using namespace nautilus;
using namespace nautilus::check;
using namespace nautilus::check::testing;

namespace {

std::string scaler(const std::string& metric, const std::string& status = "{}", const char* target = "backend", int most = 10) {
  return "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: hpa, namespace: t}\nspec: {scaleTargetRef: "
         "{kind: Deployment, name: " +
         std::string(target) + "}, maxReplicas: " + std::to_string(most) + ", metrics: [" + metric + "]}\nstatus: " + status + "\n";
}

const std::string kCpu = "{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}}";
const std::string kPods = "{type: Pods, pods: {metric: {name: websockets}}}";

std::string deployment(const char* requests = "{cpu: 1, memory: 1Gi}") {
  return std::string("---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: backend, namespace: t}\nspec: {replicas: 2, template: "
                     "{spec: {containers: [{name: app, resources: {requests: ") +
         requests + "}}]}}}\nstatus: {replicas: 2}\n";
}

std::string condition(const char* type, const char* state, const char* reason, const char* message) {
  return std::string("{currentReplicas: 10, conditions: [{type: ") + type + ", status: '" + state + "', reason: " + reason +
         ", message: '" + message + "', lastTransitionTime: '2026-01-05T11:00:00Z'}]}";
}

std::string quota(const char* name, const char* hard, const char* used) {
  return std::string("---\napiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q, namespace: t}\nspec: {}\nstatus: {hard: {") + name +
         ": '" + hard + "'}, used: {" + name + ": '" + used + "'}}\n";
}

std::string vertical(const char* mode, const char* resources = "[cpu]") {
  return std::string("---\napiVersion: autoscaling.k8s.io/v1\nkind: VerticalPodAutoscaler\nmetadata: {name: vpa, namespace: t}\nspec: "
                     "{targetRef: {kind: Deployment, name: backend}, updatePolicy: {updateMode: '") +
         mode + "'}, resourcePolicy: {containerPolicies: [{containerName: '*', controlledResources: " + resources + "}]}}\n";
}

}  // namespace

TEST_CASE("autoscaling.no-metrics-api") {
  const char* id = "autoscaling.no-metrics-api";
  judge({id, "nothing scales", deployment(), State::not_applicable, ""});
  judge({id, "served", scaler(kCpu), State::ok, ""});
  judge({id, "not served", scaler(kPods), State::fail, "no APIService serves it; needed by HorizontalPodAutoscaler hpa"});
  const std::string down =
      "---\napiVersion: apiregistration.k8s.io/v1\nkind: APIService\nmetadata: {name: v1beta1.metrics.k8s.io}\nspec: {group: "
      "metrics.k8s.io}\nstatus: {conditions: [{type: Available, status: 'False', reason: MissingEndpoints, message: none}]}\n";
  judge({id, "down", scaler(kCpu) + down, State::fail, "MissingEndpoints"});
  Snapshot half = snapshot_of(scaler(kCpu));
  half.api_problems = {"metrics.k8s.io/v1beta1: stale"};
  CHECK(judged(id, half).outcome.state() == State::fail);
}

TEST_CASE("autoscaling.blind") {
  const char* id = "autoscaling.blind";
  const std::string none = condition("ScalingActive", "False", "FailedGetResourceMetric", "no metrics returned");
  judge({id, "sees", scaler(kCpu, condition("ScalingActive", "True", "ValidMetricFound", "")), State::ok, ""});
  judge({id, "blind", scaler(kCpu, none), State::fail, "FailedGetResourceMetric: no metrics returned"});
  judge({id, "told by no-metrics-api", scaler(kPods, none), State::ok, ""});
  judge({id, "told by missing-requests", scaler(kCpu, condition("ScalingActive", "False", "FailedGetResourceMetric", "missing request for cpu")),
         State::ok, ""});
  judge({id, "switched off", scaler(kCpu, condition("ScalingActive", "False", "ScalingDisabled", "")), State::ok, ""});
}

TEST_CASE("autoscaling.missing-requests and autoscaling.target-missing") {
  judge({"autoscaling.missing-requests", "said", deployment() + scaler(kCpu), State::ok, ""});
  judge({"autoscaling.missing-requests", "not", deployment("{memory: 1Gi}") + scaler(kCpu), State::fail,
         "container app requests no cpu"});
  judge({"autoscaling.missing-requests", "not by utilization", deployment("{}") + scaler(kPods), State::ok, ""});
  judge({"autoscaling.missing-requests", "the pod has the default",
         deployment("{}") + scaler(kCpu) +
             "---\napiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: t, ownerReferences: [{kind: Deployment, name: backend, "
             "controller: true}]}\nspec: {containers: [{name: app, resources: {requests: {cpu: 10m}}}]}\n",
         State::ok, ""});
  judge({"autoscaling.target-missing", "there", deployment() + scaler(kCpu), State::ok, ""});
  judge({"autoscaling.target-missing", "gone", deployment() + scaler(kCpu, "{}", "bakcend"), State::fail,
         "its target Deployment t/bakcend does not exist"});
}

TEST_CASE("autoscaling.at-max") {
  const char* id = "autoscaling.at-max";
  judge({id, "room", scaler(kCpu, condition("ScalingLimited", "False", "DesiredWithinRange", "")), State::ok, ""});
  judge({id, "limit", scaler(kCpu, condition("ScalingLimited", "True", "TooManyReplicas", "more than the maximum")), State::warn,
         "10 of 10 replicas: more than the maximum"});
  judge({id, "minimum", scaler(kCpu, condition("ScalingLimited", "True", "TooFewReplicas", "")), State::ok, ""});
}

TEST_CASE("autoscaling.quota-too-small") {
  const char* id = "autoscaling.quota-too-small";
  judge({id, "room", deployment() + scaler(kCpu) + quota("requests.cpu", "10", "2"), State::ok, ""});
  judge({id, "cpu", deployment() + scaler(kCpu) + quota("requests.cpu", "9", "2"), State::warn,
         "requests.cpu: used 2 of 9, and hpa 2 to 10 would need 8 more"});
  judge({id, "pods", deployment() + scaler(kCpu) + quota("pods", "9", "2"), State::warn, "pods: used 2 of 9"});
  judge({id, "memory", deployment() + scaler(kCpu) + quota("requests.memory", "9Gi", "2Gi"), State::warn, "would need 8Gi more"});
}

TEST_CASE("autoscaling.vpa-fights-hpa") {
  const char* id = "autoscaling.vpa-fights-hpa";
  judge({id, "no vertical one", scaler(kCpu), State::not_applicable, ""});
  judge({id, "off", scaler(kCpu) + vertical("Off"), State::ok, ""});
  judge({id, "memory only", scaler(kCpu) + vertical("Recreate", "[memory]"), State::ok, ""});
  judge({id, "both", scaler(kCpu) + vertical("Recreate"), State::fail, "both act on cpu"});
  judge({id, "by default", scaler(kCpu) + vertical("Auto", "[]"), State::fail, "VerticalPodAutoscaler t/vpa (Auto)"});
}
