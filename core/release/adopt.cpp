#include "core/release/adopt.h"

#include "core/apply/batch.h"
#include "core/apply/compare.h"
#include "core/apply/observe.h"
#include "core/kube/reader.h"
#include "core/port/wall_time.h"
#include "core/release/commit.h"
#include "core/release/export.h"
#include "core/release/lock.h"
#include "core/value/digest.h"

namespace nautilus::release {

namespace {

constexpr std::size_t kMaxHelmSecrets = 1'000;

bool has_pods(const value::ObjectId& id) {
  return id.kind == "Deployment" || id.kind == "StatefulSet" || id.kind == "DaemonSet";
}

bool under_template(const std::vector<std::string>& paths) {
  return std::any_of(paths.begin(), paths.end(), [](const auto& path) { return path.starts_with(".spec.template"); });
}

class Planning {
 public:
  Planning(const Session& session, const apply::Desired& desired, const AdoptOptions& options)
      : session_(session), cluster_(session.cluster), desired_(desired), options_(options) {}

  Result<Adoption> run() {
    TRY(check_cluster(session_));
    ASSIGN_OR_RETURN(const auto revisions, session_.store().list(true));
    out_.base_revision = revisions.empty() ? 0 : revisions.back().number;
    out_.finished_before = !revisions.empty() && revisions.back().status == kDeployed;
    if (!revisions.empty() && revisions.back().operation == kExport && !out_.finished_before)
      TRY(check_not_exported(session_, revisions));
    out_.chart = desired_.chart;
    const auto known = inventory(revisions);
    for (const auto& object : known) ours_.insert(object.id);
    TRY(read_helm());
    TRY(compare(known));
    std::vector<apply::Wanted> wanted;
    for (const auto& item : planned_.plan.items) wanted.push_back({item.id, item.api_version});
    ASSIGN_OR_RETURN(live_, apply::observe_metadata(cluster_, secrets_of(wanted)));
    std::erase_if(wanted, [](const apply::Wanted& one) { return one.id.kind == "Secret"; });
    ASSIGN_OR_RETURN(auto others, apply::observe(cluster_, wanted));
    choose_installers(others);
    for (const auto& item : planned_.plan.items) judge(item, item.id.kind == "Secret" ? live_ : others);
    TRY(find_left_over());
    return std::move(out_);
  }

 private:
  static std::vector<apply::Wanted> secrets_of(const std::vector<apply::Wanted>& wanted) {
    std::vector<apply::Wanted> secrets;
    for (const auto& one : wanted)
      if (one.id.kind == "Secret") secrets.push_back(one);
    return secrets;
  }

  // The newest deployed record of the release; its name is the environment's if nobody says another.
  Result<> read_helm() {
    const std::string name = options_.from_helm.empty() ? session_.env.release : options_.from_helm;
    if (options_.from_helm.empty() && options_.from_kubectl) return {};
    ASSIGN_OR_RETURN(const auto* secrets, cluster_.resource(value::GroupVersion{"", "v1"}, "Secret"));
    kube::ListOptions list;
    list.namespace_ = session_.env.namespace_;
    list.label_selector = fmt::format("owner=helm,status=deployed,name={}", name);
    list.metadata_only = true;
    ASSIGN_OR_RETURN(const auto found, kube::Reader(cluster_.client()).list(*secrets, list));
    std::string newest;
    int version = 0;
    for (std::size_t i = 0; i < found.items.size() && i < kMaxHelmSecrets; ++i) {
      const int number = std::atoi(value::string_at(found.items[i], "metadata", "labels", "version").c_str());
      if (number > version) {
        version = number;
        newest = value::string_at(found.items[i], "metadata", "name");
      }
    }
    if (newest.empty()) {
      if (options_.from_helm.empty()) return {};
      return Error(Code::not_found, fmt::format("no deployed Helm release {} in namespace {}", name, list.namespace_),
                   "`helm list -A` shows what there is");
    }
    ASSIGN_OR_RETURN(const Json secret, kube::Reader(cluster_.client()).get(*secrets, list.namespace_, newest));
    ASSIGN_OR_RETURN(out_.helm, helm_release(secret));
    for (auto& object : out_.helm->objects) {
      auto resource = cluster_.resource(value::GroupVersion::parse(value::string_at(object, "apiVersion")),
                                        value::string_at(object, "kind"));
      if (resource.ok() && (*resource)->namespaced && value::string_at(object, "metadata", "namespace").empty())
        object["metadata"]["namespace"] = out_.helm->namespace_;
      installed_[value::ObjectId::of(object)] = &object;
    }
    return {};
  }

  // What a deploy would change, as if the installers' fields were ours.
  Result<> compare(const std::vector<RecordedObject>& known) {
    apply::PlanInput input{session_.env, desired_, entries(known)};
    input.take_from = {"helm", "kubectl", "kubectl-client-side-apply", "kubectl-create"};
    ASSIGN_OR_RETURN(planned_, apply::make_plan(cluster_, input));
    for (const auto& problem : planned_.problems) out_.notes.push_back(problem.text());
    return {};
  }

