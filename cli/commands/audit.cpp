// nautilusctl audit list|verify|export
#include "cli/commands/commands.h"
#include "cli/flags/values.h"
#include "cli/session.h"
#include "core/audit/log.h"
#include "core/audit/verify.h"
#include "core/base/text.h"
#include "core/value/escape.h"

namespace nautilus::cli {

namespace {

struct Flags {
  std::string env, file, against, output;
  int last = 50;
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (const auto line : base::split(text, '\n'))
    if (!base::trim(line).empty()) lines.emplace_back(base::trim(line));
  return lines;
}

// From an exported file, or from the cluster.
Result<std::vector<std::string>> read(Context& context, const Flags& flags) {
  if (!flags.file.empty()) {
    ASSIGN_OR_RETURN(const std::string text, context.ports.files.read(flags.file));
    return lines_of(text);
  }
  if (flags.env.empty()) return Error(Code::usage, "say which record: --env, or --file of an export");
  ASSIGN_OR_RETURN(const auto env, context.environment(flags.env));
  auto progress = context.progress();
  ASSIGN_OR_RETURN(auto open, OpenSession::open(context, env, *progress));
  return audit::Log(open->session().cluster).lines();
}

Result<int> list(Context& context, const Flags& flags) {
  ASSIGN_OR_RETURN(const auto lines, read(context, flags));
  const auto count = static_cast<std::size_t>(std::max(flags.last, 0));
  Json all = Json::array();
  std::string text = fmt::format("{:>6}  {:<20}  {:<18}  {:<28}  {}\n", "RECORD", "TIME", "ACTION", "ACTOR", "WHAT");
  for (std::size_t i = lines.size() > count ? lines.size() - count : 0; i < lines.size(); ++i) {
    const auto entry = audit::from_line(lines[i]);
    if (!entry.ok())
      return Error(Code::invalid, fmt::format("line {} is no record: {}", i + 1, entry.error().message),
                   "see `nautilusctl audit verify`");
    all.push_back(audit::to_json(*entry));
    std::string what = entry->event.subject;
    for (const char* field : {"phase", "reason", "message"})
      if (const auto said = value::string_at(entry->event.data, field); !said.empty()) what += ": " + said;
    text += fmt::format("{:>6}  {:<20}  {:<18}  {:<28}  {}\n", entry->index, entry->time.substr(0, 19) + "Z",
                        entry->event.action, entry->event.actor, value::escape_control(what));
  }
  if (context.text())
    context.print(std::string_view(text));
  else
    context.print(all);
  return 0;
}

Result<int> verify(Context& context, const Flags& flags) {
  ASSIGN_OR_RETURN(const auto lines, read(context, flags));
  std::vector<std::string> against;
  if (!flags.against.empty()) {
    ASSIGN_OR_RETURN(const std::string text, context.ports.files.read(flags.against));
    against = lines_of(text);
  }
  const auto findings = audit::verify(lines, against);
  const auto last = lines.empty() ? Result<audit::Entry>(Error()) : audit::from_line(lines.back());
  const std::string digest = last.ok() ? last->digest : "";
  if (context.text()) {
    std::string text;
    for (const auto& finding : findings) text += fmt::format("{:<10}  {}\n", audit::name(finding.kind), finding.text);
    if (findings.empty()) text = fmt::format("{} records, whole; the last digest is {}\n", lines.size(), digest);
    context.print(std::string_view(text));
  } else {
    Json json = {{"records", lines.size()}, {"whole", findings.empty()}, {"digest", digest}, {"findings", Json::array()}};
    for (const auto& finding : findings)
      json["findings"].push_back({{"kind", audit::name(finding.kind)}, {"index", finding.index}, {"text", finding.text}});
    context.print(json);
  }
  return findings.empty() ? 0 : exit_code(Code::refused);
}

Result<int> export_lines(Context& context, const Flags& flags) {
  ASSIGN_OR_RETURN(const auto lines, read(context, flags));
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  if (flags.output.empty()) {
    context.print(std::string_view(text));
  } else {
    TRY(context.ports.files.write(flags.output, text).within("writing the export"));
    context.note(fmt::format("{} records: {}", lines.size(), flags.output));
  }
  return 0;
}

std::shared_ptr<Flags> declare(CLI::App* command, Context& context, Result<int> (*what)(Context&, const Flags&)) {
  auto flags = std::make_shared<Flags>();
  command->add_option("--env,-e", flags->env, "environment whose cluster holds the record")->type_name("ENV");
  command->add_option("--file,-f", flags->file, "read an export instead of the cluster")->type_name("FILE");
  command->callback([&context, flags, what] { context.run = [flags, what](Context& c) { return what(c, *flags); }; });
  return flags;
}

}  // namespace

void add_audit(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("audit", "the chained record of who decided what");
  command->require_subcommand(1);
  auto listed = declare(command->add_subcommand("list", "the last records"), context, list);
  command->get_subcommand("list")->add_option("--last", listed->last, "how many (50)")->check(CLI::PositiveNumber)->type_name("N");
  auto verified = declare(command->add_subcommand("verify", "is the chain whole? 12 if not, with the record"), context, verify);
  command->get_subcommand("verify")
      ->add_option("--against", verified->against, "an earlier export that must be its beginning: shows a cut end")
      ->type_name("FILE");
  auto exported = declare(command->add_subcommand("export", "every record as a line of JSON"), context, export_lines);
  command->get_subcommand("export")->add_option("--output-file", exported->output, "default: standard output")->type_name("FILE");
}

}  // namespace nautilus::cli
