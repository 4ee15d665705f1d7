// Third-party operators as a cluster has them: which of their kinds are there, and what to say when they are not.
//
// Threading: the client's thread. Nothing here writes.
#pragma once

#include <string>
#include <vector>

#include "core/apply/cluster.h"
#include "core/env/operators.h"

namespace nautilus::apply {

// Of one operator: kinds that the cluster does not serve.
struct MissingOperator {
  const env::Operator* op = nullptr;
  std::vector<const env::ProvidedKind*> kinds;
  Error error() const;  // one error that names the operator and its kinds, and what to do
};

// Those of the operators whose kinds are not all served, in their order. Costs no request when all are.
Result<std::vector<MissingOperator>> missing_operators(Cluster& cluster, const std::vector<env::Operator>& operators);

// Waits until the definitions that exist are established (somebody installs them right now). What does not exist is not
// waited for: that is an error of the plan.
Result<> wait_for_definitions(Cluster& cluster, const std::vector<env::Operator>& operators, port::Duration timeout);

// Definitions without a schema for what the operators provide, for where their own cannot be had: any content is
// accepted. One per plural name and group, with all its versions; the first is the one that is stored.
std::vector<Json> stand_in_definitions(const std::vector<env::ProvidedKind>& kinds);

// "Gateway, VirtualService (networking.istio.io/v1), Telemetry (telemetry.istio.io/v1)"
std::string kinds_text(const std::vector<const env::ProvidedKind*>& kinds);

}  // namespace nautilus::apply
