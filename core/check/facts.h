// What checks are given: the snapshot, the environment, the time, and the indexes over the snapshot that most of them
// need.
//
// Built once; everything in it points into the snapshot, which must outlive it. Threading: only read once built.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/check/snapshot.h"
#include "core/env/environment.h"
#include "core/port/clock.h"
#include "core/verify/platform.h"

namespace nautilus::check {

class Facts {
 public:
  Facts(const Snapshot& snapshot, const env::Environment& env, port::WallTime now);

  const Snapshot& snapshot;
  const env::Environment& env;
  const port::WallTime now;

  // The workloads of the platform's namespaces as sets of pods: labels, ports, containers, autoscaler.
  const verify::Platform& platform() const { return *platform_; }

  // Who made a pod: the Deployment above its ReplicaSet, a StatefulSet, a Job, ... or the pod itself.
  // "Deployment nautilus-trading/nautilus-backend"
  std::string workload_of(const Json& pod) const;
  // Pods of the platform's namespaces, by workload.
  const std::map<std::string, std::vector<const Json*>>& pods_by_workload() const { return pods_; }
  // Pods of one namespace that a Service's selector (equality) matches.
  std::vector<const Json*> selected(std::string_view namespace_, const Json* selector) const;
  // How many addresses of a Service are ready, of all its slices.
  int ready_endpoints(std::string_view namespace_, std::string_view service) const;
  // Warning events about an object, the newest first.
  std::vector<const Json*> events_of(const Json& object) const;
  // The newest of these reasons about it, as "Reason: message"; "" if there is none.
  std::string event_text(const Json& object, std::initializer_list<std::string_view> reasons) const;

  // How long ago a time of the API was ("2026-01-05T06:00:00Z"); nothing if it cannot be read.
  std::optional<port::Duration> age(std::string_view time) const;
  bool older_than(std::string_view time, port::Duration limit) const;

 private:
  std::unique_ptr<verify::Platform> platform_;
  std::map<std::string, std::string, std::less<>> owner_of_set_;  // ReplicaSet uid -> id of its owner
  std::map<std::string, std::vector<const Json*>> pods_;
  std::map<std::string, std::vector<const Json*>, std::less<>> events_;  // by the uid, and by the id, of what they are about
  std::map<std::string, int, std::less<>> ready_;                        // "namespace/service"
};

// A list field, empty if it is absent or something else: for (const Json& c : items(pod, "spec", "containers")).
template <class... Path>
const Json& items(const Json& object, Path... path) {
  static const Json kNone = Json::array();
  const Json* found = value::find(object, path...);
  return found && found->is_array() ? *found : kNone;
}

// "Pod nautilus-trading/x", "Node n1"
inline std::string id_of(const Json& object) { return verify::id_of(object); }
inline std::string name_of(const Json& object) { return verify::name_of(object); }
inline std::string namespace_of(const Json& object) { return verify::namespace_of(object); }
// "kubectl -n ns describe pod x", "kubectl describe node x"; kinds of add-ons with their group.
std::string describe(const Json& object);

// "4m", "3h", "12d": of the two largest units only the first.
std::string age_text(port::Duration age);

}  // namespace nautilus::check
