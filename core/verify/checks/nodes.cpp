// capacity.nodes: the declared nodes can hold what the autoscalers may ask for, also with a zone gone.
#include <fmt/format.h>

#include "core/verify/checks/pod_cost.h"
#include "core/verify/verify.h"

namespace nautilus::verify {

namespace {

constexpr double kPacking = 0.9;  // pods do not fill nodes to the brim

void nodes(const Input& input, Answer& answer) {
  if (!input.env.promises.users) return;
  const env::Capacity& c = input.env.capacity;
  if (!c.nodes || !c.node_cpu || !c.node_memory || !c.zones)
    return answer.missing("spec.capacity.nodes (count, cpu, memory) and zones are not declared", input.env.file);
  answer.read(input.env.file + ": spec.capacity.nodes",
              fmt::format("{} x {} cpu, {}", *c.nodes, c.node_cpu->text(), c.node_memory->text()), "declared");
  answer.read(input.env.file + ": spec.capacity.zones", *c.zones, "declared");
  base::Quantity cpu, memory;
  for (const PodSet& set : input.platform.pods()) {
    const Cost one = pod_cost(input.platform, set);
    const std::int64_t pods = set.per_node ? *c.nodes : set.most;
    add(cpu, times(one.at("requests.cpu"), pods));
    add(memory, times(one.at("requests.memory"), pods));
    if (one.at("requests.cpu") > *c.node_cpu || one.at("requests.memory") > *c.node_memory)
      answer.fails("one pod asks for more than a node has", set.id);
  }
  const std::int64_t left = *c.nodes - (*c.nodes + *c.zones - 1) / *c.zones;
  const struct {
    const char* name;
    const base::Quantity &wanted, &each;
  } rows[] = {{"cpu", cpu, *c.node_cpu}, {"memory", memory, *c.node_memory}};
  for (const auto& row : rows) {
    const double room = row.each.approximate() * static_cast<double>(*c.nodes) * kPacking;
    const double rest = row.each.approximate() * static_cast<double>(left) * kPacking;
    answer.step(fmt::format(
        "{}: all at their maximum request {}; {} nodes x {} x {:.1f} = {:.0f}; with a zone gone {} nodes = {:.0f}",
        row.name, row.wanted.text(), *c.nodes, row.each.text(), kPacking, room, left, rest));
    answer.judge(row.wanted.approximate() <= rest,
                 fmt::format("{}: {} {} what the nodes of the other zones hold", row.name, row.wanted.text(),
                             row.wanted.approximate() <= rest ? "<=" : ">"));
  }
}

constexpr Check kChecks[] = {
    {"capacity.nodes", "The nodes hold every pod that may be asked for, also with a zone gone.",
     "Requests of all sets of pods at their maxima, sidecars included, against nine tenths of the declared nodes less "
     "those of one zone.",
     "Pods without room are pending while users connect.",
     "Declare or add nodes (spec.capacity.nodes), or lower the maxima.", "15", nodes},
};

}  // namespace

std::span<const Check> node_checks() { return kChecks; }

}  // namespace nautilus::verify
