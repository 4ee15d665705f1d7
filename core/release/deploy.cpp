#include "core/release/deploy.h"

#include "core/apply/operators.h"
#include "core/release/adopt.h"
#include "core/release/commit.h"
#include "core/release/export.h"

namespace nautilus::release {

namespace {

struct Known {
  std::vector<Revision> revisions;
  int newest() const { return revisions.empty() ? 0 : revisions.back().number; }
  bool unfinished() const { return !revisions.empty() && revisions.back().status != kDeployed; }
};

Result<apply::Planned> plan_against(const Session& session, const apply::Desired& desired, const DeployOptions& options,
                                    const Known& known) {
  apply::PlanInput input{session.env, desired, entries(inventory(known.revisions))};
  input.base_revision = known.newest();
  input.take_from = options.take_from;
  input.allow_removal = options.allow_removal;
  input.operators_come_first = options.operators_come_first;
  input.is_operator = options.is_operator;
  return apply::make_plan(session.cluster, input);
}

Result<> confirmed(const DeployOptions& options, const apply::Planned& planned) {
  if (!options.confirm) return {};
  ASSIGN_OR_RETURN(const bool yes, options.confirm(planned));
  if (!yes) return Error(Code::interrupted, "not confirmed, nothing was written");
  return {};
}

}  // namespace

Result<> check_cluster(const Session& session) {
  if (session.env.kube_system_uid.empty()) return {};
  ASSIGN_OR_RETURN(const std::string uid, session.cluster.uid());
  if (uid == session.env.kube_system_uid) return {};
  return Error(Code::refused,
               fmt::format("environment {} belongs to the cluster with kube-system UID {}, this one has {}",
                           session.env.name, session.env.kube_system_uid, uid),
               "the kubeconfig context points at another cluster; choose one with --context")
      .at(session.env.file);
}

Result<> refuse_problems(const apply::Planned& planned) {
  if (planned.problems.empty()) return {};
  Error first = planned.problems.front();
  if (planned.problems.size() > 1)
    first.message += fmt::format(" (and {} more {}, see `nautilusctl diff`)", planned.problems.size() - 1,
                                 planned.problems.size() == 2 ? "problem" : "problems");
  return first;
}

Result<apply::Planned> plan(const Session& session, const apply::Desired& desired, const DeployOptions& options) {
  TRY(check_cluster(session));
  Known known;
  ASSIGN_OR_RETURN(known.revisions, session.store().list(true));
  return plan_against(session, desired, options, known);
}

namespace {

// Said before anything waits for what is missing.
void tell_warnings(const Session& session, const apply::Planned& planned) {
  for (const auto& warning : planned.warnings)
    session.cluster.tell({port::Event::Level::warning, {}, "plan", "", "warning", warning});
}

}  // namespace

Result<> deploy(const Session& session, const apply::Desired& desired, const DeployOptions& options, Outcome& outcome) {
  TRY(check_cluster(session));
  TRY(apply::wait_for_definitions(session.cluster, session.env.operators, session.env.wave_timeout));
  Known known;
  ASSIGN_OR_RETURN(known.revisions, session.store().list(true));
  TRY(check_adoption_finished(known.revisions));
  TRY(check_not_exported(session, known.revisions));
  ASSIGN_OR_RETURN(outcome.planned, plan_against(session, desired, options, known));
  TRY(refuse_problems(outcome.planned));
  outcome.digest = outcome.planned.plan.digest();
  tell_warnings(session, outcome.planned);
  // A run that was killed may have written everything and only not seen it become healthy: that is finished here.
  if (!outcome.planned.plan.changes_anything() && !known.unfinished()) return {};
  TRY(confirmed(options, outcome.planned));
  return commit(session, outcome.planned.plan, options, outcome);
}

Result<> deploy_saved(const Session& session, const apply::Plan& plan, const DeployOptions& options, Outcome& outcome) {
  TRY(check_cluster(session));
  ASSIGN_OR_RETURN(const std::string uid, session.cluster.uid());
  if (uid != plan.cluster_uid)
    return Error(Code::refused, "the plan was made for another cluster",
                 fmt::format("its kube-system UID is {}, this one's is {}", plan.cluster_uid, uid));
  if (plan.environment != session.env.name || plan.release != session.env.release)
    return Error(Code::refused,
                 fmt::format("the plan is for release {} of environment {}", plan.release, plan.environment));
  outcome.planned.plan = plan;
  outcome.digest = plan.digest();
  if (!plan.changes_anything()) return {};
  TRY(confirmed(options, outcome.planned));
  return commit(session, plan, options, outcome);
}

}  // namespace nautilus::release
