// nautilusctl adopt --env ENV [--from-helm RELEASE] [--from-kubectl] [--dry-run] [--yes]
#include "core/release/adopt.h"

#include <fmt/ranges.h>

#include "cli/commands/commands.h"
#include "cli/flags/values.h"
#include "cli/session.h"
#include "cli/source.h"

namespace nautilus::cli {

namespace {

struct Flags {
  ValuesFlags values;
  std::string from_helm, take_over_lock;
  bool from_kubectl = false, allow_restart = false, dry_run = false, yes = false;
};

std::string described(const release::Adoption& adoption, const env::Environment& env) {
  std::string out;
  if (adoption.helm)
    out += fmt::format("Helm release {} revision {} ({}, {})\n", adoption.helm->name, adoption.helm->version,
                       adoption.helm->chart, adoption.helm->server_side ? "server-side apply" : "client-side apply");
  for (const auto& object : adoption.objects) {
    if (object.takeover.needed)
      out += fmt::format("> take    {} from {}\n", object.id.text(), fmt::join(object.takeover.from, ", "));
    for (const auto& path : object.changes) out += fmt::format("    a deploy would change {}\n", path);
    for (const auto& path : object.removes) out += fmt::format("    a deploy would remove {}\n", path);
    if (object.restarts) out += "    a deploy would restart its pods\n";
  }
  for (const auto& id : adoption.missing) out += fmt::format("+ missing {}: a deploy would create it\n", id.text());
  for (const auto& id : adoption.left_over) out += fmt::format("  leave   {}: not in the environment\n", id.text());
  for (const auto& note : adoption.notes) out += fmt::format("note: a deploy would be refused: {}\n", note);
  for (const auto& problem : adoption.problems) {
    out += "problem: " + problem.text() + "\n";
    if (!problem.hint.empty()) out += "   hint: " + problem.hint + "\n";
  }
  return out +
         fmt::format("{}: {} of {} objects to take over\n", env.name, adoption.to_move(), adoption.objects.size());
}

Json adoption_json(const release::Adoption& adoption, int revision) {
  Json objects = Json::array(), missing = Json::array(), left_over = Json::array(), problems = Json::array();
  for (const auto& object : adoption.objects)
    objects.push_back({{"object", object.id.text()},
                       {"take", object.takeover.needed},
                       {"from", object.takeover.from},
                       {"others", object.takeover.others},
                       {"changes", object.changes},
                       {"removes", object.removes},
                       {"restarts", object.restarts}});
  for (const auto& id : adoption.missing) missing.push_back(id.text());
  for (const auto& id : adoption.left_over) left_over.push_back(id.text());
  for (const auto& problem : adoption.problems) problems.push_back(problem.text());
  return {{"revision", revision},    {"objects", std::move(objects)},    {"missing", std::move(missing)},
          {"notes", adoption.notes}, {"leftOver", std::move(left_over)}, {"problems", std::move(problems)}};
}

Result<int> run(Context& context, const Flags& flags) {
  ASSIGN_OR_RETURN(auto source, Source::open(context, flags.values.env, ""));
  ASSIGN_OR_RETURN(const auto desired, source->render(flags.values.overrides));
  release::AdoptOptions options;
  options.from_helm = flags.from_helm;
  options.from_kubectl = flags.from_kubectl;
  options.allow_restart = flags.allow_restart;
  options.take_over_lock = flags.take_over_lock;
  const env::Environment& env = source->env;
  if (!flags.yes && context.stdin_is_terminal())
    options.confirm = [&](const release::Adoption& adoption) -> Result<bool> {
      context.note(described(adoption, env));
      const std::string answer = context.ask("Take over? [y/N] ");
      return answer == "y" || answer == "Y" || answer == "yes";
    };
  auto progress = context.progress();
  ASSIGN_OR_RETURN(auto open, OpenSession::open(context, env, *progress));
  release::Adoption adoption;
  if (flags.dry_run) {
    ASSIGN_OR_RETURN(adoption, release::plan_adoption(open->session(), desired, options));
    if (context.text())
      context.print(std::string_view(described(adoption, env)));
    else
      context.print(adoption_json(adoption, 0));
    if (!adoption.problems.empty()) return adoption.problems.front();
    return adoption.to_move() > 0 ? base::exit_code(Code::differences) : 0;
  }
  ASSIGN_OR_RETURN(const int revision, release::adopt(open->session(), desired, options, adoption));
  if (!context.text())
    context.print(adoption_json(adoption, revision));
  else if (revision == 0)
    context.print(std::string_view(fmt::format("{}: nothing to take over\n", env.name)));
  else
    context.print(std::string_view(fmt::format("{}: revision {}: {} objects taken over, {} left to others\n", env.name,
                                               revision, adoption.to_move(), adoption.left_over.size())));
  return 0;
}

}  // namespace

void add_adopt(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("adopt", "take over what was installed with helm or kubectl, without a restart");
  auto flags = std::make_shared<Flags>();
  add_values(*command, flags->values);
  command->add_option("--from-helm", flags->from_helm, "take over from this Helm release (default: the environment's)")
      ->type_name("RELEASE");
  command->add_flag("--from-kubectl", flags->from_kubectl, "take over what kubectl apply or create made");
  command->add_flag("--allow-restart", flags->allow_restart, "although the first deploy afterwards restarts pods");
  command->add_flag("--dry-run", flags->dry_run,
                    "show what would be taken and write nothing; exit code 10 if anything");
  command->add_flag("--yes,-y", flags->yes, "do not ask");
  command->add_option("--take-over-lock", flags->take_over_lock, "take the lock from this holder, who is dead")
      ->type_name("HOLDER");
  command->callback([&context, flags] { context.run = [flags](Context& c) { return run(c, *flags); }; });
}

}  // namespace nautilus::cli
