// The rendered objects, indexed for the checks: workloads as sets of pods with their labels, ports, containers,
// configuration files and scalers.
//
// Pods that an operator makes from a custom object (Prometheus, Elasticsearch, ...) are sets of pods too, from a table
// of what is known of each kind. Building is one pass over the objects and one over the selectors. The objects must
// outlive the Platform. Threading: only read once built.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/quantity.h"
#include "core/value/json.h"

namespace nautilus::verify {

using Labels = std::map<std::string, std::string, std::less<>>;

struct Port {
  std::string name, protocol;
  int number = 0;
};

// One key of a ConfigMap that a set of pods mounts or takes variables from.
struct ConfigFile {
  const Json* object = nullptr;
  std::string key;
  const std::string* text = nullptr;
  std::string where() const;  // ConfigMap nautilus-trading/pgbouncer-config: data["pgbouncer.ini"]
};

// A value and where it was read.
struct Read {
  std::string value, where;
};

struct PodSet {
  const Json* object = nullptr;
  std::string kind, namespace_, name;
  std::string id;             // "Deployment nautilus-trading/pgbouncer"
  const Json* pod = nullptr;  // the pod's spec; null where only the operator knows it
  std::string path;           // of that spec: "spec.template.spec"
  Labels labels;              // of the pods
  const Json* annotations = nullptr;
  std::vector<Port> ports;
  std::vector<ConfigFile> files;
  std::optional<int> replicas;  // as rendered
  int least = 1, most = 1;      // with the autoscaler, if there is one
  const Json* scaler = nullptr;
  bool per_node = false;  // DaemonSet
  bool once = false;      // Job, CronJob: no endpoint, no budget
  bool operated = false;

  std::string label(std::string_view key) const;
  std::string at(std::string_view field) const;  // "Deployment ns/x: spec.replicas"
  const ConfigFile* file(std::string_view name) const;
  bool owns_port(int number) const;
};

class Platform {
 public:
  explicit Platform(const std::vector<const Json*>& objects);

  const std::vector<const Json*>& objects() const { return objects_; }
  const std::vector<PodSet>& pods() const { return pods_; }
  const std::vector<const Json*>& of_kind(std::string_view kind) const;
  const Json* find(std::string_view kind, std::string_view namespace_, std::string_view name) const;

  // The set whose pods carry app.kubernetes.io/name = name; the first, in rendered order.
  std::vector<const PodSet*> named(std::string_view name) const;
  // An environment variable of a container, literal or through envFrom.
  std::optional<Read> variable(const PodSet& set, std::string_view name) const;
  // Namespaces whose pods get a sidecar of the mesh.
  bool in_mesh(std::string_view namespace_) const;
  bool in_mesh(const PodSet& set) const;
  bool has_mesh() const { return !meshed_.empty(); }
  // Labels of a namespace, rendered or not; kubernetes.io/metadata.name is always there.
  Labels namespace_labels(std::string_view name) const;
  bool has_namespace(std::string_view name) const;  // rendered, or with pods in it

 private:
  void add_workload(const Json& object);
  void add_operated(const Json& object);
  void attach_files(PodSet& set);
  void attach_scalers();

  std::vector<const Json*> objects_;
  std::map<std::string, std::vector<const Json*>, std::less<>> by_kind_;
  std::unordered_map<std::string, const Json*> by_id_;
  std::vector<PodSet> pods_;
  std::map<std::string, bool, std::less<>> meshed_;
};

// "Deployment nautilus-trading/nautilus-backend"
std::string id_of(const Json& object);
std::string namespace_of(const Json& object);
std::string name_of(const Json& object);
std::string where(const Json& object, std::string_view field);

// A LabelSelector; an empty one selects everything, an absent one (null) nothing.
bool selects(const Json* selector, const Labels& labels);
bool matches(const Json* match_labels, const Labels& labels);  // equality only, absent or empty: nothing

// Containers of a pod's spec, init containers first, and where each stands below `path`.
struct Container {
  const Json* json = nullptr;
  std::string path;
  std::string name;
  bool init = false;
  bool sidecar = false;  // an init container that keeps running
};
std::vector<Container> containers(const PodSet& set);

// "cpu" of requests or limits; zero if absent or not a quantity.
base::Quantity resource(const Json& container, std::string_view what, std::string_view name);

}  // namespace nautilus::verify
