// What the server adds to a sparse object of each main kind: a plan that is compared with live objects must expect it.
#include "tests/contract/fixture.h"

using namespace nautilus;
using namespace nautilus::contract;

namespace {

struct Expectation {
  const char* pointer;
  const char* json;
};

struct Case {
  const char* group_version;  // "" for core
  const char* resource;
  const char* object;  // JSON with name "x"
  std::vector<Expectation> expected;
};

const Case kCases[] = {
    {"",
     "services",
     R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"x"},"spec":{"selector":{"a":"b"},"ports":[{"port":80}]}})",
     {{"/spec/type", "\"ClusterIP\""},
      {"/spec/sessionAffinity", "\"None\""},
      {"/spec/internalTrafficPolicy", "\"Cluster\""},
      {"/spec/ipFamilyPolicy", "\"SingleStack\""},
      {"/spec/ipFamilies", "[\"IPv4\"]"},
      {"/spec/ports/0/protocol", "\"TCP\""},
      {"/spec/ports/0/targetPort", "80"}}},
    {"",
     "secrets",
     R"({"apiVersion":"v1","kind":"Secret","metadata":{"name":"x"},"stringData":{"k":"v"}})",
     {{"/type", "\"Opaque\""}, {"/data/k", "\"dg==\""}, {"/stringData", "null"}}},
    {"",
     "persistentvolumeclaims",
     R"({"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"x"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}})",
     {{"/spec/volumeMode", "\"Filesystem\""},
      {"/metadata/finalizers", "[\"kubernetes.io/pvc-protection\"]"},
      {"/status/phase", "\"Pending\""}}},
    {"",
     "pods",
     R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"affine","labels":{"app":"a","set":"one"}},"spec":{"containers":[{"name":"c","image":"example.test/app"}],
        "affinity":{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"topologyKey":"zone","labelSelector":{"matchLabels":{"app":"a"}},
          "matchLabelKeys":["set","absent"]}]}}}})",
     {{"/spec/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution/0/labelSelector",
       R"({"matchLabels":{"app":"a"},"matchExpressions":[{"key":"set","operator":"In","values":["one"]}]})"},
      {"/spec/affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution", "null"}}},
    {"",
     "pods",
     R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"x"},"spec":{"containers":[{"name":"c","image":"example.test/app","ports":[{"containerPort":80}],
        "readinessProbe":{"httpGet":{"port":80}},"resources":{"limits":{"cpu":"1"}}}],"volumes":[{"name":"v","configMap":{"name":"m"}}]}})",
     {{"/spec/restartPolicy", "\"Always\""},
      {"/spec/dnsPolicy", "\"ClusterFirst\""},
      {"/spec/schedulerName", "\"default-scheduler\""},
      {"/spec/terminationGracePeriodSeconds", "30"},
      {"/spec/enableServiceLinks", "true"},
      {"/spec/securityContext", "{}"},
      {"/spec/preemptionPolicy", "\"PreemptLowerPriority\""},
      {"/spec/priority", "0"},
      {"/spec/serviceAccountName", "\"default\""},
      {"/spec/containers/0/imagePullPolicy", "\"Always\""},
      {"/spec/containers/0/terminationMessagePath", "\"/dev/termination-log\""},
      {"/spec/containers/0/terminationMessagePolicy", "\"File\""},
      {"/spec/containers/0/ports/0/protocol", "\"TCP\""},
      {"/spec/containers/0/readinessProbe/periodSeconds", "10"},
      {"/spec/containers/0/readinessProbe/timeoutSeconds", "1"},
      {"/spec/containers/0/readinessProbe/successThreshold", "1"},
      {"/spec/containers/0/readinessProbe/failureThreshold", "3"},
      {"/spec/containers/0/readinessProbe/httpGet/path", "\"/\""},
      {"/spec/containers/0/readinessProbe/httpGet/scheme", "\"HTTP\""},
      {"/spec/containers/0/resources/requests/cpu", "\"1\""},
      {"/spec/volumes/0/configMap/defaultMode", "420"},
      {"/status/qosClass", "\"Burstable\""}}},
    {"apps/v1",
     "deployments",
     R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"x"},"spec":{"selector":{"matchLabels":{"a":"b"}},
        "template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"example.test/app:1"}]}}}})",
     {{"/spec/replicas", "1"},
      {"/spec/revisionHistoryLimit", "10"},
      {"/spec/progressDeadlineSeconds", "600"},
      {"/spec/strategy/type", "\"RollingUpdate\""},
      {"/spec/strategy/rollingUpdate/maxSurge", "\"25%\""},
      {"/spec/strategy/rollingUpdate/maxUnavailable", "\"25%\""},
      {"/spec/template/spec/containers/0/imagePullPolicy", "\"IfNotPresent\""},
      {"/spec/template/spec/restartPolicy", "\"Always\""}}},
    {"apps/v1",
     "statefulsets",
     R"({"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"name":"x"},"spec":{"serviceName":"x","replicas":0,"selector":{"matchLabels":{"a":"b"}},
        "template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"example.test/app:1"}]}},
        "volumeClaimTemplates":[{"metadata":{"name":"d"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}}]}})",
     {{"/spec/podManagementPolicy", "\"OrderedReady\""},
      {"/spec/updateStrategy", R"({"type":"RollingUpdate","rollingUpdate":{"partition":0,"maxUnavailable":1}})"},
      {"/spec/persistentVolumeClaimRetentionPolicy", R"({"whenDeleted":"Retain","whenScaled":"Retain"})"},
      {"/spec/revisionHistoryLimit", "10"},
      {"/spec/volumeClaimTemplates/0/spec/volumeMode", "\"Filesystem\""},
      {"/spec/volumeClaimTemplates/0/kind", "\"PersistentVolumeClaim\""}}},
    {"apps/v1",
     "daemonsets",
     R"({"apiVersion":"apps/v1","kind":"DaemonSet","metadata":{"name":"x"},"spec":{"selector":{"matchLabels":{"a":"b"}},
        "template":{"metadata":{"labels":{"a":"b"}},"spec":{"nodeSelector":{"none":"none"},"containers":[{"name":"c","image":"example.test/app:1"}]}}}})",
     {{"/spec/updateStrategy/type", "\"RollingUpdate\""},
      {"/spec/updateStrategy/rollingUpdate/maxUnavailable", "1"},
      {"/spec/updateStrategy/rollingUpdate/maxSurge", "0"}}},
    {"batch/v1",
     "jobs",
     R"({"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"x"},"spec":{"suspend":true,"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"example.test/app:1"}]}}}})",
     {{"/spec/backoffLimit", "6"},
      {"/spec/completions", "1"},
      {"/spec/parallelism", "1"},
      {"/spec/completionMode", "\"NonIndexed\""},
      {"/spec/podReplacementPolicy", "\"TerminatingOrFailed\""},
      {"/spec/manualSelector", "false"}}},
    {"batch/v1",
     "cronjobs",
     R"({"apiVersion":"batch/v1","kind":"CronJob","metadata":{"name":"x"},"spec":{"schedule":"0 3 * * *","jobTemplate":{"spec":{"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"example.test/app:1"}]}}}}}})",
     {{"/spec/concurrencyPolicy", "\"Allow\""},
      {"/spec/suspend", "false"},
      {"/spec/successfulJobsHistoryLimit", "3"},
      {"/spec/failedJobsHistoryLimit", "1"}}},
    {"autoscaling/v2",
     "horizontalpodautoscalers",
     R"({"apiVersion":"autoscaling/v2","kind":"HorizontalPodAutoscaler","metadata":{"name":"x"},"spec":{"maxReplicas":3,"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"none"}}})",
     {{"/spec/minReplicas", "1"},
      {"/spec/metrics/0/resource/name", "\"cpu\""},
      {"/spec/metrics/0/resource/target/averageUtilization", "80"}}},
    {"networking.k8s.io/v1",
     "networkpolicies",
     R"({"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":"x"},"spec":{"podSelector":{},"egress":[{"ports":[{"port":53}]}]}})",
     {{"/spec/policyTypes", R"(["Ingress","Egress"])"}, {"/spec/egress/0/ports/0/protocol", "\"TCP\""}}},
    {"rbac.authorization.k8s.io/v1",
     "rolebindings",
     R"({"apiVersion":"rbac.authorization.k8s.io/v1","kind":"RoleBinding","metadata":{"name":"x"},"roleRef":{"kind":"ClusterRole","name":"view","apiGroup":"rbac.authorization.k8s.io"},"subjects":[{"kind":"User","name":"u"}]})",
     {{"/subjects/0/apiGroup", "\"rbac.authorization.k8s.io\""}}},
};

}  // namespace

