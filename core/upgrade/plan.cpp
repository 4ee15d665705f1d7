#include "core/upgrade/plan.h"

namespace nautilus::upgrade {

namespace {

struct Text {
  const char* key;
  std::string Status::*to;
};
constexpr Text kTexts[] = {{"phase", &Status::phase},
                           {"reason", &Status::reason},
                           {"message", &Status::message},
                           {"digest", &Status::digest},
                           {"startedAt", &Status::started},
                           {"finishedAt", &Status::finished},
                           {"stepStartedAt", &Status::step_started},
                           {"preflightAt", &Status::preflight_at},
                           {"resumePhase", &Status::resume},
                           {"outcome", &Status::outcome},
                           {"overrideUntil", &Status::override_until},
                           {"window", &Status::window}};

struct Number {
  const char* key;
  int Status::*to;
};
constexpr Number kNumbers[] = {{"step", &Status::step},
                               {"steps", &Status::steps},
                               {"weight", &Status::weight},
                               {"transitions", &Status::transitions}};

}  // namespace

bool terminal(std::string_view phase) {
  return phase == kDone || phase == kRolledBack || phase == kFailed || phase == kAborted;
}

bool touched(std::string_view phase) {
  return phase == kRunning || phase == kAnalysing || phase == kPaused || phase == kPromoting || phase == kRollingBack;
}

Json to_json(const Status& status) {
  Json json = Json::object();
  for (const Text& text : kTexts)
    if (!(status.*text.to).empty()) json[text.key] = status.*text.to;
  for (const Number& number : kNumbers) json[number.key] = status.*number.to;
  if (status.steps > 0) json["progress"] = fmt::format("{}/{}", std::min(status.step + 1, status.steps), status.steps);
  for (const Image& image : status.images_before)
    json["before"]["images"].push_back({{"container", image.container}, {"image", image.image}});
  if (!status.strategy_before.is_null()) json["before"]["strategy"] = status.strategy_before;
  if (!status.metrics.empty()) json["metrics"] = status.metrics;
  if (!status.checks.empty()) json["checks"] = status.checks;
  return json;
}

Status status_from_json(const Json& json) {
  Status status;
  for (const Text& text : kTexts) status.*text.to = value::string_at(json, text.key);
  for (const Number& number : kNumbers) status.*number.to = static_cast<int>(value::int_at(json, 0, number.key));
  if (const Json* images = value::find(json, "before", "images"); images && images->is_array())
    for (const Json& image : *images)
      status.images_before.push_back({value::string_at(image, "container"), value::string_at(image, "image")});
  if (const Json* strategy = value::find(json, "before", "strategy")) status.strategy_before = *strategy;
  if (const Json* metrics = value::find(json, "metrics"); metrics && metrics->is_array()) status.metrics = *metrics;
  if (const Json* checks = value::find(json, "checks"); checks && checks->is_array())
    for (const Json& check : *checks)
      if (check.is_string()) status.checks.push_back(check.get<std::string>());
  if (status.phase.empty()) status.phase = kPending;
  return status;
}

Plan plan_from_json(const Json& object) {
  Plan plan;
  plan.name = value::string_at(object, "metadata", "name");
  plan.uid = value::string_at(object, "metadata", "uid");
  plan.resource_version = value::string_at(object, "metadata", "resourceVersion");
  plan.created = value::string_at(object, "metadata", "creationTimestamp");
  plan.generation = value::int_at(object, 0, "metadata", "generation");
  const Json* change = value::find(object, "spec", "change");
  plan.change_json = change ? *change : Json::object();
  auto read = read_change(plan.change_json, "UpgradePlan " + plan.id() + " spec.change");
  if (read.ok())
    plan.change = std::move(*read);
  else
    plan.invalid = read.error().text();
  plan.paused = value::bool_at(object, false, "spec", "paused");
  plan.abort = value::bool_at(object, false, "spec", "abort");
  plan.abort_reason = value::string_at(object, "spec", "abortReason");
  if (const Json* approvals = value::find(object, "spec", "approvals"); approvals && approvals->is_array())
    for (const Json& item : *approvals)
      if (auto approval = audit::approval_from_json(item); approval.ok()) plan.approvals.push_back(std::move(*approval));
  const Json* status = value::find(object, "status");
  plan.status = status_from_json(status ? *status : Json::object());
  return plan;
}

Json new_plan(const std::string& name, const Json& change) {
  return {{"apiVersion", kApiVersion},
          {"kind", kKind},
          {"metadata", {{"name", name}, {"namespace", kNamespace}}},
          {"spec", {{"change", with_defaults(change)}}}};
}

}  // namespace nautilus::upgrade
