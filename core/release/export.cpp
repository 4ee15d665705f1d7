#include "core/release/export.h"

#include "core/apply/compare.h"
#include "core/apply/observe.h"
#include "core/kube/reader.h"
#include "core/kube/writer.h"
#include "core/port/wall_time.h"
#include "core/release/commit.h"
#include "core/release/lock.h"
#include "core/value/digest.h"
#include "core/value/yaml.h"

namespace nautilus::release {

namespace {

constexpr std::size_t kMaxHelmRecords = 1'000;
constexpr std::string_view kOnlyOwnership = "(field ownership)";
constexpr std::string_view kHandOver =
    "hand over to Helm release ";  // Revision::description, then name and "revision N"

// The name that an export gave it; names have no blanks.
std::string helm_name(const Revision& revision) {
  if (!revision.description.starts_with(kHandOver)) return {};
  const std::string rest = revision.description.substr(kHandOver.size());
  return rest.substr(0, rest.find(' '));
}

// Helm's records of a name, oldest first, without their payload.
Result<std::vector<Json>> helm_records(apply::Cluster& cluster, const std::string& space, const std::string& name) {
  ASSIGN_OR_RETURN(const auto* secrets, cluster.resource(value::GroupVersion{"", "v1"}, "Secret"));
  kube::ListOptions list;
  list.namespace_ = space;
  list.label_selector = "owner=helm,name=" + name;
  list.metadata_only = true;
  ASSIGN_OR_RETURN(auto found, kube::Reader(cluster.client()).list(*secrets, list));
  if (found.items.size() > kMaxHelmRecords)
    return Error(Code::limit, fmt::format("more than {} records of Helm release {}", kMaxHelmRecords, name));
  auto version = [](const Json& secret) {
    return std::atoi(value::string_at(secret, "metadata", "labels", "version").c_str());
  };
  std::sort(found.items.begin(), found.items.end(),
            [&](const Json& a, const Json& b) { return version(a) < version(b); });
  return std::move(found.items);
}

std::string label(const Json& secret, std::string_view key) {
  return value::string_at(secret, "metadata", "labels", key);
}

std::string manifest_text(const apply::Desired& desired) {
  std::string out;
  for (const auto& object : desired.objects) {
    if (object.source.find("/crds/") != std::string::npos) continue;  // Helm neither records nor removes them
    out += fmt::format("---\n# Source: {}\n", object.source);
    value::append_yaml(out, object.manifest);
  }
  return out;
}

class Planning {
 public:
  Planning(const Session& session, const apply::Desired& desired, const HelmSource& source,
           const ExportOptions& options)
      : session_(session), cluster_(session.cluster), desired_(desired), source_(source), options_(options) {}

  Result<Export> run() {
    TRY(check_cluster(session_));
    ASSIGN_OR_RETURN(const auto revisions, session_.store().list(true));
    if (!newest_deployed(revisions) && (revisions.empty() || revisions.back().operation != kExport))
      return Error(Code::not_found, fmt::format("environment {} was not deployed by nautilusctl", session_.env.name),
                   "`nautilusctl status` shows what there is");
    out_.release = options_.release.empty() ? session_.env.release : options_.release;
    out_.base_revision = revisions.back().number;
    out_.chart = desired_.chart;
    out_.finished_before = revisions.back().operation == kExport && revisions.back().status == kDeployed &&
                           helm_name(revisions.back()) == out_.release;
    check_history(revisions.back());
    TRY(compare(inventory(revisions)));
    TRY(plan_record());
    return std::move(out_);
  }

 private:
  void problem(std::string what, std::string hint) {
    out_.problems.push_back(Error(Code::refused, std::move(what), std::move(hint)));
  }

  void check_history(const Revision& newest) {
    if (newest.operation == kExport) {
      if (helm_name(newest) != out_.release)
        problem(fmt::format("the release was handed to Helm under the name {}", helm_name(newest)),
                "finish or repeat that one, or adopt first");
      return;
    }
    if (newest.status != kDeployed)
      problem(fmt::format("the {} of revision {} is {}: an operation is in progress or was not finished",
                          newest.operation, newest.number, newest.status),
              "finish it first: run the same command again");
  }

