// nautilusctl status --env ENV: exit code 0 if everything is healthy, 1 if not
#include "core/release/status.h"

#include "cli/commands/commands.h"
#include "cli/flags/values.h"
#include "cli/session.h"

namespace nautilus::cli {

namespace {

Json status_json(const env::Environment& env, const release::ReleaseStatus& status) {
  Json objects = Json::array();
  for (const auto& object : status.objects)
    objects.push_back({{"object", object.id.text()},
                       {"status", std::string(status::name(object.verdict.state))},
                       {"message", object.verdict.message},
                       {"explanation", object.explanation}});
  Json out = {{"environment", env.name},          {"release", env.release},        {"healthy", status.healthy()},
              {"lockHolder", status.lock_holder}, {"objects", std::move(objects)}, {"revision", nullptr}};
  out["missingOperators"] = Json::array();
  for (const auto& missing : status.missing_operators)
    out["missingOperators"].push_back({{"message", missing.message}, {"hint", missing.hint}});
  if (status.newest)
    out["revision"] = {{"number", status.newest->number},       {"status", status.newest->status},
                       {"operation", status.newest->operation}, {"started", status.newest->started},
                       {"finished", status.newest->finished},   {"message", status.newest->message}};
  return out;
}

void print_text(const Context& context, const env::Environment& env, const release::ReleaseStatus& status, bool all) {
  for (const auto& missing : status.missing_operators) context.warn(missing.message + "; " + missing.hint);
  if (!status.newest) {
    context.print(std::string_view(fmt::format("{}: not deployed on this cluster\n", env.name)));
    return;
  }
  std::string out;
  std::size_t healthy = 0;
  for (const auto& object : status.objects) {
    const bool current = object.verdict.state == status::State::current;
    healthy += current ? 1 : 0;
    if (current && !all) continue;
    out += fmt::format("{:<12} {}{}{}\n", status::name(object.verdict.state), object.id.text(),
                       object.verdict.message.empty() ? "" : ": ", object.verdict.message);
    if (!object.explanation.empty()) out += fmt::format("{:<12}   {}\n", "", object.explanation);
  }
  out += fmt::format("{}: revision {} {}, {} of {} objects healthy\n", env.name, status.newest->number,
                     status.newest->status, healthy, status.objects.size());
  if (!status.newest->message.empty()) out += "  " + status.newest->message + "\n";
  if (!status.lock_holder.empty()) out += fmt::format("{} is writing now\n", status.lock_holder);
  context.print(std::string_view(out));
}

Result<int> run(Context& context, const std::string& name, bool all) {
  ASSIGN_OR_RETURN(const auto env, context.environment(name));
  auto progress = context.progress();
  ASSIGN_OR_RETURN(auto open, OpenSession::open(context, env, *progress));
  ASSIGN_OR_RETURN(const auto status, release::status(open->session()));
  if (context.text())
    print_text(context, env, status, all);
  else
    context.print(status_json(env, status));
  return status.healthy() ? 0 : 1;
}

}  // namespace

void add_status(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("status", "health of every object of the release; exit code 1 if not healthy");
  auto env = std::make_shared<std::string>();
  auto all = std::make_shared<bool>(false);
  add_env(*command, *env);
  command->add_flag("--all", *all, "list healthy objects too");
  command->callback([&context, env, all] { context.run = [env, all](Context& c) { return run(c, *env, *all); }; });
}

}  // namespace nautilus::cli
