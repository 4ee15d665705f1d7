// scaling.quota: every autoscaler at its maximum, with a rolling update on top, fits the namespace's quota.
#include <fmt/format.h>

#include "core/verify/checks/pod_cost.h"
#include "core/verify/verify.h"

namespace nautilus::verify {

namespace {

// Storage of all claims of a set, at its size.
void add_claims(const PodSet& set, Cost& cost, int pods) {
  const Json* list = value::find(*set.object, "spec", "volumeClaimTemplates");
  std::vector<const Json*> claims;
  if (list && list->is_array())
    for (const Json& claim : *list) claims.push_back(&claim);
  if (const Json* one = value::find(*set.object, "spec", "storage", "volumeClaimTemplate")) claims.push_back(one);
  if (const Json* sets = value::find(*set.object, "spec", "nodeSets"); sets && sets->is_array())
    for (const Json& node : *sets)
      if (const Json* inner = value::find(node, "volumeClaimTemplates"); inner && inner->is_array())
        for (const Json& claim : *inner) claims.push_back(&claim);
  for (const Json* claim : claims) {
    add(cost["persistentvolumeclaims"],
        base::Quantity(base::NanoAmount{1'000'000'000} * pods, base::Quantity::Format::decimal));
    auto size = base::Quantity::parse(value::string_at(*claim, "spec", "resources", "requests", "storage"));
    if (size.ok()) add(cost["requests.storage"], times(*size, pods));
  }
}

void quota(const Input& input, Answer& answer) {
  for (const Json* object : input.platform.of_kind("ResourceQuota")) {
    const std::string space = namespace_of(*object);
    const Json* hard = value::find(*object, "spec", "hard");
    if (!hard || !hard->is_object() || hard->empty()) continue;
    Cost most, least;
    int shown = 0;
    for (const PodSet& set : input.platform.pods()) {
      if (set.namespace_ != space) continue;
      int pods = set.most;
      if (set.per_node) {
        if (!input.env.capacity.nodes) {
          answer.missing("one pod a node, and spec.capacity.nodes.count is not declared", set.id);
          continue;
        }
        pods = static_cast<int>(*input.env.capacity.nodes);
      }
      const int surge = surge_of(set, pods);
      const Cost one = pod_cost(input.platform, set);
      for (const auto& [name, quantity] : one) {
        add(most[name], times(quantity, pods + surge));
        add(least[name], times(quantity, set.per_node ? pods : set.least));
      }
      const base::Quantity unit(base::NanoAmount{1'000'000'000}, base::Quantity::Format::decimal);
      add(most["pods"], times(unit, pods + surge));
      add(least["pods"], times(unit, set.per_node ? pods : set.least));
      add_claims(set, most, pods);
      if (set.scaler || surge > 0 || ++shown <= 12)
        answer.step(fmt::format("{}: {} pods{} x {} cpu, {} memory requested", set.id, pods,
                                surge > 0 ? fmt::format(" + {} while updating", surge) : "",
                                one.at("requests.cpu").text(), one.at("requests.memory").text()));
    }
    for (const auto& [name, value] : hard->items()) {
      const auto found = most.find(name);
      if (found == most.end()) continue;
      const auto limit = base::Quantity::parse(value.is_string() ? value.get<std::string>() : value.dump());
      if (!limit.ok()) {
        answer.missing("is not a quantity", where(*object, "spec.hard." + name));
        continue;
      }
      answer.read(where(*object, "spec.hard." + name), limit->text());
      if (const auto low = least.find(name); low != least.end() && low->second > *limit)
        answer.fails(fmt::format("{}: even the minimum of all needs {} > {}", name, low->second.text(), limit->text()),
                     id_of(*object));
      else
        answer.judge(found->second <= *limit,
                     fmt::format("{}: {} at the most {} {}", name, found->second.text(),
                                 found->second <= *limit ? "<=" : ">", limit->text()),
                     id_of(*object));
    }
  }
}

constexpr Check kChecks[] = {
    {"scaling.quota", "The autoscalers can reach their maxima, and a rolling update still fits.",
     "Per namespace: requests and limits of every pod with its sidecar x the largest number of pods, with the surge of "
     "an update, "
     "and all claims, against each bound of the ResourceQuota.",
     "A quota below the maximum stops scaling in the busiest minute, and the event about it is on a ReplicaSet nobody "
     "watches.",
     "Raise the quota (foundation.namespaces.list[].quota) or lower maxReplicas.", "13, 15", quota},
};

}  // namespace

std::span<const Check> quota_checks() { return kChecks; }

}  // namespace nautilus::verify
