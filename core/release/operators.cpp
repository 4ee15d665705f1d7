#include "core/release/operators.h"

#include "core/apply/observe.h"

namespace nautilus::release {

namespace {

const Json* rendered_namespace(const apply::Desired& desired, const std::string& name) {
  for (const auto& object : desired.objects)
    if (value::string_at(object.manifest, "kind") == "Namespace" &&
        value::string_at(object.manifest, "metadata", "name") == name)
      return &object.manifest;
  return nullptr;
}

bool belongs_to_the_cluster(const std::string& name) { return name == "default" || name.starts_with("kube-"); }

// Nobody else renders the operator's namespace: its own release does. It stays when the release goes, because what else
// lives there is not known.
apply::Desired with_namespace(const apply::DesiredOperator& op, const apply::Desired& platform) {
  apply::Desired desired = op.desired;
  const std::string& name = op.env.namespace_;
  if (belongs_to_the_cluster(name) || rendered_namespace(platform, name) || rendered_namespace(desired, name))
    return desired;
  Json object = {{"apiVersion", "v1"},
                 {"kind", "Namespace"},
                 {"metadata", {{"name", name}, {"annotations", {{"nautilusctl.io/prune", "never"}}}}}};
  desired.objects.insert(desired.objects.begin(), {std::move(object), "operator " + op.op->name});
  return desired;
}

// The environment renders the operator's namespace, but comes later: it is made now, as it will be, and belongs to the
// environment's inventory.
Result<> make_namespace(const Session& session, const std::string& name, const apply::Desired& platform) {
  const Json* manifest = rendered_namespace(platform, name);
  if (!manifest) return {};
  apply::PlanItem item;
  item.id = {"", "Namespace", "", name};
  item.api_version = "v1";
  item.manifest = *manifest;
  item.wave = apply::Wave::namespaces;
  item.action = apply::Action::create;
  ASSIGN_OR_RETURN(const auto live, apply::observe(session.cluster, {{item.id, item.api_version}}));
  if (live.find(item.id)) return {};
  apply::Plan plan;
  plan.namespace_ = name;
  plan.items.push_back(std::move(item));
  return apply::ensure_namespace(session.cluster, plan);
}

DeployOptions operator_options(const DeployOptions& options) {
  DeployOptions own = options;
  own.is_operator = true;
  own.operators_come_first = true;  // one may use kinds of another that comes later
  return own;
}

}  // namespace

Session operator_session(const Session& session, const env::Environment& env) {
  return {session.cluster, env, session.entropy, session.who};
}

Result<> deploy_operators(const Session& session, const std::vector<apply::DesiredOperator>& operators,
                          const apply::Desired& platform, const DeployOptions& options,
                          std::vector<OperatorOutcome>& outcomes) {
  if (operators.empty()) return {};
  TRY(check_cluster(session));
  const DeployOptions own = operator_options(options);
  for (const auto& op : operators) {
    const std::string what = "deploying operator " + op.op->name;
    OperatorOutcome& result = outcomes.emplace_back(OperatorOutcome{op.op->name, {}});
    const Session its = operator_session(session, op.env);
    const apply::Desired desired = with_namespace(op, platform);
    if (own.confirm) {
      // The namespace is made only for what will be installed: the question comes first.
      ASSIGN_OR_RETURN(const auto planned, plan(its, desired, own));
      TRY(refuse_problems(planned).within(what));
      ASSIGN_OR_RETURN(const bool yes, planned.plan.changes_anything() ? own.confirm(planned) : Result<bool>(true));
      if (!yes) return Error(Code::interrupted, "not confirmed, nothing more was written");
    }
    DeployOptions confirmed = own;
    confirmed.confirm = nullptr;
    TRY(make_namespace(session, op.env.namespace_, platform).within(what));
    TRY(deploy(its, desired, confirmed, result.outcome).within(what));
  }
  return session.cluster.forget_kinds();
}

Result<std::vector<PlannedOperator>> plan_operators(const Session& session,
                                                    const std::vector<apply::DesiredOperator>& operators,
                                                    const apply::Desired& platform, const DeployOptions& options) {
  std::vector<PlannedOperator> all;
  for (const auto& op : operators) {
    auto planned = plan(operator_session(session, op.env), with_namespace(op, platform), operator_options(options));
    if (!planned.ok()) return std::move(planned).error().within("planning operator " + op.op->name);
    all.push_back({op.op->name, op.desired.chart, op.digest, std::move(planned).value()});
  }
  return all;
}

}  // namespace nautilus::release
