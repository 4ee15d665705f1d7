#include "core/upgrade/change.h"

#include <charconv>

#include "core/value/digest.h"
#include "core/value/strict_reader.h"

namespace nautilus::upgrade {

namespace {

constexpr port::Duration kLongest = std::chrono::hours(24);
constexpr std::size_t kMaxImages = 8, kMaxSteps = 20, kMaxRoutes = 8, kMaxMetrics = 20;

std::optional<double> bound(value::StrictReader& reader, std::string_view key) {
  const std::string text = reader.string(key);
  if (text.empty()) return std::nullopt;
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return number;
  reader.fail(key, "must be a number, as text: \"0.01\"");
  return std::nullopt;
}

void read_images(value::StrictReader& reader, Change& change) {
  for (value::StrictReader& item : reader.list("images")) {
    Image image{item.required_string("container"), item.required_string("image")};
    if (!image.image.empty() && !pinned(image.image))
      item.fail("image", fmt::format("\"{}\" has no digest: name@sha256:... says what will run, a tag does not",
                                     image.image));
    for (const Image& other : change.images)
      if (other.container == image.container) item.fail("container", image.container + " is there twice");
    if (auto done = item.finish(); !done.ok()) return;
    change.images.push_back(std::move(image));
  }
  if (change.images.empty() || change.images.size() > kMaxImages) reader.fail("images", "must be 1 to 8");
}

void read_steps(value::StrictReader& reader, Change& change) {
  int last = 0;
  for (value::StrictReader& item : reader.list("steps")) {
    Step step;
    step.weight = static_cast<int>(item.integer("weight", 0, 1, 100));
    step.hold = item.duration("hold", std::chrono::minutes(1));
    if (step.weight <= last) item.fail("weight", fmt::format("must be more than the {} before it", last));
    last = step.weight;
    if (auto done = item.finish(); !done.ok()) return;
    change.steps.push_back(step);
  }
  if (change.strategy == Strategy::blue_green && change.steps.empty())
    change.steps = {{100, std::chrono::minutes(5)}};
  if (change.with_canary() ? change.steps.empty() : !change.steps.empty())
    reader.fail("steps", change.with_canary() ? "must have one at least" : "are for canary and blueGreen");
  if (change.strategy == Strategy::blue_green && change.steps.size() != 1)
    reader.fail("steps", "of blueGreen are one: everything at once");
  if (change.steps.size() > kMaxSteps) reader.fail("steps", "must be 20 at most");
}

void read_routes(value::StrictReader& reader, Change& change) {
  for (value::StrictReader& item : reader.list("routes")) {
    Route route;
    route.kind = item.choice("kind", {"VirtualService", "HTTPRoute"});
    route.namespace_ = item.string("namespace");
    if (route.namespace_.empty()) route.namespace_ = change.target_namespace;
    route.name = item.required_string("name");
    if (auto done = item.finish(); !done.ok()) return;
    change.routes.push_back(std::move(route));
  }
  if (change.with_canary() ? change.routes.empty() : !change.routes.empty())
    reader.fail("routes", change.with_canary() ? "must name what splits the traffic" : "are for canary and blueGreen");
  if (change.routes.size() > kMaxRoutes) reader.fail("routes", "must be 8 at most");
}

void read_ordered(value::StrictReader& reader, Change& change) {
  value::StrictReader primary = reader.object("primary");
  change.primary_label = primary.string("label");
  value::StrictReader job = primary.object("switchover");
  if (primary.has("switchover")) {
    Switchover with{job.required_string("image"), job.string("serviceAccountName"), job.strings("command")};
    if (!with.image.empty() && !pinned(with.image)) job.fail("image", "has no digest");
    change.switchover = std::move(with);
  }
  if (auto done = job.finish(); !done.ok()) return;
  if (!change.primary_label.empty() && change.primary_label.find('=') == std::string::npos)
    primary.fail("label", "must be key=value");
  if (change.primary_label.empty() == change.switchover.has_value())
    primary.fail("label", "and switchover go together: who is the primary, and how another becomes it");
  if (change.strategy != Strategy::ordered && reader.has("primary")) reader.fail("primary", "is for ordered");
  (void)primary.finish();
}

void read_criteria(value::StrictReader& reader, Change& change) {
  value::StrictReader analysis = reader.object("analysis");
  for (value::StrictReader& item : analysis.list("metrics")) {
    canary::Metric metric{item.required_string("name"), item.required_string("query"), {}, {}};
    metric.min = bound(item, "min");
    metric.max = bound(item, "max");
    if (!metric.min && !metric.max) item.fail("max", "or min must be given: a metric without a bound says nothing");
    if (auto done = item.finish(); !done.ok()) return;
    change.criteria.metrics.push_back(std::move(metric));
  }
  if (change.criteria.metrics.size() > kMaxMetrics) analysis.fail("metrics", "must be 20 at most");
  value::StrictReader samples = analysis.object("samples");
  if (analysis.has("samples")) {
    change.criteria.samples_query = samples.required_string("query");
    change.criteria.min_samples = static_cast<double>(samples.integer("min", 1, 1, 1'000'000'000));
  }
  (void)samples.finish();
  (void)analysis.finish();
}

void read_limits(value::StrictReader& reader, Change& change) {
  value::StrictReader limits = reader.object("limits");
  change.deadline = limits.duration("deadline", change.deadline);
  change.step_limit = limits.duration("step", change.step_limit);
  change.rollback_reserve = limits.duration("rollback", change.rollback_reserve);
  if (std::max({change.deadline, change.step_limit, change.rollback_reserve}) > kLongest)
    limits.fail("deadline", "and the other limits must be 24h at most");
  (void)limits.finish();
}

}  // namespace

std::string_view name(Strategy strategy) {
  switch (strategy) {
    case Strategy::rolling: return "rolling";
    case Strategy::ordered: return "ordered";
    case Strategy::canary: return "canary";
    case Strategy::blue_green: return "blueGreen";
  }
  return "?";
}

value::ObjectId Route::id() const {
  return {kind == "HTTPRoute" ? "gateway.networking.k8s.io" : "networking.istio.io", kind, namespace_, name};
}

std::string Route::api_version() const {
  return kind == "HTTPRoute" ? "gateway.networking.k8s.io/v1" : "networking.istio.io/v1";
}

bool pinned(std::string_view image) {
  constexpr std::string_view kMark = "@sha256:";
  const auto at = image.find(kMark);
  if (at == std::string_view::npos || at == 0) return false;
  const auto hex = image.substr(at + kMark.size());
  return hex.size() == 64 && hex.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Json with_defaults(Json change) {
  if (!change.is_object()) return change;
  if (!change.contains("strategy")) change["strategy"] = "rolling";
  if (const auto target = change.find("target"); target != change.end() && target->is_object())
    if (!target->contains("kind")) (*target)["kind"] = "Deployment";
  if (const auto routes = change.find("routes"); routes != change.end() && routes->is_array())
    for (Json& route : *routes)
      if (route.is_object() && !route.contains("kind")) route["kind"] = "VirtualService";
  return change;
}

std::string digest(const Json& change) {
  return "sha256:" + value::sha256_hex(with_defaults(change).dump(-1, ' ', false, Json::error_handler_t::replace));
}

Result<Change> read_change(const Json& json, const std::string& where) {
  value::StrictReader reader(json, where);
  Change change;
  change.component = reader.required_string("component");
  value::StrictReader target = reader.object("target");
  change.kind = target.choice("kind", {"Deployment", "StatefulSet"});
  change.target_namespace = target.required_string("namespace");
  change.name = target.required_string("name");
  TRY(target.finish());
  const std::string strategy = reader.choice("strategy", {"rolling", "ordered", "canary", "blueGreen"});
  for (const auto known : {Strategy::rolling, Strategy::ordered, Strategy::canary, Strategy::blue_green})
    if (strategy == name(known)) change.strategy = known;
  if ((change.kind == "StatefulSet") != (change.strategy == Strategy::ordered))
    reader.fail("strategy", "must be ordered for a StatefulSet and another one for a Deployment");
  change.rollback_of = reader.string("rollbackOf");
  if (!change.rollback_of.empty() && change.with_canary()) reader.fail("rollbackOf", "is rolling or ordered");
  change.max_surge = static_cast<int>(reader.integer("maxSurge", 1, 1, 100));
  if (reader.has("hold")) change.hold = reader.duration("hold", std::chrono::minutes(1));
  read_images(reader, change);
  read_steps(reader, change);
  read_routes(reader, change);
  read_ordered(reader, change);
  read_criteria(reader, change);
  read_limits(reader, change);
  TRY(reader.finish());
  return change;
}

}  // namespace nautilus::upgrade
