#include "core/apply/planner.h"

#include <fmt/ranges.h>

#include "core/apply/batch.h"
#include "core/apply/compare.h"
#include "core/apply/observe.h"
#include "core/apply/operators.h"
#include "core/value/redact.h"

namespace nautilus::apply {

namespace {

constexpr std::string_view kHelmKeep = "helm.sh/resource-policy";
constexpr std::string_view kOurKeep = "nautilusctl.io/prune";

bool asks_to_stay(const Json& live, bool ignore_helm_keep) {
  return (!ignore_helm_keep && value::string_at(live, "metadata", "annotations", std::string(kHelmKeep)) == "keep") ||
         value::string_at(live, "metadata", "annotations", std::string(kOurKeep)) == "never";
}

// A kind that a CRD of the same plan brings.
std::optional<bool> namespaced_by_own_crd(const Desired& desired, const std::string& group, const std::string& kind) {
  for (const auto& object : desired.objects)
    if (value::string_at(object.manifest, "kind") == "CustomResourceDefinition" &&
        value::string_at(object.manifest, "spec", "group") == group &&
        value::string_at(object.manifest, "spec", "names", "kind") == kind)
      return value::string_at(object.manifest, "spec", "scope") == "Namespaced";
  return std::nullopt;
}

class Planner {
 public:
  Planner(Cluster& cluster, const PlanInput& input) : cluster_(cluster), input_(input) {}

  Result<Planned> run() {
    TRY(head());
    TRY(add_desired());
    TRY(require_operators());
    add_generated_secrets();
    add_removals();
    ASSIGN_OR_RETURN(live_, observe(cluster_, wanted_));
    decide_without_asking();
    TRY(ask_the_server());
    TRY(look_for_external_secrets());
    put_in_order(out_.plan);
    return std::move(out_);
  }

 private:
  Result<> head() {
    out_.warnings = input_.desired.warnings;
    auto& plan = out_.plan;
    plan.operation = input_.operation;
    plan.description = input_.description;
    plan.environment = input_.env.name;
    plan.release = input_.env.release;
    plan.namespace_ = input_.env.namespace_;
    plan.chart = input_.desired.chart;
    plan.base_revision = input_.base_revision;
    ASSIGN_OR_RETURN(plan.cluster_uid, cluster_.uid());
    return {};
  }

  Result<> add_desired() {
    std::map<value::ObjectId, std::string> seen;
    for (const auto& object : input_.desired.objects) {
      PlanItem item;
      item.manifest = object.manifest;
      item.source = object.source;
      item.api_version = value::string_at(item.manifest, "apiVersion");
      const auto gv = value::GroupVersion::parse(item.api_version);
      const std::string kind = value::string_at(item.manifest, "kind");
      ASSIGN_OR_RETURN(const bool namespaced, scope(gv, kind, object.source));
      auto& metadata = item.manifest["metadata"];
      if (namespaced && value::string_at(item.manifest, "metadata", "namespace").empty())
        metadata["namespace"] = input_.env.namespace_;
      if (!namespaced) metadata.erase("namespace");
      item.id = value::ObjectId::of(item.manifest);
      auto [first, fresh] = seen.emplace(item.id, object.source);
      if (!fresh)
        return Error(Code::invalid, fmt::format("{} is rendered twice", item.id.text()),
                     fmt::format("by {} and by {}", first->second, object.source));
      auto wave = wave_of(item.manifest);
      if (!wave.ok()) return std::move(wave).error().within(fmt::format("planning {}", item.id.text()));
      item.wave = *wave;
      item.rank = rank_of(item.manifest);
      add(std::move(item));
    }
    return {};
  }

  Result<bool> scope(const value::GroupVersion& gv, const std::string& kind, const std::string& source) {
    auto resource = cluster_.resource(gv, kind);
    if (resource.ok()) return (*resource)->namespaced;
    if (resource.error().code != Code::not_found) return std::move(resource).error();
    if (auto namespaced = namespaced_by_own_crd(input_.desired, gv.group, kind)) return *namespaced;
    if (const auto* provided = provided_kind(gv, kind)) return provided->namespaced;  // said by require_operators()
    return Error(
               Code::invalid, fmt::format("this cluster has no kind {} in {}", kind, gv.api_version()),
               "install the CustomResourceDefinition or the operator that brings it, or ask for a version the cluster "
               "serves")
        .at(source);
  }

  // A kind that an operator of the environment brings, and that this cluster does not have yet.
  const env::ProvidedKind* provided_kind(const value::GroupVersion& gv, const std::string& kind) {
    const env::Operator* op = env::provider_of(input_.env.operators, gv.group, kind);
    if (!op) return nullptr;
    for (const auto& provided : op->provides)
      if (provided.group == gv.group && provided.version == gv.version && provided.kind == kind) {
        used_.insert(&provided);
        return &provided;
      }
    return nullptr;
  }

