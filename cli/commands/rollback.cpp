// nautilusctl rollback [COMPONENT] --env ENV [--to N] [--reason TEXT]
#include "core/release/rollback.h"

#include "cli/commands/commands.h"
#include "cli/flags/deploy.h"
#include "cli/flags/values.h"
#include "cli/output/plan_text.h"
#include "cli/session.h"

namespace nautilus::cli {

namespace {

struct Flags {
  std::string env;
  release::RollbackTarget target;
  ChangeFlags change;
};

Result<int> run(Context& context, const Flags& flags) {
  ASSIGN_OR_RETURN(auto env, context.environment(flags.env));
  ASSIGN_OR_RETURN(const auto options, change_options(context, flags.change, env));
  auto progress = context.progress();
  ASSIGN_OR_RETURN(auto open, OpenSession::open(context, env, *progress));
  release::Outcome outcome;
  TRY(release::rollback(open->session(), flags.target, options, outcome));
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
  command->add_option("--reason", flags->target.reason, "goes into the history")->type_name("TEXT");
  add_change(*command, flags->change);
  command->callback([&context, flags] { context.run = [flags](Context& c) { return run(c, *flags); }; });
}

}  // namespace nautilus::cli
