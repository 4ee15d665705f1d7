// What one cluster held of some kinds at about one moment, and what of it could not be read and why.
//
// A Source is one LIST: a kind over all namespaces, perhaps with a field selector or only the metadata. Values of
// Secrets never get in: of TLS Secrets the certificate is kept, of all others the metadata.
// Threading: filled by one thread (gather.h, or a test), then only read.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/value/json.h"

namespace nautilus::check {

struct Source {
  std::string_view group, kind;
  enum class Part { whole, metadata, certificates } part = Part::whole;  // certificates: TLS Secrets, tls.crt alone
  bool addon = false;  // of a definition that a cluster need not have: that it is not served is an answer
  std::string_view field_selector = {};
  std::string text() const;  // "pods", "Secrets (names only)", "VerticalPodAutoscaler.autoscaling.k8s.io"
};

// The sources of the checks that exist. More may be declared anywhere.
namespace source {
inline constexpr Source kNodes{"", "Node"};
inline constexpr Source kNamespaces{"", "Namespace"};
inline constexpr Source kPods{"", "Pod"};
inline constexpr Source kEvents{"", "Event", Source::Part::whole, false, "type=Warning"};
inline constexpr Source kClaims{"", "PersistentVolumeClaim"};
inline constexpr Source kServices{"", "Service"};
inline constexpr Source kConfigMaps{"", "ConfigMap", Source::Part::metadata};
inline constexpr Source kSecrets{"", "Secret", Source::Part::metadata};
inline constexpr Source kTlsSecrets{"", "Secret", Source::Part::certificates, false, "type=kubernetes.io/tls"};
inline constexpr Source kQuotas{"", "ResourceQuota"};
inline constexpr Source kLimits{"", "LimitRange"};
inline constexpr Source kDeployments{"apps", "Deployment"};
inline constexpr Source kReplicaSets{"apps", "ReplicaSet"};
inline constexpr Source kStatefulSets{"apps", "StatefulSet"};
inline constexpr Source kDaemonSets{"apps", "DaemonSet"};
inline constexpr Source kJobs{"batch", "Job"};
inline constexpr Source kAutoscalers{"autoscaling", "HorizontalPodAutoscaler"};
inline constexpr Source kNetworkPolicies{"networking.k8s.io", "NetworkPolicy"};
inline constexpr Source kIngresses{"networking.k8s.io", "Ingress"};
inline constexpr Source kIngressClasses{"networking.k8s.io", "IngressClass"};
inline constexpr Source kSlices{"discovery.k8s.io", "EndpointSlice"};
inline constexpr Source kStorageClasses{"storage.k8s.io", "StorageClass"};
inline constexpr Source kBudgets{"policy", "PodDisruptionBudget"};
inline constexpr Source kApiServices{"apiregistration.k8s.io", "APIService"};
inline constexpr Source kValidatingWebhooks{"admissionregistration.k8s.io", "ValidatingWebhookConfiguration"};
inline constexpr Source kMutatingWebhooks{"admissionregistration.k8s.io", "MutatingWebhookConfiguration"};
inline constexpr Source kPodAutoscalers{"autoscaling.k8s.io", "VerticalPodAutoscaler", Source::Part::whole, true};
inline constexpr Source kCertificates{"cert-manager.io", "Certificate", Source::Part::whole, true};
inline constexpr Source kIstioGateways{"networking.istio.io", "Gateway", Source::Part::whole, true};
inline constexpr Source kVirtualServices{"networking.istio.io", "VirtualService", Source::Part::whole, true};
inline constexpr Source kDestinationRules{"networking.istio.io", "DestinationRule", Source::Part::whole, true};
inline constexpr Source kGateways{"gateway.networking.k8s.io", "Gateway", Source::Part::whole, true};
inline constexpr Source kHttpRoutes{"gateway.networking.k8s.io", "HTTPRoute", Source::Part::whole, true};
}  // namespace source

class Snapshot {
 public:
  enum class Reach {
    everywhere,
    one_namespace,  // not allowed to list all namespaces; the environment's own was read
    not_served,     // the server has no such kind
    not_asked,      // nobody needed it
    failed,         // forbidden, timeout, ...: see Entry::error
  };
  struct Entry {
    Reach reach = Reach::not_asked;
    Error error;
    std::vector<Json> items;
  };

  // The namespace of the environment; it is always one of namespaces.
  explicit Snapshot(std::string own_namespace);

  const std::string& own_namespace() const { return own_; }
  // Those that belong to the platform: what is in others is looked up, but not judged.
  const std::set<std::string, std::less<>>& namespaces() const { return namespaces_; }
  void add_namespace(std::string name) { namespaces_.insert(std::move(name)); }

  void put(const Source& source, std::vector<Json> items, Reach reach = Reach::everywhere);
  void fail(const Source& source, Error error);
  void not_served(const Source& source);

  const Entry& entry(const Source& source) const;
  bool read(const Source& source) const;  // everywhere or one_namespace
  const std::vector<Json>& all(const Source& source) const { return entry(source).items; }
  // Of the platform's namespaces; of a cluster-wide kind everything.
  std::vector<const Json*> ours(const Source& source) const;
  const Json* find(const Source& source, std::string_view namespace_, std::string_view name) const;

  // What discovery said: "metrics.k8s.io/v1beta1", and group versions that are announced but down, with the reason.
  std::set<std::string, std::less<>> api_versions;
  std::vector<std::string> api_problems;
  bool serves_group(std::string_view group) const;
  // "" if nothing is wrong with it.
  std::string problem_of(std::string_view group) const;

  std::string server;  // for the report

 private:
  std::string own_;
  std::set<std::string, std::less<>> namespaces_;
  std::map<const Source*, Entry> entries_;
};

}  // namespace nautilus::check