  void choose_installers(const apply::Live& live) {
    out_.installers = {out_.helm.has_value(), options_.from_kubectl};
    if (!options_.from_helm.empty() || options_.from_kubectl) return;
    for (const auto& item : planned_.plan.items)
      if (const Json* found = live.find(item.id))
        out_.installers.kubectl =
            out_.installers.kubectl || apply::take_over(*found, item.manifest, nullptr, {.kubectl = true}).needed;
  }

  void judge(const apply::PlanItem& item, const apply::Live& found) {
    if (item.action == apply::Action::remove || item.action == apply::Action::keep) return;
    const Json* live = found.find(item.id);
    if (!live) {
      out_.missing.push_back(item.id);
      return;
    }
    if (item.generated) {
      out_.generated.push_back({item.id, item.api_version, item.source, true, item.manifest});
      return;
    }
    if (!value::string_at(*live, "metadata", "deletionTimestamp").empty()) return problem(item.id, "is being deleted");
    if (!belongs_here(item.id, *live)) return;
    AdoptedObject object{item.id, item.api_version, item.source, item.manifest, nullptr, {}, nullptr, {}, {}, {}, {}};
    if (auto sent = installed_.find(item.id); sent != installed_.end()) object.installed = *sent->second;
    object.takeover = apply::take_over(*live, object.desired, object.installed, out_.installers);
    object.manifest = apply::extract_owned(*live, object.takeover.fields);
    object.live_uid = value::string_at(*live, "metadata", "uid");
    object.live_digest = apply::live_digest(*live, object.desired);
    for (const auto& path : item.changes)
      if (path != "(field ownership)") object.changes.push_back(path);
    object.removes = apply::fields_outside(object.takeover.fields, object.desired);
    object.restarts = has_pods(item.id) && (under_template(object.changes) || under_template(object.removes));
    if (object.restarts && !options_.allow_restart)
      problem(item.id, "would be restarted by the first deploy",
              "make the environment say what runs, or say --allow-restart: adopting itself restarts nothing");
    out_.objects.push_back(std::move(object));
  }

  bool belongs_here(const value::ObjectId& id, const Json& live) {
    auto mark = [&](std::string_view key) {
      const std::string text = value::string_at(live, "metadata", "annotations", std::string(key));
      return text.substr(0, text.find(" ("));
    };
    if (apply::our_entry(live) && !ours_.contains(id)) {
      problem(id, "is owned by another environment of nautilusctl, or by one whose history is gone");
      return false;
    }
    const std::string release = mark(apply::kHelmRelease), space = mark(apply::kHelmNamespace);
    if (release.empty() || ours_.contains(id)) return true;
    if (out_.helm && out_.helm->name == release && out_.helm->namespace_ == space) return true;
    problem(id, fmt::format("belongs to the Helm release {} in namespace {}", release, space),
            "say --from-helm with that release, if it is the one to take over");
    return false;
  }

  void problem(const value::ObjectId& id, std::string_view what, std::string hint = {}) {
    out_.problems.push_back(Error(Code::refused, fmt::format("{} {}", id.text(), what), std::move(hint)));
  }

  Result<> find_left_over() {
    std::set<value::ObjectId> rendered;
    for (const auto& item : planned_.plan.items) rendered.insert(item.id);
    std::vector<apply::Wanted> wanted;
    for (const auto& [id, object] : installed_)
      if (!rendered.contains(id)) wanted.push_back({id, value::string_at(*object, "apiVersion")});
    ASSIGN_OR_RETURN(const auto live, apply::observe_metadata(cluster_, wanted));
    for (const auto& one : wanted)
      if (live.find(one.id)) out_.left_over.push_back(one.id);
    return {};
  }

