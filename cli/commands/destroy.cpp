// nautilusctl destroy --env ENV [--operator NAME] [--delete-data]
#include "core/release/destroy.h"

#include "cli/commands/commands.h"
#include "cli/flags/deploy.h"
#include "cli/flags/values.h"
#include "cli/output/plan_text.h"
#include "cli/session.h"
#include "cli/source.h"

namespace nautilus::cli {

namespace {

struct Flags {
  std::string env, operator_name;
  bool delete_data = false;
  ChangeFlags change;
};

Result<int> run(Context& context, const Flags& flags) {
  ASSIGN_OR_RETURN(auto env, context.environment(flags.env));
  if (!flags.operator_name.empty()) {
    ASSIGN_OR_RETURN(const auto* op, operator_named(env, flags.operator_name));
    env = apply::operator_environment(env, *op);
  }
  ASSIGN_OR_RETURN(const auto change, change_options(context, flags.change, env));
  if (!flags.change.yes && !context.stdin_is_terminal())
    return Error(Code::usage, "destroy removes everything and nobody can be asked here", "say --yes");
  release::DestroyOptions options;
  options.delete_data = flags.delete_data;
  options.lock_wait = change.lock_wait;
  options.take_over_lock = change.take_over_lock;
  if (!flags.change.yes)
    options.confirm = [&](const apply::Planned& planned) -> Result<bool> {
      context.note(plan_details(planned));
      return context.ask("Type the environment's name to destroy it: ") == env.name;
    };
  auto progress = context.progress();
  ASSIGN_OR_RETURN(auto open, OpenSession::open(context, env, *progress));
  release::Outcome outcome;
  TRY(release::destroy(open->session(), options, outcome));
  if (!context.text())
    context.print(outcome_json(outcome));
  else if (outcome.planned.plan.items.empty())
    context.print(std::string_view(fmt::format("{}: nothing of it is on this cluster\n", env.name)));
  else
    context.print(std::string_view(fmt::format("{}: destroyed, {} objects removed{}\n", env.name,
                                               outcome.planned.plan.count(apply::Action::remove),
                                               flags.delete_data ? "" : ", data kept (--delete-data removes it)")));
  return 0;
}

}  // namespace

void add_destroy(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("destroy", "remove everything the release made");
  auto flags = std::make_shared<Flags>();
  add_env(*command, flags->env);
  add_operator(*command, flags->operator_name);
  command->add_flag("--delete-data", flags->delete_data, "also what holds data: claims, generated Secrets, namespaces");
  add_change(*command, flags->change);
  command->callback([&context, flags] { context.run = [flags](Context& c) { return run(c, *flags); }; });
}

}  // namespace nautilus::cli
