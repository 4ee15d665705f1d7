// topology.spread: what has more than one pod is in more than one zone.
#include <fmt/format.h>

#include "core/verify/verify.h"

namespace nautilus::verify {

namespace {

// Claims of a custom object: Prometheus and Alertmanager, Elasticsearch's node sets.
bool keeps_a_volume(const PodSet& set) {
  if (!set.operated) return false;
  if (value::find(*set.object, "spec", "storage", "volumeClaimTemplate")) return true;
  if (const Json* sets = value::find(*set.object, "spec", "nodeSets"); sets && sets->is_array())
    for (const Json& one : *sets)
      if (value::find(one, "volumeClaimTemplates")) return true;
  return false;
}

void spread(const Input& input, Answer& answer) {
  const auto zones = input.env.capacity.zones;
  if (zones) answer.read(input.env.file + ": spec.capacity.zones", *zones, "declared");
  for (const PodSet& set : input.platform.pods()) {
    if (set.once || set.per_node || set.least < 2) continue;
    const Json* rules = set.pod ? value::find(*set.pod, "topologySpreadConstraints") : nullptr;
    if (!set.pod && set.object) rules = value::find(*set.object, "spec", "topologySpreadConstraints");
    std::string said;
    bool mine = false;
    if (rules && rules->is_array())
      for (const Json& rule : *rules)
        if (value::string_at(rule, "topologyKey") == "topology.kubernetes.io/zone") {
          mine = selects(value::find(rule, "labelSelector"), set.labels);
          said = value::string_at(rule, "whenUnsatisfiable");
        }
    const bool state = set.kind == "StatefulSet" || keeps_a_volume(set);
    answer.read(set.at(set.path + ".topologySpreadConstraints"), said.empty() ? "none by zone" : said,
                fmt::format("{} pods at least", set.least));
    if (said.empty())
      answer.fails("nothing keeps its pods out of one zone", set.id);
    else if (!mine)
      answer.fails("the constraint counts other pods than its own", set.id);
    else if (state && said != "DoNotSchedule" && zones && *zones > 1)
      answer.fails("holds state, and may end up in one zone", set.id);
    else
      answer.holds(state ? "is spread over zones" : "is spread over zones as far as there is room", set.id);
  }
}

constexpr Check kChecks[] = {
    {"topology.spread", "What has more than one pod is in more than one zone.",
     "Every set of two pods or more has a spread constraint by zone that counts its own pods; DoNotSchedule where it "
     "holds state and zones are declared.",
     "Three masters in one zone are one failure away from none.", "global.topology.statefulZones: DoNotSchedule.", "9",
     spread},
};

}  // namespace

std::span<const Check> topology_checks() { return kChecks; }

}  // namespace nautilus::verify
