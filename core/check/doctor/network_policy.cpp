// database.network-policy-blocks: the way from the backend over PgBouncer to PostgreSQL, through the NetworkPolicies that
// are there now.
#include <fmt/format.h>

#include "core/check/doctor/doctor.h"
#include "core/verify/network.h"

namespace nautilus::check {

namespace {

struct Hop {
  const char *from, *to;
};
constexpr Hop kHops[] = {{"nautilus-backend", "pgbouncer"}, {"pgbouncer", "postgresql"}, {"postgresql", "postgresql"}};
constexpr const char* kPort = "postgresql";  // its name in both templates

// The policies that rule one direction of a set, for a person who looks for the one to blame.
std::string ruling(const verify::Network& network, const verify::PodSet& set, bool in) {
  std::string text;
  const auto found = network.of.find(&set);
  if (found == network.of.end()) return text;
  for (const verify::Policy* policy : found->second)
    if (in ? policy->rules_in : policy->rules_out) text += (text.empty() ? "" : ", ") + name_of(*policy->object);
  return text;
}

void look(const Facts& facts, Outcome& outcome) {
  const verify::Network network(facts.platform());
  std::size_t open = 0, hops = 0;
  for (const Hop& hop : kHops)
    for (const auto* source : facts.platform().named(hop.from))
      for (const auto* target : facts.platform().named(hop.to))
        for (const verify::Port& port : target->ports) {
          if (port.name != kPort) continue;
          ++hops;
          const bool out = network.leaves(*source, *target, port.number);
          const bool in = network.enters(*source, *target, port.number);
          if (out && in) {
            ++open;
            continue;
          }
          const verify::PodSet& at = out ? *target : *source;
          outcome.fail(fmt::format("{} to {} port {}", source->id, target->id, port.number),
                       fmt::format("{}: no policy lets it {}; ruled by {}", at.id, out ? "in" : "out",
                                   ruling(network, at, out)),
                       "every policy that selects a pod narrows it: find the one that is new (kubectl get networkpolicy "
                       "--sort-by=.metadata.creationTimestamp), or deploy the environment again",
                       fmt::format("kubectl -n {} describe networkpolicy", at.namespace_));
        }
  if (hops == 0)
    outcome.not_applicable("the platform has no backend, PgBouncer and PostgreSQL to connect");
  else
    outcome.note(fmt::format("{} of {} ways are open", open, hops));
}

}  // namespace

Check network_policy_check() {
  return {{"database.network-policy-blocks", "NetworkPolicies let the backend reach PgBouncer, and PgBouncer PostgreSQL.",
           "For each hop (backend to pgbouncer, pgbouncer to postgresql, its members among themselves): the egress of the "
           "one end and the ingress of the other, by all policies that select them. Pods of one workload are one.",
           "A flow needs both ends. Policies of one pod add up, so an additional one only opens; what closes is one that "
           "was removed or changed, or the first one of a direction.",
           "database.network-policy-blocks"},
          {{&source::kNetworkPolicies},
           {&source::kDeployments},
           {&source::kStatefulSets},
           {&source::kNamespaces, Need::How::evidence}},
          look};
}

}  // namespace nautilus::check
