// nautilusctl diff --env ENV [--save-plan FILE]: exit code 10 if anything would change
#include "cli/commands/commands.h"
#include "cli/flags/deploy.h"
#include "cli/flags/values.h"
#include "cli/output/plan_text.h"
#include "cli/session.h"
#include "cli/source.h"
#include "core/release/operators.h"

namespace nautilus::cli {

namespace {

struct Flags {
  ValuesFlags values;
  std::string save_plan, operator_name, bundle;
  std::vector<std::string> take_from, allow_removal;
};

Result<int> diff(Context& context, const Flags& flags) {
  ASSIGN_OR_RETURN(auto source, Source::open(context, flags.values.env, flags.bundle));
  const env::Environment& env = source->env;
  ASSIGN_OR_RETURN(const auto desired, source->render(flags.values.overrides));
  ASSIGN_OR_RETURN(const auto operators, source->render_operators(flags.operator_name));
  auto progress = context.progress();
  ASSIGN_OR_RETURN(auto open, OpenSession::open(context, env, *progress));
  release::DeployOptions options;
  options.take_from = {flags.take_from.begin(), flags.take_from.end()};
  options.allow_removal = {flags.allow_removal.begin(), flags.allow_removal.end()};
  options.operators_come_first = true;
  const bool operators_only = !flags.operator_name.empty();
  ASSIGN_OR_RETURN(const auto theirs, release::plan_operators(open->session(), operators, desired, options));
  std::optional<apply::Planned> ours;
  if (!operators_only) { ASSIGN_OR_RETURN(ours, release::plan(open->session(), desired, options)); }
  if (context.text())
    context.print(std::string_view(plans_details(theirs, ours ? &*ours : nullptr)));
  else
    context.print(plans_json(theirs, ours ? &*ours : nullptr));
  bool changes = ours && ours->plan.changes_anything();
  for (const auto& op : theirs) {
    TRY(release::refuse_problems(op.planned).within("planning operator " + op.name));
    changes = changes || op.planned.plan.changes_anything();
  }
  if (!ours) return changes ? base::exit_code(Code::differences) : 0;
  const apply::Planned& planned = *ours;
  TRY(release::refuse_problems(planned));
  if (!flags.save_plan.empty()) {
    ASSIGN_OR_RETURN(const Json json, apply::to_json(planned.plan));
    TRY(context.ports.files.write(flags.save_plan, json.dump(1) + "\n", 0600).within("saving the plan"));
    if (!theirs.empty()) context.note("the plan holds the environment only; deploy without --plan installs operators");
    context.note(fmt::format("plan saved; apply it with: nautilusctl deploy --plan {}", flags.save_plan));
  }
  return changes ? base::exit_code(Code::differences) : 0;
}

}  // namespace

void add_diff(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("diff", "compare an environment with the cluster; exit code 10 if they differ");
  auto flags = std::make_shared<Flags>();
  add_values(*command, flags->values);
  add_operator(*command, flags->operator_name);
  add_bundle(*command, flags->bundle);
  command->add_option("--save-plan", flags->save_plan, "write the plan to a file for deploy --plan")
      ->type_name("FILE")
      ->excludes("--operator");
  command->add_option("--take-from", flags->take_from, "plan to take fields over from this field manager; repeatable")
      ->type_name("MANAGER")
      ->allow_extra_args(false);
  command->add_option("--allow-removal", flags->allow_removal, "plan to let this object go; repeatable")
      ->type_name("OBJECT")
      ->allow_extra_args(false);
  command->callback([&context, flags] { context.run = [flags](Context& c) { return diff(c, *flags); }; });
}

}  // namespace nautilus::cli
