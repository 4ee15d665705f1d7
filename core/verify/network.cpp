#include "core/verify/network.h"

namespace nautilus::verify {

namespace {

const Json kNothing = Json::array();

const Json& list_of(const Json& object, const char* field) {
  const Json* found = value::find(object, field);
  return found && found->is_array() ? *found : kNothing;
}

}  // namespace

Network::Network(const Platform& p) : platform(p) {
  for (const Json* object : platform.of_kind("NetworkPolicy")) {
    Policy policy;
    policy.object = object;
    policy.space = namespace_of(*object);
    policy.id = id_of(*object);
    const Json* spec = value::find(*object, "spec");
    if (!spec) continue;
    policy.ingress = &list_of(*spec, "ingress");
    policy.egress = &list_of(*spec, "egress");
    const Json& types = list_of(*spec, "policyTypes");
    policy.rules_in = types.empty();
    policy.rules_out = types.empty() && !policy.egress->empty();
    for (const Json& type : types) {
      policy.rules_in = policy.rules_in || type == "Ingress";
      policy.rules_out = policy.rules_out || type == "Egress";
    }
    for (const PodSet& set : platform.pods())
      if (set.namespace_ == policy.space && selects(value::find(*spec, "podSelector"), set.labels))
        policy.pods.push_back(&set);
    policies.push_back(std::move(policy));
  }
  for (const Policy& policy : policies)
    for (const PodSet* set : policy.pods) of[set].push_back(&policy);
}

bool Network::peer_is(const Json& peer, const std::string& space, const PodSet& set) const {
  if (value::find(peer, "ipBlock")) return false;
  const Json* pods = value::find(peer, "podSelector");
  const Json* spaces = value::find(peer, "namespaceSelector");
  if (spaces ? !selects(spaces, platform.namespace_labels(set.namespace_)) : set.namespace_ != space) return false;
  return !pods || selects(pods, set.labels);
}

bool Network::port_is(const Json& port, int number, const PodSet& target) {
  const std::string protocol = value::string_at(port, "protocol");
  if (!protocol.empty() && protocol != "TCP") return false;
  const Json* said = value::find(port, "port");
  if (!said) return true;
  if (said->is_string()) {
    for (const Port& own : target.ports)
      if (own.name == said->get_ref<const std::string&>()) return own.number == number;
    return false;
  }
  const int from = said->is_number_integer() ? said->get<int>() : 0;
  return number >= from && number <= static_cast<int>(value::int_at(port, from, "endPort"));
}

bool Network::opens(const Json& rules, const char* side, const std::string& space, const PodSet& other, const PodSet& target,
           int number) const {
  for (const Json& rule : rules) {
    const Json& ports = list_of(rule, "ports");
    bool port = ports.empty();
    for (const Json& one : ports) port = port || port_is(one, number, target);
    if (!port) continue;
    const Json& peers = list_of(rule, side);
    if (peers.empty()) return true;
    for (const Json& peer : peers)
      if (peer_is(peer, space, other)) return true;
  }
  return false;
}

bool Network::leaves(const PodSet& source, const PodSet& target, int number) const {
  const auto found = of.find(&source);
  bool ruled = false;
  if (found != of.end())
    for (const Policy* policy : found->second) {
      ruled = ruled || policy->rules_out;
      if (policy->rules_out && opens(*policy->egress, "to", policy->space, target, target, number)) return true;
    }
  return !ruled;
}

bool Network::enters(const PodSet& source, const PodSet& target, int number) const {
  const auto found = of.find(&target);
  bool ruled = false;
  if (found != of.end())
    for (const Policy* policy : found->second) {
      ruled = ruled || policy->rules_in;
      if (policy->rules_in && opens(*policy->ingress, "from", policy->space, source, target, number)) return true;
    }
  return !ruled;
}

}  // namespace nautilus::verify
