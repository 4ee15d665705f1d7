#include "cli/upgrade_rollback.h"

#include "cli/upgrade_services.h"
#include "core/kube/reader.h"
#include "core/upgrade/machine.h"
#include "core/upgrade/propose.h"
#include "core/upgrade/views.h"

namespace nautilus::cli {

namespace {

constexpr port::Duration kWaitForAnother = std::chrono::minutes(2);

bool is_of(const upgrade::Plan& plan, const std::string& component) {
  return plan.invalid.empty() && (plan.change.component == component || plan.change.name == component ||
                                  plan.change.name == "nautilus-" + component);
}

// The workload as it is now, if it runs what the plan brought.
Result<std::optional<upgrade::WorkloadView>> still_running(apply::Cluster& cluster, const upgrade::Plan& plan) {
  ASSIGN_OR_RETURN(const auto* resource, cluster.resource(plan.change.target(), "apps/v1"));
  ASSIGN_OR_RETURN(const auto live, kube::Reader(cluster.client()).find(*resource, plan.change.target_namespace,
                                                                      plan.change.name));
  auto view = upgrade::view_workload(plan.change, live ? *live : Json(), {});
  if (!view.exists || view.images != plan.change.images) return std::optional<upgrade::WorkloadView>();
  return std::optional(std::move(view));
}

}  // namespace

Result<std::optional<upgrade::Plan>> roll_back_upgrade(const Context& context, const env::Environment& env,
                                                       OpenSession& open, const std::string& component,
                                                       const std::string& reason) {
  const std::optional<upgrade::Plan> nothing;
  apply::Cluster& cluster = open.session().cluster;
  upgrade::Plans plans(cluster);
  auto all = plans.list();
  if (!all.ok() && all.error().code == Code::not_found) return nothing;  // upgrades were never used here
  if (!all.ok()) return std::move(all).error();
  std::string name;
  for (auto plan = all->rbegin(); plan != all->rend() && name.empty(); ++plan) {
    if (!is_of(*plan, component)) continue;
    if (!upgrade::terminal(plan->status.phase)) {
      TRY(plans.set_abort(plan->name, reason));
      name = plan->name;
    } else if (plan->status.phase == upgrade::kDone && plan->change.rollback_of.empty()) {
      ASSIGN_OR_RETURN(const auto view, still_running(cluster, *plan));
      if (!view || plan->status.images_before.empty()) break;
      const Json change = upgrade::rollback_change(*plan, view->replicas);
      const auto now = cluster.client().clock().now();
      ASSIGN_OR_RETURN(const auto made, plans.create(upgrade::new_plan(upgrade::plan_name(component, now), change)));
      name = made.name;
    }
  }
  if (name.empty()) return nothing;
  ASSIGN_OR_RETURN(const auto with, UpgradeServices::make(context, env, open, ""));
  upgrade::Machine machine(cluster, with->services());
  ASSIGN_OR_RETURN(auto ended, machine.run(name, kWaitForAnother));
  return std::optional(std::move(ended));
}

}  // namespace nautilus::cli
