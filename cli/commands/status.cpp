// nautilusctl status --env ENV: exit code 0 if everything is healthy, 1 if not
#include "core/release/status.h"

#include "cli/commands/commands.h"
#include "cli/flags/values.h"
#include "cli/session.h"
#include "cli/source.h"
#include "core/release/operators.h"

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

// Operators first, as they are installed. With --operator only that one.
Result<int> run(Context& context, const std::string& name, const std::string& operator_name, bool all) {
  ASSIGN_OR_RETURN(const auto env, context.environment(name));
  std::vector<env::Environment> theirs;
  if (!operator_name.empty()) TRY(operator_named(env, operator_name));
  for (const auto& op : env.operators)
    if (op.ours && (operator_name.empty() || op.name == operator_name)) {
      theirs.push_back(apply::operator_environment(env, op));
      theirs.back().operators.clear();  // what the cluster lacks of the others is said once, by the environment
    }
  auto progress = context.progress();
  ASSIGN_OR_RETURN(auto open, OpenSession::open(context, env, *progress));
  bool healthy = true;
  Json json = Json::object(), operators = Json::array();
  for (const auto& its : theirs) {
    ASSIGN_OR_RETURN(const auto status, release::status(release::operator_session(open->session(), its)));
    healthy = healthy && status.healthy();
    if (context.text())
      print_text(context, its, status, all);
    else
      operators.push_back(status_json(its, status));
  }
  if (operator_name.empty()) {
    ASSIGN_OR_RETURN(const auto status, release::status(open->session()));
    healthy = healthy && status.healthy();
    if (context.text())
      print_text(context, env, status, all);
    else
      json = status_json(env, status);
  }
  if (!context.text()) {
    json["healthy"] = healthy;
    json["operators"] = std::move(operators);
    context.print(json);
  }
  return healthy ? 0 : 1;
}

}  // namespace

void add_status(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("status", "health of every object of the release; exit code 1 if not healthy");
  auto env = std::make_shared<std::string>();
  auto all = std::make_shared<bool>(false);
  auto operator_name = std::make_shared<std::string>();
  add_env(*command, *env);
  add_operator(*command, *operator_name);
  command->add_flag("--all", *all, "list healthy objects too");
  command->callback([&context, env, operator_name, all] {
    context.run = [env, operator_name, all](Context& c) { return run(c, *env, *operator_name, *all); };
  });
}

}  // namespace nautilus::cli
