#include "core/backup/backup.h"

#include <fmt/ranges.h>

#include "core/backup/findings.h"
#include "core/base/duration.h"
#include "core/port/entropy.h"
#include "core/release/lock.h"

namespace nautilus::backup {

namespace {

constexpr std::size_t kNamesShown = 8;

std::string go_duration(port::Duration time) {
  return fmt::format("{}s", std::chrono::duration_cast<std::chrono::seconds>(time).count());
}

std::string compact_time(port::WallTime now) {
  std::string out;
  for (char c : second_text(now))
    if ((c >= '0' && c <= '9')) out += c;
  return out;
}

std::string what_there_is(const Observed& observed, const std::string& environment) {
  std::vector<std::string> names;
  for (const auto& backup : observed.backups)
    if (backup.state == State::good &&
        (environment.empty() || backup.environment.empty() || backup.environment == environment))
      if (names.size() < kNamesShown) names.push_back(backup.name);
  return names.empty() ? "there is no good backup"
                       : fmt::format("good ones, the newest first: {}", fmt::join(names, ", "));
}

Result<Json> schedule_template(const Settings& settings, const Observed& observed, const std::string& name) {
  auto& cluster = settings.session.cluster;
  ASSIGN_OR_RETURN(auto get,
                   cluster.get(velero_id("Schedule", settings.velero_namespace, name), std::string(kVeleroApi)));
  auto answer = cluster.client().call(std::move(get));
  if (answer.ok()) {
    const Json* spec = value::find(answer.body, "spec", "template");
    return spec ? *spec : Json::object();
  }
  if (answer.status != 404) return std::move(answer.error);
  std::vector<std::string> names;
  for (const auto& schedule : observed.schedules) names.push_back(schedule.name);
  return Error(Code::not_found, fmt::format("no schedule {}", name),
               names.empty() ? "there is none" : fmt::format("there are {}", fmt::join(names, ", ")));
}

Result<> check_location(const Observed& observed, const std::string& name) {
  const Location* location = observed.location(name);
  if (!location) {
    std::vector<std::string> names;
    for (const auto& one : observed.locations) names.push_back(one.name);
    return Error(Code::not_found, name.empty() ? "no location is the default" : fmt::format("no location {}", name),
                 fmt::format("locations: {}", fmt::join(names, ", ")));
  }
  if (location->read_only)
    return Error(Code::refused, fmt::format("location {} is read-only", location->name),
                 "set accessMode: ReadWrite, or choose another with --location");
  if (location->phase == "Unavailable")
    return Error(Code::refused, fmt::format("location {} cannot be reached: {}", location->name, location->message),
                 "check the bucket, the credentials and the way out of the cluster");
  return {};
}

void tell(const Settings& settings, const std::string& name, std::string action, std::string message) {
  settings.session.cluster.tell(
      {port::Event::Level::info, {}, "backup", "Backup " + name, std::move(action), std::move(message)});
}

Result<Created> made(const Settings& settings, const CreateOptions& options, const Json& object) {
  Created out;
  out.name = value::string_at(object, "metadata", "name");
  // A run that was killed while it waited left the backup: with --wait, its end is waited for again.
  ASSIGN_OR_RETURN(const bool fresh, put_new(settings, object, options.wait && !options.name.empty()));
  tell(settings, out.name, fresh ? "created" : "found", "");
  if (!options.wait) return out;
  ASSIGN_OR_RETURN(out.backup, wait_for(settings, out.name, options.timeout));
  return out;
}

}  // namespace

Result<Json> planned_backup(const Settings& settings, const CreateOptions& options) {
  const auto& session = settings.session;
  ASSIGN_OR_RETURN(const Observed observed, observe(session.cluster, settings.velero_namespace));
  Json spec = Json::object();
  if (!options.schedule.empty()) {
    ASSIGN_OR_RETURN(spec, schedule_template(settings, observed, options.schedule));
  } else {
    spec["includedNamespaces"] =
        options.namespaces.empty() ? std::vector<std::string>{session.env.namespace_} : options.namespaces;
    // As the chart's schedules: a lease decides who may trade, and must not come back.
    spec["excludedResources"] = {"events", "events.events.k8s.io", "leases.coordination.k8s.io",
                                 "endpointslices.discovery.k8s.io"};
  }
  if (!options.location.empty()) spec["storageLocation"] = options.location;
  TRY(check_location(observed, value::string_at(spec, "storageLocation")));
  if (options.keep.count() > 0) spec["ttl"] = go_duration(options.keep);
  Json labels = Json::object();
  if (const Json* from = value::find(spec, "metadata", "labels"); from && from->is_object()) labels = *from;
  spec.erase("metadata");
  labels[std::string(kEnvironmentLabel)] = session.env.name;
  const std::string name = options.name.empty()
                               ? session.env.name + "-" + compact_time(session.cluster.client().clock().now())
                               : options.name;
  return Json{{"apiVersion", std::string(kVeleroApi)},
              {"kind", "Backup"},
              {"metadata", {{"name", name}, {"namespace", settings.velero_namespace}, {"labels", std::move(labels)}}},
              {"spec", std::move(spec)}};
}

Result<bool> put_new(const Settings& settings, const Json& object, bool same_is_fine) {
  auto& cluster = settings.session.cluster;
  const auto id = value::ObjectId::of(object);
  const std::string version = value::string_at(object, "apiVersion");
  ASSIGN_OR_RETURN(auto request, cluster.create(id, version, object));
  auto answer = cluster.client().call(std::move(request));
  if (answer.ok()) return true;
  if (answer.outcome_unknown) {
    ASSIGN_OR_RETURN(auto get, cluster.get(id, version));
    if (cluster.client().call(std::move(get)).ok()) return true;
  }
  if (answer.status == 409 && same_is_fine) return false;
  if (answer.status == 409)
    return Error(Code::conflict, fmt::format("{} exists already", id.text()), "choose another --name");
  return std::move(answer.error).within("creating " + id.text());
}

Result<Created> create(const Settings& settings, const CreateOptions& options) {
  const auto& session = settings.session;
  TRY(release::check_cluster(session));
  ASSIGN_OR_RETURN(const Json object, planned_backup(settings, options));
  const release::LockOptions lock_options{session.who, options.lock_wait, options.take_over_lock};
  ASSIGN_OR_RETURN(auto lock,
                   release::Lock::take(session.cluster, session.env.release, session.env.namespace_, lock_options));
  auto done = made(settings, options, object);
  const kube::Uninterrupted section(session.cluster.client());
  TRY(lock->release());
  return done;
}

Result<> poll(const Settings& settings, const value::ObjectId& id, port::Duration timeout,
              const std::function<Result<bool>(const Json&)>& finished) {
  auto& cluster = settings.session.cluster;
  auto& client = cluster.client();
  const auto deadline = client.clock().monotonic() + timeout;
  while (true) {
    ASSIGN_OR_RETURN(auto get, cluster.get(id, std::string(kVeleroApi)));
    auto answer = client.call(std::move(get));
    if (!answer.ok() && answer.status != 404) return std::move(answer.error).within("waiting for " + id.text());
    ASSIGN_OR_RETURN(const bool done, finished(answer.ok() ? answer.body : Json()));
    if (done) return {};
    if (client.clock().monotonic() >= deadline)
      return Error(Code::timeout, fmt::format("{} has not ended after {}", id.text(), base::human_duration(timeout)),
                   "it goes on; --timeout says how long to wait");
    bool woken = false;
    client.after(kPollEvery, [&woken] { woken = true; });
    TRY(client.run_until([&woken] { return woken; }, client.clock().monotonic() + 10 * kPollEvery));
  }
}

Result<Backup> wait_for(const Settings& settings, const std::string& name, port::Duration timeout) {
  Backup last;
  std::string told;
  auto waited = poll(settings, velero_id("Backup", settings.velero_namespace, name), timeout,
                     [&](const Json& object) -> Result<bool> {
                       if (object.is_null())
                         return Error(Code::not_found, fmt::format("Backup {} was deleted while it was made", name));
                       last = backup_of(object);
                       std::string line = fmt::format("{} of {} items", last.items, last.items_in_all);
                       if (last.volumes.wanted > 0)
                         line += fmt::format(", {} of {} volumes", last.volumes.done, last.volumes.wanted);
                       if (line != told) tell(settings, name, last.phase.empty() ? "waiting" : last.phase, line);
                       told = line;
                       return last.state != State::running;
                     });
  if (!waited.ok()) {
    if (waited.error().code == Code::timeout || waited.error().code == Code::interrupted)
      waited.error().hint = "the backup goes on: `nautilusctl backup describe " + name + "`";
    return std::move(waited).error();
  }
  return last;
}

Result<Backup> find(const Settings& settings, const std::string& name) {
  ASSIGN_OR_RETURN(const Observed observed, observe(settings.session.cluster, settings.velero_namespace));
  if (const Backup* found = observed.find(name)) return *found;
  return Error(Code::not_found, fmt::format("no backup {}", name), what_there_is(observed, settings.session.env.name));
}

Result<> check_usable(const Settings& settings, const Observed& observed, const Backup& backup, For use,
                      port::WallTime now) {
  const std::string& environment = settings.session.env.name;
  if (!backup.environment.empty() && backup.environment != environment)
    return Error(Code::refused,
                 fmt::format("backup {} is of environment {}, not of {}", backup.name, backup.environment, environment),
                 what_there_is(observed, environment));
  if (backup.state == State::deleting)
    return Error(Code::refused, fmt::format("backup {} is being deleted", backup.name),
                 what_there_is(observed, environment));
  if (backup.state == State::running && use != For::reading)
    return Error(Code::refused,
                 fmt::format("backup {} is in progress ({}, {} of {} items)", backup.name,
                             backup.phase.empty() ? "New" : backup.phase, backup.items, backup.items_in_all),
                 "wait for it: `nautilusctl backup create --name " + backup.name + " --wait`; " +
                     what_there_is(observed, environment));
  if (use != For::restoring) return {};
  if (backup.expired(now))
    return Error(Code::refused, fmt::format("backup {} expired at {}", backup.name, second_text(*backup.expires)),
                 what_there_is(observed, environment));
  if (backup.state == State::failed)
    return Error(Code::refused, fmt::format("backup {} failed: {}", backup.name, backup.reason),
                 what_there_is(observed, environment));
  const Location* location = observed.location(backup.location);
  if (!location || location->phase == "Unavailable")
    return Error(Code::refused,
                 fmt::format("the location {} of backup {} cannot be reached{}", backup.location, backup.name,
                             location ? ": " + location->message : std::string()),
                 "check the bucket and the credentials");
  return {};
}

Result<> remove(const Settings& settings, const std::string& name, const RemoveOptions& options) {
  const auto& session = settings.session;
  TRY(release::check_cluster(session));
  ASSIGN_OR_RETURN(const Observed observed, observe(session.cluster, settings.velero_namespace));
  const Backup* backup = observed.find(name);
  if (!backup)
    return Error(Code::not_found, fmt::format("no backup {}", name), what_there_is(observed, session.env.name));
  TRY(check_usable(settings, observed, *backup, For::removing, session.cluster.client().clock().now()));
  if (const Location* location = observed.location(backup->location); location && location->read_only)
    return Error(Code::refused, fmt::format("its location {} is read-only", location->name),
                 "set accessMode: ReadWrite to delete from it");
  const std::string request = fmt::format("{}-{}", name.substr(0, 200), port::random_alphanumeric(session.entropy, 5));
  std::string lower = request;
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  ASSIGN_OR_RETURN(auto get,
                   session.cluster.get(velero_id("Backup", settings.velero_namespace, name), std::string(kVeleroApi)));
  const auto live = session.cluster.client().call(std::move(get));
  // The labels by which Velero finds the requests for a backup, its own client sets them too.
  const Json object = {
      {"apiVersion", std::string(kVeleroApi)},
      {"kind", "DeleteBackupRequest"},
      {"metadata",
       {{"name", lower},
        {"namespace", settings.velero_namespace},
        {"labels",
         {{"velero.io/backup-name", name}, {"velero.io/backup-uid", value::string_at(live.body, "metadata", "uid")}}}}},
      {"spec", {{"backupName", name}}}};
  TRY(put_new(settings, object, false));
  tell(settings, name, "deleting", "");
  if (!options.wait) return {};
  std::vector<std::string> errors;
  TRY(poll(settings, velero_id("DeleteBackupRequest", settings.velero_namespace, lower), options.timeout,
           [&](const Json& answer) -> Result<bool> {
             if (answer.is_null()) return true;  // Velero removes a request that went well
             if (const Json* list = value::find(answer, "status", "errors"); list && list->is_array())
               for (const auto& one : *list)
                 if (one.is_string()) errors.push_back(one.get<std::string>());
             return value::string_at(answer, "status", "phase") == "Processed";
           }));
  if (!errors.empty())
    return Error(Code::partial, fmt::format("backup {} was not deleted whole: {}", name, fmt::join(errors, "; ")));
  return {};
}

}  // namespace nautilus::backup
