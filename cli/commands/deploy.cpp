// nautilusctl deploy --env ENV | --plan FILE
#include "cli/flags/deploy.h"

#include "cli/commands/commands.h"
#include "cli/flags/values.h"
#include "cli/output/plan_text.h"
#include "cli/services.h"
#include "cli/session.h"

namespace nautilus::cli {

namespace {

struct Flags {
  ValuesFlags values;
  ChangeFlags change;
  std::string plan_file, dry_run = "none";
};

Result<apply::Plan> read_plan(const Context& context, const std::string& file) {
  auto text = context.ports.files.read(file);
  if (!text.ok()) return std::move(text).error().within("reading plan " + file);
  ASSIGN_OR_RETURN(const Json json, value::parse_json(*text, file));
  return apply::plan_from_json(json, file);
}

int say_how_it_went(const Context& context, const release::Outcome& outcome) {
  if (!context.text()) {
    context.print(outcome_json(outcome));
    return 0;
  }
  const auto& plan = outcome.planned.plan;
  if (outcome.revision == 0) {
    context.print(std::string_view(
        fmt::format("{}: nothing to do, {} objects are as they should be\n", plan.environment, plan.items.size())));
    return 0;
  }
  context.print(std::string_view(timeline(outcome)));
  context.print(
      std::string_view(fmt::format("{}: revision {} deployed, {} writes (plan {})\n", plan.environment,
                                   outcome.revision, outcome.execution.writes, outcome.digest.substr(0, 19))));
  return 0;
}

Result<int> dry_run(Context& context, OpenSession& open, const apply::Desired& desired,
                    const release::DeployOptions& options) {
  ASSIGN_OR_RETURN(const auto planned, release::plan(open.session(), desired, options));
  if (context.text())
    context.print(std::string_view(plan_details(planned)));
  else
    context.print(plan_json(planned));
  TRY(release::refuse_problems(planned));
  return 0;
}

Result<int> deploy(Context& context, Flags& flags) {
  std::optional<apply::Plan> saved;
  if (!flags.plan_file.empty()) {
    ASSIGN_OR_RETURN(saved, read_plan(context, flags.plan_file));
    if (!flags.values.env.empty() && flags.values.env != saved->environment)
      return Error(Code::usage, fmt::format("--env {} but the plan is for {}", flags.values.env, saved->environment));
    flags.values.env = saved->environment;
  }
  if (flags.values.env.empty()) return Error(Code::usage, "say which environment: --env ENV, or --plan FILE");
  ASSIGN_OR_RETURN(auto env, context.environment(flags.values.env));
  ASSIGN_OR_RETURN(const auto options, change_options(context, flags.change, env));
  apply::Desired desired;
  if (!saved) {
    auto services = render_services(context);
    ASSIGN_OR_RETURN(desired, apply::render(context.ports.files, env, flags.values.overrides, services));
  }
  if (flags.dry_run == "client") {
    context.print(std::string_view(fmt::format("{}: {} objects render; the cluster was not asked\n", env.name,
                                               saved ? saved->items.size() : desired.objects.size())));
    return 0;
  }
  auto progress = context.progress();
  ASSIGN_OR_RETURN(auto open, OpenSession::open(context, env, *progress));
  if (flags.dry_run == "server") return dry_run(context, *open, desired, options);
  release::Outcome outcome;
  TRY(saved ? release::deploy_saved(open->session(), *saved, options, outcome)
            : release::deploy(open->session(), desired, options, outcome));
  return say_how_it_went(context, outcome);
}

}  // namespace

void add_deploy(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("deploy", "bring an environment up, or bring it up to date");
  auto flags = std::make_shared<Flags>();
  add_values(*command, flags->values);
  command->get_option("--env")->required(false);
  add_change(*command, flags->change);
  command->add_option("--plan", flags->plan_file, "apply a plan saved by diff --save-plan")
      ->type_name("FILE")
      ->excludes("--set", "--values", "--set-string", "--set-json", "--set-file", "--set-literal");
  command->add_option("--dry-run", flags->dry_run, "none, client (render only) or server (plan, write nothing)")
      ->check(CLI::IsMember({"none", "client", "server"}));
  command->callback([&context, flags] { context.run = [flags](Context& c) { return deploy(c, *flags); }; });
}

}  // namespace nautilus::cli