  Result<> compare(const std::vector<RecordedObject>& known) {
    apply::PlanInput input{session_.env, desired_, entries(known)};
    input.take_from = {std::string(apply::kHelmManager)};  // what an earlier run has moved
    ASSIGN_OR_RETURN(auto planned, apply::make_plan(cluster_, input));
    for (auto& error : planned.problems) out_.problems.push_back(std::move(error));
    std::vector<apply::Wanted> wanted;
    for (const auto& item : planned.plan.items)
      if (!item.generated && item.action != apply::Action::keep) wanted.push_back({item.id, item.api_version});
    ASSIGN_OR_RETURN(const auto live, apply::observe(cluster_, wanted));
    for (const auto& item : planned.plan.items) judge(item, live);
    out_.recorded = objects_of(planned.plan);
    return {};
  }

  void judge(const apply::PlanItem& item, const apply::Live& found) {
    if (item.generated || item.action == apply::Action::keep) {
      out_.left.push_back(item.id);
      return;
    }
    const Json* live = found.find(item.id);
    const bool same =
        item.action == apply::Action::unchanged ||
        (item.action == apply::Action::update && item.changes.size() == 1 && item.changes.front() == kOnlyOwnership);
    if (!same || !live)
      return problem(fmt::format("{} is not as the environment says (a deploy would {} it)", item.id.text(),
                                 apply::name(item.action)),
                     "run `nautilusctl deploy` first: Helm is handed what the environment renders");
    if (!value::string_at(*live, "metadata", "deletionTimestamp").empty())
      return problem(item.id.text() + " is being deleted", "wait until it is gone, and deploy");
    ExportedObject object{item.id, item.api_version, item.manifest, {}, {}, {}};
    object.handover = apply::hand_over(*live, {out_.release, session_.env.namespace_});
    object.live_uid = value::string_at(*live, "metadata", "uid");
    object.live_digest = digest(*live, item.manifest);
    out_.objects.push_back(std::move(object));
  }

 public:
  // Of everything but the marks, which an earlier run may have set.
  static std::string digest(Json live, const Json& desired) {
    for (const char* map : {"labels", "annotations"}) {
      auto found = live["metadata"].find(map);
      if (found == live["metadata"].end()) continue;
      for (auto key : {apply::kManagedBy, apply::kHelmRelease, apply::kHelmNamespace}) found->erase(std::string(key));
      if (found->empty()) live["metadata"].erase(found);
    }
    return apply::live_digest(live, desired);
  }

 private:
  Result<> plan_record() {
    ASSIGN_OR_RETURN(const auto records, helm_records(cluster_, session_.env.namespace_, out_.release));
    ASSIGN_OR_RETURN(const auto* secrets, cluster_.resource(value::GroupVersion{"", "v1"}, "Secret"));
    const std::string manifest = manifest_text(desired_);
    std::string first_deployed;
    out_.version = 1;
    out_.write_record = true;
    for (const auto& record : records) {
      const std::string status = label(record, "status");
      const std::string name = value::string_at(record, "metadata", "name");
      if (status.starts_with("pending-") || status == "uninstalling")
        problem(fmt::format("Helm's release {} revision {} is {}: an operation of Helm is in progress", out_.release,
                            label(record, "version"), status),
                "wait for it; if Helm was killed, `helm rollback` ends it");
      const bool newest = &record == &records.back();
      if (status != "deployed" && !newest) continue;
      ASSIGN_OR_RETURN(const Json secret, kube::Reader(cluster_.client()).get(*secrets, session_.env.namespace_, name));
      ASSIGN_OR_RETURN(Json payload, helm_payload(secret));
      if (newest) {
        out_.version = static_cast<int>(value::int_at(payload, 0, "version")) + 1;
        first_deployed = value::string_at(payload, "info", "first_deployed");
        if (status == "deployed" && value::string_at(payload, "manifest") == manifest &&
            payload.value("config", Json::object()) == source_.config &&
            value::string_at(payload, "apply_method") == "ssa") {
          out_.write_record = false;  // an earlier run wrote it
          --out_.version;
          continue;
        }
      }
      if (status == "deployed") out_.supersede.push_back(std::move(payload));
    }
    const std::string now = port::micro_time(cluster_.client().clock().now());
    out_.payload = {{"name", out_.release},
                    {"namespace", session_.env.namespace_},
                    {"version", out_.version},
                    {"apply_method", "ssa"},
                    {"info",
                     {{"first_deployed", first_deployed.empty() ? now : first_deployed},
                      {"last_deployed", now},
                      {"status", "deployed"},
                      {"description", "handed over by nautilusctl"}}},
                    {"chart", source_.chart},
                    {"config", source_.config},
                    {"manifest", manifest}};
    if (!desired_.notes.empty()) out_.payload["info"]["notes"] = desired_.notes;
    if (out_.write_record)
      TRY(helm_secret(out_.payload, "createdAt", 0));  // too large: said before anything is written
    return {};
  }

