// The built-in kinds that the controllers work with.
#pragma once

#include <compare>
#include <string>
#include <string_view>

namespace nautilus::sim {

struct Kind {
  std::string_view group, version, kind, plural;
  bool namespaced = true;
  std::string api_version() const {
    return group.empty() ? std::string(version) : std::string(group) + "/" + std::string(version);
  }
  bool operator==(const Kind& other) const { return group == other.group && plural == other.plural; }
};

namespace kinds {
inline constexpr Kind kPod{"", "v1", "Pod", "pods"};
inline constexpr Kind kNode{"", "v1", "Node", "nodes", false};
inline constexpr Kind kNamespace{"", "v1", "Namespace", "namespaces", false};
inline constexpr Kind kService{"", "v1", "Service", "services"};
inline constexpr Kind kEndpoints{"", "v1", "Endpoints", "endpoints"};
inline constexpr Kind kConfigMap{"", "v1", "ConfigMap", "configmaps"};
inline constexpr Kind kSecret{"", "v1", "Secret", "secrets"};
inline constexpr Kind kServiceAccount{"", "v1", "ServiceAccount", "serviceaccounts"};
inline constexpr Kind kEvent{"", "v1", "Event", "events"};
inline constexpr Kind kResourceQuota{"", "v1", "ResourceQuota", "resourcequotas"};
inline constexpr Kind kClaim{"", "v1", "PersistentVolumeClaim", "persistentvolumeclaims"};
inline constexpr Kind kVolume{"", "v1", "PersistentVolume", "persistentvolumes", false};
inline constexpr Kind kDeployment{"apps", "v1", "Deployment", "deployments"};
inline constexpr Kind kReplicaSet{"apps", "v1", "ReplicaSet", "replicasets"};
inline constexpr Kind kStatefulSet{"apps", "v1", "StatefulSet", "statefulsets"};
inline constexpr Kind kDaemonSet{"apps", "v1", "DaemonSet", "daemonsets"};
inline constexpr Kind kControllerRevision{"apps", "v1", "ControllerRevision", "controllerrevisions"};
inline constexpr Kind kJob{"batch", "v1", "Job", "jobs"};
inline constexpr Kind kCronJob{"batch", "v1", "CronJob", "cronjobs"};
inline constexpr Kind kAutoscaler{"autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"};
inline constexpr Kind kDisruptionBudget{"policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"};
inline constexpr Kind kEndpointSlice{"discovery.k8s.io", "v1", "EndpointSlice", "endpointslices"};
inline constexpr Kind kIngress{"networking.k8s.io", "v1", "Ingress", "ingresses"};
inline constexpr Kind kStorageClass{"storage.k8s.io", "v1", "StorageClass", "storageclasses", false};
inline constexpr Kind kLease{"coordination.k8s.io", "v1", "Lease", "leases"};
inline constexpr Kind kDefinition{"apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions",
                                  false};
inline constexpr Kind kApiService{"apiregistration.k8s.io", "v1", "APIService", "apiservices", false};
inline constexpr Kind kPriorityClass{"scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", false};
}  // namespace kinds

// Namespace (empty if the kind has none) and name.
struct Key {
  std::string ns, name;
  auto operator<=>(const Key&) const = default;
  std::string text() const { return ns.empty() ? name : ns + "/" + name; }
};

}  // namespace nautilus::sim
