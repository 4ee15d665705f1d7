#include "core/upgrade/views.h"

#include <fmt/ranges.h>

#include "core/upgrade/manifests.h"

namespace nautilus::upgrade {

namespace {

const Json* containers_of(const Json& object, bool pod) {
  return pod ? value::find(object, "spec", "containers") : value::find(object, "spec", "template", "spec", "containers");
}

std::vector<Image> images_of(const Change& change, const Json* containers) {
  std::vector<Image> out;
  for (const Image& wanted : change.images) {
    Image image{wanted.container, ""};
    if (containers && containers->is_array())
      for (const Json& container : *containers)
        if (value::string_at(container, "name") == wanted.container) image.image = value::string_at(container, "image");
    out.push_back(std::move(image));
  }
  return out;
}

// What a container says that does not get well by waiting; "" otherwise.
std::string broken(const Json& pod) {
  for (const char* field : {"initContainerStatuses", "containerStatuses"}) {
    const Json* statuses = value::find(pod, "status", field);
    if (!statuses || !statuses->is_array()) continue;
    for (const Json& status : *statuses) {
      const std::string reason = value::string_at(status, "state", "waiting", "reason");
      for (const char* bad : {"CrashLoopBackOff", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName",
                              "CreateContainerConfigError", "CreateContainerError"})
        if (reason == bad) return status::explain({}, {pod});
    }
  }
  if (value::string_at(pod, "status", "phase") == "Failed") return status::explain({}, {pod});
  return "";
}

bool ready(const Json& pod) {
  const Json* conditions = value::find(pod, "status", "conditions");
  return conditions && conditions->is_array() && std::any_of(conditions->begin(), conditions->end(), [](const Json& c) {
           return value::string_at(c, "type") == "Ready" && value::string_at(c, "status") == "True";
         });
}

PodView view_pod(const Change& change, const Json& pod) {
  PodView view;
  view.name = value::string_at(pod, "metadata", "name");
  view.uid = value::string_at(pod, "metadata", "uid");
  if (const auto dash = view.name.rfind('-'); dash != std::string::npos && change.strategy == Strategy::ordered) {
    view.ordinal = 0;
    for (const char c : view.name.substr(dash + 1))
      view.ordinal = c < '0' || c > '9' || view.ordinal > 100'000 ? -1 : view.ordinal * 10 + (c - '0');
  }
  view.ready = ready(pod);
  view.updated = images_of(change, containers_of(pod, true)) == change.images;
  view.ending = value::find(pod, "metadata", "deletionTimestamp") != nullptr;
  if (const auto equals = change.primary_label.find('='); equals != std::string::npos)
    view.primary = value::string_at(pod, "metadata", "labels", change.primary_label.substr(0, equals)) ==
                   change.primary_label.substr(equals + 1);
  if (!view.ending) view.broken = broken(pod);
  return view;
}

std::string unsuitable(const Change& change, const Json& live) {
  const bool ordered = change.strategy == Strategy::ordered;
  const std::string type =
      value::string_at(live, "spec", ordered ? "updateStrategy" : "strategy", "type");
  if (type != "RollingUpdate" && !type.empty())
    return fmt::format("{} replaces its pods by {}: it cannot be upgraded step by step", change.target().text(), type);
  if (value::int_at(live, 1, "spec", "replicas") == 0)
    return fmt::format("{} has no replicas: nothing can be watched", change.target().text());
  if (value::bool_at(live, false, "spec", "paused"))
    return fmt::format("the rollout of {} is paused by somebody else", change.target().text());
  if (change.with_canary() &&
      value::string_at(live, "spec", "template", "metadata", "labels", std::string(kTrackLabel)) != "stable")
    return fmt::format("the pods of {} have no label {}=stable: traffic could not be split", change.target().text(),
                       kTrackLabel);
  return "";
}

}  // namespace

WorkloadView view_workload(const Change& change, const Json& live, const std::vector<Json>& pods) {
  WorkloadView view;
  if (live.is_null()) return view;
  view.exists = true;
  view.images = images_of(change, containers_of(live, false));
  view.replicas = static_cast<int>(value::int_at(live, 1, "spec", "replicas"));
  view.paused = value::bool_at(live, false, "spec", "paused");
  const Json* strategy = value::find(live, "spec", change.strategy == Strategy::ordered ? "updateStrategy" : "strategy");
  view.strategy = strategy ? *strategy : Json();
  view.partition =
      static_cast<int>(value::int_at(live, 0, "spec", "updateStrategy", "rollingUpdate", "partition"));
  view.health = status::compute(live);
  for (const Json& pod : pods) view.pods.push_back(view_pod(change, pod));
  std::sort(view.pods.begin(), view.pods.end(), [](const PodView& a, const PodView& b) { return a.name < b.name; });
  view.unsuitable = unsuitable(change, live);
  return view;
}

RouteView view_route(const Route& route, const Json& live) {
  RouteView view;
  if (live.is_null()) {
    view.problem = route.id().text() + " does not exist";
    return view;
  }
  view.exists = true;
  const auto weights = split_weights(route, live);
  if (weights.empty()) {
    view.problem = route.id().text() + " does not split between the tracks stable and canary";
    return view;
  }
  for (const auto& [stable, canary] : weights) {
    if (stable + canary != 100) {
      view.problem = fmt::format("the weights of {} sum to {}, not 100", route.id().text(), stable + canary);
      return view;
    }
    if (canary != weights.front().second) {
      view.problem = route.id().text() + " gives the canary different shares in its rules";
      return view;
    }
  }
  view.weight = weights.front().second;
  if (view.weight != 0)
    view.problem = fmt::format("{} gives the canary {} % already", route.id().text(), view.weight);
  return view;
}

std::string pod_selector(const Json& workload) {
  std::vector<std::string> parts;
  if (const Json* labels = value::find(workload, "spec", "selector", "matchLabels"); labels && labels->is_object())
    for (const auto& [key, text] : labels->items())
      if (key != kTrackLabel && text.is_string()) parts.push_back(key + "=" + text.get<std::string>());
  return fmt::format("{}", fmt::join(parts, ","));
}

bool is_canary_pod(const Json& pod) {
  return value::string_at(pod, "metadata", "labels", std::string(kTrackLabel)) == "canary";
}

}  // namespace nautilus::upgrade
