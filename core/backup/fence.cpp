#include "core/backup/fence.h"

#include "core/value/yaml.h"

namespace nautilus::backup {

namespace {

Json modifier(const char* resource, const std::vector<std::string>& namespaces, const Json& patch) {
  return {{"conditions", {{"groupResource", resource}, {"namespaces", namespaces}}},
          {"mergePatches", Json::array({{{"patchData", patch.dump()}}})}};
}

std::string name_of(const Json& object) { return value::string_at(object, "metadata", "name"); }

}  // namespace

bool is_venue_secret(std::string_view name) { return name.find("venue") != std::string_view::npos; }

Json fence_namespace(const std::string& name, const std::string& restore) {
  return {{"apiVersion", "v1"},
          {"kind", "Namespace"},
          {"metadata", {{"name", name}, {"labels", {{std::string(kRestoreLabel), restore}}}}}};
}

Json fence_policy(const std::string& namespace_, const std::string& restore) {
  const Json own = {{"namespaceSelector", {{"matchLabels", {{std::string(kRestoreLabel), restore}}}}}};
  const Json dns = {
      {"to", Json::array({{{"namespaceSelector", {{"matchLabels", {{"kubernetes.io/metadata.name", "kube-system"}}}}},
                           {"podSelector", {{"matchLabels", {{"k8s-app", "kube-dns"}}}}}}})},
      {"ports", Json::array({{{"protocol", "UDP"}, {"port", 53}}, {{"protocol", "TCP"}, {"port", 53}}})}};
  return {{"apiVersion", "networking.k8s.io/v1"},
          {"kind", "NetworkPolicy"},
          {"metadata",
           {{"name", std::string(kFence)},
            {"namespace", namespace_},
            {"labels", {{"app.kubernetes.io/managed-by", "nautilusctl"}, {std::string(kRestoreLabel), restore}}}}},
          {"spec",
           {{"podSelector", Json::object()},
            {"policyTypes", {"Ingress", "Egress"}},
            {"ingress", Json::array({{{"from", Json::array({own})}}})},
            {"egress", Json::array({{{"to", Json::array({own})}}, dns})}}}};
}

Json fence_modifiers(const std::string& velero_namespace, const std::string& restore,
                     const std::vector<std::string>& sources) {
  Json engines =
      modifier("statefulsets.apps", sources,
               {{"metadata", {{"annotations", {{std::string(kFencedBy), restore}}}}}, {"spec", {{"replicas", 0}}}});
  engines["conditions"]["labelSelector"] = {
      {"matchLabels", {{"app.kubernetes.io/component", std::string(kEngineComponent)}}}};
  Json secrets = modifier("secrets", sources, {{"data", nullptr}});
  secrets["conditions"]["resourceNameRegex"] = std::string(kVenueSecrets);
  const Json rules = {
      {"version", "v1"},
      {"resourceModifierRules", Json::array({std::move(engines), std::move(secrets),
                                             modifier("cronjobs.batch", sources, {{"spec", {{"suspend", true}}}})})}};
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata",
           {{"name", restore + "-fence"},
            {"namespace", velero_namespace},
            {"labels", {{"app.kubernetes.io/managed-by", "nautilusctl"}, {std::string(kRestoreLabel), restore}}}}},
          {"data", {{"modifiers.yaml", value::to_yaml(rules)}}}};
}

std::vector<std::string> holes(const std::string& namespace_, const std::string& restore, const Walls& walls) {
  std::vector<std::string> out;
  bool fenced = false;
  const Json wanted = fence_policy(namespace_, restore)["spec"];
  for (const auto& policy : walls.policies) {
    if (name_of(policy) != kFence) {
      out.push_back(
          fmt::format("NetworkPolicy {}/{} may let something out: policies add up", namespace_, name_of(policy)));
      continue;
    }
    const Json* spec = value::find(policy, "spec");
    fenced = spec && *spec == wanted;
  }
  if (!fenced) out.push_back(fmt::format("namespace {} has no fence (NetworkPolicy {})", namespace_, kFence));
  for (const auto& engine : walls.engines) {
    if (value::string_at(engine, "metadata", "labels", "app.kubernetes.io/component") != kEngineComponent) continue;
    if (const auto replicas = value::int_at(engine, 1, "spec", "replicas"); replicas != 0)
      out.push_back(fmt::format("engine StatefulSet {}/{} has {} replicas", namespace_, name_of(engine), replicas));
  }
  for (const auto& secret : walls.secrets)
    if (const Json* data = value::find(secret, "data");
        is_venue_secret(name_of(secret)) && data && data->is_object() && !data->empty())
      out.push_back(fmt::format("Secret {}/{} holds venue credentials", namespace_, name_of(secret)));
  for (const auto& job : walls.cron_jobs)
    if (!value::bool_at(job, false, "spec", "suspend"))
      out.push_back(fmt::format("CronJob {}/{} is not suspended", namespace_, name_of(job)));
  return out;
}

}  // namespace nautilus::backup
