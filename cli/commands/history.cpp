// nautilusctl history --env ENV
#include "cli/commands/commands.h"
#include "cli/flags/values.h"
#include "cli/session.h"

namespace nautilus::cli {

namespace {

Result<int> run(Context& context, const std::string& name) {
  ASSIGN_OR_RETURN(const auto env, context.environment(name));
  auto progress = context.progress();
  ASSIGN_OR_RETURN(auto open, OpenSession::open(context, env, *progress));
  const auto session = open->session();
  ASSIGN_OR_RETURN(const auto revisions, session.store().list(false));
  if (!context.text()) {
    Json list = Json::array();
    for (const auto& revision : revisions) {
      Json entry = release::head_data(revision);
      entry["revision"] = revision.number;
      list.push_back(std::move(entry));
    }
    context.print(list);
    return 0;
  }
  if (revisions.empty()) context.note(fmt::format("{}: no history on this cluster", env.name));
  std::string out;
  if (!revisions.empty())
    out =
        fmt::format("{:>8}  {:<12} {:<20} {:<28} {:<26} {}\n", "revision", "status", "started", "who", "chart", "what");
  for (const auto& revision : revisions) {
    out += fmt::format("{:>8}  {:<12} {:<20} {:<28} {:<26} {}\n", revision.number, revision.status,
                       revision.started.substr(0, 19), revision.who, revision.chart, revision.description);
    if (!revision.message.empty()) out += fmt::format("{:>8}  {}\n", "", revision.message);
  }
  context.print(std::string_view(out));
  return 0;
}

}  // namespace

void add_history(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("history", "the revisions of the release");
  auto env = std::make_shared<std::string>();
  add_env(*command, *env);
  command->callback([&context, env] { context.run = [env](Context& c) { return run(c, *env); }; });
}

}  // namespace nautilus::cli
