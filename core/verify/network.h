// Which sets of pods may talk to which, by NetworkPolicies.
//
// Follows NetworkPolicy's own rules: policies that select a pod add up, a direction that no policy selects is open, and
// a flow needs the egress of its source and the ingress of its target. Addresses (ipBlock) are outside: no pod is
// matched by one. The platform must outlive it. Threading: only read once built.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/verify/platform.h"

namespace nautilus::verify {

struct Policy {
  const Json* object = nullptr;
  std::string space, id;
  const Json* ingress = nullptr;  // lists of rules; never null once built
  const Json* egress = nullptr;
  bool rules_in = false, rules_out = false;  // policyTypes
  std::vector<const PodSet*> pods;
};

class Network {
 public:
  explicit Network(const Platform& platform);

  const Platform& platform;
  std::vector<Policy> policies;
  std::map<const PodSet*, std::vector<const Policy*>> of;  // the policies that select a set

  bool peer_is(const Json& peer, const std::string& space, const PodSet& set) const;
  static bool port_is(const Json& port, int number, const PodSet& target);
  bool leaves(const PodSet& source, const PodSet& target, int number) const;  // the source's egress lets it out
  bool enters(const PodSet& source, const PodSet& target, int number) const;  // the target's ingress lets it in

 private:
  bool opens(const Json& rules, const char* side, const std::string& space, const PodSet& other, const PodSet& target,
             int number) const;
};

}  // namespace nautilus::verify
