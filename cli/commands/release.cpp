// nautilusctl release export --env ENV [--release NAME] [--dry-run] [--yes]
#include <fmt/ranges.h>

#include "cli/commands/commands.h"
#include "cli/flags/values.h"
#include "cli/session.h"
#include "cli/source.h"
#include "core/release/export.h"

namespace nautilus::cli {

namespace {

struct Flags {
  ValuesFlags values;
  std::string release, take_over_lock;
  bool dry_run = false, yes = false;
};

std::string described(const release::Export& plan, const env::Environment& env) {
  std::string out = fmt::format("Helm release {} in namespace {}: revision {}{}\n", plan.release, env.namespace_,
                                plan.version, plan.write_record ? " is written" : " is there already");
  for (const auto& object : plan.objects) {
    if (!object.handover.needed) continue;
    out += fmt::format("> hand over {}\n", object.id.text());
    for (const auto& mark : object.handover.marks) out += fmt::format("    {}\n", mark);
    if (!object.handover.others.empty())
      out += fmt::format("    {} keep their fields\n", fmt::join(object.handover.others, ", "));
  }
  for (const auto& payload : plan.supersede)
    out += fmt::format("~ Helm's revision {} becomes superseded\n", value::int_at(payload, 0, "version"));
  for (const auto& id : plan.left) out += fmt::format("  leave     {}: not in the chart\n", id.text());
  for (const auto& problem : plan.problems) {
    out += "problem: " + problem.text() + "\n";
    if (!problem.hint.empty()) out += "   hint: " + problem.hint + "\n";
  }
  return out + fmt::format("{}: {} of {} objects to hand over\n", env.name, plan.to_move(), plan.objects.size());
}

Json plan_json(const release::Export& plan, int revision) {
  Json objects = Json::array(), left = Json::array(), problems = Json::array();
  for (const auto& object : plan.objects)
    objects.push_back({{"object", object.id.text()},
                       {"handOver", object.handover.needed},
                       {"marks", object.handover.marks},
                       {"others", object.handover.others}});
  for (const auto& id : plan.left) left.push_back(id.text());
  for (const auto& problem : plan.problems) problems.push_back(problem.text());
  return {{"revision", revision},
          {"helm", {{"release", plan.release}, {"version", plan.version}, {"write", plan.write_record}}},
          {"objects", std::move(objects)},
          {"left", std::move(left)},
          {"problems", std::move(problems)}};
}

Result<int> run(Context& context, const Flags& flags) {
  ASSIGN_OR_RETURN(auto source, Source::open(context, flags.values.env, ""));
  auto progress = context.progress();
  ASSIGN_OR_RETURN(auto open, OpenSession::open(context, source->env, *progress));
  const env::Environment env = source->env;
  // Helm will render under this name, so that is what must be in the cluster.
  if (!flags.release.empty()) source->env.release = flags.release;
  ASSIGN_OR_RETURN(const auto desired, source->render(flags.values.overrides));
  ASSIGN_OR_RETURN(const auto helm, release::helm_source(source->files(), source->env, flags.values.overrides));
  release::ExportOptions options;
  options.release = source->env.release;
  options.take_over_lock = flags.take_over_lock;
  if (!flags.yes && context.stdin_is_terminal())
    options.confirm = [&](const release::Export& plan) -> Result<bool> {
      context.note(described(plan, env));
      const std::string answer = context.ask("Hand over to Helm? [y/N] ");
      return answer == "y" || answer == "Y" || answer == "yes";
    };
  release::Export plan;
  if (flags.dry_run) {
    ASSIGN_OR_RETURN(plan, release::plan_export(open->session(), desired, helm, options));
    if (context.text())
      context.print(std::string_view(described(plan, env)));
    else
      context.print(plan_json(plan, 0));
    if (!plan.problems.empty()) return plan.problems.front();
    return plan.nothing_to_do() ? 0 : base::exit_code(Code::differences);
  }
  ASSIGN_OR_RETURN(const int revision, release::export_release(open->session(), desired, helm, options, plan));
  if (!context.text())
    context.print(plan_json(plan, revision));
  else if (revision == 0)
    context.print(std::string_view(fmt::format("{}: Helm has it already, as {}\n", env.name, plan.release)));
  else
    context.print(std::string_view(fmt::format(
        "{}: revision {}: {} objects handed over to Helm release {} revision {}\nnext: helm list --namespace {}\n",
        env.name, revision, plan.to_move(), plan.release, plan.version, env.namespace_)));
  return 0;
}

}  // namespace

void add_release(CLI::App& app, Context& context) {
  auto* group = app.add_subcommand("release", "hand the release back to Helm");
  group->require_subcommand(1);
  auto* command =
      group->add_subcommand("export", "make it a release of Helm: its record and its marks, without a restart");
  auto flags = std::make_shared<Flags>();
  add_values(*command, flags->values);
  command->add_option("--release", flags->release, "what Helm shall call it (default: the environment's release)")
      ->type_name("NAME");
  command->add_flag("--dry-run", flags->dry_run,
                    "show what would be handed over and write nothing; exit code 10 if anything");
  command->add_flag("--yes,-y", flags->yes, "do not ask");
  command->add_option("--take-over-lock", flags->take_over_lock, "take the lock from this holder, who is dead")
      ->type_name("HOLDER");
  command->callback([&context, flags] { context.run = [flags](Context& c) { return run(c, *flags); }; });
}

}  // namespace nautilus::cli
