// nautilusctl deploy --env ENV [--operator NAME] [--bundle FILE] | --plan FILE
#include "cli/flags/deploy.h"

#include "cli/commands/commands.h"
#include "cli/flags/values.h"
#include "cli/output/plan_text.h"
#include "cli/session.h"
#include "cli/source.h"
#include "core/release/operators.h"

namespace nautilus::cli {

namespace {

struct Flags {
  ValuesFlags values;
  ChangeFlags change;
  std::string plan_file, operator_name, bundle, dry_run = "none";
};

Result<apply::Plan> read_plan(const Context& context, const std::string& file) {
  auto text = context.ports.files.read(file);
  if (!text.ok()) return std::move(text).error().within("reading plan " + file);
  ASSIGN_OR_RETURN(const Json json, value::parse_json(*text, file));
  return apply::plan_from_json(json, file);
}

// What there is to do: the operators that nautilusctl installs, and the environment unless --operator limits it.
struct Work {
  apply::Desired desired;
  std::vector<apply::DesiredOperator> operators;
  bool environment = true;
};

void print_outcome(const Context& context, const std::string& what, const release::Outcome& outcome) {
  if (outcome.revision == 0) {
    context.print(std::string_view(
        fmt::format("{}: nothing to do, {} objects are as they should be\n", what, outcome.planned.plan.items.size())));
    return;
  }
  context.print(std::string_view(timeline(outcome)));
  context.print(std::string_view(fmt::format("{}: revision {} deployed, {} writes (plan {})\n", what, outcome.revision,
                                             outcome.execution.writes, outcome.digest.substr(0, 19))));
}

int say_how_it_went(const Context& context, const std::vector<release::OperatorOutcome>& operators,
                    const release::Outcome* outcome) {
  if (!context.text()) {
    Json json = outcome ? outcome_json(*outcome) : Json::object();
    json["operators"] = Json::array();
    for (const auto& op : operators) {
      Json entry = outcome_json(op.outcome);
      entry["name"] = op.name;
      json["operators"].push_back(std::move(entry));
    }
    context.print(json);
    return 0;
  }
  for (const auto& op : operators) print_outcome(context, "operator " + op.name, op.outcome);
  if (outcome) print_outcome(context, outcome->planned.plan.environment, *outcome);
  return 0;
}

Result<int> dry_run(Context& context, OpenSession& open, const Work& work, release::DeployOptions options) {
  options.operators_come_first = true;
  ASSIGN_OR_RETURN(const auto operators,
                   release::plan_operators(open.session(), work.operators, work.desired, options));
  std::optional<apply::Planned> planned;
  if (work.environment) { ASSIGN_OR_RETURN(planned, release::plan(open.session(), work.desired, options)); }
  if (context.text())
    context.print(std::string_view(plans_details(operators, planned ? &*planned : nullptr)));
  else
    context.print(plans_json(operators, planned ? &*planned : nullptr));
  for (const auto& op : operators) TRY(release::refuse_problems(op.planned).within("planning operator " + op.name));
  if (planned) TRY(release::refuse_problems(*planned));
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
  if (flags.values.env.empty() && flags.bundle.empty())
    return Error(Code::usage, "say which environment: --env ENV, or --plan FILE");
  ASSIGN_OR_RETURN(auto source, Source::open(context, flags.values.env, flags.bundle));
  env::Environment& env = source->env;
  ASSIGN_OR_RETURN(const auto options, change_options(context, flags.change, env));
  Work work;
  work.environment = flags.operator_name.empty();
  if (!saved) {
    ASSIGN_OR_RETURN(work.desired, source->render(flags.values.overrides));
    ASSIGN_OR_RETURN(work.operators, source->render_operators(flags.operator_name));
  }
  if (flags.dry_run == "client") {
    std::size_t objects = saved ? saved->items.size() : work.environment ? work.desired.objects.size() : 0;
    for (const auto& op : work.operators) objects += op.desired.objects.size();
    context.print(
        std::string_view(fmt::format("{}: {} objects render; the cluster was not asked\n", env.name, objects)));
    return 0;
  }
  auto progress = context.progress();
  ASSIGN_OR_RETURN(auto open, OpenSession::open(context, env, *progress));
  if (flags.dry_run == "server") return dry_run(context, *open, work, options);
  release::Outcome outcome;
  std::vector<release::OperatorOutcome> operators;
  TRY(release::deploy_operators(open->session(), work.operators, work.desired, options, operators));
  if (!work.environment) return say_how_it_went(context, operators, nullptr);
  TRY(saved ? release::deploy_saved(open->session(), *saved, options, outcome)
            : release::deploy(open->session(), work.desired, options, outcome));
  return say_how_it_went(context, operators, &outcome);
}

}  // namespace

void add_deploy(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("deploy", "bring an environment up, or bring it up to date");
  auto flags = std::make_shared<Flags>();
  add_values(*command, flags->values);
  command->get_option("--env")->required(false);
  add_change(*command, flags->change);
  add_operator(*command, flags->operator_name);
  add_bundle(*command, flags->bundle);
  command->add_option("--plan", flags->plan_file, "apply a plan saved by diff --save-plan")
      ->type_name("FILE")
      ->excludes("--operator", "--bundle", "--set", "--values", "--set-string", "--set-json", "--set-file",
                 "--set-literal");
  command->add_option("--dry-run", flags->dry_run, "none, client (render only) or server (plan, write nothing)")
      ->check(CLI::IsMember({"none", "client", "server"}));
  command->callback([&context, flags] { context.run = [flags](Context& c) { return deploy(c, *flags); }; });
}

}  // namespace nautilus::cli
