#include "core/apply/plan.h"

#include <tuple>

#include "core/value/digest.h"

namespace nautilus::apply {

namespace {

Json item_json(const PlanItem& item) {
  return {{"group", item.id.group},
          {"kind", item.id.kind},
          {"namespace", item.id.namespace_},
          {"name", item.id.name},
          {"apiVersion", item.api_version},
          {"wave", std::string(name(item.wave))},
          {"rank", item.rank},
          {"action", std::string(name(item.action))},
          {"source", item.source},
          {"manifest", item.manifest},
          {"changes", item.changes},
          {"generated", item.generated},
          {"force", item.force},
          {"liveUID", item.live_uid},
          {"liveDigest", item.live_digest}};
}

Json body_json(const Plan& plan) {
  Json items = Json::array();
  for (const auto& item : plan.items) items.push_back(item_json(item));
  return {{"format", kPlanFormat},          {"operation", plan.operation},  {"environment", plan.environment},
          {"release", plan.release},        {"namespace", plan.namespace_}, {"description", plan.description},
          {"clusterUID", plan.cluster_uid}, {"chart", plan.chart},          {"baseRevision", plan.base_revision},
          {"items", std::move(items)}};
}

Result<Action> parse_action(const std::string& text) {
  for (Action action : {Action::create, Action::update, Action::unchanged, Action::remove, Action::keep})
    if (name(action) == text) return action;
  return Error(Code::invalid, fmt::format("unknown action \"{}\"", text));
}

Result<PlanItem> item_from_json(const Json& json) {
  PlanItem item;
  item.id = {value::string_at(json, "group"), value::string_at(json, "kind"), value::string_at(json, "namespace"),
             value::string_at(json, "name")};
  item.api_version = value::string_at(json, "apiVersion");
  ASSIGN_OR_RETURN(item.wave, parse_wave(value::string_at(json, "wave")));
  item.rank = static_cast<int>(value::int_at(json, 0, "rank"));
  ASSIGN_OR_RETURN(item.action, parse_action(value::string_at(json, "action")));
  item.source = value::string_at(json, "source");
  if (const Json* manifest = value::find(json, "manifest")) item.manifest = *manifest;
  if (const Json* changes = value::find(json, "changes"); changes && changes->is_array())
    for (const auto& path : *changes)
      if (path.is_string()) item.changes.push_back(path.get<std::string>());
  item.generated = value::bool_at(json, false, "generated");
  item.force = value::bool_at(json, false, "force");
  item.live_uid = value::string_at(json, "liveUID");
  item.live_digest = value::string_at(json, "liveDigest");
  return item;
}

}  // namespace

std::string_view name(Action action) {
  switch (action) {
    case Action::create: return "create";
    case Action::update: return "update";
    case Action::unchanged: return "unchanged";
    case Action::remove: return "remove";
    case Action::keep: return "keep";
  }
  return "unchanged";
}

std::string Plan::digest() const { return "sha256:" + value::sha256_hex(body_json(*this).dump()); }

bool Plan::changes_anything() const {
  return count(Action::create) + count(Action::update) + count(Action::remove) > 0;
}

int Plan::count(Action action) const {
  return static_cast<int>(
      std::count_if(items.begin(), items.end(), [&](const PlanItem& item) { return item.action == action; }));
}

bool holds_secret_content(const Json& object) {
  if (value::string_at(object, "kind") != "Secret") return false;
  for (const char* field : {"data", "stringData"})
    if (const Json* content = value::find(object, field); content && !content->empty()) return true;
  return false;
}

Result<Json> to_json(const Plan& plan) {
  for (const auto& item : plan.items)
    if (holds_secret_content(item.manifest))
      return Error(Code::refused,
                   fmt::format("{} carries its content in the plan, which must not go to a file", item.id.text()),
                   "let the environment generate it (generatedSecrets) or name it under externalSecrets");
  Json json = body_json(plan);
  json["digest"] = plan.digest();
  return json;
}

Result<Plan> plan_from_json(const Json& json, std::string_view file) {
  if (!json.is_object() || value::int_at(json, 0, "format") != kPlanFormat)
    return Error(Code::invalid, fmt::format("not a plan of format {}", kPlanFormat),
                 "write one with `nautilusctl diff --env ENV --save-plan FILE`")
        .at(std::string(file));
  Plan plan;
  plan.operation = value::string_at(json, "operation");
  plan.environment = value::string_at(json, "environment");
  plan.release = value::string_at(json, "release");
  plan.namespace_ = value::string_at(json, "namespace");
  plan.description = value::string_at(json, "description");
  plan.cluster_uid = value::string_at(json, "clusterUID");
  plan.chart = value::string_at(json, "chart");
  plan.base_revision = static_cast<int>(value::int_at(json, 0, "baseRevision"));
  if (const Json* items = value::find(json, "items"); items && items->is_array()) {
    for (const auto& entry : *items) {
      auto item = item_from_json(entry);
      if (!item.ok()) return std::move(item).error().at(std::string(file));
      plan.items.push_back(std::move(item).value());
    }
  }
  const std::string said = value::string_at(json, "digest");
  if (said != plan.digest())
    return Error(Code::refused, fmt::format("the plan says digest {} but its contents have {}", said, plan.digest()),
                 "it was edited or damaged; make a new one with `nautilusctl diff --save-plan`")
        .at(std::string(file));
  return plan;
}

void put_in_order(Plan& plan) {
  std::sort(plan.items.begin(), plan.items.end(), [](const PlanItem& a, const PlanItem& b) {
    return std::tie(a.wave, a.rank, a.id) < std::tie(b.wave, b.rank, b.id);
  });
}

std::string live_digest(const Json& live, const Json& desired) {
  Json kept = Json::object();
  for (const auto& [key, part] : live.items())
    if (key != "status") kept[key] = part;
  if (auto metadata = kept.find("metadata"); metadata != kept.end() && metadata->is_object()) {
    for (const char* counter : {"managedFields", "resourceVersion", "generation", "selfLink"}) metadata->erase(counter);
    // The Deployment controller counts rollouts here.
    if (auto notes = metadata->find("annotations"); notes != metadata->end() && notes->is_object())
      notes->erase("deployment.kubernetes.io/revision");
  }
  if (!value::find(desired, "spec", "replicas"))
    if (auto spec = kept.find("spec"); spec != kept.end() && spec->is_object()) spec->erase("replicas");
  return value::sha256_hex(kept.dump());
}

}  // namespace nautilus::apply
