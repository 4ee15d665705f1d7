#include "core/upgrade/propose.h"

#include <charconv>

#include <fmt/ranges.h>

#include "core/kube/reader.h"
#include "core/port/wall_time.h"
#include "core/upgrade/manifests.h"
#include "core/upgrade/round.h"
#include "core/upgrade/views.h"

namespace nautilus::upgrade {

namespace {

Result<std::vector<Json>> list(apply::Cluster& cluster, const value::GroupVersion& version, const std::string& kind,
                               const std::string& space) {
  auto resource = cluster.resource(version, kind);
  if (!resource.ok()) {
    // A cluster without a mesh has no routes.
    if (resource.error().code == Code::not_found && version.group.find('.') != std::string::npos)
      return std::vector<Json>();
    return std::move(resource).error();
  }
  kube::ListOptions options;
  options.namespace_ = space;
  auto found = kube::Reader(cluster.client()).list(**resource, options);
  if (!found.ok()) return std::move(found).error().within("listing " + (*resource)->text());
  return std::move(found->items);
}

Result<Json> find_workload(apply::Cluster& cluster, const Wish& wish) {
  std::set<std::string> names;
  std::vector<Json> found;
  for (const char* kind : {"Deployment", "StatefulSet"}) {
    ASSIGN_OR_RETURN(const auto all, list(cluster, value::GroupVersion{"apps", "v1"}, kind, wish.namespace_));
    for (const Json& one : all) {
      const std::string name = value::string_at(one, "metadata", "labels", "app.kubernetes.io/name");
      const std::string own = value::string_at(one, "metadata", "name");
      if (is_canary_pod(one)) continue;
      names.insert(own);
      if (own == wish.component || own == "nautilus-" + wish.component || name == wish.component ||
          name == "nautilus-" + wish.component) {
        found.push_back(one);
        found.back()["kind"] = kind;
      }
    }
  }
  const std::string there = fmt::format("workloads of {}: {}", wish.namespace_, fmt::join(names, ", "));
  if (found.empty())
    return Error(Code::not_found, fmt::format("no workload is called {}", wish.component), there);
  // The exact name decides where several carry the component's label.
  for (const Json& one : found)
    if (value::string_at(one, "metadata", "name") == wish.component) return one;
  if (found.size() > 1)
    return Error(Code::usage, fmt::format("{} workloads belong to {}", found.size(), wish.component),
                 "name one of them. " + there);
  return found.front();
}

Result<Json> images(const Wish& wish, const Json& live) {
  std::vector<std::string> containers;
  for (const Json& container : live["spec"]["template"]["spec"]["containers"])
    containers.push_back(value::string_at(container, "name"));
  Json out = Json::array();
  for (const std::string& wanted : wish.images) {
    // An image may hold '=' nowhere before its digest, so the first one divides.
    const auto equals = wanted.find('=');
    std::string container = equals == std::string::npos ? "" : wanted.substr(0, equals);
    const std::string image = equals == std::string::npos ? wanted : wanted.substr(equals + 1);
    if (container.empty() && containers.size() == 1) container = containers.front();
    if (std::find(containers.begin(), containers.end(), container) == containers.end())
      return Error(Code::usage, fmt::format("--image {}: say of which container", wanted),
                   fmt::format("--image CONTAINER=IMAGE; containers: {}", fmt::join(containers, ", ")));
    if (!pinned(image))
      return Error(Code::refused, fmt::format("{} has no digest: a tag does not say what will run", image),
                   "--image CONTAINER=NAME@sha256:...");
    out.push_back({{"container", container}, {"image", image}});
  }
  return out;
}

Result<Json> steps(const std::vector<std::string>& texts) {
  Json out = Json::array();
  for (const std::string& text : texts) {
    const auto colon = text.find(':');
    const std::string weight = text.substr(0, colon);
    int percent = 0;
    const auto [end, error] = std::from_chars(weight.data(), weight.data() + weight.size(), percent);
    if (error != std::errc() || end != weight.data() + weight.size())
      return Error(Code::usage, fmt::format("--step {}: not PERCENT:DURATION", text), "for example --step 5:2m");
    Json step = {{"weight", percent}};
    if (colon != std::string::npos) step["hold"] = text.substr(colon + 1);
    out.push_back(step);
  }
  return out;
}

// Services that choose the workload's pods, by name.
Result<std::set<std::string>> services_of(apply::Cluster& cluster, const Json& live, const std::string& space) {
  std::set<std::string> names;
  ASSIGN_OR_RETURN(const auto services, list(cluster, value::GroupVersion{"", "v1"}, "Service", space));
  const Json* labels = value::find(live, "spec", "template", "metadata", "labels");
  for (const Json& service : services) {
    const Json* selector = value::find(service, "spec", "selector");
    if (labels && selector && selector->is_object() && !selector->empty() && covers(*labels, *selector))
      names.insert(value::string_at(service, "metadata", "name"));
  }
  return names;
}

Result<Json> routes(apply::Cluster& cluster, const Json& live, const std::string& space) {
  ASSIGN_OR_RETURN(const auto services, services_of(cluster, live, space));
  Json out = Json::array();
  for (const char* kind : {"VirtualService", "HTTPRoute"}) {
    const Route shape{kind, space, ""};
    ASSIGN_OR_RETURN(const auto all, list(cluster, value::GroupVersion::parse(shape.api_version()), kind, space));
    for (const Json& one : all) {
      const std::string name = value::string_at(one, "metadata", "name");
      const auto hosts = split_hosts(shape, one);
      const bool ours = !hosts.empty() && std::all_of(hosts.begin(), hosts.end(),
                                                      [&](const std::string& host) { return services.contains(host); });
      if (ours) out.push_back({{"kind", kind}, {"namespace", space}, {"name", name}});
    }
  }
  return out;
}

}  // namespace

Json rollback_change(const Plan& done, int replicas) {
  const Change& was = done.change;
  Json change = {{"component", was.component},
                 {"target", {{"kind", was.kind}, {"namespace", was.target_namespace}, {"name", was.name}}},
                 {"strategy", was.kind == "StatefulSet" ? "ordered" : "rolling"},
                 {"rollbackOf", done.name}};
  for (const Image& image : done.status.images_before)
    change["images"].push_back({{"container", image.container}, {"image", image.image}});
  if (was.kind != "StatefulSet") change["maxSurge"] = std::clamp(replicas / 4, 1, 100);
  if (const Json* primary = value::find(done.change_json, "primary")) change["primary"] = *primary;
  return change;
}

std::string plan_name(const std::string& component, port::WallTime now) {
  const std::string time = port::micro_time(now);  // 2026-11-28T12:03:...
  return fmt::format("{}-{}{}{}-{}{}{}", component, time.substr(0, 4), time.substr(5, 2), time.substr(8, 2),
                     time.substr(11, 2), time.substr(14, 2), time.substr(17, 2));
}

Result<Json> propose(apply::Cluster& cluster, const Wish& wish) {
  ASSIGN_OR_RETURN(const Json live, find_workload(cluster, wish));
  const std::string kind = value::string_at(live, "kind");
  Json change = {{"component", wish.component},
                 {"target", {{"kind", kind}, {"namespace", wish.namespace_}, {"name", live["metadata"]["name"]}}}};
  change["strategy"] = !wish.strategy.empty() ? wish.strategy : kind == "StatefulSet" ? "ordered" : "rolling";
  ASSIGN_OR_RETURN(change["images"], images(wish, live));
  ASSIGN_OR_RETURN(Json shares, steps(wish.steps));
  if (!shares.empty()) change["steps"] = std::move(shares);
  if (change["strategy"] == "canary" && !change.contains("steps")) {
    ASSIGN_OR_RETURN(change["steps"], steps({"5:5m", "25:5m", "50:10m"}));
  }
  if (change["strategy"] == "canary" || change["strategy"] == "blueGreen") {
    ASSIGN_OR_RETURN(change["routes"], routes(cluster, live, wish.namespace_));
    if (change["routes"].empty())
      return Error(Code::refused, fmt::format("no VirtualService or HTTPRoute of {} splits the traffic of {} between "
                                              "the tracks stable and canary",
                                              wish.namespace_, wish.component),
                   "without a mesh or the Gateway API use --strategy rolling");
  }
  if (!wish.hold.empty()) change["hold"] = wish.hold;
  if (!wish.deadline.empty()) change["limits"]["deadline"] = wish.deadline;
  if (!wish.step_limit.empty()) change["limits"]["step"] = wish.step_limit;
  TRY(read_change(change, "the plan"));
  return change;
}

}  // namespace nautilus::upgrade
