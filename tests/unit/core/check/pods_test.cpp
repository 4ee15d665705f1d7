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

namespace {

std::string backend(const std::string& spec, const std::string& status = "{}") {
  return R"(
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: backend, namespace: t, uid: deployment-1, generation: 1, creationTimestamp: "2026-01-05T10:00:00Z"}
spec: {replicas: 1, template: {metadata: {labels: {app: backend}}, spec: )" +
         spec + "}}\nstatus: " + status + "\n";
}

std::string named(const std::string& kind, const std::string& name) {
  return "---\napiVersion: v1\nkind: " + kind + "\nmetadata: {name: " + name + ", namespace: t}\n";
}

std::string claim(const std::string& phase, const std::string& storage, const char* made = "2026-01-05T11:00:00Z") {
  return R"(
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: t, uid: claim-1, creationTimestamp: ")" +
         std::string(made) + R"("}
spec: {)" + (storage.empty() ? "" : "storageClassName: " + storage) +
         R"(}
status: {phase: )" + phase + "}\n";
}

std::string storage_class(const char* name, const char* mode = "Immediate") {
  return "---\napiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: " + std::string(name) +
         "}\nvolumeBindingMode: " + mode + "\n";
}

std::string running(const char* ready, const char* started, const char* list = "containerStatuses") {
  return std::string("{phase: Running, ") + list + ": [{name: app, ready: " + ready +
         ", state: {running: {startedAt: '" + started + "'}}}]}";
}

std::string event(const char* object, const char* reason, const char* message) {
  return std::string("---\napiVersion: v1\nkind: Event\nmetadata: {name: e, namespace: t}\ninvolvedObject: {namespace: t, ") +
         object + "}\ntype: Warning\nlastTimestamp: '2026-01-05T11:59:00Z'\nreason: " + reason + "\nmessage: '" + message +
         "'\n";
}

}  // namespace

TEST_CASE("pods.missing-config") {
  const char* id = "pods.missing-config";
  const std::string mounts = "{volumes: [{secret: {secretName: login}}, {projected: {sources: [{configMap: {name: conf}}]}}]}";
  judge({id, "all there", backend(mounts) + named("Secret", "login") + named("ConfigMap", "conf"), State::ok, ""});
  judge({id, "no Secret", backend(mounts) + named("ConfigMap", "conf"), State::fail, "Secret t/login does not exist"});
  judge({id, "no ConfigMap", backend(mounts) + named("Secret", "login"), State::fail, "ConfigMap t/conf does not exist"});
  judge({id, "optional", backend("{volumes: [{secret: {secretName: login, optional: true}}]}"), State::ok, ""});
  judge({id, "variables",
         backend("{containers: [{env: [{valueFrom: {secretKeyRef: {name: login, key: k}}}], envFrom: [{configMapRef: {name: conf}}]}]}"),
         State::fail, "Secret t/login does not exist"});
  judge({id, "a key", pod("a", waiting("CreateContainerConfigError", "key app is not in the secret")), State::fail,
         "key app is not in the secret"});
  judge({id, "a mount", pod("a", "{phase: Pending}") + event("kind: Pod, name: a, uid: pod-a", "FailedMount", "no such key"),
         State::fail, "FailedMount: no such key"});
}

TEST_CASE("pods.pvc-unbound") {
  const char* id = "pods.pvc-unbound";
  judge({id, "bound", claim("Bound", "fast"), State::ok, ""});
  judge({id, "young", claim("Pending", "fast", "2026-01-05T11:59:30Z"), State::ok, ""});
  judge({id, "lost", claim("Lost", "fast"), State::fail, "restore it from a backup"});
  judge({id, "no class", claim("Pending", "fast"), State::fail, "storageclass \"fast\" does not exist"});
  judge({id, "no default", claim("Pending", ""), State::fail, "the cluster has no default one"});
  judge({id, "waits for its first pod", claim("Pending", "fast") + storage_class("fast", "WaitForFirstConsumer"), State::ok, ""});
  judge({id, "the provisioner says why",
         claim("Pending", "fast") + storage_class("fast") +
             event("kind: PersistentVolumeClaim, name: data, uid: claim-1", "ProvisioningFailed", "no capacity"),
         State::fail, "ProvisioningFailed: no capacity"});
  judge({id, "nobody made it",
         pod("a", unscheduled("persistentvolumeclaim \"data\" not found")), State::fail, "its claim is missing"});
}

