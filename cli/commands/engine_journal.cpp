// nautilusctl engine inspect, verify, replay, export: what an operator does with a journal. Nothing is changed.
#include <cstdio>

#include "cli/commands/engine.h"
#include "engine/host/posix_storage.h"
#include "engine/journal/tools.h"
#include "engine/matching/engine.h"

namespace nautilus::cli {

namespace {

struct JournalFlags {
  std::string journal = "engine-journal", format = "json";
  std::uint64_t from = 0, to = UINT64_MAX;
  bool records = false, from_snapshot = false;
};

std::unique_ptr<engine::Machine> make_machine() { return std::make_unique<engine::Engine>(); }

// A directory that is not there is a mistake here, not a new journal.
Result<std::unique_ptr<engine::Storage>> open_journal(const Context& context, const std::string& directory) {
  ASSIGN_OR_RETURN(const auto names, context.ports.files.list(directory));
  if (names.empty())
    return Error(Code::not_found, "there is no journal in " + directory, "name its directory with --journal");
  return engine::open_posix_storage(directory);
}

Result<> to_stdout(std::string_view line) {
  if (std::fwrite(line.data(), 1, line.size(), stdout) != line.size() || std::fputc('\n', stdout) == EOF)
    return Error(Code::io, "cannot write to standard output");
  return {};
}

Result<int> inspect(Context& context, const JournalFlags& flags) {
  ASSIGN_OR_RETURN(auto storage, open_journal(context, flags.journal));
  TRY(engine::inspect(*storage, {flags.records, flags.from, flags.to}, to_stdout));
  return 0;
}

Result<int> verify(Context& context, const JournalFlags& flags) {
  ASSIGN_OR_RETURN(auto storage, open_journal(context, flags.journal));
  ASSIGN_OR_RETURN(const auto report, engine::verify_journal(*storage, make_machine));
  for (const auto& warning : report.warnings) context.warn(warning);
  const std::string hash = fmt::format("{:016x}", report.state_hash);
  if (!context.text()) {
    context.print(Json{{"segments", report.segments},
                       {"batches", report.batches},
                       {"records", report.records},
                       {"checkpoints", report.checkpoints},
                       {"snapshots", report.snapshots},
                       {"firstSequence", report.first_sequence},
                       {"lastSequence", report.last_sequence},
                       {"epoch", report.last_epoch},
                       {"stateHash", hash},
                       {"closed", report.closed},
                       {"replayed", report.replayed},
                       {"warnings", report.warnings}});
  } else {
    context.print(std::string_view(fmt::format(
        "good: {} records ({} to {}) in {} segments, {} snapshots and {} checkpoints met, epoch {}, state {}{}\n",
        report.records, report.first_sequence, report.last_sequence, report.segments, report.snapshots,
        report.checkpoints, report.last_epoch, hash, report.closed ? "" : "; not closed in order")));
  }
  return 0;
}

Result<int> replay(Context& context, const JournalFlags& flags) {
  ASSIGN_OR_RETURN(auto storage, open_journal(context, flags.journal));
  engine::ReplayOptions options;
  options.to = flags.to;
  options.from_beginning = !flags.from_snapshot;
  ASSIGN_OR_RETURN(const auto report, engine::replay_journal(*storage, make_machine, context.ports.clock, options));
  const std::string hash = fmt::format("{:016x}", report.state_hash);
  const std::string time = engine::utc_microseconds(report.last_time);
  if (!context.text()) {
    context.print(Json{{"lastSequence", report.last_sequence},
                       {"epoch", report.epoch},
                       {"lastTime", time},
                       {"stateHash", hash},
                       {"records", report.records},
                       {"events", report.events},
                       {"seconds", report.seconds}});
  } else {
    context.print(std::string_view(
        fmt::format("state {} after command {} of {}, epoch {}: {} commands, {} events in {:.3f} s ({:.0f} a second)\n",
                    hash, report.last_sequence, time, report.epoch, report.records, report.events, report.seconds,
                    report.records_per_second())));
  }
  return 0;
}

Result<int> export_audit(Context& context, const JournalFlags& flags) {
  ASSIGN_OR_RETURN(auto storage, open_journal(context, flags.journal));
  const auto format = flags.format == "csv" ? engine::AuditFormat::csv : engine::AuditFormat::json_lines;
  ASSIGN_OR_RETURN(const std::uint64_t lines,
                   engine::export_audit(*storage, make_machine, format, to_stdout, flags.from, flags.to));
  context.note(fmt::format("{} events", lines));
  return 0;
}

using Run = Result<int> (*)(Context&, const JournalFlags&);

CLI::App* add(CLI::App& group, Context& context, const char* name, const char* about, Run run,
              const std::shared_ptr<JournalFlags>& flags) {
  auto* command = group.add_subcommand(name, about);
  command->add_option("--journal", flags->journal, "directory of the journal (default: engine-journal)")
      ->type_name("DIR");
  command->callback([&context, flags, run] { context.run = [flags, run](Context& c) { return run(c, *flags); }; });
  return command;
}

}  // namespace

void add_engine_journal(CLI::App& group, Context& context) {
  auto flags = std::make_shared<JournalFlags>();
  auto* look =
      add(group, context, "inspect", "list a journal's segments, snapshots and epochs as JSON lines", inspect, flags);
  look->add_flag("--records", flags->records, "every record too");
  add(group, context, "verify", "check every byte of a journal, and replay it against its checkpoints", verify, flags);
  auto* again = add(group, context, "replay", "replay a journal and tell the state's hash", replay, flags);
  again->add_flag("--from-snapshot", flags->from_snapshot, "from the newest snapshot, not from the first command");
  auto* audit =
      add(group, context, "export", "every order event of a journal, times in UTC microseconds", export_audit, flags);
  audit->add_option("--format", flags->format, "json (lines) or csv")
      ->check(CLI::IsMember({"json", "csv"}))
      ->type_name("FORMAT");
  for (auto* command : {look, audit})
    command->add_option("--from", flags->from, "first sequence")->type_name("SEQUENCE");
  for (auto* command : {look, again, audit})
    command->add_option("--to", flags->to, "last sequence")->type_name("SEQUENCE");
}

}  // namespace nautilus::cli
