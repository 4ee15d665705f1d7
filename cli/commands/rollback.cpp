// nautilusctl rollback [COMPONENT] --env ENV [--to N] [--reason TEXT]
#include "core/release/rollback.h"

#include "cli/commands/commands.h"
#include "cli/flags/deploy.h"
#include "cli/flags/values.h"
#include "cli/output/plan_text.h"
#include "cli/output/upgrade_text.h"
#include "cli/session.h"
#include "cli/upgrade_rollback.h"
#include "core/audit/log.h"

namespace nautilus::cli {

namespace {

struct Flags {
  std::string env;
  release::RollbackTarget target;
  ChangeFlags change;
};

// A rollback is for when things are bad: a record that cannot be written does not hold it up, but is said.
void record(const Context& context, const release::Session& session, const std::string& action, const Flags& flags,
            Json data) {
  data["reason"] = flags.target.reason;
  data["component"] = flags.target.component;
  const auto done = audit::Log(session.cluster)
                        .append({"", session.who, action, "release " + session.env.release, std::move(data)});
  if (!done.ok()) context.warn("not in the audit record: " + done.error().text());
}

// Through the machine of upgrades, where one has to do with it; nothing otherwise.
Result<std::optional<int>> by_upgrade(const Context& context, const env::Environment& env, OpenSession& open,
                                      const Flags& flags) {
  if (flags.target.component.empty() || flags.target.to != 0) return std::optional<int>();
  ASSIGN_OR_RETURN(const auto plan,
                   roll_back_upgrade(context, env, open, flags.target.component, flags.target.reason));
  if (!plan) return std::optional<int>();
  record(context, open.session(), "rollback.done", flags, {{"plan", plan->name}, {"phase", plan->status.phase}});
  if (context.text())
    context.print(std::string_view(plan_view(*plan, open.session().cluster.client().clock().now())));
  else
    context.print(plan_to_json(*plan));
  return std::optional<int>(plan->status.phase == upgrade::kFailed ? 1 : 0);
}

Result<int> run(Context& context, const Flags& flags) {
  ASSIGN_OR_RETURN(auto env, context.environment(flags.env));
  ASSIGN_OR_RETURN(const auto options, change_options(context, flags.change, env));
  auto progress = context.progress();
  ASSIGN_OR_RETURN(auto open, OpenSession::open(context, env, *progress));
  const auto session = open->session();
  TRY(release::check_cluster(session));
  record(context, session, "rollback.asked", flags, {{"to", flags.target.to}});
  ASSIGN_OR_RETURN(const auto ended, by_upgrade(context, env, *open, flags));
  if (ended) return *ended;
  release::Outcome outcome;
  auto done = release::rollback(session, flags.target, options, outcome);
  record(context, session, "rollback.done", flags,
         {{"revision", outcome.revision}, {"error", done.ok() ? "" : done.error().text()}});
  if (!done.ok()) return std::move(done).error();
  if (!context.text()) {
    context.print(outcome_json(outcome));
  } else if (outcome.revision == 0) {
    context.print(std::string_view(fmt::format("{}: nothing to roll back, the cluster is in that state\n", env.name)));
  } else {
    context.print(std::string_view(timeline(outcome) + fmt::format("{}: revision {}: {}\n", env.name, outcome.revision,
                                                                   outcome.planned.plan.description)));
  }
  return 0;
}

}  // namespace

void add_rollback(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("rollback", "go back to an earlier revision, whole or one component");
  auto flags = std::make_shared<Flags>();
  command->add_option("component", flags->target.component, "backend, frontend, redis, ... (default: everything)");
  add_env(*command, flags->env);
  command->add_option("--to", flags->target.to, "revision (default: the last good one before the current)")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  command->add_option("--reason", flags->target.reason, "goes into the history and the audit record")->type_name("TEXT");
  add_change(*command, flags->change);
  command->callback([&context, flags] { context.run = [flags](Context& c) { return run(c, *flags); }; });
}

}  // namespace nautilus::cli