  // One problem per operator, not one per object of its kinds. Other operations than a deploy only need what they use.
  Result<> require_operators() {
    const bool all = input_.operation == "deploy" && !input_.is_operator;
    if (!all && used_.empty()) return {};
    ASSIGN_OR_RETURN(auto missing, missing_operators(cluster_, input_.env.operators));
    for (auto& entry : missing) {
      if (entry.op->ours && input_.operators_come_first) continue;
      if (!all) std::erase_if(entry.kinds, [&](const env::ProvidedKind* kind) { return !used_.contains(kind); });
      if (!entry.kinds.empty()) out_.problems.push_back(entry.error());
    }
    return {};
  }

  void add(PlanItem item) {
    ids_.insert(item.id);
    wanted_.push_back({item.id, item.api_version});
    out_.plan.items.push_back(std::move(item));
  }

  void add_generated_secrets() {
    for (const auto& secret : input_.env.generated_secrets) {
      PlanItem item;
      item.id = {"", "Secret", secret.namespace_, secret.name};
      if (ids_.contains(item.id)) continue;
      item.api_version = "v1";
      item.generated = true;
      item.source = "generated";
      Json lengths = Json::object();
      for (const auto& [key, length] : secret.keys) lengths[key] = length;
      item.manifest = {{"apiVersion", "v1"},
                       {"kind", "Secret"},
                       {"type", "Opaque"},
                       {"metadata",
                        {{"name", secret.name},
                         {"namespace", secret.namespace_},
                         {"labels", {{"app.kubernetes.io/managed-by", "nautilusctl"}}},
                         {"annotations", {{std::string(kGeneratedAnnotation), lengths.dump()}}}}}};
      item.wave = Wave::storage;
      add(std::move(item));
    }
  }

  void add_removals() {
    for (const auto& entry : input_.inventory) {
      if (ids_.contains(entry.id)) continue;
      PlanItem item;
      item.id = entry.id;
      item.api_version = entry.api_version;
      item.generated = entry.generated;
      item.source = "inventory";
      item.action = Action::remove;
      const Json kind_only = {{"kind", entry.id.kind}};
      item.wave = wave_of(kind_only).value();
      item.rank = rank_of(kind_only);
      add(std::move(item));
    }
  }

  void decide_without_asking() {
    std::vector<PlanItem> kept;
    for (auto& item : out_.plan.items) {
      const Json* live = live_.find(item.id);
      if (item.action == Action::remove) {
        if (!live) continue;  // gone already
        decide_removal(item, *live);
      } else {
        decide_presence(item, live);
      }
      kept.push_back(std::move(item));
    }
    out_.plan.items = std::move(kept);
  }

  void decide_removal(PlanItem& item, const Json& live) {
    remember(item, live);
    if (asks_to_stay(live, input_.ignore_helm_keep)) {
      item.action = Action::keep;
    } else if (input_.spare_data) {
      if (holds_data(item.id, item.generated)) item.action = Action::keep;
    } else if (input_.is_operator && item.id.kind == "CustomResourceDefinition" &&
               !input_.allow_removal.contains(item.id.text())) {
      item.action = Action::keep;  // with a definition go all objects of its kind, whoever made them
    } else if (is_guarded(item.id, item.generated) && !input_.allow_removal.contains(item.id.text())) {
      out_.problems.push_back(
          Error(Code::refused, fmt::format("{} left the environment, but removing it may lose data", item.id.text()),
                fmt::format("put it back, annotate it with {}=never to leave it alone, or say --allow-removal \"{}\"",
                            kOurKeep, item.id.text())));
    }
    show(item, live, Json());
  }

  void decide_presence(PlanItem& item, const Json* live) {
    if (!live) {
      item.action = Action::create;
      show(item, Json(), item.manifest);
      return;
    }
    remember(item, *live);
    if (!value::string_at(*live, "metadata", "deletionTimestamp").empty()) {
      out_.problems.push_back(Error(Code::conflict, fmt::format("{} is being deleted", item.id.text()),
                                    "wait until it is gone; kubectl get it -o yaml shows the finalizers it waits for"));
      return;
    }
    if (item.generated || certainly_unchanged(item.manifest, *live)) return;  // a generated Secret is never overwritten
    ask_.push_back(item.id);
  }

  void remember(PlanItem& item, const Json& live) {
    item.live_uid = value::string_at(live, "metadata", "uid");
    item.live_digest = live_digest(live, item.manifest);
  }

