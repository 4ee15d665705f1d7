#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "core/backup/findings.h"
#include "core/backup/restore.h"
#include "core/kube/reader.h"
#include "core/value/digest.h"
#include "core/value/escape.h"

namespace nautilus::backup {

namespace {

constexpr std::size_t kShown = 6;

struct Rule {
  std::string_view kind;
  Fate fate;
  std::string_view why;
};
// Kinds that are never restored as they are.
constexpr Rule kRules[] = {
    {"NetworkPolicy", Fate::fenced, "policies add up: it might let something out"},
    {"Lease", Fate::fenced, "a lease says who may trade"},
    {"Pod", Fate::left, "made by its controller"},
    {"ReplicaSet", Fate::left, "made by its controller"},
    {"ControllerRevision", Fate::left, "made by its controller"},
    {"Endpoints", Fate::left, "made by its controller"},
    {"EndpointSlice", Fate::left, "made by its controller"},
    {"Job", Fate::left, "what ran once is not run again"},
    {"Event", Fate::left, "of the moment"},
    {"VolumeSnapshot", Fate::left, "Velero's own way to a volume"},
};

bool is_workload(const ListedObject& object) {
  for (const char* kind : {"Deployment", "StatefulSet", "DaemonSet", "CronJob", "HorizontalPodAutoscaler"})
    if (object.kind == kind) return true;
  // Objects of operators: their Secrets, claims and settings must be there before they are looked at.
  const std::string group = value::GroupVersion::parse(object.api_version).group;
  return group.find('.') != std::string::npos && !group.ends_with(".k8s.io");
}

bool made_by_cluster(const ListedObject& object) {
  return (object.kind == "ConfigMap" && (object.name == "kube-root-ca.crt" || object.name == "istio-ca-root-cert")) ||
         (object.kind == "ServiceAccount" && object.name == "default");
}

class Planning {
 public:
  Planning(const Settings& settings, const Store& store, const RestoreOptions& options)
      : settings_(settings), cluster_(settings.session.cluster), store_(store), options_(options) {}

  Result<RestorePlan> run() {
    TRY(release::check_cluster(settings_.session));
    ASSIGN_OR_RETURN(const Observed observed, observe(cluster_, settings_.velero_namespace));
    TRY(choose(observed));
    TRY(check_usable(settings_, observed, plan_.backup, For::restoring, cluster_.client().clock().now()));
    if (plan_.backup.state == State::partial && !options_.allow_partial)
      return Error(Code::refused,
                   fmt::format("backup {} is incomplete ({} errors)", plan_.backup.name, plan_.backup.errors),
                   "--allow-partial restores what it holds; `nautilusctl backup logs` says what it lacks");
    ASSIGN_OR_RETURN(const Json list, download_json(settings_, store_, "BackupResourceList", plan_.backup.name));
    ASSIGN_OR_RETURN(auto objects, read_list(list));
    TRY(map_namespaces(objects));
    name_it();
    TRY(judge(objects));
    TRY(compare());
    TRY(check_targets());
    return std::move(plan_);
  }

 private:
  void problem(std::string what, std::string hint) {
    plan_.problems.push_back(Error(Code::refused, std::move(what), std::move(hint)));
  }

  Result<> choose(const Observed& observed) {
    if (!options_.from.empty()) {
      ASSIGN_OR_RETURN(plan_.backup, find(settings_, options_.from));
      return {};
    }
    std::vector<std::string> there;
    for (const auto& backup : observed.backups) {
      if (backup.schedule != options_.from_schedule || backup.state != State::good || !backup.point()) continue;
      if (there.size() < kShown) there.push_back(fmt::format("{} ({})", backup.name, second_text(*backup.point())));
      if (options_.to_time && *backup.point() > *options_.to_time) continue;
      plan_.backup = backup;
      if (options_.to_time)
        plan_.notes.push_back(fmt::format("the newest good backup not after {} is of {}",
                                          second_text(*options_.to_time), second_text(*backup.point())));
      return {};
    }
    return Error(Code::not_found,
                 options_.to_time ? fmt::format("schedule {} has no good backup from {} or before",
                                                options_.from_schedule, second_text(*options_.to_time))
                                  : fmt::format("schedule {} has no good backup", options_.from_schedule),
                 there.empty() ? "there is none" : fmt::format("there are {}", fmt::join(there, ", ")));
  }

