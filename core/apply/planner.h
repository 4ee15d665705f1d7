// Makes a plan: compares what an environment wants with what the cluster holds.
//
// Purpose: reads the cluster (never writes), decides per object, and reports everything that would stop the deploy
// before anything is written: unknown kinds, objects being deleted, fields owned by somebody else, immutable fields,
// removals that would lose data.
// Requests: objects are listed per kind and namespace, or got one by one where there are few; objects whose fields
// already have the wanted values and owner cost nothing more; the others one server-side dry run each, in parallel.
// Threading: the client's thread.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "core/apply/cluster.h"
#include "core/apply/desired.h"
#include "core/apply/plan.h"

namespace nautilus::apply {

// Something an earlier revision made.
struct InventoryEntry {
  value::ObjectId id;
  std::string api_version;
  bool generated = false;
};

struct PlanInput {
  const env::Environment& env;
  const Desired& desired;
  std::vector<InventoryEntry> inventory = {};
  std::string operation = "deploy", description = "deploy";
  int base_revision = 0;
  std::set<std::string> take_from = {};  // field managers whose fields may be taken over
  bool operators_come_first = false;     // our operators are installed before this plan: their kinds may be missing now
  bool is_operator = false;  // the release of an operator: its definitions stay unless they are named, and of other
                             // operators only what it uses is required
  bool ignore_helm_keep = false;  // destroy: `helm.sh/resource-policy: keep` is about upgrades
  bool spare_data = false;        // destroy: keep what holds data instead of asking for each by name
  std::set<std::string> allow_removal =
      {};  // "StatefulSet nautilus-trading/redis-cluster": guarded objects that may go
};

// Before and after of one object, for people. Secrets are redacted.
struct Difference {
  value::ObjectId id;
  Action action = Action::unchanged;
  Json before, after;  // null if it is not there
};

struct Planned {
  Plan plan;
  std::vector<Difference> differences;
  std::vector<Error> problems;  // each would stop a deploy
  std::vector<std::string> warnings;
};

Result<Planned> make_plan(Cluster& cluster, const PlanInput& input);

// Kinds that hold data or that others live in; removing one needs to be asked for by name.
bool is_guarded(const value::ObjectId& id, bool generated);
// Those of them that hold the data themselves: a StatefulSet can be made again over its claims.
bool holds_data(const value::ObjectId& id, bool generated);

}  // namespace nautilus::apply
