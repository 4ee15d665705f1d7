// Expectations are the answers of kube-apiserver 1.37.2 to the same requests.
#include "tests/unit/core/sim/api/fixture.h"

namespace nautilus::sim::test {
namespace {

TEST_CASE("a created Deployment comes back as the real server stores it") {
  Cluster cluster;
  cluster.make_namespace("t1");
  Answer made = cluster.send("POST", "/apis/apps/v1/namespaces/t1/deployments", deployment("web"));
  REQUIRE(made.status == 201);
  Json spec = Json::parse(
      R"({"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}},
    "spec": {"containers": [{"name": "web", "image": "nginx:1.25", "ports": [{"containerPort": 80, "protocol": "TCP"}],
    "env": [{"name": "A", "value": "1"}], "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}},
    "livenessProbe": {"httpGet": {"path": "/", "port": 80, "scheme": "HTTP"}, "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3},
    "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File", "imagePullPolicy": "IfNotPresent"}],
    "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst", "securityContext": {}, "schedulerName": "default-scheduler"}},
    "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}}, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600})");
  CHECK(made.body["spec"] == spec);
  CHECK(made.body["status"] == Json::object());
  CHECK(made.body["metadata"]["generation"] == 1);
  Json fields = Json::parse(
      R"({"f:spec": {"f:progressDeadlineSeconds": {}, "f:replicas": {}, "f:revisionHistoryLimit": {}, "f:selector": {}, "f:strategy": {"f:rollingUpdate": {".": {}, "f:maxSurge": {}, "f:maxUnavailable": {}}, "f:type": {}}, "f:template": {"f:metadata": {"f:labels": {".": {}, "f:app": {}}}, "f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {".": {}, "f:env": {".": {}, "k:{\"name\":\"A\"}": {".": {}, "f:name": {}, "f:value": {}}}, "f:image": {}, "f:imagePullPolicy": {}, "f:livenessProbe": {".": {}, "f:failureThreshold": {}, "f:httpGet": {".": {}, "f:path": {}, "f:port": {}, "f:scheme": {}}, "f:periodSeconds": {}, "f:successThreshold": {}, "f:timeoutSeconds": {}}, "f:name": {}, "f:ports": {".": {}, "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}, "f:protocol": {}}}, "f:resources": {".": {}, "f:requests": {".": {}, "f:cpu": {}, "f:memory": {}}}, "f:terminationMessagePath": {}, "f:terminationMessagePolicy": {}}}, "f:dnsPolicy": {}, "f:restartPolicy": {}, "f:schedulerName": {}, "f:securityContext": {}, "f:terminationGracePeriodSeconds": {}}}}})");
  REQUIRE(made.body["metadata"]["managedFields"].size() == 1);
  CHECK(made.body["metadata"]["managedFields"][0]["fieldsV1"] == fields);
  CHECK(made.body["metadata"]["managedFields"][0]["manager"] == "probe");
}

}  // namespace
}  // namespace nautilus::sim::test