  Result<> map_namespaces(const std::vector<ListedObject>& objects) {
    for (const auto& object : objects)
      if (!object.namespace_.empty()) plan_.namespaces[object.namespace_] = object.namespace_;
    std::set<std::string> targets;
    for (const auto& [from, to] : options_.namespaces) {
      auto found = plan_.namespaces.find(from);
      if (found == plan_.namespaces.end()) {
        std::vector<std::string> names;
        for (const auto& [name, same] : plan_.namespaces) names.push_back(name);
        return Error(Code::usage, fmt::format("the backup has no namespace {}", from),
                     fmt::format("it has {}", fmt::join(names, ", ")));
      }
      found->second = to;
    }
    for (const auto& [from, to] : plan_.namespaces)
      if (!targets.insert(to).second)
        return Error(Code::usage, fmt::format("two namespaces of the backup would become {}", to), "map them apart");
    return {};
  }

  // The same backup and map give the same name: a run that was killed is found again.
  void name_it() {
    plan_.name = options_.name;
    if (!plan_.name.empty()) return;
    std::string all = plan_.backup.name;
    for (const auto& [from, to] : plan_.namespaces) all += "\n" + from + ":" + to;
    plan_.name = "restore-" + value::sha256_hex(all).substr(0, 10);
  }

  Result<> judge(std::vector<ListedObject>& objects) {
    std::set<std::string> unserved;
    for (auto& object : objects) {
      RestoredObject out{
          object.api_version, object.kind, object.namespace_, "", object.name, "", Fate::create, "", false, ""};
      if (!object.namespace_.empty()) out.target = plan_.namespaces[object.namespace_];
      decide(object, out);
      if (out.fate == Fate::create) {
        auto resource = cluster_.resource(value::GroupVersion::parse(object.api_version), object.kind);
        if (!resource.ok()) {
          if (resource.error().code != Code::not_found) return std::move(resource).error();
          unserved.insert(object.api_version + " " + object.kind);
          continue;
        }
        out.resource = (*resource)->text();
        out.workload = is_workload(object);
      }
      plan_.objects.push_back(std::move(out));
    }
    if (!unserved.empty())
      problem(
          fmt::format("the cluster does not serve {}", fmt::join(unserved, ", ")),
          "install the operators first (`nautilusctl deploy --operator NAME`), so that their objects can come back");
    return {};
  }

  static void decide(const ListedObject& object, RestoredObject& out) {
    for (const auto& rule : kRules)
      if (object.kind == rule.kind) {
        out.fate = rule.fate;
        out.why = rule.why;
        return;
      }
    if (made_by_cluster(object) || object.kind == "Namespace") {
      out.fate = Fate::left;
      out.why = object.kind == "Namespace" ? "made with the fence in it" : "made by the cluster";
    } else if (object.namespace_.empty()) {
      out.fate = Fate::left;
      out.why = object.kind == "PersistentVolume" ? "comes with its claim" : "of the cluster, not of the platform";
    }
  }

  // What of it is in the target already.
  Result<> compare() {
    std::map<std::pair<std::string, std::string>, std::set<std::string>> there;  // resource, namespace -> names
    for (auto& object : plan_.objects) {
      if (object.fate != Fate::create) continue;
      auto [entry, fresh] = there.try_emplace({object.resource, object.target});
      if (fresh) {
        ASSIGN_OR_RETURN(const auto* resource,
                         cluster_.resource(value::GroupVersion::parse(object.api_version), object.kind));
        kube::ListOptions list;
        list.namespace_ = object.target;
        list.metadata_only = true;
        ASSIGN_OR_RETURN(const auto found, kube::Reader(cluster_.client()).list(*resource, list));
        for (const auto& item : found.items) entry->second.insert(value::string_at(item, "metadata", "name"));
      }
      if (entry->second.contains(object.name)) object.fate = options_.update_existing ? Fate::change : Fate::skip;
    }
    return {};
  }

  // A target must be empty of what runs, of others' policies, and ours only if it is this restore's.
  Result<> check_targets() {
    ASSIGN_OR_RETURN(const auto* spaces, cluster_.resource(value::GroupVersion{"", "v1"}, "Namespace"));
    ASSIGN_OR_RETURN(const auto* pods, cluster_.resource(value::GroupVersion{"", "v1"}, "Pod"));
    ASSIGN_OR_RETURN(const auto* policies,
                     cluster_.resource(value::GroupVersion{"networking.k8s.io", "v1"}, "NetworkPolicy"));
    kube::Reader reader(cluster_.client());
    for (const auto& [from, to] : plan_.namespaces) {
      ASSIGN_OR_RETURN(const auto space, reader.find(*spaces, "", to));
      if (!space) continue;
      const std::string mark = value::string_at(*space, "metadata", "labels", std::string(kRestoreLabel));
      if (mark == plan_.name) continue;  // an earlier run of this restore
      const std::string elsewhere = fmt::format("restore into another: --namespace-map {}:{}-restored", from, to);
      if (!mark.empty()) {
        problem(fmt::format("namespace {} belongs to restore {}", to, mark), elsewhere);
        continue;
      }
      kube::ListOptions list;
      list.namespace_ = to;
      list.metadata_only = true;
      ASSIGN_OR_RETURN(const auto running, reader.list(*pods, list));
      if (!running.items.empty())
        problem(
            fmt::format("namespace {} is in use ({} pods): the fence would cut them off, and without it the restored "
                        "platform could trade",
                        to, running.items.size()),
            elsewhere);
      ASSIGN_OR_RETURN(const auto found, reader.list(*policies, list));
      for (const auto& policy : found.items)
        if (const auto name = value::string_at(policy, "metadata", "name"); name != kFence)
          problem(fmt::format("NetworkPolicy {}/{} is there: policies add up, so the fence may have a hole", to, name),
                  "delete it, or " + elsewhere);
    }
    return check_volumes();
  }

