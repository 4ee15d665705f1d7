// The stable workload, and pods of it that stand in the way.
#include "core/kube/writer.h"
#include "core/upgrade/actions/actions.h"
#include "core/upgrade/manifests.h"

namespace nautilus::upgrade {

namespace {

// Whose fields an upgrade takes over: our own deploys. Anybody else's are a conflict for a person.
bool ours(const std::set<std::string>& managers) {
  return !managers.empty() && std::all_of(managers.begin(), managers.end(), [](const std::string& manager) {
    return manager.starts_with("nautilusctl");
  });
}

}  // namespace

Result<> set_workload(apply::Cluster& cluster, const Plan& plan, const Action& action) {
  ASSIGN_OR_RETURN(const auto* resource, cluster.resource(plan.change.target(), "apps/v1"));
  const Json patch = workload_patch(plan.change, action);
  kube::WriteOptions options;
  options.field_manager = kManager;
  auto response = cluster.client().call(kube::apply_request(*resource, patch, options));
  if (response.status == 409 && ours(apply::conflicting_managers(response))) {
    options.force = true;
    response = cluster.client().call(kube::apply_request(*resource, patch, options));
  }
  if (response.ok()) return {};
  if (response.status == 409)  // not one that passes: somebody else owns these fields
    response.error.code = Code::refused;
  return std::move(response.error).within("upgrading " + plan.change.target().text());
}

Result<> remove_pod(apply::Cluster& cluster, const Plan& plan, const Action& action) {
  ASSIGN_OR_RETURN(const auto* resource, cluster.resource(value::GroupVersion{"", "v1"}, "Pod"));
  kube::DeleteOptions options;
  options.uid = action.uid;
  auto response = cluster.client().call(
      kube::delete_request(*resource, plan.change.target_namespace, action.pod, options));
  if (response.ok() || response.status == 404 || response.status == 409) return {};
  return std::move(response.error).within("removing pod " + action.pod);
}

Result<> start_switchover(apply::Cluster& cluster, const Plan& plan, const Action& action) {
  ASSIGN_OR_RETURN(const auto* resource, cluster.resource(value::GroupVersion{"batch", "v1"}, "Job"));
  kube::WriteOptions options;
  options.field_manager = kManager;
  auto response = cluster.client().call(kube::create_request(*resource, switchover_job(plan, action), options));
  if (response.ok() || response.status == 409 || response.outcome_unknown) return {};
  return std::move(response.error).within("starting the switchover from " + action.from);
}

}  // namespace nautilus::upgrade
