#include "core/status/status.h"

#include "core/status/rules.h"
#include "core/value/escape.h"
#include "core/value/object_id.h"

namespace nautilus::status {

namespace {

struct Row {
  std::string_view group, kind;
  Verdict (*rule)(const Json&);
};

Verdict at_once(const Json&) { return current(); }

constexpr Row kRules[] = {
    {"apps", "Deployment", deployment},
    {"apps", "ReplicaSet", replica_set},
    {"apps", "StatefulSet", stateful_set},
    {"apps", "DaemonSet", daemon_set},
    {"", "Pod", pod},
    {"batch", "Job", job},
    {"", "PersistentVolumeClaim", claim},
    {"", "Service", service},
    {"policy", "PodDisruptionBudget", budget},
    {"apiextensions.k8s.io", "CustomResourceDefinition", definition},
    {"apiregistration.k8s.io", "APIService", api_service},
    {"", "Namespace", namespace_},
    // An autoscaler without metrics is not a reason to stop a deploy, and a schedule is done when it is stored.
    {"autoscaling", "HorizontalPodAutoscaler", at_once},
    {"batch", "CronJob", at_once},
    // Whether what an Argo CD application watches is synced is for Argo CD and its windows to say.
    {"argoproj.io", "Application", at_once},
    {"gateway.networking.k8s.io", "HTTPRoute", route},
    {"gateway.networking.k8s.io", "GRPCRoute", route},
    {"gateway.networking.k8s.io", "TLSRoute", route},
    {"gateway.networking.k8s.io", "TCPRoute", route},
    {"gateway.networking.k8s.io", "UDPRoute", route},
    {"elasticsearch.k8s.elastic.co", "Elasticsearch", elastic},
    {"kibana.k8s.elastic.co", "Kibana", elastic},
    {"logstash.k8s.elastic.co", "Logstash", elastic},
    {"beat.k8s.elastic.co", "Beat", elastic},
    {"agent.k8s.elastic.co", "Agent", elastic},
    {"velero.io", "BackupStorageLocation", backup_location},
    {"velero.io", "VolumeSnapshotLocation", backup_location},
    {"velero.io", "Schedule", backup_schedule},
};

// The controller has not looked at the newest spec yet: whatever the status says is about an older one.
std::optional<Verdict> behind(const Json& object) {
  const auto generation = value::int_at(object, 0, "metadata", "generation");
  const Json* observed = value::find(object, "status", "observedGeneration");
  if (!observed || !observed->is_number_integer() || generation == 0 || generation == observed->get<std::int64_t>())
    return std::nullopt;
  return in_progress("LatestGenerationNotObserved", fmt::format("generation {} is not observed yet (at {})", generation,
                                                                observed->get<std::int64_t>()));
}

std::string joined(const std::string& reason, const std::string& message) {
  return value::escape_control(reason.empty() ? message : message.empty() ? reason : reason + ": " + message);
}

// The standard conditions decide for every kind, before its own rule. The first that is true counts.
std::optional<Verdict> says_itself(const Json& object) {
  const Json* conditions = value::find(object, "status", "conditions");
  if (!conditions || !conditions->is_array()) return std::nullopt;
  for (const auto& entry : *conditions) {
    if (value::string_at(entry, "status") != "True") continue;
    const std::string type = value::string_at(entry, "type");
    const std::string text = joined(value::string_at(entry, "reason"), value::string_at(entry, "message"));
    if (type == "Reconciling") return in_progress("Reconciling", text);
    if (type == "Stalled") return failed("Stalled", text);
  }
  return std::nullopt;
}

}  // namespace

std::string_view name(State state) {
  switch (state) {
    case State::current: return "Current";
    case State::in_progress: return "InProgress";
    case State::failed: return "Failed";
    case State::terminating: return "Terminating";
    case State::not_found: return "NotFound";
    case State::unknown: return "Unknown";
  }
  return "Unknown";
}

const Json* condition(const Json& object, std::string_view type) {
  const Json* conditions = value::find(object, "status", "conditions");
  if (!conditions || !conditions->is_array()) return nullptr;
  for (const auto& entry : *conditions)
    if (value::string_at(entry, "type") == type) return &entry;
  return nullptr;
}

std::string condition_status(const Json& object, std::string_view type) {
  const Json* found = condition(object, type);
  return found ? value::string_at(*found, "status") : std::string();
}

Verdict compute(const Json& object) {
  if (!object.is_object()) return {State::unknown, "NotAnObject", "not an object"};
  if (!value::string_at(object, "metadata", "deletionTimestamp").empty())
    return {State::terminating, "Terminating", "is being deleted"};
  if (auto verdict = behind(object)) return *verdict;
  if (auto verdict = says_itself(object)) return *verdict;
  const auto id = value::ObjectId::of(object);
  for (const Row& row : kRules)
    if (row.kind == id.kind && row.group == id.group) return row.rule(object);
  return generic(object);
}

}  // namespace nautilus::status