  Result<> check_volumes() {
    ASSIGN_OR_RETURN(const auto* kind, velero_kind(cluster_, "PodVolumeBackup"));
    kube::ListOptions list;
    list.namespace_ = settings_.velero_namespace;
    list.label_selector = "velero.io/backup-name=" + plan_.backup.name;
    list.metadata_only = true;
    ASSIGN_OR_RETURN(const auto found, kube::Reader(cluster_.client()).list(*kind, list));
    if (!found.items.empty())
      problem(fmt::format(
                  "{} volumes of the backup are files of pods (PodVolumeBackup): they come back only with the pods, "
                  "which the fence keeps out",
                  found.items.size()),
              "use a backup whose volumes are snapshots (critical-data, complete, disaster-recovery)");
    const auto claims = std::count_if(plan_.objects.begin(), plan_.objects.end(), [](const RestoredObject& object) {
      return object.kind == "PersistentVolumeClaim" && object.fate == Fate::create;
    });
    if (plan_.backup.volumes.done >= claims) return {};
    const std::string empty =
        fmt::format("the backup holds the data of {} of {} volume claims: the others come back empty",
                    plan_.backup.volumes.done, claims);
    if (options_.allow_partial)
      plan_.notes.push_back(empty);
    else
      problem(empty, "choose a backup that holds them, or --allow-partial where empty volumes will do");
    return {};
  }

  const Settings& settings_;
  apply::Cluster& cluster_;
  const Store& store_;
  const RestoreOptions& options_;
  RestorePlan plan_;
};

}  // namespace

std::string_view word(Fate fate) {
  switch (fate) {
    case Fate::create: return "create";
    case Fate::change: return "change";
    case Fate::skip: return "skip";
    case Fate::fenced: return "fenced";
    case Fate::left: return "leave";
  }
  return "unknown";
}

std::string RestoredObject::text() const {
  return target.empty() ? fmt::format("{} {}", kind, name) : fmt::format("{} {}/{}", kind, target, name);
}

int RestorePlan::count(Fate fate) const {
  return static_cast<int>(std::count_if(objects.begin(), objects.end(),
                                        [fate](const RestoredObject& object) { return object.fate == fate; }));
}

Result<std::vector<ListedObject>> read_list(const Json& list) {
  if (!list.is_object()) return Error(Code::invalid, "Velero's list of objects is not an object");
  std::vector<ListedObject> out;
  for (const auto& [type, names] : list.items()) {
    const auto slash = type.rfind('/');
    if (slash == std::string::npos || !names.is_array())
      return Error(Code::invalid, fmt::format("Velero's list of objects has \"{}\"", value::escape_control(type)));
    for (const auto& entry : names) {
      if (!entry.is_string()) return Error(Code::invalid, "Velero's list of objects has an entry without a name");
      std::string text = value::escape_control(entry.get_ref<const std::string&>());
      ListedObject object{type.substr(0, slash), type.substr(slash + 1), "", "", ""};
      if (const auto open = text.rfind('('); open != std::string::npos && text.ends_with(')')) {
        object.action = text.substr(open + 1, text.size() - open - 2);
        text.resize(open);
      }
      const auto part = text.find('/');
      if (part != std::string::npos) object.namespace_ = text.substr(0, part);
      object.name = part == std::string::npos ? text : text.substr(part + 1);
      out.push_back(std::move(object));
      if (out.size() > kMaxObjects)
        return Error(Code::limit, fmt::format("the backup has more than {} objects", kMaxObjects));
    }
  }
  return out;
}

Result<RestorePlan> plan_restore(const Settings& settings, const Store& store, const RestoreOptions& options) {
  return Planning(settings, store, options).run().within("planning the restore");
}

}  // namespace nautilus::backup
