#include "core/sim/control/autoscaler.h"

#include <fmt/format.h>

#include <cmath>

#include "core/sim/control/pods.h"
#include "core/sim/control/selectors.h"
#include "core/sim/control/times.h"

namespace nautilus::sim {

using value::find;
using value::int_at;
using value::string_at;

namespace {

constexpr std::string_view kComponent = "horizontal-pod-autoscaler";
constexpr double kTolerance = 0.1;
constexpr std::size_t kMostRemembered = 1000;

Json metrics_of(const Json& autoscaler) {
  if (const Json* listed = find(autoscaler, "spec", "metrics"); listed && listed->is_array() && !listed->empty())
    return *listed;
  return Json::array(
      {{{"type", "Resource"},
        {"resource", {{"name", "cpu"}, {"target", {{"type", "Utilization"}, {"averageUtilization", 80}}}}}}});
}

// The rules for one direction with the defaults that a partly given behaviour gets.
Json rules_of(const Json& autoscaler, bool up) {
  Json rules = {{"selectPolicy", "Max"}, {"stabilizationWindowSeconds", up ? 0 : 300}};
  rules["policies"] = Json::array({{{"type", "Percent"}, {"value", 100}, {"periodSeconds", 15}}});
  if (up) rules["policies"].push_back({{"type", "Pods"}, {"value", 4}, {"periodSeconds", 15}});
  if (const Json* given = find(autoscaler, "spec", "behavior", up ? "scaleUp" : "scaleDown");
      given && given->is_object())
    for (const auto& [key, setting] : given->items())
      if (!setting.is_null()) rules[key] = setting;
  return rules;
}

}  // namespace

struct AutoscalerController::Pass {
  ObjectPtr object;
  Json status;
  ObjectPtr target;
  const ResourceInfo* target_kind = nullptr;
  std::vector<const PodInfo*> pods;
  std::int64_t current = 0, least = 1, most = 1;
  std::string winning_metric;
  std::int64_t proposed = 0;
  port::WallTime now{};
  const Json& autoscaler() const { return *object; }
  void say(const char* type, bool yes, std::string reason, std::string message) {
    set_condition(status, {type, yes ? "True" : "False", std::move(reason), std::move(message)}, now);
  }
};

AutoscalerController::AutoscalerController(World& world, LoadFunction load)
    : Controller(world, "autoscaler", std::chrono::milliseconds(40)), load_(std::move(load)) {
  world.attach(*this, {kinds::kAutoscaler});
}

void AutoscalerController::observe(const Observation& change) {
  if (!change.after) {
    memory_.erase(uid_of(*change.before));
    return;
  }
  // Our own status writes come back here; the next look is in 15 seconds anyway.
  if (!change.before || generation_of(*change.before) != generation_of(*change.after) ||
      (*change.before).value("spec", Json()) != (*change.after).value("spec", Json()))
    enqueue(key_of(*change.after));
}

Result<> AutoscalerController::reconcile(const Key& key) {
  Pass pass;
  pass.object = world_.get(kinds::kAutoscaler, key);
  if (!pass.object || is_deleting(*pass.object)) return {};
  enqueue_after(key, kSyncPeriod);
  const Json& autoscaler = pass.autoscaler();
  pass.now = world_.now();
  pass.status = find(autoscaler, "status") ? autoscaler["status"] : Json::object();
  pass.least = int_at(autoscaler, 1, "spec", "minReplicas");
  pass.most = int_at(autoscaler, 1, "spec", "maxReplicas");
  const Json reference = autoscaler["spec"].value("scaleTargetRef", Json::object());
  pass.target_kind = world_.server().find_kind(string_at(reference, "apiVersion"), string_at(reference, "kind"));
  if (pass.target_kind)
    pass.target = world_.server().get(pass.target_kind->group_resource(), key.ns, string_at(reference, "name"));
  if (!pass.target) {
    const std::string text = pass.target_kind
                                 ? fmt::format("{}.{} \"{}\" not found", pass.target_kind->resource,
                                               pass.target_kind->group, string_at(reference, "name"))
                                 : fmt::format("no matches for kind \"{}\" in group \"{}\"",
                                               string_at(reference, "kind"), string_at(reference, "apiVersion"));
    world_.record(autoscaler, kinds::kAutoscaler, true, "FailedGetScale", text, kComponent);
    pass.say("AbleToScale", false, "FailedGetScale",
             "the HPA controller was unable to get the target's current scale: " + text);
    return write_status(pass);
  }
  pass.say("AbleToScale", true, "SucceededGetScale", "the HPA controller was able to get the target's current scale");
  const Json* selector = find(*pass.target, "spec", "selector");
  world_.each_pod(key.ns, [&](const PodInfo& pod) {
    if (pod.active() && selects(selector, pod.labels())) pass.pods.push_back(&pod);
  });
  pass.current = int_at(*pass.target, 1, "spec", "replicas");
  auto& memory = memory_[uid_of(autoscaler)];
  if (memory.recommendations.empty()) memory.recommendations.push_back({pass.now, pass.current});
  std::int64_t desired = pass.current;
  std::string why;
  if (pass.current == 0) {
    pass.say("ScalingActive", false, "ScalingDisabled",
             "scaling is disabled since the replica count of the target is zero");
    desired = 0;
  } else if (pass.current > pass.most) {
    why = "Current number of replicas above Spec.MaxReplicas";
    desired = pass.most;
  } else if (pass.current < pass.least) {
    why = "Current number of replicas below Spec.MinReplicas";
    desired = pass.least;
  } else {
    if (!measure(pass)) return write_status(pass);
    desired = limit(pass, pass.proposed);
    why = desired > pass.current ? pass.winning_metric + " above target" : "All metrics below target";
  }
  pass.status["currentReplicas"] = int_at(*pass.target, 0, "status", "replicas");
  pass.status["desiredReplicas"] = desired;
  if (desired != pass.current) {
    auto scaled = world_.server().scale(pass.target_kind->group_resource(), key.ns, name_of(*pass.target), desired);
    if (!scaled.ok()) {
      pass.say("AbleToScale", false, "FailedUpdateScale",
               "the HPA controller was unable to update the target scale: " + scaled.message());
      TRY(write_status(pass));
      return Error(Code::conflict, scaled.message());
    }
    pass.say("AbleToScale", true, "SucceededRescale",
             fmt::format("the HPA controller was able to update the target scale to {}", desired));
    world_.record(autoscaler, kinds::kAutoscaler, false, "SuccessfulRescale",
                  fmt::format("New size: {}; reason: {}", desired, why), kComponent);
    auto& changes = desired > pass.current ? memory.ups : memory.downs;
    changes.push_back({pass.now, std::abs(desired - pass.current)});
    if (changes.size() > kMostRemembered) changes.pop_front();
    pass.status["lastScaleTime"] = time_text(pass.now);
  }
  return write_status(pass);
}

std::int64_t AutoscalerController::usage(const PodInfo& pod, std::string_view resource, std::int64_t request) const {
  const std::string wish = annotation(*pod.object, "sim.nautilusctl.io/" + std::string(resource));
  if (!wish.empty() && wish.back() == '%') return int_or_percent(Json(wish), request, false).value_or(request / 2);
  if (!wish.empty()) return quantity_milli(std::string_view(wish)).value_or(request / 2);
  if (load_)
    if (auto given = load_(pod, resource)) return *given;
  return request / 2;
}

// One metric's proposal; nullopt if it cannot be computed (the conditions say why).
std::optional<std::int64_t> AutoscalerController::propose(Pass& pass, const Json& metric, Json& shown) {
  const std::string type = string_at(metric, "type");
  const std::string resource_name = string_at(metric, "resource", "name");
  auto fail = [&](const std::string& reason, const std::string& text) {
    pass.say("ScalingActive", false, reason, "the HPA was unable to compute the replica count: " + text);
    world_.record(pass.autoscaler(), kinds::kAutoscaler, true, reason, text, kComponent);
    return std::nullopt;
  };
  if (type != "Resource" || (resource_name != "cpu" && resource_name != "memory"))
    return fail("FailedGet" + type + "Metric", "no metrics of this type are served by the simulated cluster");
  std::int64_t used = 0, asked = 0, ready = 0, unready = 0, unready_request = 0;
  for (const PodInfo* pod : pass.pods) {
    const Amounts requests = pod_amounts(pod->spec(), "requests");
    auto found = requests.find(resource_name);
    if (found == requests.end())
      return fail(
          "FailedGetResourceMetric",
          fmt::format("failed to get {} utilization: missing request for {} in container {} of Pod {}", resource_name,
                      resource_name, string_at(pod->spec()["containers"].front(), "name"), pod->key.name));
    if (!pod->ready) {
      ++unready;
      unready_request += found->second;
      continue;
    }
    ++ready;
    asked += found->second;
    used += usage(*pod, resource_name, found->second);
  }
  if (ready == 0)
    return fail(
        "FailedGetResourceMetric",
        fmt::format("failed to get {} utilization: did not receive metrics for targeted pods (pods might be unready)",
                    resource_name));
  const Json target = metric["resource"].value("target", Json::object());
  const bool by_share = target.contains("averageUtilization");
  const double wanted = by_share
                            ? static_cast<double>(int_at(target, 80, "averageUtilization"))
                            : static_cast<double>(quantity_milli(target.value("averageValue", Json("0"))).value_or(0));
  if (wanted <= 0) return fail("FailedGetResourceMetric", "the target is not positive");
  auto ratio_with = [&](std::int64_t pods, std::int64_t requests) {
    const double have = by_share ? static_cast<double>(used * 100 / std::max<std::int64_t>(1, requests))
                                 : static_cast<double>(used) / static_cast<double>(std::max<std::int64_t>(1, pods));
    return have / wanted;
  };
  Json now = {{"averageValue", quantity_text(used / ready, resource_name == "memory")}};
  if (by_share) now["averageUtilization"] = used * 100 / std::max<std::int64_t>(1, asked);
  shown = {{"type", "Resource"}, {"resource", {{"name", resource_name}, {"current", now}}}};
  double ratio = ratio_with(ready, asked);
  auto near = [](double r) { return r > 1 - kTolerance && r < 1 + kTolerance; };
  if (unready == 0 || ratio <= 1) {
    if (near(ratio)) return pass.current;
    return static_cast<std::int64_t>(std::ceil(ratio * static_cast<double>(ready) - 1e-9));
  }
  // Pods that are not ready yet may take their share: as if they used nothing.
  ratio = ratio_with(ready + unready, asked + unready_request);
  if (near(ratio) || ratio < 1) return pass.current;
  return std::max(pass.current,
                  static_cast<std::int64_t>(std::ceil(ratio * static_cast<double>(ready + unready) - 1e-9)));
}

bool AutoscalerController::measure(Pass& pass) {
  Json shown = Json::array();
  bool any = false;
  for (const auto& metric : metrics_of(pass.autoscaler())) {
    Json one;
    auto proposed = propose(pass, metric, one);
    if (!proposed) continue;
    shown.push_back(std::move(one));
    if (!any || *proposed > pass.proposed) {
      pass.proposed = *proposed;
      const bool share =
          metric["resource"].contains("target") && metric["resource"]["target"].contains("averageUtilization");
      pass.winning_metric = string_at(metric, "resource", "name") +
                            (share ? " resource utilization (percentage of request)" : " resource");
    }
    any = true;
  }
  if (any) {
    pass.say("ScalingActive", true, "ValidMetricFound",
             "the HPA was able to successfully calculate a replica count from " + pass.winning_metric);
    pass.status["currentMetrics"] = std::move(shown);
  } else {
    pass.status["currentReplicas"] = int_at(*pass.target, 0, "status", "replicas");
    if (!pass.status.contains("desiredReplicas")) pass.status["desiredReplicas"] = 0;
  }
  return any;
}

// Recent recommendations hold a scale-down back (and, if asked for, a scale-up).
std::int64_t AutoscalerController::stabilise(Pass& pass, std::int64_t proposed) {
  auto& remembered = memory_[uid_of(pass.autoscaler())].recommendations;
  const bool behaves = pass.autoscaler()["spec"].contains("behavior");
  const auto window = [&](bool up) -> port::Duration {
    if (!behaves) return up ? port::Duration(0) : kDownscaleStabilisation;
    return std::chrono::seconds(int_at(rules_of(pass.autoscaler(), up), 0, "stabilizationWindowSeconds"));
  };
  const auto up = window(true), down = window(false);
  std::int64_t highest = proposed, lowest = proposed;
  for (const auto& [at, replicas] : remembered) {
    if (at + down > pass.now) highest = std::max(highest, replicas);
    if (at + up > pass.now) lowest = std::min(lowest, replicas);
  }
  while (!remembered.empty() &&
         (remembered.front().at + std::max(up, down) < pass.now || remembered.size() > kMostRemembered))
    remembered.pop_front();
  remembered.push_back({pass.now, proposed});
  std::int64_t result = pass.current;
  if (result < lowest) result = lowest;
  if (result > highest) result = highest;
  if (!behaves) result = highest;
  if (result != proposed) {
    if (result > proposed)
      pass.say("AbleToScale", true, "ScaleDownStabilized",
               "recent recommendations were higher than current one, applying the highest recent recommendation");
    else
      pass.say("AbleToScale", true, "ScaleUpStabilized",
               "recent recommendations were lower than current one, applying the lowest recent recommendation");
  } else {
    pass.say("AbleToScale", true, "ReadyForNewScale", "recommended size matches current size");
  }
  return result;
}

std::int64_t AutoscalerController::rate_limit(const Pass& pass, const Json& rules, bool up,
                                              std::int64_t current) const {
  const std::string select = string_at(rules, "selectPolicy");
  if (select == "Disabled") return current;
  auto found = memory_.find(uid_of(pass.autoscaler()));
  std::optional<std::int64_t> bound;
  for (const auto& policy : rules.value("policies", Json::array())) {
    const auto period = std::chrono::seconds(int_at(policy, 15, "periodSeconds"));
    std::int64_t changed = 0;
    if (found != memory_.end())
      for (const auto& [at, amount] : up ? found->second.ups : found->second.downs)
        if (at + period > pass.now) changed += amount;
    const std::int64_t start = up ? current - changed : current + changed;
    const std::int64_t amount = int_at(policy, 0, "value");
    std::int64_t reach = 0;
    if (string_at(policy, "type") == "Pods")
      reach = up ? start + amount : start - amount;
    else
      reach = up ? (start * (100 + amount) + 99) / 100 : start * (100 - amount) / 100;
    // "Max" is the policy that changes most, in either direction.
    const bool further = up == (select != "Min");
    if (!bound || (further ? reach > *bound : reach < *bound)) bound = reach;
  }
  if (!bound) return current;
  return up ? std::max(*bound, current) : std::min(*bound, current);
}

std::int64_t AutoscalerController::limit(Pass& pass, std::int64_t proposed) {
  const std::int64_t steady = stabilise(pass, proposed);
  const bool behaves = pass.autoscaler()["spec"].contains("behavior");
  std::int64_t highest = pass.most, lowest = pass.least;
  std::string too_many = "TooManyReplicas", too_few = "TooFewReplicas";
  std::string many_text = "the desired replica count is more than the maximum replica count";
  std::string few_text = "the desired replica count is less than the minimum replica count";
  if (steady > pass.current) {
    const std::int64_t reach = behaves ? rate_limit(pass, rules_of(pass.autoscaler(), true), true, pass.current)
                                       : std::max<std::int64_t>(2 * pass.current, 4);
    if (reach < highest) {
      highest = reach;
      too_many = "ScaleUpLimit";
      many_text = "the desired replica count is increasing faster than the maximum scale rate";
    }
  } else if (steady < pass.current && behaves) {
    const std::int64_t reach = rate_limit(pass, rules_of(pass.autoscaler(), false), false, pass.current);
    if (reach > lowest) {
      lowest = reach;
      too_few = "ScaleDownLimit";
      few_text = "the desired replica count is decreasing faster than the maximum scale rate";
    }
  }
  if (steady > highest) {
    pass.say("ScalingLimited", true, too_many, many_text);
    return highest;
  }
  if (steady < lowest) {
    pass.say("ScalingLimited", true, too_few, few_text);
    return lowest;
  }
  pass.say("ScalingLimited", false, "DesiredWithinRange", "the desired count is within the acceptable range");
  return steady;
}

Result<> AutoscalerController::write_status(Pass& pass) {
  pass.status["observedGeneration"] = generation_of(pass.autoscaler());
  if (generation_of(pass.autoscaler()) == 0) pass.status.erase("observedGeneration");
  if (!pass.status.contains("desiredReplicas")) pass.status["desiredReplicas"] = 0;
  if (!pass.status.contains("currentMetrics")) pass.status["currentMetrics"] = Json();
  if (const Json* before = find(pass.autoscaler(), "status"); before && *before == pass.status) return {};
  Json edited = pass.autoscaler();
  edited["status"] = pass.status;
  TRY(world_.update_status(kinds::kAutoscaler, std::move(edited)));
  return {};
}

}  // namespace nautilus::sim
