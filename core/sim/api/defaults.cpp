// What the API server fills in. Fixed values are a table by type; the few that depend on other fields are code below
// it.
#include <fmt/format.h>

#include <unordered_map>

#include "core/sim/api/server_impl.h"

namespace nautilus::sim {
namespace {

struct Default {
  std::string_view type, field, value;  // value is JSON
};

constexpr Default kDefaults[] = {
    {"core.v1.PodSpec", "dnsPolicy", R"("ClusterFirst")"},
    {"core.v1.PodSpec", "restartPolicy", R"("Always")"},
    {"core.v1.PodSpec", "schedulerName", R"("default-scheduler")"},
    {"core.v1.PodSpec", "securityContext", "{}"},
    {"core.v1.PodSpec", "terminationGracePeriodSeconds", "30"},
    {"core.v1.Container", "terminationMessagePath", R"("/dev/termination-log")"},
    {"core.v1.Container", "terminationMessagePolicy", R"("File")"},
    {"core.v1.EphemeralContainer", "terminationMessagePath", R"("/dev/termination-log")"},
    {"core.v1.EphemeralContainer", "terminationMessagePolicy", R"("File")"},
    {"core.v1.ContainerPort", "protocol", R"("TCP")"},
    {"core.v1.Probe", "timeoutSeconds", "1"},
    {"core.v1.Probe", "periodSeconds", "10"},
    {"core.v1.Probe", "successThreshold", "1"},
    {"core.v1.Probe", "failureThreshold", "3"},
    {"core.v1.HTTPGetAction", "path", R"("/")"},
    {"core.v1.HTTPGetAction", "scheme", R"("HTTP")"},
    {"core.v1.GRPCAction", "service", R"("")"},
    {"core.v1.SecretVolumeSource", "defaultMode", "420"},
    {"core.v1.ConfigMapVolumeSource", "defaultMode", "420"},
    {"core.v1.DownwardAPIVolumeSource", "defaultMode", "420"},
    {"core.v1.ProjectedVolumeSource", "defaultMode", "420"},
    {"core.v1.ServiceAccountTokenProjection", "expirationSeconds", "3600"},
    {"core.v1.ObjectFieldSelector", "apiVersion", R"("v1")"},
    {"core.v1.HostPathVolumeSource", "type", R"("")"},
    {"core.v1.ServiceSpec", "sessionAffinity", R"("None")"},
    {"core.v1.ServiceSpec", "type", R"("ClusterIP")"},
    {"core.v1.ServicePort", "protocol", R"("TCP")"},
    {"core.v1.EndpointPort", "protocol", R"("TCP")"},
    {"core.v1.Secret", "type", R"("Opaque")"},
    {"core.v1.PersistentVolumeClaimSpec", "volumeMode", R"("Filesystem")"},
    {"core.v1.PersistentVolumeSpec", "volumeMode", R"("Filesystem")"},
    {"core.v1.PersistentVolumeSpec", "persistentVolumeReclaimPolicy", R"("Retain")"},
    {"core.v1.ReplicationControllerSpec", "replicas", "1"},
    {"apps.v1.DeploymentSpec", "replicas", "1"},
    {"apps.v1.DeploymentSpec", "revisionHistoryLimit", "10"},
    {"apps.v1.DeploymentSpec", "progressDeadlineSeconds", "600"},
    {"apps.v1.DeploymentStrategy", "type", R"("RollingUpdate")"},
    {"apps.v1.ReplicaSetSpec", "replicas", "1"},
    {"apps.v1.StatefulSetSpec", "replicas", "1"},
    {"apps.v1.StatefulSetSpec", "revisionHistoryLimit", "10"},
    {"apps.v1.StatefulSetSpec", "podManagementPolicy", R"("OrderedReady")"},
    {"apps.v1.StatefulSetSpec", "persistentVolumeClaimRetentionPolicy", "{}"},
    {"apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy", "whenDeleted", R"("Retain")"},
    {"apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy", "whenScaled", R"("Retain")"},
    {"apps.v1.StatefulSetUpdateStrategy", "type", R"("RollingUpdate")"},
    {"apps.v1.DaemonSetSpec", "revisionHistoryLimit", "10"},
    {"apps.v1.DaemonSetUpdateStrategy", "type", R"("RollingUpdate")"},
    {"batch.v1.CronJobSpec", "concurrencyPolicy", R"("Allow")"},
    {"batch.v1.CronJobSpec", "suspend", "false"},
    {"batch.v1.CronJobSpec", "successfulJobsHistoryLimit", "3"},
    {"batch.v1.CronJobSpec", "failedJobsHistoryLimit", "1"},
    {"autoscaling.v2.HorizontalPodAutoscalerSpec", "minReplicas", "1"},
    {"autoscaling.v1.HorizontalPodAutoscalerSpec", "minReplicas", "1"},
    {"networking.v1.NetworkPolicyPort", "protocol", R"("TCP")"},
    {"rbac.v1.RoleRef", "apiGroup", R"("rbac.authorization.k8s.io")"},
    {"storage.v1.StorageClass", "reclaimPolicy", R"("Delete")"},
    {"storage.v1.StorageClass", "volumeBindingMode", R"("Immediate")"},
    {"discovery.v1.EndpointPort", "protocol", R"("TCP")"},
    {"discovery.v1.EndpointPort", "name", R"("")"},
    {"scheduling.v1.PriorityClass", "preemptionPolicy", R"("PreemptLowerPriority")"},
    {"admissionregistration.v1.ValidatingWebhook", "failurePolicy", R"("Fail")"},
    {"admissionregistration.v1.ValidatingWebhook", "matchPolicy", R"("Equivalent")"},
    {"admissionregistration.v1.ValidatingWebhook", "namespaceSelector", "{}"},
    {"admissionregistration.v1.ValidatingWebhook", "objectSelector", "{}"},
    {"admissionregistration.v1.ValidatingWebhook", "timeoutSeconds", "10"},
    {"admissionregistration.v1.MutatingWebhook", "failurePolicy", R"("Fail")"},
    {"admissionregistration.v1.MutatingWebhook", "matchPolicy", R"("Equivalent")"},
    {"admissionregistration.v1.MutatingWebhook", "namespaceSelector", "{}"},
    {"admissionregistration.v1.MutatingWebhook", "objectSelector", "{}"},
    {"admissionregistration.v1.MutatingWebhook", "timeoutSeconds", "10"},
    {"admissionregistration.v1.MutatingWebhook", "reinvocationPolicy", R"("Never")"},
    {"admissionregistration.v1.RuleWithOperations", "scope", R"("*")"},
    {"admissionregistration.v1.ServiceReference", "port", "443"},
    {"apiext.v1.CustomResourceConversion", "strategy", R"("None")"},
    {"apiext.v1.CustomResourceDefinitionSpec", "conversion", R"({"strategy":"None"})"},
    {"apiext.v1.ServiceReference", "port", "443"},
    {"apireg.v1.ServiceReference", "port", "443"},
};

using DefaultTable = std::unordered_map<std::string_view, std::vector<std::pair<std::string, Json>>>;
const DefaultTable& default_table() {
  static const DefaultTable table = [] {
    DefaultTable made;
    for (const Default& d : kDefaults) made[d.type].emplace_back(std::string(d.field), Json::parse(d.value));
    return made;
  }();
  return table;
}

void container(Json& c) {
  if (c.contains("imagePullPolicy")) return;
  std::string image = value::string_at(c, "image");
  auto digest = image.find('@');
  auto name = image.substr(image.rfind('/', digest) + 1);
  name = name.substr(0, name.find('@'));
  auto colon = name.find(':');
  std::string tag = colon == std::string::npos ? "" : name.substr(colon + 1);
  bool latest = tag == "latest" || (tag.empty() && digest == std::string::npos);
  c["imagePullPolicy"] = latest ? "Always" : "IfNotPresent";
}

void service_spec(Json& spec) {
  std::string type = value::string_at(spec, "type");
  bool outside = type == "NodePort" || type == "LoadBalancer";
  if (type == "ExternalName") return;
  if (!spec.contains("internalTrafficPolicy")) spec["internalTrafficPolicy"] = "Cluster";
  if (outside && !spec.contains("externalTrafficPolicy")) spec["externalTrafficPolicy"] = "Cluster";
  if (type == "LoadBalancer" && !spec.contains("allocateLoadBalancerNodePorts"))
    spec["allocateLoadBalancerNodePorts"] = true;
  if (value::string_at(spec, "sessionAffinity") == "ClientIP" &&
      !value::find(spec, "sessionAffinityConfig", "clientIP", "timeoutSeconds"))
    spec["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"] = 10800;
  if (value::string_at(spec, "sessionAffinity") == "None") spec.erase("sessionAffinityConfig");
}

void volume(Json& v) {
  if (v.size() == 1 && v.contains("name")) v["emptyDir"] = Json::object();
}

void limit_item(Json& item) {
  if (value::string_at(item, "type") != "Container") return;
  auto fill = [&](const char* into, const char* from) {
    const Json* found = value::find(item, from);
    if (!found || !found->is_object()) return;
    const Json source = *found;  // a copy: writing moves the tree's nodes
    for (const auto& [key, v] : source.items())
      if (!value::find(item, into, key)) item[into][key] = v;
  };
  fill("default", "max");
  fill("defaultRequest", "default");
  fill("defaultRequest", "min");
}

void hpa_behavior(Json& behavior) {
  auto policy = [](const char* type, int amount) {
    return Json{{"type", type}, {"value", amount}, {"periodSeconds", 15}};
  };
  Json& up = behavior["scaleUp"];
  if (!up.is_object()) up = Json::object();
  if (!up.contains("stabilizationWindowSeconds")) up["stabilizationWindowSeconds"] = 0;
  if (!up.contains("selectPolicy")) up["selectPolicy"] = "Max";
  if (!up.contains("policies")) up["policies"] = Json::array({policy("Pods", 4), policy("Percent", 100)});
  Json& down = behavior["scaleDown"];
  if (!down.is_object()) down = Json::object();
  if (!down.contains("selectPolicy")) down["selectPolicy"] = "Max";
  if (!down.contains("policies")) down["policies"] = Json::array({policy("Percent", 100)});
}

void dynamic(const std::string& type, Json& object) {
  if (type == "core.v1.Container" || type == "core.v1.EphemeralContainer") return container(object);
  if (type == "core.v1.ServiceSpec") return service_spec(object);
  if (type == "core.v1.Volume") return volume(object);
  if (type == "core.v1.LimitRangeItem") return limit_item(object);
  if (type == "core.v1.ServicePort") {
    const Json* target = value::find(object, "targetPort");
    if (!target || *target == 0 || *target == "") object["targetPort"] = value::int_at(object, 0, "port");
  } else if (type == "core.v1.PodSpec") {
    if (value::bool_at(object, false, "hostNetwork"))
      for (const char* list : {"containers", "initContainers"})
        if (auto at = object.find(list); at != object.end() && at->is_array())
          for (Json& c : *at)
            if (auto ports = c.find("ports"); ports != c.end() && ports->is_array())
              for (Json& p : *ports)
                if (!p.contains("hostPort")) p["hostPort"] = p["containerPort"];
    if (object.contains("serviceAccountName") && !object.contains("serviceAccount"))
      object["serviceAccount"] = object["serviceAccountName"];
    if (object.contains("serviceAccount") && !object.contains("serviceAccountName"))
      object["serviceAccountName"] = object["serviceAccount"];
  } else if (type == "apps.v1.DeploymentStrategy") {
    if (value::string_at(object, "type") == "RollingUpdate")
      for (const char* key : {"maxUnavailable", "maxSurge"})
        if (!value::find(object, "rollingUpdate", key)) object["rollingUpdate"][key] = "25%";
  } else if (type == "apps.v1.StatefulSetUpdateStrategy") {
    if (value::string_at(object, "type") == "RollingUpdate") {
      if (!value::find(object, "rollingUpdate", "partition")) object["rollingUpdate"]["partition"] = 0;
      if (!value::find(object, "rollingUpdate", "maxUnavailable")) object["rollingUpdate"]["maxUnavailable"] = 1;
    }
  } else if (type == "apps.v1.DaemonSetUpdateStrategy") {
    if (value::string_at(object, "type") == "RollingUpdate") {
      if (!value::find(object, "rollingUpdate", "maxUnavailable")) object["rollingUpdate"]["maxUnavailable"] = 1;
      if (!value::find(object, "rollingUpdate", "maxSurge")) object["rollingUpdate"]["maxSurge"] = 0;
    }
  } else if (type == "autoscaling.v2.HorizontalPodAutoscalerSpec") {
    if (!object.contains("metrics") || object["metrics"].empty())
      object["metrics"] = Json::array(
          {{{"type", "Resource"},
            {"resource", {{"name", "cpu"}, {"target", {{"type", "Utilization"}, {"averageUtilization", 80}}}}}}});
    if (auto at = object.find("behavior"); at != object.end() && at->is_object()) hpa_behavior(*at);
  } else if (type == "networking.v1.NetworkPolicySpec") {
    if (!object.contains("policyTypes")) {
      object["policyTypes"] = Json::array({"Ingress"});
      if (const Json* egress = value::find(object, "egress"); egress && !egress->empty())
        object["policyTypes"].push_back("Egress");
    }
  } else if (type == "rbac.v1.Subject") {
    std::string kind = value::string_at(object, "kind");
    if (!object.contains("apiGroup") && (kind == "User" || kind == "Group"))
      object["apiGroup"] = "rbac.authorization.k8s.io";
  } else if (type == "apiext.v1.CustomResourceDefinitionNames") {
    std::string kind = value::string_at(object, "kind");
    if (value::string_at(object, "singular").empty() && !kind.empty()) object["singular"] = lower(kind);
    if (value::string_at(object, "listKind").empty() && !kind.empty()) object["listKind"] = kind + "List";
  }
}

void walk(Json& value, const Type& type, int depth) {
  constexpr int kDeepest = 40;
  if (depth > kDeepest) return;
  if (type.shape == Shape::list && value.is_array()) {
    if (type.element && (type.element->shape == Shape::object))
      for (Json& item : value) walk(item, *type.element, depth + 1);
    return;
  }
  if (type.shape == Shape::map && value.is_object()) {
    if (type.element && (type.element->shape == Shape::object))
      for (auto& [key, item] : value.items()) walk(item, *type.element, depth + 1);
    return;
  }
  if (type.shape != Shape::object || !type.object || !value.is_object() || type.object->custom) return;
  if (type.object->name == "apiext.v1.JSONSchemaProps" || type.object->name == "meta.v1.ObjectMeta") return;
  auto at = default_table().find(type.object->name);
  if (at != default_table().end())
    for (const auto& [field, v] : at->second)
      if (auto have = value.find(field); have == value.end() || (v.is_string() && *have == "")) value[field] = v;
  dynamic(type.object->name, value);
  for (auto& [key, inner] : value.items()) {
    if (!inner.is_structured()) continue;
    const Field* field = type.object->find(key);
    if (field) walk(inner, field->type, depth + 1);
  }
}

void job_spec(Json& spec) {
  if (!spec.contains("completions") && !spec.contains("parallelism")) spec["completions"] = spec["parallelism"] = 1;
  if (!spec.contains("parallelism")) spec["parallelism"] = 1;
  if (!spec.contains("backoffLimit")) spec["backoffLimit"] = spec.contains("backoffLimitPerIndex") ? 2147483647 : 6;
  if (!spec.contains("completionMode")) spec["completionMode"] = "NonIndexed";
  if (!spec.contains("suspend")) spec["suspend"] = false;
  if (!spec.contains("manualSelector")) spec["manualSelector"] = false;
  if (!spec.contains("podReplacementPolicy"))
    spec["podReplacementPolicy"] = spec.contains("podFailurePolicy") ? "Failed" : "TerminatingOrFailed";
}

}  // namespace

void Server::Impl::set_defaults(const Served& kind, Json& object) const {
  if (kind.custom || kind.type.shape != Shape::object) return;
  const std::string& name = kind.info.kind;
  walk(object, kind.type, 0);
  if (name == "Pod") {
    Json& spec = object["spec"];
    if (!spec.is_object()) return;
    if (!spec.contains("enableServiceLinks")) spec["enableServiceLinks"] = true;
    for (const char* list : {"containers", "initContainers"})
      if (auto at = spec.find(list); at != spec.end() && at->is_array())
        for (Json& c : *at)
          if (const Json* found = value::find(c, "resources", "limits"); found && found->is_object()) {
            const Json limits = *found;
            for (const auto& [key, v] : limits.items())
              if (!value::find(c, "resources", "requests", key)) c["resources"]["requests"][key] = v;
          }
  } else if (name == "Job") {
    if (object["spec"].is_object()) job_spec(object["spec"]);
  } else if (name == "Namespace") {
    std::string own = value::string_at(object, "metadata", "name");
    if (!own.empty()) object["metadata"]["labels"]["kubernetes.io/metadata.name"] = own;
  } else if (name == "DaemonSet") {
    // What is left of the old templateGeneration field.
    Json& note = object["metadata"]["annotations"]["deprecated.daemonset.template.generation"];
    if (note.is_null()) note = "1";
  } else if (name == "StatefulSet") {
    if (const Json* claims = value::find(object, "spec", "volumeClaimTemplates"); claims && claims->is_array())
      for (Json& claim : object["spec"]["volumeClaimTemplates"]) {
        claim["apiVersion"] = "v1";
        claim["kind"] = "PersistentVolumeClaim";
        claim["status"]["phase"] = "Pending";
      }
  } else if (name == "ReplicationController") {
    Json& spec = object["spec"];
    if (const Json* labels = value::find(spec, "template", "metadata", "labels");
        labels && !labels->empty() && !spec.contains("selector"))
      spec["selector"] = *labels;
  } else if (name == "CustomResourceDefinition" && kind.info.group == "apiextensions.k8s.io") {
    Json& spec = object["spec"];
    if (auto at = spec.find("conversion"); at == spec.end()) spec["conversion"] = {{"strategy", "None"}};
  } else if (name == "Secret") {
    // stringData is written into data and forgotten.
    if (auto at = object.find("stringData"); at != object.end() && at->is_object()) {
      static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
      for (const auto& [key, v] : at->items()) {
        if (!v.is_string()) continue;
        const auto& text = v.get_ref<const std::string&>();
        std::string out;
        for (std::size_t i = 0; i < text.size(); i += 3) {
          unsigned n = static_cast<unsigned char>(text[i]) << 16;
          if (i + 1 < text.size()) n |= static_cast<unsigned>(static_cast<unsigned char>(text[i + 1])) << 8;
          if (i + 2 < text.size()) n |= static_cast<unsigned char>(text[i + 2]);
          out += kDigits[n >> 18];
          out += kDigits[n >> 12 & 63];
          out += i + 1 < text.size() ? kDigits[n >> 6 & 63] : '=';
          out += i + 2 < text.size() ? kDigits[n & 63] : '=';
        }
        object["data"][key] = out;
      }
      object.erase("stringData");
    }
  }
}

}  // namespace nautilus::sim
