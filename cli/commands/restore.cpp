// nautilusctl restore create|list|describe|logs --env ENV
#include "core/backup/restore.h"

#include "cli/commands/commands.h"
#include "cli/flags/velero.h"
#include "core/backup/findings.h"
#include "core/kube/reader.h"
#include "core/value/escape.h"

namespace nautilus::cli {

namespace {

struct Flags {
  VeleroFlags velero;
  StoreFlags store;
  backup::RestoreOptions options;
  std::vector<std::string> map;
  std::string name, existing = "none", to_time, timeout;
  bool dry_run = false, yes = false, wait = false;
};

std::string described(const backup::RestorePlan& plan, bool verbose) {
  std::string out = fmt::format("restore {} of backup {} (taken {})\n", plan.name, plan.backup.name,
                                plan.backup.point() ? backup::second_text(*plan.backup.point()) : "at an unknown time");
  for (const auto& [from, to] : plan.namespaces)
    out += fmt::format("  namespace {} -> {}{}\n", from, to, from == to ? " (its own)" : "");
  out += "  fence: egress denied, venue credentials taken out, engines with no replicas, cron jobs suspended\n";
  for (const auto& object : plan.objects) {
    if (object.fate == backup::Fate::left && !verbose) continue;
    out += fmt::format("{:<7} {}{}{}\n", backup::word(object.fate), object.text(), object.why.empty() ? "" : ": ",
                       object.why);
  }
  for (const auto& note : plan.notes) out += "note: " + note + "\n";
  for (const auto& problem : plan.problems) {
    out += "problem: " + problem.text() + "\n";
    if (!problem.hint.empty()) out += "   hint: " + problem.hint + "\n";
  }
  using backup::Fate;
  return out + fmt::format("{} to create, {} to change, {} skipped, {} fenced, {} left to the cluster\n",
                           plan.count(Fate::create), plan.count(Fate::change), plan.count(Fate::skip),
                           plan.count(Fate::fenced), plan.count(Fate::left));
}

Json plan_json(const backup::RestorePlan& plan) {
  Json objects = Json::array(), problems = Json::array();
  for (const auto& object : plan.objects)
    objects.push_back({{"object", object.text()},
                       {"apiVersion", object.api_version},
                       {"fate", backup::word(object.fate)},
                       {"why", object.why},
                       {"outcome", object.outcome}});
  for (const auto& problem : plan.problems) problems.push_back(problem.text());
  return {{"name", plan.name},  {"backup", plan.backup.name}, {"namespaces", plan.namespaces},
          {"objects", objects}, {"notes", plan.notes},        {"problems", problems}};
}

Result<backup::RestoreOptions> options_of(const Flags& flags) {
  backup::RestoreOptions out = flags.options;
  out.name = flags.name;
  if (out.from.empty() == out.from_schedule.empty())
    return Error(Code::usage, "say --from BACKUP or --from-schedule SCHEDULE",
                 "`nautilusctl backup list` shows what there is");
  if (!flags.to_time.empty()) {
    if (out.from_schedule.empty())
      return Error(Code::usage, "--to-time needs --from-schedule: a backup holds one time only",
                   "the databases' archive goes to any time: docs/runbooks/restore.md");
    ASSIGN_OR_RETURN(const auto time, time_flag("--to-time", flags.to_time));
    out.to_time = time;
  }
  out.update_existing = flags.existing == "update";
  out.keep_existing = flags.existing == "keep";
  for (const auto& pair : flags.map) {
    const auto colon = pair.find(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == pair.size() ||
        !out.namespaces.emplace(pair.substr(0, colon), pair.substr(colon + 1)).second)
      return Error(Code::usage, fmt::format("--namespace-map {}: not FROM:TO, or FROM twice", pair));
  }
  if (!flags.timeout.empty()) { ASSIGN_OR_RETURN(out.timeout, duration_flag("--timeout", flags.timeout)); }
  return out;
}

Result<std::unique_ptr<OpenVelero>> start(Context& context, const Flags& flags) {
  ASSIGN_OR_RETURN(const auto env, context.environment(flags.velero.env));
  return OpenVelero::start(context, env, flags.velero.velero_namespace);
}

Result<int> create(Context& context, const Flags& flags) {
  ASSIGN_OR_RETURN(auto options, options_of(flags));
  ASSIGN_OR_RETURN(const auto store, open_store(context, flags.store));
  ASSIGN_OR_RETURN(const auto velero, start(context, flags));
  backup::RestorePlan plan;
  if (flags.dry_run) {
    ASSIGN_OR_RETURN(plan, backup::plan_restore(velero->settings, store, options));
    if (context.text())
      context.print(std::string_view(described(plan, context.flags.verbose)));
    else
      context.print(plan_json(plan));
    if (!plan.problems.empty()) return plan.problems.front();
    return base::exit_code(Code::differences);
  }
  if (!flags.yes && context.stdin_is_terminal())
    options.confirm = [&](const backup::RestorePlan& shown) -> Result<bool> {
      context.note(described(shown, context.flags.verbose));
      const std::string answer = context.ask("Restore? [y/N] ");
      return answer == "y" || answer == "Y" || answer == "yes";
    };
  auto done = backup::restore(velero->settings, store, options, plan);
  if (!context.text()) context.print(plan_json(plan));
  TRY(std::move(done));
  if (context.text())
    context.print(std::string_view(
        fmt::format("restore {}: {} objects of backup {} are back, behind the fence; engines are not started\n"
                    "next: docs/runbooks/restore.md\n",
                    plan.name,
                    std::count_if(plan.objects.begin(), plan.objects.end(),
                                  [](const auto& object) { return !object.outcome.empty(); }),
                    plan.backup.name)));
  return 0;
}

Result<std::vector<Json>> restores(const OpenVelero& velero) {
  auto& cluster = velero.session.cluster;
  ASSIGN_OR_RETURN(const auto* kind, backup::velero_kind(cluster, "Restore"));
  kube::ListOptions options;
  options.namespace_ = velero.settings.velero_namespace;
  ASSIGN_OR_RETURN(auto found, kube::Reader(cluster.client()).list(*kind, options));
  return std::move(found.items);
}

Json restore_json(const Json& object) {
  return {{"name", value::string_at(object, "metadata", "name")},
          {"restore", value::string_at(object, "metadata", "labels", std::string(backup::kRestoreLabel))},
          {"backup", value::string_at(object, "spec", "backupName")},
          {"phase", value::string_at(object, "status", "phase")},
          {"started", value::string_at(object, "status", "startTimestamp")},
          {"completed", value::string_at(object, "status", "completionTimestamp")},
          {"errors", value::int_at(object, 0, "status", "errors")},
          {"warnings", value::int_at(object, 0, "status", "warnings")},
          {"items", value::int_at(object, 0, "status", "progress", "itemsRestored")},
          {"reason", value::string_at(object, "status", "failureReason")}};
}

Result<int> list(Context& context, const Flags& flags) {
  ASSIGN_OR_RETURN(const auto velero, start(context, flags));
  ASSIGN_OR_RETURN(const auto found, restores(*velero));
  Json rows = Json::array();
  std::string out = fmt::format("{:<36} {:<36} {:<18} {:<21} {:>6} {:>6} {:>8}\n", "name", "backup", "phase", "started",
                                "items", "errors", "warnings");
  for (const auto& object : found) {
    const Json row = restore_json(object);
    out += value::escape_control_lines(fmt::format(
        "{:<36} {:<36} {:<18} {:<21} {:>6} {:>6} {:>8}\n", row["name"].get<std::string>(),
        row["backup"].get<std::string>(), row["phase"].get<std::string>(), row["started"].get<std::string>(),
        row["items"].get<std::int64_t>(), row["errors"].get<std::int64_t>(), row["warnings"].get<std::int64_t>()));
    rows.push_back(row);
  }
  if (!context.text())
    context.print(rows);
  else if (found.empty())
    context.note("there is no restore");
  else
    context.print(std::string_view(out));
  return 0;
}

// The parts of a restore of ours, or one Restore of Velero's by its own name.
Result<std::vector<std::string>> parts_of(const OpenVelero& velero, const std::string& name) {
  ASSIGN_OR_RETURN(const auto found, restores(velero));
  std::vector<std::string> parts;
  std::string known;
  for (const auto& object : found) {
    const Json row = restore_json(object);
    if (row["restore"] == name || row["name"] == name) parts.push_back(row["name"].get<std::string>());
    known += (known.empty() ? "" : ", ") + row["name"].get<std::string>();
  }
  if (parts.empty())
    return Error(Code::not_found, fmt::format("no restore {}", name),
                 known.empty() ? "there is none" : "there are " + known);
  return parts;
}

Result<int> describe(Context& context, const Flags& flags) {
  ASSIGN_OR_RETURN(const auto velero, start(context, flags));
  ASSIGN_OR_RETURN(const auto store, open_store(context, flags.store));
  ASSIGN_OR_RETURN(const auto parts, parts_of(*velero, flags.name));
  ASSIGN_OR_RETURN(const auto found, restores(*velero));
  Json out = Json::array();
  std::string text;
  for (const auto& part : parts) {
    for (const auto& object : found)
      if (value::string_at(object, "metadata", "name") == part) out.push_back(restore_json(object));
    Json& row = out.back();
    for (const auto& [key, content] : row.items())
      if (content != Json(""))
        text += fmt::format("{:<10} {}\n", key, content.is_string() ? content.get<std::string>() : content.dump());
    for (const char* kind : {"RestoreResults", "RestoreResourceList"}) {
      auto got = backup::download_json(velero->settings, store, kind, part);
      if (!got.ok()) {
        context.warn(got.error().text());
        continue;
      }
      text += fmt::format("{}\n{}\n", kind, got->dump(2));
      row[kind] = std::move(*got);
    }
  }
  if (context.text())
    context.print(std::string_view(value::escape_control_lines(text)));
  else
    context.print(out);
  return 0;
}

Result<int> logs(Context& context, const Flags& flags) {
  ASSIGN_OR_RETURN(const auto velero, start(context, flags));
  ASSIGN_OR_RETURN(const auto store, open_store(context, flags.store));
  ASSIGN_OR_RETURN(const auto parts, parts_of(*velero, flags.name));
  Json out = Json::array();
  for (const auto& part : parts) {
    ASSIGN_OR_RETURN(const auto text, backup::download(velero->settings, store, "RestoreLog", part));
    if (context.text())
      context.print(std::string_view(value::escape_control_lines(text)));
    else
      out.push_back({{"name", part}, {"log", text}});
  }
  if (!context.text()) context.print(out);
  return 0;
}

CLI::App* add(CLI::App& group, Context& context, const std::shared_ptr<Flags>& flags, const char* name,
              const char* what, Result<int> (*run)(Context&, const Flags&)) {
  auto* command = group.add_subcommand(name, what);
  add_velero(*command, flags->velero);
  command->callback([&context, flags, run] { context.run = [flags, run](Context& c) { return run(c, *flags); }; });
  return command;
}

}  // namespace

void add_restore(CLI::App& app, Context& context) {
  auto* group = app.add_subcommand("restore", "bring a backup back, behind a fence: it can never trade");
  group->require_subcommand(1);
  auto flags = std::make_shared<Flags>();
  auto* made = add(*group, context, flags, "create",
                   "preview, fence, restore, account for every object; 3 if one is missing", create);
  made->add_option("--from", flags->options.from, "the backup")->type_name("BACKUP");
  made->add_option("--from-schedule", flags->options.from_schedule, "or the newest good backup of this schedule")
      ->type_name("NAME");
  made->add_option("--to-time", flags->to_time, "that is not newer than this, as in 2026-11-29T07:00:00Z")
      ->type_name("TIME");
  made->add_option("--namespace-map", flags->map, "restore a namespace under another name")->type_name("FROM:TO");
  made->add_option("--existing", flags->existing, "what is there already: none (3 if anything), keep, or update")
      ->check(CLI::IsMember({"none", "keep", "update"}));
  made->add_option("--name", flags->name, "its name (default: made of the backup and the namespaces)")
      ->type_name("NAME");
  made->add_flag("--allow-partial", flags->options.allow_partial, "although the backup is incomplete");
  made->add_flag("--dry-run", flags->dry_run,
                 "show what would become of every object, and write nothing; exit code 10");
  made->add_flag("--wait", flags->wait, "as always: the account needs the end (for scripts written for velero)");
  made->add_option("--timeout", flags->timeout, "how long each part may take, as in 1h")->type_name("TIME");
  made->add_flag("--yes,-y", flags->yes, "do not ask");
  made->add_option("--take-over-lock", flags->options.take_over_lock, "take the lock from this holder, who is dead")
      ->type_name("HOLDER");
  add(*group, context, flags, "list", "the restores", list);
  auto* shown = add(*group, context, flags, "describe", "one restore, object by object", describe);
  auto* logged = add(*group, context, flags, "logs", "the log of one restore", logs);
  for (auto* command : {shown, logged}) command->add_option("NAME", flags->name, "the restore")->required();
  for (auto* command : {made, shown, logged}) add_store(*command, flags->store);
}

}  // namespace nautilus::cli
