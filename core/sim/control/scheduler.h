// The scheduler: gives pending pods a node.
//
// Filters as upstream: node name, taints, node affinity, resources, ports are not modelled, required pod affinity and
// anti-affinity (both directions), topology spread with DoNotSchedule, volumes already bound to a zone. Among the nodes
// that are left: soft spread and preferred anti-affinity first, then the least loaded, then by name.
// Counts of matching pods per topology domain are kept and updated with each change, so that placing n pods costs n
// times the number of nodes, not of pods.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "core/sim/control/controller.h"

namespace nautilus::sim {

class SchedulerController final : public Controller {
 public:
  // Selectors whose counts are kept; beyond that they are counted afresh.
  static constexpr std::size_t kMaxSelectors = 4096;

  explicit SchedulerController(World& world);
  void observe(const Observation& change) override;
  Result<> reconcile(const Key& key) override;

 private:
  struct NodeState {
    ObjectPtr object;
    Amounts allocatable, used;
    std::map<std::string, std::string, std::less<>> labels;
  };
  // Pods of a namespace which a selector matches, counted per node.
  struct Matches {
    std::string ns;
    Json selector;
    std::map<std::string, std::int64_t> on_node;
    std::uint64_t used = 0;
  };
  struct Placed {
    std::string node;
    Amounts requests;
    std::vector<Matches*> counted_in;
    bool has_anti_affinity = false;
  };

  void place(const PodInfo& pod);
  void unplace(const Key& key);
  void retry_waiting();
  Matches& matches(const std::string& ns, const Json& selector);
  std::map<std::string, std::int64_t> by_domain(const Matches& counted, const std::string& topology_key) const;
  struct Verdict;
  Verdict filter(const PodInfo& pod, const Amounts& requests);
  void filter_spread(const PodInfo& pod, Verdict& verdict);
  void filter_affinity(const PodInfo& pod, Verdict& verdict);
  void filter_volumes(const PodInfo& pod, Verdict& verdict);
  std::string choose(const PodInfo& pod, const Verdict& verdict, const Amounts& requests);
  Result<> mark_unschedulable(const PodInfo& pod, const Verdict& verdict);

  std::map<std::string, NodeState> nodes_;
  std::map<Key, Placed> placed_;
  std::set<Key> waiting_;
  std::map<std::pair<std::string, std::string>, std::unique_ptr<Matches>> matches_;
  std::set<Key> anti_affine_;  // placed pods that keep others away
};

}  // namespace nautilus::sim