TEST_CASE("pods.probe-failing and pods.init-stuck") {
  judge({"pods.probe-failing", "ready", pod("a", running("true", "2026-01-05T11:00:00Z")), State::ok, ""});
  judge({"pods.probe-failing", "young", pod("a", running("false", "2026-01-05T11:59:00Z")), State::ok, ""});
  judge({"pods.probe-failing", "old",
         pod("a", running("false", "2026-01-05T11:00:00Z")) +
             event("kind: Pod, name: a, uid: pod-a", "Unhealthy", "Readiness probe failed: 503"),
         State::fail, "running for 60m, not ready; Unhealthy: Readiness probe failed: 503"});
  const std::string init = running("false", "2026-01-05T11:00:00Z", "initContainerStatuses");
  judge({"pods.init-stuck", "stuck", pod("a", init), State::fail, "init container app: running for 60m"});
  judge({"pods.init-stuck", "young", pod("a", running("false", "2026-01-05T11:58:00Z", "initContainerStatuses")), State::ok, ""});
  judge({"pods.init-stuck", "a sidecar", pod("a", init, "{initContainers: [{name: app, restartPolicy: Always}]}"), State::ok, ""});
  judge({"pods.probe-failing", "a sidecar", pod("a", init, "{initContainers: [{name: app, restartPolicy: Always}]}"), State::fail, ""});
}

TEST_CASE("pods.evicted-or-oom and pods.stuck-terminating") {
  const std::string oom = "{containerStatuses: [{name: app, ready: true, restartCount: 1, state: {running: {}}, lastState: "
                          "{terminated: {reason: OOMKilled, exitCode: 137, finishedAt: '";
  judge({"pods.evicted-or-oom", "none", pod("a", kRunning), State::ok, ""});
  judge({"pods.evicted-or-oom", "an hour ago", pod("a", oom + "2026-01-05T11:00:00Z'}}}]}"), State::warn, "OOMKilled 60m ago"});
  judge({"pods.evicted-or-oom", "yesterday", pod("a", oom + "2026-01-04T11:00:00Z'}}}]}"), State::ok, ""});
  judge({"pods.evicted-or-oom", "a loop tells it", pod("a", waiting("CrashLoopBackOff", "")), State::ok, ""});
  judge({"pods.evicted-or-oom", "evicted", pod("a", "{phase: Failed, reason: Evicted, message: low on memory}"), State::warn,
         "Evicted: low on memory"});
  const auto going = [](const char* until, const char* finalizers) {
    return "---\napiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: t, deletionTimestamp: '" + std::string(until) +
           "', finalizers: " + finalizers + "}\nspec: {nodeName: n1}\n";
  };
  judge({"pods.stuck-terminating", "none", pod("a", kRunning), State::ok, ""});
  judge({"pods.stuck-terminating", "still in time", going("2026-01-05T11:59:00Z", "[]"), State::ok, ""});
  judge({"pods.stuck-terminating", "its node", going("2026-01-05T11:00:00Z", "[]"), State::fail, "kubectl describe node n1"});
  judge({"pods.stuck-terminating", "a finalizer", going("2026-01-05T11:00:00Z", "[a.example/x]"), State::fail,
         "finalizer a.example/x"});
}

TEST_CASE("pods.replicas-missing tells only what nothing else does") {
  const char* id = "pods.replicas-missing";
  const std::string short_of = "{observedGeneration: 1, replicas: 1, updatedReplicas: 1, readyReplicas: 0, unavailableReplicas: 1}";
  judge({id, "none", backend("{}", "{observedGeneration: 1, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1, "
                          "conditions: [{type: Available, status: 'True'}]}"),
         State::ok, ""});
  judge({id, "nobody says why", backend("{}", short_of), State::fail, "Deployment t/backend"});
  judge({id, "its pod says why", backend("{}", short_of) + pod("a", waiting("ImagePullBackOff", "")), State::ok, ""});
  judge({id, "an event says why", backend("{}", short_of) + event("kind: Deployment, name: backend, uid: deployment-1", "FailedCreate", "x"),
         State::ok, ""});
  judge({id, "a young pod", backend("{}", short_of) +
                                "---\napiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {name: b, namespace: t, uid: set-9, "
                                "ownerReferences: [{kind: Deployment, name: backend, controller: true}]}\n"
                                "---\napiVersion: v1\nkind: Pod\nmetadata: {name: b1, namespace: t, creationTimestamp: "
                                "'2026-01-05T11:59:30Z', ownerReferences: [{kind: ReplicaSet, name: b, uid: set-9, controller: true}]}\n",
         State::ok, ""});
}
