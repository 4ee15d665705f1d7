#include "core/backup/restore.h"

#include <fmt/ranges.h>

#include <set>

#include "core/kube/reader.h"
#include "core/release/lock.h"

namespace nautilus::backup {

namespace {

constexpr std::size_t kShown = 5;

void tell(const Settings& settings, const std::string& object, std::string action, std::string message) {
  settings.session.cluster.tell(
      {port::Event::Level::info, {}, "restore", object, std::move(action), std::move(message)});
}

// Makes the object, or makes sure that what is there is the same in `part`.
Result<> make_sure(const Settings& settings, const Json& object, const char* part) {
  auto& cluster = settings.session.cluster;
  ASSIGN_OR_RETURN(const bool fresh, put_new(settings, object, true));
  if (fresh) return {};
  const auto id = value::ObjectId::of(object);
  ASSIGN_OR_RETURN(auto get, cluster.get(id, value::string_at(object, "apiVersion")));
  const auto live = cluster.client().call(std::move(get));
  if (!live.ok()) return live.error;
  const Json *there = value::find(live.body, std::string_view(part)),
             *wanted = value::find(object, std::string_view(part));
  if (there && wanted && *there == *wanted) return {};
  return Error(Code::refused, fmt::format("{} is there and is another", id.text()),
               "delete it, or choose another --name");
}

// Namespaces that are new carry the restore's mark; one that was there and empty gets it.
Result<> mark_namespace(const Settings& settings, const std::string& name, const std::string& restore) {
  auto& cluster = settings.session.cluster;
  const Json wanted = fence_namespace(name, restore);
  ASSIGN_OR_RETURN(const bool fresh, put_new(settings, wanted, true));
  if (fresh) return {};
  const value::ObjectId id{"", "Namespace", "", name};
  ASSIGN_OR_RETURN(auto get, cluster.get(id, "v1"));
  auto live = cluster.client().call(std::move(get));
  if (!live.ok()) return std::move(live.error);
  if (value::string_at(live.body, "metadata", "labels", std::string(kRestoreLabel)) == restore) return {};
  Json next = live.body;
  next["metadata"]["labels"][std::string(kRestoreLabel)] = restore;
  ASSIGN_OR_RETURN(auto replace, cluster.replace(id, "v1", next));
  auto done = cluster.client().call(std::move(replace));
  if (!done.ok()) return std::move(done.error).within("marking namespace " + name);
  return {};
}

Result<> raise_fence(const Settings& settings, const RestorePlan& plan) {
  std::vector<std::string> sources;
  for (const auto& [from, to] : plan.namespaces) {
    sources.push_back(from);
    TRY(mark_namespace(settings, to, plan.name));
    TRY(make_sure(settings, fence_policy(to, plan.name), "spec").within("raising the fence"));
    tell(settings, "NetworkPolicy " + to + "/" + std::string(kFence), "fenced", "");
  }
  return make_sure(settings, fence_modifiers(settings.velero_namespace, plan.name, sources), "data")
      .within("writing Velero's resource modifiers");
}

Result<std::vector<Json>> listed(apply::Cluster& cluster, const char* version, const char* kind,
                                 const std::string& space) {
  ASSIGN_OR_RETURN(const auto* resource, cluster.resource(value::GroupVersion::parse(version), kind));
  kube::ListOptions list;
  list.namespace_ = space;
  ASSIGN_OR_RETURN(auto found, kube::Reader(cluster.client()).list(*resource, list));
  return std::move(found.items);
}

Result<> check_fence(const Settings& settings, const RestorePlan& plan) {
  auto& cluster = settings.session.cluster;
  std::vector<std::string> found;
  for (const auto& [from, to] : plan.namespaces) {
    Walls walls;
    ASSIGN_OR_RETURN(walls.policies, listed(cluster, "networking.k8s.io/v1", "NetworkPolicy", to));
    ASSIGN_OR_RETURN(walls.engines, listed(cluster, "apps/v1", "StatefulSet", to));
    ASSIGN_OR_RETURN(walls.secrets, listed(cluster, "v1", "Secret", to));
    ASSIGN_OR_RETURN(walls.cron_jobs, listed(cluster, "batch/v1", "CronJob", to));
    for (auto& hole : holes(to, plan.name, walls)) found.push_back(std::move(hole));
  }
  if (found.empty()) return {};
  return Error(Code::refused, fmt::format("the fence does not hold: {}", fmt::join(found, "; ")),
               "do not start anything there; scale the engines to nothing and run the restore again");
}

// One Restore, from its creation to its end. True if it had nothing to say against it.
Result<> run_one(const Settings& settings, const Json& object, port::Duration timeout) {
  if (object.is_null()) return {};
  const std::string name = value::string_at(object, "metadata", "name");
  ASSIGN_OR_RETURN(const bool fresh, put_new(settings, object, true));
  tell(settings, "Restore " + name, fresh ? "created" : "found", "");
  std::string told, phase, reason;
  TRY(poll(settings, velero_id("Restore", settings.velero_namespace, name), timeout,
           [&](const Json& live) -> Result<bool> {
             if (live.is_null())
               return Error(Code::not_found, fmt::format("Restore {} was deleted while it ran", name));
             phase = value::string_at(live, "status", "phase");
             reason = value::string_at(live, "status", "failureReason");
             if (const Json* list = value::find(live, "status", "validationErrors"); list && list->is_array())
               for (const auto& one : *list)
                 if (one.is_string()) reason += (reason.empty() ? "" : "; ") + one.get<std::string>();
             const std::string line =
                 fmt::format("{} of {} items", value::int_at(live, 0, "status", "progress", "itemsRestored"),
                             value::int_at(live, 0, "status", "progress", "totalItems"));
             if (line != told) tell(settings, "Restore " + name, phase.empty() ? "waiting" : phase, line);
             told = line;
             return state_of(phase) != State::running;
           })
          .within("restoring"));
  if (state_of(phase) == State::failed)
    return Error(Code::partial, fmt::format("Restore {} failed: {}", name, reason),
                 "`nautilusctl restore logs` says more; run the same command with another --name to try again");
  return {};
}

// Velero's list, and what is really there.
Result<> account(const Settings& settings, const Store& store, const Json& object, RestorePlan& plan, bool workloads) {
  if (object.is_null()) return {};
  ASSIGN_OR_RETURN(const Json list,
                   download_json(settings, store, "RestoreResourceList", value::string_at(object, "metadata", "name")));
  ASSIGN_OR_RETURN(const auto entries, read_list(list));
  std::map<std::string, std::string> actions;
  for (const auto& entry : entries) actions[entry.kind + " " + entry.namespace_ + "/" + entry.name] = entry.action;
  std::map<std::string, std::set<std::string>> there;
  for (auto& one : plan.objects) {
    if (one.workload != workloads || one.fate == Fate::fenced || one.fate == Fate::left) continue;
    const std::string key = one.resource + " " + one.target;
    auto [names, fresh] = there.try_emplace(key);
    if (fresh) {
      auto& cluster = settings.session.cluster;
      ASSIGN_OR_RETURN(const auto* resource, cluster.resource(value::GroupVersion::parse(one.api_version), one.kind));
      kube::ListOptions options;
      options.namespace_ = one.target;
      options.metadata_only = true;
      ASSIGN_OR_RETURN(const auto found, kube::Reader(cluster.client()).list(*resource, options));
      for (const auto& item : found.items) names->second.insert(value::string_at(item, "metadata", "name"));
    }
    const auto action = actions.find(one.kind + " " + one.target + "/" + one.name);
    one.outcome = !names->second.contains(one.name) ? "missing"
                  : action == actions.end()         ? (one.fate == Fate::skip ? "skipped" : "missing")
                                                    : action->second;
  }
  return {};
}

Result<> verdict(const RestorePlan& plan, const RestoreOptions& options) {
  std::vector<std::string> bad;
  std::size_t count = 0;
  for (const auto& object : plan.objects) {
    if (object.outcome.empty() || object.outcome == "created" || object.outcome == "updated") continue;
    if (object.outcome == "skipped" && object.fate == Fate::skip && options.keep_existing) continue;
    ++count;
    if (bad.size() < kShown) bad.push_back(object.text() + " " + object.outcome);
  }
  if (count == 0) return {};
  return Error(Code::partial,
               fmt::format("{} objects of backup {} were not restored: {}{}", count, plan.backup.name,
                           fmt::join(bad, ", "), count > bad.size() ? ", ..." : ""),
               "`nautilusctl restore describe " + plan.name +
                   "` lists them; --keep-existing accepts what was there, "
                   "--existing update changes it");
}

Result<> run_all(const Settings& settings, const Store& store, const RestoreOptions& options, RestorePlan& plan,
                 const release::Lock& lock) {
  TRY(raise_fence(settings, plan));
  for (bool workloads : {false, true}) {
    TRY(lock.ok());
    const Json object = restore_object(settings, plan, options, workloads);
    TRY(run_one(settings, object, options.timeout));
    TRY(account(settings, store, object, plan, workloads));
  }
  TRY(check_fence(settings, plan));
  return verdict(plan, options);
}

}  // namespace

Json restore_object(const Settings& settings, const RestorePlan& plan, const RestoreOptions& options, bool workloads) {
  std::set<std::string> resources;
  for (const auto& object : plan.objects)
    if (object.workload == workloads &&
        (object.fate == Fate::create || object.fate == Fate::change || object.fate == Fate::skip))
      resources.insert(object.resource);
  if (resources.empty()) return nullptr;
  if (resources.contains("persistentvolumeclaims")) resources.insert("persistentvolumes");
  std::vector<std::string> included;
  Json map = Json::object();
  for (const auto& [from, to] : plan.namespaces) {
    included.push_back(from);
    if (from != to) map[from] = to;
  }
  Json spec = {{"backupName", plan.backup.name},
               {"includedNamespaces", included},
               {"includedResources", resources},
               {"existingResourcePolicy", options.update_existing ? "update" : "none"},
               {"restorePVs", true},
               {"resourceModifier", {{"kind", "ConfigMap"}, {"name", plan.name + "-fence"}}}};
  if (!map.empty()) spec["namespaceMapping"] = map;
  return {{"apiVersion", std::string(kVeleroApi)},
          {"kind", "Restore"},
          {"metadata",
           {{"name", plan.name + (workloads ? "-workloads" : "-data")},
            {"namespace", settings.velero_namespace},
            {"labels",
             {{std::string(kEnvironmentLabel), settings.session.env.name}, {std::string(kRestoreLabel), plan.name}}}}},
          {"spec", std::move(spec)}};
}

Result<> restore(const Settings& settings, const Store& store, const RestoreOptions& options, RestorePlan& plan) {
  ASSIGN_OR_RETURN(plan, plan_restore(settings, store, options));
  if (!plan.problems.empty()) {
    Error first = plan.problems.front();
    if (plan.problems.size() > 1)
      first.message += fmt::format(" (and {} more, see --dry-run)", plan.problems.size() - 1);
    return first;
  }
  if (options.confirm) {
    ASSIGN_OR_RETURN(const bool yes, options.confirm(plan));
    if (!yes) return Error(Code::interrupted, "not confirmed, nothing was written");
  }
  const auto& session = settings.session;
  const release::LockOptions lock_options{session.who, options.lock_wait, options.take_over_lock};
  ASSIGN_OR_RETURN(auto lock, release::Lock::take(session.cluster, "restore-" + session.env.release,
                                                  settings.velero_namespace, lock_options));
  auto done = run_all(settings, store, options, plan, *lock);
  const kube::Uninterrupted section(session.cluster.client());
  if (lock->ok().ok()) TRY(lock->release());
  if (!done.ok()) return std::move(done).error().with_hint("run the same command again: it goes on where it stopped");
  return {};
}

}  // namespace nautilus::backup
