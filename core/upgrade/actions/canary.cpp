// The Deployment beside the stable one, and the share of the traffic it gets.
#include "core/kube/writer.h"
#include "core/upgrade/actions/actions.h"
#include "core/upgrade/manifests.h"

namespace nautilus::upgrade {

Result<> set_canary(apply::Cluster& cluster, const Plan& plan, const Json& stable, const Action& action) {
  const Json manifest = canary_manifest(plan, stable, action);
  ASSIGN_OR_RETURN(const auto* resource, cluster.resource(value::GroupVersion{"apps", "v1"}, "Deployment"));
  kube::WriteOptions options;
  options.field_manager = kManager;
  auto response = cluster.client().call(kube::apply_request(*resource, manifest, options));
  if (response.ok()) return {};
  return std::move(response.error).within("applying Deployment " + plan.change.canary_name());
}

Result<> remove_canary(apply::Cluster& cluster, const Plan& plan, const Json& canary) {
  // Only the one that this plan made.
  if (value::string_at(canary, "metadata", "labels", std::string(kPlanLabel)) != plan.name)
    return Error(Code::refused, fmt::format("Deployment {} is not of this plan and was left alone",
                                            plan.change.canary_name()));
  ASSIGN_OR_RETURN(const auto* resource, cluster.resource(value::GroupVersion{"apps", "v1"}, "Deployment"));
  kube::DeleteOptions options;
  options.uid = value::string_at(canary, "metadata", "uid");
  options.propagation = kube::Propagation::background;
  auto response = cluster.client().call(
      kube::delete_request(*resource, plan.change.target_namespace, plan.change.canary_name(), options));
  if (response.ok() || response.status == 404) return {};
  return std::move(response.error).within("removing Deployment " + plan.change.canary_name());
}

Result<> set_weight(apply::Cluster& cluster, const Plan& plan, const Seen& seen, int weight) {
  for (std::size_t i = 0; i < plan.change.routes.size() && i < seen.routes.size(); ++i) {
    const Route& route = plan.change.routes[i];
    if (seen.routes[i].is_null() || seen.observed.routes[i].weight == weight) continue;
    ASSIGN_OR_RETURN(const auto* resource, cluster.resource(route.id(), route.api_version()));
    kube::WriteOptions options;
    options.field_manager = kManager;
    auto response = cluster.client().call(kube::json_patch_request(
        *resource, route.namespace_, route.name, weight_patch(route, seen.routes[i], weight), options));
    if (response.ok() || response.outcome_unknown) continue;
    return std::move(response.error).within("setting the weights of " + route.id().text());
  }
  return {};
}

Result<> act(apply::Cluster& cluster, const Plan& plan, const Seen& seen, const Action& action) {
  switch (action.kind) {
    case Action::Kind::set_workload: return set_workload(cluster, plan, action);
    case Action::Kind::set_canary: return set_canary(cluster, plan, seen.stable, action);
    case Action::Kind::set_weight: return set_weight(cluster, plan, seen, action.weight);
    case Action::Kind::remove_canary: return remove_canary(cluster, plan, seen.canary);
    case Action::Kind::switchover: return start_switchover(cluster, plan, action);
    case Action::Kind::remove_pod: return remove_pod(cluster, plan, action);
  }
  return Error(Code::internal, "an action nobody knows");
}

}  // namespace nautilus::upgrade