  void show(const PlanItem& item, const Json& before, const Json& after) {
    auto pair = value::redact_pair(before, after);
    out_.differences.push_back({item.id, item.action, std::move(pair.before), std::move(pair.after)});
  }

  PlanItem& item_of(const value::ObjectId& id) {
    return *std::find_if(out_.plan.items.begin(), out_.plan.items.end(),
                         [&](const PlanItem& item) { return item.id == id; });
  }

  Result<> ask_the_server() {
    std::map<value::ObjectId, std::size_t> index;
    for (std::size_t i = 0; i < out_.plan.items.size(); ++i) index[out_.plan.items[i].id] = i;
    Batch batch(cluster_.client());
    for (const auto& id : ask_) {
      PlanItem& item = out_.plan.items[index.at(id)];
      ASSIGN_OR_RETURN(auto request, cluster_.apply(item.id, item.api_version, item.manifest, {.dry_run = true}));
      batch.add(std::move(request), [this, &item](kube::Response r) { answered(item, std::move(r)); });
    }
    TRY(batch.run().within("comparing with the cluster"));
    return ask_again_by_force();
  }

  void answered(PlanItem& item, kube::Response response) {
    if (response.ok()) return changed(item, response.body);
    const auto owners = conflicting_managers(response);
    const bool allowed = !owners.empty() && std::all_of(owners.begin(), owners.end(), [&](const std::string& owner) {
      return input_.take_from.contains(owner);
    });
    if (allowed) {
      force_.push_back(item.id);
      return;
    }
    Error error = std::move(response.error);
    if (!owners.empty())
      error.hint = fmt::format("remove the field from the environment, or take it over with --take-from {}",
                               fmt::join(owners, " --take-from "));
    out_.problems.push_back(std::move(error).within(fmt::format("planning {}", item.id.text())));
  }

  Result<> ask_again_by_force() {
    Batch batch(cluster_.client());
    for (const auto& id : force_) {
      PlanItem& item = item_of(id);
      item.force = true;
      ASSIGN_OR_RETURN(auto request,
                       cluster_.apply(item.id, item.api_version, item.manifest, {.dry_run = true, .force = true}));
      batch.add(std::move(request), [this, &item](kube::Response r) {
        if (r.ok())
          changed(item, r.body);
        else
          out_.problems.push_back(std::move(r.error).within(fmt::format("planning {}", item.id.text())));
      });
    }
    return batch.run().within("comparing with the cluster");
  }

  void changed(PlanItem& item, const Json& after) {
    const Json& live = *live_.find(item.id);
    item.changes = changed_paths(live, after);
    if (item.changes.empty()) {
      item.force = false;
      return;
    }
    item.action = Action::update;
    show(item, live, after);
  }

  Result<> look_for_external_secrets() {
    std::vector<Wanted> secrets;
    for (const auto& secret : input_.env.external_secrets)
      secrets.push_back({{"", "Secret", secret.namespace_, secret.name}, "v1"});
    auto found = observe_metadata(cluster_, secrets);
    if (!found.ok()) {
      // Being allowed to look at Secrets is not a condition for deploying.
      if (found.error().code != Code::forbidden) return std::move(found).error();
      return {};
    }
    for (const auto& secret : input_.env.external_secrets)
      if (!found->find({"", "Secret", secret.namespace_, secret.name}))
        out_.warnings.push_back(fmt::format("Secret {}/{} is missing: {}", secret.namespace_, secret.name,
                                            secret.why.empty() ? "somebody has to provide it" : secret.why));
    return {};
  }

  Cluster& cluster_;
  const PlanInput& input_;
  Planned out_;
  std::set<value::ObjectId> ids_;
  std::set<const env::ProvidedKind*> used_;  // kinds of operators that are wanted and not served
  std::vector<Wanted> wanted_;
  Live live_;
  std::vector<value::ObjectId> ask_, force_;
};

}  // namespace

bool is_guarded(const value::ObjectId& id, bool generated) {
  static constexpr std::string_view kGuarded[] = {"Namespace",   "PersistentVolumeClaim",    "PersistentVolume",
                                                  "StatefulSet", "CustomResourceDefinition", "StorageClass"};
  return generated || std::find(std::begin(kGuarded), std::end(kGuarded), id.kind) != std::end(kGuarded);
}

bool holds_data(const value::ObjectId& id, bool generated) {
  return is_guarded(id, generated) && id.kind != "StatefulSet";
}

Result<Planned> make_plan(Cluster& cluster, const PlanInput& input) {
  return Planner(cluster, input).run().within(fmt::format("planning {}", input.env.name));
}

}  // namespace nautilus::apply
