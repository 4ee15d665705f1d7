// nodes.not-ready, nodes.pressure: what everything stands on.
#include <fmt/format.h>

#include "core/check/doctor/doctor.h"
#include "core/status/rules.h"

namespace nautilus::check {

namespace {

void not_ready(const Facts& facts, Outcome& outcome) {
  const auto& nodes = facts.snapshot.all(source::kNodes);
  std::map<std::string, int> lost;
  for (const Json& node : nodes) {
    const Json* ready = status::condition(node, "Ready");
    const std::string state = ready ? value::string_at(*ready, "status") : "missing";
    if (state == "True") continue;
    const std::string zone = value::string_at(node, "metadata", "labels", "topology.kubernetes.io/zone");
    ++lost[zone];
    const auto since = ready ? facts.age(value::string_at(*ready, "lastTransitionTime")) : std::nullopt;
    outcome.fail(id_of(node),
                 fmt::format("Ready is {}{}{}{}", state, since ? fmt::format(" for {}", age_text(*since)) : "",
                             zone.empty() ? "" : fmt::format(", zone {}", zone),
                             ready ? ": " + value::string_at(*ready, "message") : ""),
                 "its pods are moved after five minutes, engines and databases only when it is certain that it is dead: "
                 "look at the machine and its kubelet",
                 describe(node));
  }
  for (const auto& [zone, count] : lost)
    if (!zone.empty() && count > 1) outcome.note(fmt::format("{} nodes of zone {} are not ready", count, zone));
  outcome.note(fmt::format("{} nodes", nodes.size()));
}

void pressure(const Facts& facts, Outcome& outcome) {
  for (const Json& node : facts.snapshot.all(source::kNodes))
    for (const char* type : {"MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"}) {
      const Json* condition = status::condition(node, type);
      if (!condition || value::string_at(*condition, "status") != "True") continue;
      outcome.fail(id_of(node), fmt::format("{}: {}", type, value::string_at(*condition, "message")),
                   std::string_view(type) == "DiskPressure"
                       ? "images and logs are removed, then pods are evicted: find what fills the disk"
                   : std::string_view(type) == "NetworkUnavailable"
                       ? "its network plugin has not configured it: look at the plugin's pod on this node"
                       : "pods are evicted, the lowest priority first: find what uses more than it requests",
                   describe(node));
    }
}

}  // namespace

std::vector<Check> node_checks() {
  return {{{"nodes.not-ready", "Every node is ready.", "The condition Ready of all nodes, with the time since when.",
            "Look at the machine before you remove the Node object: an engine or a database may still run there.",
            "NautilusNodeNotReady"},
           {{&source::kNodes}},
           not_ready},
          {{"nodes.pressure", "No node is short of memory, disk, processes or network.",
            "The conditions MemoryPressure, DiskPressure, PIDPressure and NetworkUnavailable of all nodes.",
            "Drain the node if it does not recover by itself; find what uses more than it asked for.",
            "nodes.pressure"},
           {{&source::kNodes}},
           pressure}};
}

}  // namespace nautilus::check
