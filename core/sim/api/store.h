// What the simulated API server remembers: objects, one revision counter, and a bounded history for watches.
//
// Purpose: the etcd of the embedded cluster. Objects are immutable and shared (`Object`): a list of ten thousand copies
// ten thousand pointers. Every change gets the next revision; the object that is stored carries it as
// metadata.resourceVersion. Callers never see a Json that can still change.
// Ordering: lists come in etcd's order (namespace + "/" + name, bytewise). Changes of one resource are delivered in
// revision order.
// Threading: one thread. Subscribers are called synchronously after the change is visible; they may read, but must not
// write to the store from the callback (queue the key and return).
// Failure: compare-and-swap failures are values (WriteResult), never errors.
#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/value/json.h"

namespace nautilus::sim {

using Object = std::shared_ptr<const Json>;

// The resource, independent of version: {"apps", "deployments"}. Group "" is core.
struct GroupResource {
  std::string_view group, resource;
  auto operator<=>(const GroupResource&) const = default;
};

// The resources that controllers name most.
namespace resource {
inline constexpr GroupResource kNamespaces{"", "namespaces"};
inline constexpr GroupResource kPods{"", "pods"};
inline constexpr GroupResource kServices{"", "services"};
inline constexpr GroupResource kEndpoints{"", "endpoints"};
inline constexpr GroupResource kNodes{"", "nodes"};
inline constexpr GroupResource kEvents{"", "events"};
inline constexpr GroupResource kConfigMaps{"", "configmaps"};
inline constexpr GroupResource kSecrets{"", "secrets"};
inline constexpr GroupResource kServiceAccounts{"", "serviceaccounts"};
inline constexpr GroupResource kPersistentVolumes{"", "persistentvolumes"};
inline constexpr GroupResource kPersistentVolumeClaims{"", "persistentvolumeclaims"};
inline constexpr GroupResource kResourceQuotas{"", "resourcequotas"};
inline constexpr GroupResource kLimitRanges{"", "limitranges"};
inline constexpr GroupResource kReplicationControllers{"", "replicationcontrollers"};
inline constexpr GroupResource kDeployments{"apps", "deployments"};
inline constexpr GroupResource kReplicaSets{"apps", "replicasets"};
inline constexpr GroupResource kStatefulSets{"apps", "statefulsets"};
inline constexpr GroupResource kDaemonSets{"apps", "daemonsets"};
inline constexpr GroupResource kControllerRevisions{"apps", "controllerrevisions"};
inline constexpr GroupResource kJobs{"batch", "jobs"};
inline constexpr GroupResource kCronJobs{"batch", "cronjobs"};
inline constexpr GroupResource kHorizontalPodAutoscalers{"autoscaling", "horizontalpodautoscalers"};
inline constexpr GroupResource kPodDisruptionBudgets{"policy", "poddisruptionbudgets"};
inline constexpr GroupResource kIngresses{"networking.k8s.io", "ingresses"};
inline constexpr GroupResource kEndpointSlices{"discovery.k8s.io", "endpointslices"};
inline constexpr GroupResource kStorageClasses{"storage.k8s.io", "storageclasses"};
inline constexpr GroupResource kLeases{"coordination.k8s.io", "leases"};
inline constexpr GroupResource kCustomResourceDefinitions{"apiextensions.k8s.io", "customresourcedefinitions"};
}  // namespace resource

struct Change {
  enum class Type { added, modified, deleted } type = Type::added;
  std::uint64_t revision = 0;
  GroupResource resource;  // views into the store, valid as long as it lives
  Object object;           // as it is now; for `deleted`, as it was last, with the revision of the deletion
  Object previous;         // before the change; null for `added`
};

struct WriteResult {
  enum class Kind { done, exists, missing, conflict } kind = Kind::done;
  Object object;  // done: what is stored now; conflict or exists: what is there instead
};

class Store {
 public:
  // History kept per resource; a watch that asks for older changes is told 410 Gone.
  static constexpr std::size_t kDefaultHistory = 4096;

  explicit Store(std::size_t history_per_resource = kDefaultHistory);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // The revision of the last change; grows by one with each.
  std::uint64_t revision() const { return revision_; }

  // Null if there is none. Cluster-scoped objects have the empty namespace.
  Object get(GroupResource resource, std::string_view ns, std::string_view name) const;

  // Everything of a resource, or of one namespace of it, in order.
  std::vector<Object> list(GroupResource resource, std::string_view ns = {}) const;
  std::size_t count(GroupResource resource, std::string_view ns = {}) const;
  // The same without a copy of the pointers, beginning after `after` ("namespace/name", or "" for the first). `visit`
  // returns false to stop. It must not change the store.
  void scan(GroupResource resource, std::string_view ns, std::string_view after,
            const std::function<bool(const std::string& key, const Object&)>& visit) const;

  // The object's metadata.resourceVersion is set to the new revision here.
  WriteResult create(GroupResource resource, std::string_view ns, std::string_view name, Json object);
  // Replaces `expected` (compared by identity of its revision). expected = 0 replaces whatever is there.
  WriteResult update(GroupResource resource, std::string_view ns, std::string_view name, Json object,
                     std::uint64_t expected);
  WriteResult remove(GroupResource resource, std::string_view ns, std::string_view name, std::uint64_t expected);

  // Changes of one resource after `since`, oldest first; nullopt if some of them are no longer remembered.
  std::optional<std::vector<Change>> changes_since(GroupResource resource, std::uint64_t since) const;

  using Callback = std::function<void(const Change&)>;
  // Called for each change of `resource`, or of every resource if resource.resource is empty. The subscription ends
  // with the handle (which may outlive the store, and may be dropped inside a callback).
  class Subscription;
  using Handle = std::shared_ptr<Subscription>;
  [[nodiscard]] Handle subscribe(GroupResource resource, Callback callback);

  // Forgets all history up to now, as a compaction of etcd does: later watches from an older revision get 410.
  void compact();

 private:
  struct Table;
  Table& table(GroupResource resource);
  const Table* find_table(GroupResource resource) const;
  void publish(Table& table, Change change);

  std::size_t history_;
  std::uint64_t revision_ = 0;
  struct ByName {
    using is_transparent = void;
    using View = std::pair<std::string_view, std::string_view>;
    bool operator()(const View& a, const View& b) const { return a < b; }
  };
  std::map<std::pair<std::string, std::string>, std::unique_ptr<Table>, ByName> tables_;
  std::vector<std::weak_ptr<Subscription>> everything_;
};

}  // namespace nautilus::sim