  const Session& session_;
  apply::Cluster& cluster_;
  const apply::Desired& desired_;
  const AdoptOptions& options_;
  Adoption out_;
  apply::Planned planned_;
  apply::Live live_;
  std::set<value::ObjectId> ours_;
  std::map<value::ObjectId, const Json*> installed_;
};

Revision pending(const Session& session, const Adoption& adoption) {
  Revision revision;
  revision.number = adoption.base_revision + 1;
  revision.status = kPending;
  revision.operation = kAdopt;
  revision.description =
      adoption.helm ? fmt::format("adopt Helm release {} revision {}", adoption.helm->name, adoption.helm->version)
                    : std::string("adopt what kubectl applied");
  revision.chart = adoption.helm ? adoption.helm->chart : adoption.chart;
  revision.environment = session.env.name;
  revision.who = session.who;
  revision.started = port::micro_time(session.cluster.client().clock().now());
  std::string all;
  for (const auto& object : adoption.objects) {
    revision.objects.push_back({object.id, object.api_version, object.source, false, object.manifest});
    all += object.manifest.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  for (const auto& secret : adoption.generated) revision.objects.push_back(secret);
  revision.plan_digest = "sha256:" + value::sha256_hex(all);
  return revision;
}

Result<Json> read(apply::Cluster& cluster, const AdoptedObject& object) {
  ASSIGN_OR_RETURN(auto get, cluster.get(object.id, object.api_version, object.id.kind == "Secret"));
  auto response = cluster.client().call(std::move(get));
  if (!response.ok()) return std::move(response.error);
  return std::move(response.body);
}

// One object. Others (controllers, autoscalers) write to it too: then it is looked at again.
Result<bool> move(apply::Cluster& cluster, const AdoptedObject& object, const apply::Installers& installers) {
  for (int attempt = 0; attempt < kAdoptAttempts; ++attempt) {
    ASSIGN_OR_RETURN(const Json live, read(cluster, object));
    const auto takeover = apply::take_over(live, object.desired, object.installed, installers);
    if (!takeover.needed) return attempt > 0;
    if (value::string_at(live, "metadata", "uid") != object.live_uid ||
        apply::live_digest(live, object.desired) != object.live_digest)
      return Error(Code::refused, "it was changed since it was looked at", "run it again");
    ASSIGN_OR_RETURN(auto request, cluster.patch(object.id, object.api_version, takeover.patch, apply::kAdoptManager));
    auto response = cluster.client().call(std::move(request));
    if (response.ok()) {
      // A Deployment's generation counts its annotations too; what it asks for must not have moved.
      const Json *before = value::find(live, "spec"), *after = value::find(response.body, "spec");
      if (before && after && *before != *after)
        return Error(Code::internal, "its spec is another one although only ownership was moved");
      return true;
    }
    if (response.status != 409 && !response.outcome_unknown) return std::move(response.error);
  }
  return Error(Code::conflict, fmt::format("others wrote to it {} times in between", kAdoptAttempts), "run it again");
}

Result<> move_all(const Session& session, const Adoption& adoption, const Lock& lock) {
  for (const auto& object : adoption.objects) {
    if (!object.takeover.needed) continue;
    TRY(lock.ok());
    auto moved = move(session.cluster, object, adoption.installers);
    if (!moved.ok()) return std::move(moved).error().within("taking over " + object.id.text());
    session.cluster.tell({port::Event::Level::info, {}, "adopt", object.id.text(), "adopted", ""});
  }
  return {};
}

}  // namespace

int Adoption::to_move() const {
  return static_cast<int>(std::count_if(objects.begin(), objects.end(),
                                        [](const AdoptedObject& object) { return object.takeover.needed; }));
}

Result<Adoption> plan_adoption(const Session& session, const apply::Desired& desired, const AdoptOptions& options) {
  return Planning(session, desired, options).run().within("planning to adopt " + session.env.release);
}

Result<int> adopt(const Session& session, const apply::Desired& desired, const AdoptOptions& options,
                  Adoption& adoption) {
  ASSIGN_OR_RETURN(adoption, plan_adoption(session, desired, options));
  if (!adoption.problems.empty()) {
    Error first = adoption.problems.front();
    if (adoption.problems.size() > 1)
      first.message += fmt::format(" (and {} more, see --dry-run)", adoption.problems.size() - 1);
    return first;
  }
  if (adoption.to_move() == 0 && adoption.finished_before) return 0;
  if (adoption.to_move() == 0 && adoption.base_revision == 0)
    return Error(Code::not_found, fmt::format("nothing of {} was installed with Helm or kubectl", session.env.name),
                 "`nautilusctl deploy` installs it");
  if (options.confirm) {
    ASSIGN_OR_RETURN(const bool yes, options.confirm(adoption));
    if (!yes) return Error(Code::interrupted, "not confirmed, nothing was written");
  }
  LockOptions lock_options{session.who, options.lock_wait, options.take_over_lock};
  ASSIGN_OR_RETURN(auto lock, Lock::take(session.cluster, session.env.release, session.env.namespace_, lock_options));
  ASSIGN_OR_RETURN(auto revisions, session.store().list(false));
  if ((revisions.empty() ? 0 : revisions.back().number) != adoption.base_revision)
    return Error(Code::refused, "somebody wrote to the release meanwhile", "run it again");
  Revision revision = pending(session, adoption);
  TRY(session.store().create(revision));
  TRY(record_end(session, move_all(session, adoption, *lock), revision, revisions, *lock, "adopt"));
  return revision.number;
}

Result<> check_adoption_finished(const std::vector<Revision>& revisions) {
  if (revisions.empty() || revisions.back().operation != kAdopt) return {};
  const std::string& status = revisions.back().status;
  if (status == kDeployed || status == kSuperseded) return {};
  return Error(Code::refused,
               fmt::format("the adoption of revision {} was not finished ({})", revisions.back().number, status),
               "run `nautilusctl adopt` again: it goes on where it stopped");
}

}  // namespace nautilus::release
