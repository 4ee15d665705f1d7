#include "core/apply/wave.h"

#include <array>

namespace nautilus::apply {

namespace {

constexpr std::array<std::string_view, kWaves> kNames = {"namespaces", "storage", "services", "workloads"};

struct Row {
  std::string_view kind;
  Wave wave;
  int rank;
};

// Kinds that are not here are workloads of rank 0: custom resources need their operators, which are workloads too.
constexpr Row kRows[] = {
    {"Namespace", Wave::namespaces, 0},
    {"CustomResourceDefinition", Wave::namespaces, 0},
    {"PriorityClass", Wave::namespaces, 0},
    {"StorageClass", Wave::namespaces, 0},
    {"RuntimeClass", Wave::namespaces, 0},
    {"IngressClass", Wave::namespaces, 0},
    {"ResourceQuota", Wave::storage, 0},
    {"LimitRange", Wave::storage, 0},
    {"ServiceAccount", Wave::storage, 0},
    {"Role", Wave::storage, 0},
    {"ClusterRole", Wave::storage, 0},
    {"RoleBinding", Wave::storage, 0},
    {"ClusterRoleBinding", Wave::storage, 0},
    {"NetworkPolicy", Wave::storage, 0},
    {"ConfigMap", Wave::storage, 0},
    {"Secret", Wave::storage, 0},
    {"PersistentVolume", Wave::storage, 0},
    {"PersistentVolumeClaim", Wave::storage, 0},
    {"StatefulSet", Wave::storage, 1},
    {"Service", Wave::services, 0},
    {"Endpoints", Wave::services, 0},
    {"EndpointSlice", Wave::services, 0},
    {"Ingress", Wave::services, 0},
    {"APIService", Wave::services, 0},
    {"ValidatingWebhookConfiguration", Wave::workloads, 2},
    {"MutatingWebhookConfiguration", Wave::workloads, 2},
    {"Deployment", Wave::workloads, 1},
    {"DaemonSet", Wave::workloads, 1},
    {"ReplicaSet", Wave::workloads, 1},
    {"Job", Wave::workloads, 1},
    {"CronJob", Wave::workloads, 1},
    {"Pod", Wave::workloads, 1},
    {"PodDisruptionBudget", Wave::workloads, 0},
    {"HorizontalPodAutoscaler", Wave::workloads, 2},
};

const Row* row_of(const Json& object) {
  const std::string kind = value::string_at(object, "kind");
  for (const Row& row : kRows)
    if (row.kind == kind) return &row;
  return nullptr;
}

}  // namespace

std::string_view name(Wave wave) { return kNames[static_cast<std::size_t>(wave)]; }

Result<Wave> parse_wave(std::string_view text) {
  for (int i = 0; i < kWaves; ++i)
    if (kNames[static_cast<std::size_t>(i)] == text) return static_cast<Wave>(i);
  return Error(Code::invalid, fmt::format("unknown wave \"{}\"", text),
               "waves: namespaces, storage, services, workloads");
}

Result<Wave> wave_of(const Json& object) {
  const std::string moved = value::string_at(object, "metadata", "annotations", std::string(kWaveAnnotation));
  if (!moved.empty()) return parse_wave(moved).within(fmt::format("reading annotation {}", kWaveAnnotation));
  // A StatefulSet's pods resolve each other through its headless Service while they start.
  if (value::string_at(object, "kind") == "Service" && value::string_at(object, "spec", "clusterIP") == "None")
    return Wave::storage;
  const Row* row = row_of(object);
  return row ? row->wave : Wave::workloads;
}

int rank_of(const Json& object) {
  const Row* row = row_of(object);
  return row ? row->rank : 0;
}

}  // namespace nautilus::apply