  const Session& session_;
  apply::Cluster& cluster_;
  const apply::Desired& desired_;
  const HelmSource& source_;
  const ExportOptions& options_;
  Export out_;
};

Revision pending(const Session& session, const Export& plan) {
  Revision revision;
  revision.number = plan.base_revision + 1;
  revision.status = kPending;
  revision.operation = kExport;
  revision.description = fmt::format("{}{} revision {}", kHandOver, plan.release, plan.version);
  revision.chart = plan.chart;
  revision.environment = session.env.name;
  revision.who = session.who;
  revision.started = port::micro_time(session.cluster.client().clock().now());
  revision.objects = plan.recorded;
  revision.plan_digest = "sha256:" + value::sha256_hex(value::string_at(plan.payload, "manifest"));
  return revision;
}

// One object. Others (controllers, autoscalers) write to it too: then it is looked at again.
Result<> move(const Session& session, const ExportedObject& object, const std::string& release) {
  auto& cluster = session.cluster;
  for (int attempt = 0; attempt < kExportAttempts; ++attempt) {
    ASSIGN_OR_RETURN(auto get, cluster.get(object.id, object.api_version));
    auto read = cluster.client().call(std::move(get));
    if (!read.ok()) return std::move(read.error);
    const Json& live = read.body;
    const auto handover = apply::hand_over(live, {release, session.env.namespace_});
    if (!handover.needed) return {};
    if (value::string_at(live, "metadata", "uid") != object.live_uid ||
        Planning::digest(live, object.desired) != object.live_digest)
      return Error(Code::refused, "it was changed since it was looked at", "run it again");
    ASSIGN_OR_RETURN(auto request, cluster.patch(object.id, object.api_version, handover.patch, apply::kHelmManager));
    auto response = cluster.client().call(std::move(request));
    if (response.ok()) {
      const Json *before = value::find(live, "spec"), *after = value::find(response.body, "spec");
      if (before && after && *before != *after)
        return Error(Code::internal, "its spec is another one although only ownership was moved");
      return {};
    }
    if (response.status != 409 && !response.outcome_unknown) return std::move(response.error);
  }
  return Error(Code::conflict, fmt::format("others wrote to it {} times in between", kExportAttempts), "run it again");
}

std::int64_t unix_seconds(const Session& session) {
  return std::chrono::floor<std::chrono::seconds>(session.cluster.client().clock().now()).time_since_epoch().count();
}

Result<> write_record(const Session& session, const Export& plan) {
  auto& cluster = session.cluster;
  const value::ObjectId id{"", "Secret", session.env.namespace_, helm_secret_name(plan.release, plan.version)};
  if (plan.write_record) {
    ASSIGN_OR_RETURN(const Json secret, helm_secret(plan.payload, "createdAt", unix_seconds(session)));
    ASSIGN_OR_RETURN(auto create, cluster.create(id, "v1", secret));
    auto response = cluster.client().call(std::move(create));
    if (!response.ok()) return std::move(response.error).within("writing Helm's record " + id.name);
    session.cluster.tell({port::Event::Level::info, {}, "export", id.text(), "created", "Helm's record"});
  }
  for (Json payload : plan.supersede) {
    payload["info"]["status"] = "superseded";
    ASSIGN_OR_RETURN(const Json secret, helm_secret(payload, "modifiedAt", unix_seconds(session)));
    const value::ObjectId old{"", "Secret", session.env.namespace_, value::string_at(secret, "metadata", "name")};
    ASSIGN_OR_RETURN(auto replace, cluster.replace(old, "v1", secret));
    auto response = cluster.client().call(std::move(replace));
    if (!response.ok()) return std::move(response.error).within("superseding Helm's record " + old.name);
  }
  return {};
}

Result<> move_all(const Session& session, const Export& plan, const Lock& lock) {
  for (const auto& object : plan.objects) {
    if (!object.handover.needed) continue;
    TRY(lock.ok());
    auto moved = move(session, object, plan.release);
    if (!moved.ok()) return std::move(moved).error().within("handing over " + object.id.text());
    session.cluster.tell({port::Event::Level::info, {}, "export", object.id.text(), "handed over", ""});
  }
  TRY(lock.ok());
  return write_record(session, plan);
}

}  // namespace

int Export::to_move() const {
  return static_cast<int>(std::count_if(objects.begin(), objects.end(),
                                        [](const ExportedObject& object) { return object.handover.needed; }));
}

Result<Export> plan_export(const Session& session, const apply::Desired& desired, const HelmSource& source,
                           const ExportOptions& options) {
  return Planning(session, desired, source, options)
      .run()
      .within(fmt::format("planning to hand {} to Helm", session.env.release));
}

Result<int> export_release(const Session& session, const apply::Desired& desired, const HelmSource& source,
                           const ExportOptions& options, Export& plan) {
  ASSIGN_OR_RETURN(plan, plan_export(session, desired, source, options));
  if (!plan.problems.empty()) {
    Error first = plan.problems.front();
    if (plan.problems.size() > 1)
      first.message += fmt::format(" (and {} more, see --dry-run)", plan.problems.size() - 1);
    return first;
  }
  if (plan.nothing_to_do()) return 0;
  if (options.confirm) {
    ASSIGN_OR_RETURN(const bool yes, options.confirm(plan));
    if (!yes) return Error(Code::interrupted, "not confirmed, nothing was written");
  }
  LockOptions lock_options{session.who, options.lock_wait, options.take_over_lock};
  ASSIGN_OR_RETURN(auto lock, Lock::take(session.cluster, session.env.release, session.env.namespace_, lock_options));
  ASSIGN_OR_RETURN(auto revisions, session.store().list(false));
  if ((revisions.empty() ? 0 : revisions.back().number) != plan.base_revision)
    return Error(Code::refused, "somebody wrote to the release meanwhile", "run it again");
  Revision revision = pending(session, plan);
  TRY(session.store().create(revision));
  TRY(record_end(session, move_all(session, plan, *lock), revision, revisions, *lock, "release export"));
  return revision.number;
}

Result<> check_not_exported(const Session& session, const std::vector<Revision>& revisions) {
  if (revisions.empty() || revisions.back().operation != kExport) return {};
  const Revision& newest = revisions.back();
  if (newest.status != kDeployed)
    return Error(
        Code::refused,
        fmt::format("handing the release to Helm (revision {}) was not finished: {}", newest.number, newest.status),
        "run `nautilusctl release export` again: it goes on where it stopped");
  // Once `helm uninstall` has been there, the name is free again.
  ASSIGN_OR_RETURN(const auto records, helm_records(session.cluster, session.env.namespace_, helm_name(newest)));
  if (records.empty()) return {};
  return Error(Code::refused, fmt::format("the release was handed to Helm as {}", helm_name(newest)),
               "use helm, or take it back with `nautilusctl adopt`");
}

}  // namespace nautilus::release
