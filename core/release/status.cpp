#include "core/release/status.h"

#include "core/apply/observe.h"
#include "core/apply/operators.h"
#include "core/apply/wait.h"
#include "core/release/lease.h"

namespace nautilus::release {

namespace {

Result<std::string> lock_holder(const Session& session) {
  const value::ObjectId id{"coordination.k8s.io", "Lease", session.env.namespace_, lease_name(session.env.release)};
  ASSIGN_OR_RETURN(auto request, session.cluster.get(id, "coordination.k8s.io/v1"));
  auto response = session.cluster.client().call(std::move(request));
  if (response.status == 404) return std::string();
  if (!response.ok()) return std::move(response.error);
  const auto state = lease_state(response.body);
  return may_take(state, session.cluster.client().clock().now()) ? std::string() : state.holder;
}

}  // namespace

bool ReleaseStatus::healthy() const {
  return missing_operators.empty() && newest && newest->status == kDeployed &&
         std::all_of(objects.begin(), objects.end(),
                     [](const ObjectStatus& o) { return o.verdict.state == status::State::current; });
}

Result<ReleaseStatus> status(const Session& session) {
  ReleaseStatus result;
  ASSIGN_OR_RETURN(const auto missing, apply::missing_operators(session.cluster, session.env.operators));
  for (const auto& entry : missing) result.missing_operators.push_back(entry.error());
  ASSIGN_OR_RETURN(auto revisions, session.store().list(true));
  if (revisions.empty()) return result;
  const auto objects = inventory(revisions);
  std::vector<apply::Wanted> wanted;
  for (const auto& object : objects) wanted.push_back({object.id, object.api_version});
  ASSIGN_OR_RETURN(const auto live, apply::observe(session.cluster, wanted));
  for (const auto& object : objects) {
    ObjectStatus entry{object.id, {}, ""};
    if (const Json* found = live.find(object.id)) {
      entry.verdict = status::compute(*found);
      if (entry.verdict.state != status::State::current)
        entry.explanation = apply::explain(session.cluster, object.id, *found);
    } else {
      entry.verdict.state = status::State::not_found;
      const auto* op = env::provider_of(session.env.operators, object.id.group, object.id.kind);
      const bool unserved =
          op && std::any_of(missing.begin(), missing.end(), [&](const auto& m) { return m.op == op; });
      entry.verdict.message = unserved ? fmt::format("not in the cluster, nor is operator {}", op->name)
                                       : std::string("not in the cluster");
    }
    result.objects.push_back(std::move(entry));
  }
  std::sort(result.objects.begin(), result.objects.end(),
            [](const ObjectStatus& a, const ObjectStatus& b) { return a.id < b.id; });
  ASSIGN_OR_RETURN(result.lock_holder, lock_holder(session));
  revisions.back().objects.clear();
  result.newest = std::move(revisions.back());
  return result;
}

}  // namespace nautilus::release
