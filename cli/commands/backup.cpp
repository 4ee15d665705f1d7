// nautilusctl backup create|list|describe|logs|delete|status --env ENV
#include "core/backup/backup.h"

#include <fmt/ranges.h>

#include "cli/commands/commands.h"
#include "cli/flags/velero.h"
#include "cli/source.h"
#include "core/backup/findings.h"
#include "core/backup/recovery_points.h"
#include "core/base/duration.h"
#include "core/value/escape.h"

namespace nautilus::cli {

namespace {

struct Flags {
  VeleroFlags velero;
  StoreFlags store;
  backup::CreateOptions create;
  std::string name, keep, timeout;
  bool wait = false, yes = false;
};

std::string ago(const std::optional<port::WallTime>& time, port::WallTime now) {
  return time ? base::human_duration(now - *time) : std::string("-");
}

std::string left(const std::optional<port::WallTime>& time, port::WallTime now) {
  return !time ? "-" : *time <= now ? "expired" : base::human_duration(*time - now);
}

Json time_json(const std::optional<port::WallTime>& time) { return time ? Json(backup::second_text(*time)) : Json(); }

Json backup_json(const backup::Backup& one) {
  return {{"name", one.name},
          {"state", backup::word(one.state)},
          {"phase", one.phase},
          {"environment", one.environment},
          {"schedule", one.schedule},
          {"location", one.location},
          {"namespaces", one.namespaces},
          {"started", time_json(one.started)},
          {"completed", time_json(one.completed)},
          {"expires", time_json(one.expires)},
          {"items", one.items},
          {"totalItems", one.items_in_all},
          {"errors", one.errors},
          {"warnings", one.warnings},
          {"reason", one.reason},
          {"volumes", {{"wanted", one.volumes.wanted}, {"done", one.volumes.done}}}};
}

std::string volumes_text(const backup::Volumes& volumes) {
  return volumes.wanted == 0 ? "-" : fmt::format("{}/{}", volumes.done, volumes.wanted);
}

std::string backup_table(const std::vector<backup::Backup>& backups, port::WallTime now) {
  std::string out = fmt::format("{:<40} {:<17} {:>6} {:>8} {:>7} {:>7} {:>8}  {}\n", "name", "state", "age", "expires",
                                "items", "errors", "volumes", "location");
  for (const auto& one : backups)
    out += fmt::format("{:<40} {:<17} {:>6} {:>8} {:>7} {:>7} {:>8}  {}\n", one.name, backup::word(one.state),
                       ago(one.point(), now), left(one.expires, now), one.items, one.errors, volumes_text(one.volumes),
                       one.location);
  return out;
}

std::string findings_text(const std::vector<backup::Finding>& findings) {
  std::string out;
  for (const auto& finding : findings) {
    out +=
        fmt::format("{:<8} {:<28} {}: {}\n", backup::word(finding.level), finding.id, finding.object, finding.message);
    if (!finding.hint.empty()) out += fmt::format("{:<8} hint: {}\n", "", finding.hint);
  }
  return out;
}

Json findings_json(const std::vector<backup::Finding>& findings) {
  Json out = Json::array();
  for (const auto& finding : findings)
    out.push_back({{"level", backup::word(finding.level)},
                   {"id", finding.id},
                   {"object", finding.object},
                   {"message", finding.message},
                   {"hint", finding.hint}});
  return out;
}

Result<std::unique_ptr<OpenVelero>> start(Context& context, const Flags& flags) {
  ASSIGN_OR_RETURN(const auto env, context.environment(flags.velero.env));
  return OpenVelero::start(context, env, flags.velero.velero_namespace);
}

// How a backup that was waited for ended, as an exit code.
Result<int> ended(const backup::Backup& one) {
  if (one.state == backup::State::partial)
    return Error(Code::partial,
                 fmt::format("backup {} is incomplete: {} errors, {} warnings", one.name, one.errors, one.warnings),
                 "`nautilusctl backup logs " + one.name + "`");
  if (one.state != backup::State::good)
    return Error(Code::io,
                 fmt::format("backup {} {}: {}", one.name, backup::word(one.state),
                             one.problems.empty() ? one.reason : fmt::format("{}", fmt::join(one.problems, "; "))),
                 "`nautilusctl backup logs " + one.name + "`");
  if (one.volumes.missing())
    return Error(Code::partial,
                 fmt::format("backup {} holds {} of {} volumes", one.name, one.volumes.done, one.volumes.wanted),
                 "`nautilusctl backup logs " + one.name + "`");
  return 0;
}

Result<int> create(Context& context, Flags flags) {
  ASSIGN_OR_RETURN(flags.create.keep, duration_flag("--keep", flags.keep));
  if (!flags.timeout.empty()) { ASSIGN_OR_RETURN(flags.create.timeout, duration_flag("--timeout", flags.timeout)); }
  flags.create.name = flags.name;
  flags.create.wait = flags.wait;
  ASSIGN_OR_RETURN(const auto velero, start(context, flags));
  ASSIGN_OR_RETURN(const auto made, backup::create(velero->settings, flags.create));
  if (!flags.wait) {
    if (context.text())
      context.print(
          std::string_view(fmt::format("backup {} was asked for\nnext: nautilusctl backup describe {} --env {}\n",
                                       made.name, made.name, flags.velero.env)));
    else
      context.print(Json{{"name", made.name}});
    return 0;
  }
  if (context.text())
    context.print(
        std::string_view(fmt::format("backup {} {}: {} items, {} volumes\n", made.name, backup::word(made.backup.state),
                                     made.backup.items, volumes_text(made.backup.volumes))));
  else
    context.print(backup_json(made.backup));
  return ended(made.backup);
}

Result<int> list(Context& context, const Flags& flags) {
  ASSIGN_OR_RETURN(const auto velero, start(context, flags));
  ASSIGN_OR_RETURN(const auto observed, backup::observe(velero->session.cluster, flags.velero.velero_namespace));
  const auto now = context.ports.clock.now();
  std::vector<backup::Backup> ours;
  for (const auto& one : observed.backups)
    if (one.environment.empty() || one.environment == velero->session.env.name) ours.push_back(one);
  if (context.text()) {
    if (ours.empty())
      context.note("there is no backup");
    else
      context.print(std::string_view(backup_table(ours, now)));
    return 0;
  }
  Json out = Json::array();
  for (const auto& one : ours) out.push_back(backup_json(one));
  context.print(out);
  return 0;
}

std::string described(const backup::Backup& one, port::WallTime now) {
  std::string out = fmt::format("backup      {}\nstate       {} ({})\n", one.name, backup::word(one.state), one.phase);
  auto line = [&](const char* what, const std::string& text) {
    if (!text.empty()) out += fmt::format("{:<11} {}\n", what, text);
  };
  line("reason", one.reason);
  for (const auto& problem : one.problems) line("refused", problem);
  line("environment", one.environment);
  line("schedule", one.schedule);
  line("location", one.location);
  line("namespaces", fmt::format("{}", fmt::join(one.namespaces, ", ")));
  if (one.started)
    line("started", fmt::format("{} ({} ago)", backup::second_text(*one.started), ago(one.started, now)));
  if (one.started && one.completed) line("took", base::human_duration(*one.completed - *one.started));
  if (one.expires) line("expires", fmt::format("{} ({})", backup::second_text(*one.expires), left(one.expires, now)));
  line("items", fmt::format("{} of {}, {} errors, {} warnings", one.items, one.items_in_all, one.errors, one.warnings));
  line("volumes", one.volumes.wanted == 0 ? "none" : fmt::format("{} of {}", one.volumes.done, one.volumes.wanted));
  return out;
}

Result<int> describe(Context& context, const Flags& flags) {
  ASSIGN_OR_RETURN(const auto velero, start(context, flags));
  ASSIGN_OR_RETURN(const auto one, backup::find(velero->settings, flags.name));
  ASSIGN_OR_RETURN(const auto store, open_store(context, flags.store));
  Json results;  // what went wrong, item by item; the store may be out of reach, and the rest is worth saying
  if (one.errors + one.warnings > 0 && one.state != backup::State::running) {
    auto got = backup::download_json(velero->settings, store, "BackupResults", one.name);
    if (got.ok())
      results = std::move(*got);
    else
      context.warn("the errors and warnings themselves could not be fetched: " + got.error().text());
  }
  if (!context.text()) {
    Json out = backup_json(one);
    out["results"] = results;
    context.print(out);
    return 0;
  }
  std::string out = described(one, context.ports.clock.now());
  for (const char* kind : {"errors", "warnings"})
    if (const Json* part = value::find(results, std::string_view(kind)); part && part->is_object())
      out += fmt::format("{}:\n{}", kind, value::escape_control_lines(part->dump(2) + "\n"));
  context.print(std::string_view(out));
  return 0;
}

Result<int> logs(Context& context, const Flags& flags) {
  ASSIGN_OR_RETURN(const auto velero, start(context, flags));
  ASSIGN_OR_RETURN(const auto one, backup::find(velero->settings, flags.name));
  if (one.state == backup::State::running)
    return Error(Code::refused, fmt::format("backup {} is in progress: its log is stored when it has ended", one.name),
                 "`nautilusctl backup describe` shows how far it is");
  ASSIGN_OR_RETURN(const auto store, open_store(context, flags.store));
  ASSIGN_OR_RETURN(const auto text, backup::download(velero->settings, store, "BackupLog", one.name));
  if (context.text())
    context.print(std::string_view(value::escape_control_lines(text)));
  else
    context.print(Json{{"name", one.name}, {"log", text}});
  return 0;
}

Result<int> remove(Context& context, const Flags& flags) {
  ASSIGN_OR_RETURN(const auto velero, start(context, flags));
  if (!flags.yes && context.stdin_is_terminal()) {
    ASSIGN_OR_RETURN(const auto one, backup::find(velero->settings, flags.name));
    context.note(described(one, context.ports.clock.now()));
    const std::string answer = context.ask("Delete it and its data? [y/N] ");
    if (answer != "y" && answer != "Y" && answer != "yes")
      return Error(Code::interrupted, "not confirmed, nothing was deleted");
  }
  backup::RemoveOptions options;
  options.wait = flags.wait;
  if (!flags.timeout.empty()) { ASSIGN_OR_RETURN(options.timeout, duration_flag("--timeout", flags.timeout)); }
  TRY(backup::remove(velero->settings, flags.name, options));
  if (context.text())
    context.print(
        std::string_view(fmt::format("backup {} {}\n", flags.name, flags.wait ? "is deleted" : "will be deleted")));
  else
    context.print(Json{{"name", flags.name}, {"deleted", flags.wait}});
  return 0;
}

Result<std::vector<verify::Judged>> derived(Context& context, const std::string& name) {
  ASSIGN_OR_RETURN(auto source, Source::open(context, name, ""));
  ASSIGN_OR_RETURN(const apply::Desired desired, source->render({}));
  std::vector<const Json*> objects;
  for (const auto& object : desired.objects) objects.push_back(&object.manifest);
  ASSIGN_OR_RETURN(const auto selected, verify::select_checks({"recovery.operator-error-rpo", "recovery.region-rpo"}));
  const verify::Platform platform(objects);
  const Json no_dates;
  return verify::run(
      {platform, source->env, no_dates, std::chrono::floor<std::chrono::days>(context.ports.clock.now())}, selected);
}

std::string points_text(const std::vector<backup::RecoveryPoint>& points) {
  std::string out = fmt::format("{:<50} {:>9} {:<15} {:>20}  {}\n", "store", "declared", "derived", "measured", "how");
  for (const auto& point : points)
    out +=
        fmt::format("{:<50} {:>9} {:<15} {:>20}  {}\n", point.store,
                    point.declared_seconds ? base::human_duration(std::chrono::seconds(*point.declared_seconds)) : "-",
                    point.derived.empty() ? "-" : point.derived,
                    point.measured ? base::human_duration(*point.measured) + (!point.declared_seconds ? ""
                                                                              : point.kept()          ? " kept"
                                                                                                      : " MISSED")
                                   : std::string("could not measure"),
                    point.how);
  return out;
}

Result<int> status(Context& context, const Flags& flags) {
  ASSIGN_OR_RETURN(const auto velero, start(context, flags));
  ASSIGN_OR_RETURN(const auto observed, backup::observe(velero->session.cluster, flags.velero.velero_namespace));
  ASSIGN_OR_RETURN(const auto judged, derived(context, flags.velero.env));
  const auto now = context.ports.clock.now();
  const auto found = backup::findings(observed, now);
  const auto points = backup::recovery_points(velero->settings, observed, judged, now);
  const bool failed = std::any_of(found.begin(), found.end(),
                                  [](const auto& f) { return f.level == backup::Finding::Level::failed; }) ||
                      std::any_of(points.begin(), points.end(),
                                  [](const auto& p) { return p.declared_seconds && p.measured && !p.kept(); });
  if (context.text()) {
    std::string out;
    for (const auto& one : observed.backups)
      if (one.state == backup::State::running)
        out += fmt::format("in progress: {}, {} of {} items, for {}\n", one.name, one.items, one.items_in_all,
                           ago(one.point(), now));
    out += points_text(points) + (found.empty() ? "no findings\n" : findings_text(found));
    context.print(std::string_view(out));
  } else {
    Json rows = Json::array(), running = Json::array();
    for (const auto& one : observed.backups)
      if (one.state == backup::State::running) running.push_back(backup_json(one));
    for (const auto& point : points)
      rows.push_back(
          {{"store", point.store},
           {"mode", point.mode},
           {"declaredSeconds", point.declared_seconds ? Json(*point.declared_seconds) : Json()},
           {"derived", point.derived},
           {"derivedReason", point.derived_reason},
           {"measuredSeconds",
            point.measured ? Json(std::chrono::duration_cast<std::chrono::seconds>(*point.measured).count()) : Json()},
           {"how", point.how},
           {"kept", point.measured && point.declared_seconds ? Json(point.kept()) : Json()}});
    context.print(Json{{"inProgress", running}, {"recoveryPoints", rows}, {"findings", findings_json(found)}});
  }
  return failed ? base::exit_code(Code::refused) : 0;
}

CLI::App* add(CLI::App& group, Context& context, const std::shared_ptr<Flags>& flags, const char* name,
              const char* what, Result<int> (*run)(Context&, const Flags&)) {
  auto* command = group.add_subcommand(name, what);
  add_velero(*command, flags->velero);
  command->callback([&context, flags, run] { context.run = [flags, run](Context& c) { return run(c, *flags); }; });
  return command;
}

}  // namespace

void add_backup(CLI::App& app, Context& context) {
  auto* group = app.add_subcommand("backup", "backups through Velero's API, and how much would be lost now");
  group->require_subcommand(1);
  auto flags = std::make_shared<Flags>();
  auto* made = add(*group, context, flags, "create", "make a backup; no deploy runs meanwhile",
                   [](Context& c, const Flags& f) { return create(c, f); });
  made->add_option("--name", flags->name, "its name (default: the environment and the time)")->type_name("NAME");
  made->add_option("--from-schedule", flags->create.schedule, "what it takes, and where it goes: as this schedule")
      ->type_name("NAME");
  made->add_option("--include-namespaces", flags->create.namespaces,
                   "what it takes (default: the environment's namespace)")
      ->delimiter(',')
      ->type_name("NAME,...");
  made->add_option("--location", flags->create.location, "where it goes (default: the default location)")
      ->type_name("NAME");
  made->add_option("--keep", flags->keep, "how long it is kept, as in 72h")->type_name("TIME");
  made->add_option("--take-over-lock", flags->create.take_over_lock, "take the lock from this holder, who is dead")
      ->type_name("HOLDER");
  add(*group, context, flags, "list", "the backups of the environment", list);
  auto* shown = add(*group, context, flags, "describe", "one backup, with its errors and warnings", describe);
  auto* logged = add(*group, context, flags, "logs", "the log of one backup", logs);
  auto* removed = add(*group, context, flags, "delete", "delete a backup and its data", remove);
  add(*group, context, flags, "status",
      "what is wrong, and the RPO now: declared, derived, measured; 12 if something is", status);
  removed->add_flag("--yes,-y", flags->yes, "do not ask");
  for (auto* command : {shown, logged, removed}) command->add_option("NAME", flags->name, "the backup")->required();
  for (auto* command : {shown, logged}) add_store(*command, flags->store);
  for (auto* command : {made, removed}) {
    command->add_flag("--wait", flags->wait, "until it has ended");
    command->add_option("--timeout", flags->timeout, "how long to wait, as in 30m")->type_name("TIME");
  }
}

}  // namespace nautilus::cli
