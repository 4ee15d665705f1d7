// Pods that do not start: each check on a few objects, found and not found.
#include "tests/unit/core/check/judge.h"

using namespace nautilus;
using namespace nautilus::check;
using namespace nautilus::check::testing;

namespace {

// A pod of Deployment backend, with this status.
std::string pod(const std::string& name, const std::string& status, const std::string& spec = "{containers: []}") {
  return R"(
---
apiVersion: v1
kind: Pod
metadata:
  name: )" +
         name + R"(
  namespace: t
  uid: pod-)" +
         name + R"(
  creationTimestamp: "2026-01-05T11:00:00Z"
  labels: {app: backend}
  ownerReferences: [{kind: ReplicaSet, name: backend-1, uid: set-1, controller: true}]
spec: )" + spec +
         R"(
status: )" + status +
         R"(
---
apiVersion: apps/v1
kind: ReplicaSet
metadata:
  name: backend-1
  namespace: t
  uid: set-1
  ownerReferences: [{kind: Deployment, name: backend, uid: deployment-1, controller: true}]
)";
}

std::string waiting(const std::string& reason, const std::string& message) {
  return "{containerStatuses: [{name: app, image: 'registry.example/app:1', restartCount: 7, state: {waiting: {reason: " +
         reason + ", message: '" + message +
         "'}}, lastState: {terminated: {exitCode: 137, reason: OOMKilled, finishedAt: '2026-01-05T11:59:00Z'}}}]}";
}

const std::string kRunning =
    "{phase: Running, conditions: [{type: Ready, status: 'True'}, {type: PodScheduled, status: 'True'}], "
    "containerStatuses: [{name: app, ready: true, restartCount: 0, state: {running: {startedAt: "
    "'2026-01-05T11:00:00Z'}}}]}";

std::string unscheduled(const std::string& message, const std::string& reason = "Unschedulable") {
  return "{phase: Pending, conditions: [{type: PodScheduled, status: 'False', reason: " + reason + ", message: '" +
         message + "'}]}";
}

std::string refused(const std::string& message) {
  return R"(
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: backend, namespace: t}
spec: {replicas: 2, template: {}}
status: {conditions: [{type: ReplicaFailure, status: 'True', reason: FailedCreate, message: ')" +
         message + "'}]}\n";
}

std::string set_without_pods(const std::string& message, int have) {
  return R"(
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: redis, namespace: t, uid: redis-1, generation: 1}
spec: {replicas: 2}
status: {observedGeneration: 1, replicas: )" +
         std::to_string(have) + R"(, readyReplicas: 0}
---
apiVersion: v1
kind: Event
metadata: {name: e, namespace: t}
involvedObject: {kind: StatefulSet, namespace: t, name: redis, uid: redis-1}
type: Warning
reason: FailedCreate
lastTimestamp: "2026-01-05T11:59:00Z"
message: ')" +
         message + "'\n";
}

}  // namespace

TEST_CASE("pods.image-pull") {
  const char* id = "pods.image-pull";
  judge({id, "none", pod("a", kRunning), State::ok, "1 pods"});
  judge({id, "merely starts", pod("a", waiting("ContainerCreating", "")), State::ok, ""});
  judge({id, "back-off", pod("a", waiting("ImagePullBackOff", "not found")), State::fail,
         "Deployment t/backend\n               1 of 1 pods, a: container app: ImagePullBackOff: not found (image "
         "registry.example/app:1)"});
  judge({id, "one finding for two pods",
         pod("a", waiting("ErrImagePull", "x")) + pod("b", waiting("ImagePullBackOff", "y")), State::fail,
         "2 of 2 pods, a: container app: ErrImagePull: x"});
  judge({id, "an init container",
         pod("a", "{initContainerStatuses: [{name: init, image: i, state: {waiting: {reason: InvalidImageName}}}]}"),
         State::fail, "container init: InvalidImageName"});
}

TEST_CASE("pods.crash-loop") {
  const char* id = "pods.crash-loop";
  judge({id, "none", pod("a", kRunning), State::ok, ""});
  judge({id, "image", pod("a", waiting("ImagePullBackOff", "")), State::ok, ""});
  judge({id, "loop", pod("a", waiting("CrashLoopBackOff", "back-off 5m0s")), State::fail,
         "container app: CrashLoopBackOff, last exit code 137 (OOMKilled), 7 restarts"});
  judge({id, "memory", pod("a", waiting("CrashLoopBackOff", "")), State::fail, "it needs more memory"});
  judge({id, "the way to the last words", pod("a", waiting("CrashLoopBackOff", "")), State::fail,
         "kubectl -n t logs a -c app --previous --tail=50"});
  judge({id, "ended once",
         pod("a", "{containerStatuses: [{name: app, restartCount: 1, state: {terminated: {exitCode: 1}}}]}"), State::ok,
         ""});
  judge({id, "ended often",
         pod("a", "{containerStatuses: [{name: app, restartCount: 3, state: {terminated: {exitCode: 1, reason: Error}}}]}"),
         State::fail, "container app: keeps ending, last exit code 1 (Error), 3 restarts"});
}

TEST_CASE("pods.unschedulable") {
  const char* id = "pods.unschedulable";
  judge({id, "none", pod("a", kRunning), State::ok, ""});
  judge({id, "full", pod("a", unscheduled("0/3 nodes are available: 3 Insufficient cpu.")), State::fail,
         "the nodes are full"});
  judge({id, "cordoned", pod("a", unscheduled("0/3 nodes are available: 3 node(s) were unschedulable.")), State::fail,
         "uncordon"});
  judge({id, "a volume", pod("a", unscheduled("pod has unbound immediate PersistentVolumeClaims")), State::ok, ""});
  judge({id, "a gate", pod("a", unscheduled("waits", "SchedulingGated")), State::ok, ""});
}

TEST_CASE("pods.quota and pods.admission-denied share what was refused") {
  const std::string quota =
      "pods \"x\" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=30, limited: pods=30";
  const std::string security = "pods \"x\" is forbidden: violates PodSecurity \"restricted:latest\"";
  const std::string hook = "Internal error occurred: failed calling webhook \"a.example\": no endpoints available";
  judge({"pods.quota", "none", refused(security), State::ok, ""});
  judge({"pods.quota", "quota", refused(quota), State::fail, "requested: pods=1, used: pods=30"});
  judge({"pods.quota", "a StatefulSet says it in an event", set_without_pods(quota, 1), State::fail,
         "StatefulSet t/redis"});
  judge({"pods.quota", "an event of the past", set_without_pods(quota, 2), State::ok, ""});
  judge({"pods.admission-denied", "none", refused(quota), State::ok, ""});
  judge({"pods.admission-denied", "pod security", refused(security), State::fail, "correct its securityContext"});
  judge({"pods.admission-denied", "webhook", refused(hook), State::fail, "see webhook.unreachable"});
}
