// nautilusctl history --env ENV
#include "cli/commands/commands.h"
#include "cli/flags/values.h"
#include "cli/session.h"
#include "cli/source.h"
#include "core/release/operators.h"

namespace nautilus::cli {

namespace {

std::string table(const std::vector<release::Revision>& revisions) {
  if (revisions.empty()) return "";
  std::string out =
      fmt::format("{:>8}  {:<12} {:<20} {:<28} {:<26} {}\n", "revision", "status", "started", "who", "chart", "what");
  for (const auto& revision : revisions) {
    out += fmt::format("{:>8}  {:<12} {:<20} {:<28} {:<26} {}\n", revision.number, revision.status,
                       revision.started.substr(0, 19), revision.who, revision.chart, revision.description);
    if (!revision.message.empty()) out += fmt::format("{:>8}  {}\n", "", revision.message);
  }
  return out;
}

// Adds the revisions of one release to what is printed.
Result<> add_release(const Context& context, const release::Session& session, const std::string& operator_name,
                     std::string& text, Json& list) {
  ASSIGN_OR_RETURN(const auto revisions, session.store().list(false));
  if (revisions.empty()) context.note(fmt::format("{}: no history on this cluster", session.env.name));
  if (!operator_name.empty() && !revisions.empty()) text += fmt::format("operator {}\n", operator_name);
  text += table(revisions);
  for (const auto& revision : revisions) {
    Json entry = release::head_data(revision);
    entry["revision"] = revision.number;
    if (!operator_name.empty()) entry["operator"] = operator_name;
    list.push_back(std::move(entry));
  }
  return {};
}

// The environment first, then its operators. With --operator only that one.
Result<int> run(Context& context, const std::string& name, const std::string& only) {
  ASSIGN_OR_RETURN(const auto env, context.environment(name));
  if (!only.empty()) TRY(operator_named(env, only));
  auto progress = context.progress();
  ASSIGN_OR_RETURN(auto open, OpenSession::open(context, env, *progress));
  std::string text;
  Json list = Json::array();
  if (only.empty()) TRY(add_release(context, open->session(), "", text, list));
  for (const auto& op : env.operators) {
    if (!op.ours || (!only.empty() && op.name != only)) continue;
    const env::Environment its = apply::operator_environment(env, op);
    TRY(add_release(context, release::operator_session(open->session(), its), op.name, text, list));
  }
  if (context.text())
    context.print(std::string_view(text));
  else
    context.print(list);
  return 0;
}

}  // namespace

void add_history(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("history", "the revisions of the release");
  auto env = std::make_shared<std::string>();
  auto operator_name = std::make_shared<std::string>();
  add_env(*command, *env);
  add_operator(*command, *operator_name);
  command->callback([&context, env, operator_name] {
    context.run = [env, operator_name](Context& c) { return run(c, *env, *operator_name); };
  });
}

}  // namespace nautilus::cli
