// nautilusctl diff --env ENV [--save-plan FILE]: exit code 10 if anything would change
#include "cli/commands/commands.h"
#include "cli/flags/deploy.h"
#include "cli/flags/values.h"
#include "cli/output/plan_text.h"
#include "cli/services.h"
#include "cli/session.h"

namespace nautilus::cli {

namespace {

struct Flags {
  ValuesFlags values;
  std::string save_plan;
  std::vector<std::string> take_from, allow_removal;
};

Result<int> diff(Context& context, const Flags& flags) {
  ASSIGN_OR_RETURN(const auto env, context.environment(flags.values.env));
  auto services = render_services(context);
  ASSIGN_OR_RETURN(const auto desired, apply::render(context.ports.files, env, flags.values.overrides, services));
  auto progress = context.progress();
  ASSIGN_OR_RETURN(auto open, OpenSession::open(context, env, *progress));
  release::DeployOptions options;
  options.take_from = {flags.take_from.begin(), flags.take_from.end()};
  options.allow_removal = {flags.allow_removal.begin(), flags.allow_removal.end()};
  ASSIGN_OR_RETURN(const auto planned, release::plan(open->session(), desired, options));
  if (context.text())
    context.print(std::string_view(plan_details(planned)));
  else
    context.print(plan_json(planned));
  TRY(release::refuse_problems(planned));
  if (!flags.save_plan.empty()) {
    ASSIGN_OR_RETURN(const Json json, apply::to_json(planned.plan));
    TRY(context.ports.files.write(flags.save_plan, json.dump(1) + "\n", 0600).within("saving the plan"));
    context.note(fmt::format("plan saved; apply it with: nautilusctl deploy --plan {}", flags.save_plan));
  }
  return planned.plan.changes_anything() ? base::exit_code(Code::differences) : 0;
}

}  // namespace

void add_diff(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("diff", "compare an environment with the cluster; exit code 10 if they differ");
  auto flags = std::make_shared<Flags>();
  add_values(*command, flags->values);
  command->add_option("--save-plan", flags->save_plan, "write the plan to a file for deploy --plan")->type_name("FILE");
  command->add_option("--take-from", flags->take_from, "plan to take fields over from this field manager; repeatable")
      ->type_name("MANAGER")
      ->allow_extra_args(false);
  command->add_option("--allow-removal", flags->allow_removal, "plan to let this object go; repeatable")
      ->type_name("OBJECT")
      ->allow_extra_args(false);
  command->callback([&context, flags] { context.run = [flags](Context& c) { return diff(c, *flags); }; });
}

}  // namespace nautilus::cli
