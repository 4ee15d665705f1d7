#include "core/upgrade/observe.h"

#include "core/audit/log.h"
#include "core/kube/reader.h"
#include "core/release/lease.h"
#include "core/upgrade/manifests.h"
#include "core/upgrade/plans.h"
#include "core/upgrade/views.h"

namespace nautilus::upgrade {

namespace {

// The object, null if it is not there.
Result<Json> find(apply::Cluster& cluster, const value::ObjectId& id, const std::string& api_version) {
  ASSIGN_OR_RETURN(const auto* resource, cluster.resource(id, api_version));
  auto found = kube::Reader(cluster.client()).find(*resource, id.namespace_, id.name);
  if (!found.ok()) return std::move(found).error().within("reading " + id.text());
  return *found ? std::move(**found) : Json();
}

Result<std::vector<Json>> pods(apply::Cluster& cluster, const std::string& space, const std::string& selector) {
  ASSIGN_OR_RETURN(const auto* resource, cluster.resource(value::GroupVersion{"", "v1"}, "Pod"));
  kube::ListOptions options;
  options.namespace_ = space;
  options.label_selector = selector;
  auto list = kube::Reader(cluster.client()).list(*resource, options);
  if (!list.ok()) return std::move(list).error().within("listing the pods of " + space);
  return std::move(list->items);
}

std::string job_state(const Json& job) {
  if (job.is_null()) return "";
  const auto verdict = status::compute(job);
  if (verdict.state == status::State::current) return "done";
  return verdict.state == status::State::failed ? "failed: " + verdict.message : "running";
}

// Whether the plan brings back what was before a plan that was done.
bool is_rollback(const std::vector<Plan>& plans, const Plan& plan) {
  return std::any_of(plans.begin(), plans.end(), [&](const Plan& other) {
    return other.name == plan.change.rollback_of && other.status.phase == kDone &&
           other.change.target() == plan.change.target() && other.status.images_before == plan.change.images;
  });
}

// An older plan for the same workload that has not ended.
std::string other_plan(const std::vector<Plan>& plans, const Plan& plan) {
  for (const Plan& other : plans) {
    if (other.uid == plan.uid || terminal(other.status.phase) || !other.invalid.empty()) continue;
    if (other.change.target() != plan.change.target()) continue;
    const bool older = std::tie(other.created, other.name) < std::tie(plan.created, plan.name);
    if (older || touched(other.status.phase)) return other.name;
  }
  return "";
}

// Approvals that other plans have used up.
Result<std::set<std::string>> used_approvals(apply::Cluster& cluster, const Plan& plan) {
  std::set<std::string> used;
  if (plan.approvals.empty()) return used;
  ASSIGN_OR_RETURN(const auto lines, audit::Log(cluster).lines());
  for (const std::string& line : lines) {
    const auto entry = audit::from_line(line);
    if (!entry.ok() || entry->event.action != "override.used" ||
        value::string_at(entry->event.data, "uid") == plan.uid)
      continue;
    if (const Json* ids = value::find(entry->event.data, "approvals"); ids && ids->is_array())
      for (const Json& id : *ids)
        if (id.is_string()) used.insert(id.get<std::string>());
  }
  return used;
}

void ask_metrics(const Services& services, const Plan& plan, port::WallTime now, Observed& observed) {
  const Change& change = plan.change;
  canary::Subject subject{change.target_namespace, change.name, change.with_canary() ? change.canary_name() : "",
                          plan.status.step, plan.status.weight, now, now};
  if (const auto since = release::parse_time(plan.status.step_started)) subject.since = *since;
  if (services.analyst)
    observed.analysis = services.analyst->analyse(change.criteria, subject);
  else if (change.criteria.metrics.empty() && change.criteria.samples_query.empty())
    observed.analysis = canary::Analysis{canary::Outcome::promote, "no metrics are asked for", {}};
  else
    observed.analysis = canary::Analysis{canary::Outcome::hold, "no Prometheus is configured", {}};
}

Result<> look_at_canary(apply::Cluster& cluster, const Plan& plan, const std::vector<Json>& beside, Seen& seen) {
  const Change& change = plan.change;
  Observed& out = seen.observed;
  if (!change.with_canary()) return {};
  ASSIGN_OR_RETURN(seen.canary, find(cluster, {"apps", "Deployment", change.target_namespace, change.canary_name()},
                                     "apps/v1"));
  out.canary = view_workload(change, seen.canary, beside);
  for (const Route& route : change.routes) {
    ASSIGN_OR_RETURN(Json live, find(cluster, route.id(), route.api_version()));
    out.routes.push_back(view_route(route, live));
    seen.routes.push_back(std::move(live));
  }
  if (plan.status.step < static_cast<int>(change.steps.size()))
    out.desired_replicas = canary_replicas(change, plan.status.step, out.stable.replicas);
  return {};
}

}  // namespace

Result<Seen> observe(apply::Cluster& cluster, const Services& services, const Plan& plan) {
  Seen seen;
  Observed& out = seen.observed;
  const auto now = cluster.client().clock().now();
  const std::string& phase = plan.status.phase;
  out.window = services.window ? services.window(now)
                               : WindowVerdict{WindowVerdict::State::unknown, {}, {}, "no calendar is configured"};
  if (!plan.invalid.empty() || terminal(phase)) return seen;
  const Change& change = plan.change;
  ASSIGN_OR_RETURN(seen.stable, find(cluster, change.target(), "apps/v1"));
  std::vector<Json> stable_pods, canary_pods;
  if (!seen.stable.is_null()) {
    ASSIGN_OR_RETURN(auto all, pods(cluster, change.target_namespace, pod_selector(seen.stable)));
    for (Json& pod : all) (is_canary_pod(pod) ? canary_pods : stable_pods).push_back(std::move(pod));
  }
  out.stable = view_workload(change, seen.stable, stable_pods);
  TRY(look_at_canary(cluster, plan, canary_pods, seen));
  if (change.switchover) {
    ASSIGN_OR_RETURN(const Json job,
                     find(cluster, {"batch", "Job", change.target_namespace, switchover_name(plan)}, "batch/v1"));
    out.switchover = job_state(job);
  }
  if (!touched(phase)) {
    ASSIGN_OR_RETURN(const auto plans, Plans(cluster).list());
    out.other_plan = other_plan(plans, plan);
    out.rollback = is_rollback(plans, plan);
    ASSIGN_OR_RETURN(const auto used, used_approvals(cluster, plan));
    out.override_ = audit::judge(plan.approvals, services.approvers, plan.id(), plan.digest(), used, now);
  }
  if (phase == kPreflight && !out.rollback)
    out.preflight = services.preflight ? services.preflight(plan)
                                       : PreflightVerdict{PreflightVerdict::State::unknown,
                                                          "no preflight checks are configured", {}};
  if (phase == kAnalysing) ask_metrics(services, plan, now, out);
  return seen;
}

}  // namespace nautilus::upgrade