TEST_CASE("a sparse object is filled in with the defaults of its kind") {
  Scene scene;
  for (const auto& each : kCases) {
    const std::string_view resource = each.resource;
    CAPTURE(resource);
    const std::string target =
        *each.group_version ? scene.group(each.group_version, each.resource) : scene.core(each.resource);
    const Answer made = api().post(target + "?fieldValidation=Strict", Json::parse(each.object));
    CHECK_STATUS(made, 201);
    for (const auto& [pointer, json] : each.expected) {
      const std::string_view field = pointer;
      CAPTURE(field);
      CHECK(at(made.body, field) == Json::parse(json));
    }
  }
}

TEST_CASE("a default is nobody's field: applying without it again changes nothing, and others may set it") {
  Scene scene;
  const std::string path = scene.core("services", "x");
  const Json sparse = Json::parse(
      R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"x"},"spec":{"selector":{"a":"b"},"ports":[{"port":80}]}})");
  const Answer made = api().apply(path, sparse, "alpha");
  REQUIRE_STATUS(made, 201);
  CHECK(at(managed_by(made.body, "alpha"), "/fieldsV1/f:spec/f:sessionAffinity").is_null());
  CHECK(api().apply(path, sparse, "alpha").revision() == made.revision());
  Json other = sparse;
  other["spec"] = {{"sessionAffinity", "ClientIP"}};
  CHECK_STATUS(api().apply(path, other, "beta"), 200);
}
