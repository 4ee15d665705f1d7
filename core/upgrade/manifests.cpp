#include "core/upgrade/manifests.h"

namespace nautilus::upgrade {

namespace {

const char* strategy_field(const Change& change) {
  return change.strategy == Strategy::ordered ? "updateStrategy" : "strategy";
}

Json images_json(const std::vector<Image>& images) {
  Json out = Json::array();
  for (const Image& image : images) out.push_back({{"name", image.container}, {"image", image.image}});
  return out;
}

// Which list of a rule holds the destinations, and which rules there are.
struct Shape {
  const char *rules, *destinations;
};
Shape shape(const Route& route) {
  return route.kind == "HTTPRoute" ? Shape{"rules", "backendRefs"} : Shape{"http", "route"};
}

// "stable", "canary" or "": Istio tells tracks apart by subset, HTTPRoutes by Service.
std::string track_of(const Route& route, const Json& destination) {
  if (route.kind != "HTTPRoute") return value::string_at(destination, "destination", "subset");
  const std::string service = value::string_at(destination, "name");
  for (const char* track : {"stable", "canary"})
    if (service.ends_with(std::string("-") + track)) return track;
  return "";
}

struct Split {
  std::string path;  // JSON pointer of the list of destinations
  int stable = -1, canary = -1;
  int stable_weight = 0, canary_weight = 0;
  std::string service;
};

std::string service_of(const Route& route, const Json& destination) {
  if (route.kind != "HTTPRoute") {
    const std::string host = value::string_at(destination, "destination", "host");
    return host.substr(0, host.find('.'));
  }
  const std::string name = value::string_at(destination, "name");
  return name.substr(0, name.rfind('-'));
}

std::vector<Split> splits(const Route& route, const Json& live) {
  std::vector<Split> out;
  const Shape names = shape(route);
  const Json* rules = value::find(live, "spec", names.rules);
  if (!rules || !rules->is_array()) return out;
  for (std::size_t r = 0; r < rules->size(); ++r) {
    const Json* destinations = value::find((*rules)[r], names.destinations);
    if (!destinations || !destinations->is_array()) continue;
    Split split;
    split.path = fmt::format("/spec/{}/{}/{}", names.rules, r, names.destinations);
    for (std::size_t d = 0; d < destinations->size(); ++d) {
      const Json& one = (*destinations)[d];
      const std::string track = track_of(route, one);
      const auto weight = static_cast<int>(value::int_at(one, route.kind == "HTTPRoute" ? 1 : 0, "weight"));
      if (track == "stable") split.stable = static_cast<int>(d), split.stable_weight = weight, split.service = service_of(route, one);
      if (track == "canary") split.canary = static_cast<int>(d), split.canary_weight = weight;
    }
    if (split.stable >= 0 && split.canary >= 0) out.push_back(split);
  }
  return out;
}

}  // namespace

Json workload_patch(const Change& change, const Action& action) {
  Json patch = {{"apiVersion", "apps/v1"},
                {"kind", change.kind},
                {"metadata", {{"name", change.name}, {"namespace", change.target_namespace}}},
                {"spec", {{"template", {{"spec", {{"containers", images_json(action.images)}}}}}}}};
  if (!action.strategy.is_null()) patch["spec"][strategy_field(change)] = action.strategy;
  if (action.paused) patch["spec"]["paused"] = true;
  return patch;
}

Json canary_manifest(const Plan& plan, const Json& stable, const Action& action) {
  const Change& change = plan.change;
  Json spec = stable.value("spec", Json::object());
  spec["replicas"] = action.replicas;
  spec.erase("paused");
  spec["strategy"] = {{"type", "RollingUpdate"}, {"rollingUpdate", {{"maxSurge", 1}, {"maxUnavailable", 0}}}};
  spec["selector"]["matchLabels"][std::string(kTrackLabel)] = "canary";
  spec["template"]["metadata"]["labels"][std::string(kTrackLabel)] = "canary";
  spec["template"]["metadata"].erase("creationTimestamp");
  for (Json& container : spec["template"]["spec"]["containers"])
    for (const Image& image : action.images)
      if (value::string_at(container, "name") == image.container) container["image"] = image.image;
  Json labels = Json::object();
  if (const Json* theirs = value::find(stable, "metadata", "labels"); theirs && theirs->is_object()) labels = *theirs;
  labels[std::string(kTrackLabel)] = "canary";
  labels[std::string(kPlanLabel)] = plan.name;
  return {{"apiVersion", "apps/v1"},
          {"kind", "Deployment"},
          {"metadata", {{"name", change.canary_name()}, {"namespace", change.target_namespace}, {"labels", labels}}},
          {"spec", spec}};
}

std::string switchover_name(const Plan& plan) {
  return fmt::format("switchover-{}-{}", plan.uid.substr(0, 8), plan.status.step);
}

Json switchover_job(const Plan& plan, const Action& action) {
  const Switchover& with = *plan.change.switchover;
  Json container = {{"name", "switchover"},
                    {"image", with.image},
                    {"env", Json::array({{{"name", "CANDIDATE"}, {"value", action.pod}},
                                         {{"name", "PRIMARY"}, {"value", action.from}},
                                         {{"name", "PLAN"}, {"value", plan.name}}})},
                    {"resources", {{"requests", {{"cpu", "50m"}, {"memory", "64Mi"}}},
                                   {"limits", {{"cpu", "500m"}, {"memory", "128Mi"}}}}},
                    {"securityContext", {{"allowPrivilegeEscalation", false},
                                         {"readOnlyRootFilesystem", true},
                                         {"capabilities", {{"drop", Json::array({"ALL"})}}}}}};
  if (!with.command.empty()) container["command"] = with.command;
  Json pod = {{"restartPolicy", "Never"},
              {"containers", Json::array({container})},
              {"securityContext", {{"runAsNonRoot", true}, {"runAsUser", 10001},
                                   {"seccompProfile", {{"type", "RuntimeDefault"}}}}}};
  if (!with.service_account.empty()) pod["serviceAccountName"] = with.service_account;
  return {{"apiVersion", "batch/v1"},
          {"kind", "Job"},
          {"metadata",
           {{"name", switchover_name(plan)},
            {"namespace", plan.change.target_namespace},
            {"labels", {{"app.kubernetes.io/managed-by", "nautilusctl"}, {std::string(kPlanLabel), plan.name}}}}},
          {"spec",
           {{"backoffLimit", 0},
            {"activeDeadlineSeconds", 300},
            {"ttlSecondsAfterFinished", 3600},
            {"template",
             {{"metadata", {{"labels", {{std::string(kPlanLabel), plan.name}}}}}, {"spec", pod}}}}}};
}

std::vector<std::pair<int, int>> split_weights(const Route& route, const Json& live) {
  std::vector<std::pair<int, int>> out;
  for (const Split& split : splits(route, live)) out.emplace_back(split.stable_weight, split.canary_weight);
  return out;
}

std::vector<std::string> split_hosts(const Route& route, const Json& live) {
  std::vector<std::string> out;
  for (const Split& split : splits(route, live)) out.push_back(split.service);
  return out;
}

Json weight_patch(const Route& route, const Json& live, int weight) {
  Json patch = Json::array({{{"op", "replace"},
                             {"path", "/metadata/resourceVersion"},
                             {"value", value::string_at(live, "metadata", "resourceVersion")}}});
  // "add" replaces a member that is there.
  for (const Split& split : splits(route, live))
    for (const auto& [at, share] : {std::pair(split.stable, 100 - weight), std::pair(split.canary, weight)})
      patch.push_back({{"op", "add"}, {"path", fmt::format("{}/{}/weight", split.path, at)}, {"value", share}});
  return patch;
}

}  // namespace nautilus::upgrade
