// scaling.*: one owner of each field, autoscalers that do not fight, metrics that fall when pods are added.
#include <fmt/format.h>

#include <set>

#include "core/verify/verify.h"

namespace nautilus::verify {

namespace {

void bounds(const Input& input, Answer& answer) {
  for (const Json* scaler : input.platform.of_kind("HorizontalPodAutoscaler")) {
    const auto least = value::int_at(*scaler, 1, "spec", "minReplicas");
    const auto most = value::int_at(*scaler, 0, "spec", "maxReplicas");
    answer.read(where(*scaler, "spec.minReplicas, maxReplicas"), fmt::format("{}, {}", least, most));
    answer.judge(least >= 1 && least <= most, fmt::format("{} {} {}", least, least <= most ? "<=" : ">", most),
                 id_of(*scaler));
    const std::string kind = value::string_at(*scaler, "spec", "scaleTargetRef", "kind");
    const std::string name = value::string_at(*scaler, "spec", "scaleTargetRef", "name");
    if (!input.platform.find(kind, namespace_of(*scaler), name))
      answer.fails(fmt::format("scales {} {}, which is not rendered", kind, name), id_of(*scaler));
  }
}

// External and Object metrics with a plain Value are compared with the target as they are: unless pods change them, the
// autoscaler multiplies until it reaches its maximum.
void metrics(const Input& input, Answer& answer) {
  for (const Json* scaler : input.platform.of_kind("HorizontalPodAutoscaler")) {
    const Json* list = value::find(*scaler, "spec", "metrics");
    if (!list || !list->is_array()) continue;
    for (const Json& metric : *list) {
      const std::string type = value::string_at(metric, "type");
      const std::string part = type == "External" ? "external"
                               : type == "Object" ? "object"
                               : type == "Pods"   ? "pods"
                                                  : "resource";
      const std::string name = part == "resource" ? value::string_at(metric, part, "name")
                                                  : value::string_at(metric, part, "metric", "name");
      const std::string target = value::string_at(metric, part, "target", "type");
      answer.read(where(*scaler, "spec.metrics[" + name + "]"), type + ", " + target);
      const bool absolute = target == "Value" && (part == "external" || part == "object");
      const bool latency = name.find("latency") != std::string::npos || name.find("duration") != std::string::npos;
      if (absolute) {
        const std::string goal = value::string_at(metric, part, "target", "value");
        answer.fails(fmt::format("{} is compared with {} as it stands: adding pods does not change it, so the number "
                                 "of pods is multiplied until it is at its maximum",
                                 name, goal),
                     id_of(*scaler));
      } else if (latency) {
        answer.fails(
            fmt::format(
                "{} is a latency: it does not fall in proportion when pods are added; it is an alert, not a scaler",
                name),
            id_of(*scaler));
      } else {
        answer.holds(fmt::format("{} is shared among the pods", name), id_of(*scaler));
      }
    }
  }
}

void vertical(const Input& input, Answer& answer) {
  std::map<std::string, std::vector<const Json*>> scalers;
  const auto key = [](const Json& object, const char* reference) {
    return fmt::format("{} {}/{}", value::string_at(object, "spec", reference, "kind"), namespace_of(object),
                       value::string_at(object, "spec", reference, "name"));
  };
  for (const Json* scaler : input.platform.of_kind("HorizontalPodAutoscaler"))
    scalers[key(*scaler, "scaleTargetRef")].push_back(scaler);
  for (const Json* vpa : input.platform.of_kind("VerticalPodAutoscaler")) {
    const std::string target = key(*vpa, "targetRef");
    std::string mode = value::string_at(*vpa, "spec", "updatePolicy", "updateMode");
    if (mode.empty()) mode = "Auto";  // the definition's default
    answer.read(where(*vpa, "spec.updatePolicy.updateMode"), mode, target);
    if (mode == "Off") {
      answer.holds(target + ": recommends, changes nothing", id_of(*vpa));
      continue;
    }
    const PodSet* set = nullptr;
    for (const PodSet& one : input.platform.pods())
      if (one.id == target) set = &one;
    if (set && set->kind == "StatefulSet" && mode != "Initial") {
      answer.fails(fmt::format("{} holds state, and mode {} evicts its pods", target, mode), id_of(*vpa));
      continue;
    }
    std::set<std::string> controlled;
    if (const Json* policies = value::find(*vpa, "spec", "resourcePolicy", "containerPolicies");
        policies && policies->is_array())
      for (const Json& policy : *policies)
        if (const Json* list = value::find(policy, "controlledResources"); list && list->is_array())
          for (const Json& name : *list)
            if (name.is_string()) controlled.insert(name.get<std::string>());
    if (controlled.empty()) controlled = {"cpu", "memory"};
    bool fights = false;
    if (const auto found = scalers.find(target); found != scalers.end())
      for (const Json* scaler : found->second)
        if (const Json* list = value::find(*scaler, "spec", "metrics"); list && list->is_array())
          for (const Json& metric : *list)
            if (const std::string name = value::string_at(metric, "resource", "name"); controlled.contains(name)) {
              fights = true;
              answer.fails(fmt::format("{}: both {} and its autoscaler act on {}: each undoes the other", target,
                                       name_of(*vpa), name),
                           id_of(*scaler));
            }
    if (!fights) answer.holds(target + ": no resource is acted on twice", id_of(*vpa));
  }
}

void single_owner(const Input& input, Answer& answer) {
  std::map<std::string, std::string> owners;
  for (const Json* scaler : input.platform.of_kind("HorizontalPodAutoscaler")) {
    const std::string target =
        fmt::format("{} {}/{}", value::string_at(*scaler, "spec", "scaleTargetRef", "kind"), namespace_of(*scaler),
                    value::string_at(*scaler, "spec", "scaleTargetRef", "name"));
    const auto [found, fresh] = owners.emplace(target, id_of(*scaler));
    if (!fresh)
      answer.fails(fmt::format("{} and {} both set the replicas of {}", found->second, id_of(*scaler), target),
                   id_of(*scaler));
  }
  for (const PodSet& set : input.platform.pods()) {
    if (!set.scaler) continue;
    if (set.replicas) {
      answer.read(set.at("spec.replicas"), *set.replicas);
      answer.fails("is rendered and scaled: every apply sets back what the autoscaler did", set.at("spec.replicas"));
    } else {
      answer.holds("belongs to " + id_of(*set.scaler) + " alone", set.at("spec.replicas"));
    }
  }
  // The same object twice: the later apply wins.
  std::map<std::string, int> seen;
  for (const Json* object : input.platform.objects())
    if (++seen[value::string_at(*object, "apiVersion") + " " + id_of(*object)] == 2)
      answer.fails("is rendered twice", id_of(*object));
}

constexpr Check kChecks[] = {
    {"scaling.bounds", "Every autoscaler has a target and a maximum that is not below its minimum.",
     "minReplicas and maxReplicas of each HorizontalPodAutoscaler; its target has to be rendered.",
     "An autoscaler of nothing is a quiet one.", "Correct autoscaling.minReplicas, maxReplicas.", "", bounds},
    {"scaling.metrics", "No autoscaler follows a number that does not fall when pods are added.",
     "External and Object metrics have an AverageValue target; none is a latency.",
     "Index 30 with target 20: 5, 8, 12, 18, 25 pods in about a minute, and there it stays.",
     "Turn the number into pods by steps (volatilityFloor), or make it an alert.", "14", metrics},
    {"scaling.hpa-vpa", "Horizontal and vertical autoscalers never act on the same resource.",
     "A VerticalPodAutoscaler that is not Off controls no resource that a HorizontalPodAutoscaler of the same target "
     "measures, and does not evict what holds state.",
     "Both react to CPU: one makes pods larger because the other made them fewer.",
     "updateMode: Off, or controlledResources: [memory].", "13", vertical},
    {"scaling.single-owner", "Every field has one owner.",
     "Nothing scaled by an autoscaler has spec.replicas rendered; no target has two; no object is rendered twice.",
     "kubectl scale, helm, Argo CD and an autoscaler on one field: the last one wins, until the next.",
     "Leave replicas out where there is an autoscaler.", "20", single_owner},
};

}  // namespace

std::span<const Check> scaling_checks() { return kChecks; }

}  // namespace nautilus::verify
