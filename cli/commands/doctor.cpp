// nautilusctl doctor --env ENV [--junit FILE] [-o text|json|yaml|junit] [ID|FLOW ...]
// nautilusctl doctor explain [ID]
#include "core/check/doctor/doctor.h"

#include <fmt/format.h>

#include "cli/commands/commands.h"
#include "cli/flags/values.h"
#include "cli/session.h"
#include "core/check/gather.h"
#include "core/check/report.h"
#include "core/port/wall_time.h"

namespace nautilus::cli {

namespace {

struct Flags {
  std::string env, junit;
  std::vector<std::string> only;
};

Result<int> doctor(Context& context, const Flags& flags) {
  ASSIGN_OR_RETURN(const auto selected, check::select(check::doctor_checks(), flags.only));
  ASSIGN_OR_RETURN(const auto env, context.environment(flags.env));
  auto progress = context.progress();
  ASSIGN_OR_RETURN(auto open, OpenSession::open(context, env, *progress));
  kube::Client& client = open->session().cluster.client();
  kube::Discovery discovery(client);
  context.note(fmt::format("looking at {} with {} checks", client.server(), selected.size()));
  ASSIGN_OR_RETURN(const check::Snapshot snapshot,
                   check::gather(client, discovery, env, check::sources_of(selected)));
  const port::WallTime now = context.ports.clock.now();
  const check::Facts facts(snapshot, env, now);
  const auto judged = check::run(facts, selected);
  check::Heading heading;
  heading.environment = env.name;
  heading.server = snapshot.server;
  heading.time = port::micro_time(now);
  heading.namespaces.assign(snapshot.namespaces().begin(), snapshot.namespaces().end());
  if (!flags.junit.empty())
    TRY(context.ports.files.write(flags.junit, check::report_junit(heading, judged)).within("writing --junit"));
  switch (context.flags.format) {
    case Format::text:
      context.print(std::string_view(check::report_text(heading, judged, context.flags.verbose)));
      break;
    case Format::junit: context.print(std::string_view(check::report_junit(heading, judged))); break;
    case Format::json:
    case Format::yaml: context.print(check::report_json(heading, judged)); break;
  }
  return check::exit_code(check::count(judged));
}

Result<int> explain(Context& context, const std::string& id) {
  const auto& all = check::doctor_checks();
  if (id.empty()) {
    Json list = Json::array();
    std::string text;
    for (const auto& one : all) {
      list.push_back(check::explain_json(one));
      text += fmt::format("{:<34} {}\n", one.about.id, one.about.title);
    }
    if (context.text())
      context.print(std::string_view(text));
    else
      context.print(list);
    return 0;
  }
  ASSIGN_OR_RETURN(const auto named, check::select(all, {id}));
  if (named.front()->about.id != id)
    return Error(Code::usage, fmt::format("{} is a flow, not a check", id),
                 "`nautilusctl doctor explain` lists the checks");
  if (context.text())
    context.print(std::string_view(check::explain_text(*named.front())));
  else
    context.print(check::explain_json(*named.front()));
  return 0;
}

}  // namespace

void add_doctor(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand(
      "doctor", "what is wrong with the running platform, and what to do; reads only, exit code 12 if anything is found");
  auto flags = std::make_shared<Flags>();
  command->add_option("--env,-e", flags->env, "environment: a folder of manifests/environments (prod, staging, dev)")->type_name("ENV");
  command->add_option("--junit", flags->junit, "write the report as JUnit XML to this file too")->type_name("FILE");
  command->add_option("check", flags->only, "only these checks, or flows of checks")->type_name("ID");
  command->callback([&context, flags, command] {
    if (!command->get_subcommands().empty()) return;
    context.takes_junit = true;
    context.run = [flags](Context& c) -> Result<int> {
      if (flags->env.empty()) return Error(Code::usage, "--env is required", "nautilusctl environments lists them");
      return doctor(c, *flags);
    };
  });

  auto* explained = command->add_subcommand("explain", "what a check looks at, and what to do about what it finds");
  auto id = std::make_shared<std::string>();
  explained->add_option("id", *id, "the check; all of them are listed without it")->type_name("ID");
  explained->callback([&context, id] { context.run = [id](Context& c) { return explain(c, *id); }; });
}

}  // namespace nautilus::cli
