// In which order objects are applied, and in which they are removed.
//
// A deploy runs in waves; each wave is applied in parallel and must be healthy before the next begins:
//   namespaces  Namespaces, CustomResourceDefinitions, PriorityClasses, StorageClasses: what others need to exist
//   storage     policy and configuration (quotas, accounts, roles, network policies, ConfigMaps, Secrets, claims,
//               headless Services), then the StatefulSets that hold data
//   services    what routes to the workloads: Services, Ingresses, webhooks
//   workloads   Deployments, DaemonSets, Jobs and everything else, then autoscalers and disruption budgets
// The annotation `nautilusctl.io/wave` moves one object: the engine is a StatefulSet, but it needs the data stores.
#pragma once

#include <string_view>

#include "core/base/error.h"
#include "core/value/json.h"

namespace nautilus::apply {

enum class Wave { namespaces, storage, services, workloads };
inline constexpr int kWaves = 4;
inline constexpr std::string_view kWaveAnnotation = "nautilusctl.io/wave";

std::string_view name(Wave wave);
Result<Wave> parse_wave(std::string_view text);

// The wave of an object by its kind, or by its annotation; an unknown annotation value is an error.
Result<Wave> wave_of(const Json& object);

// Inside a wave: 0 is sent first, then 1, then 2. There is no waiting between ranks, only the server's answers: a
// StatefulSet must not exist before the ConfigMap its pods mount, nor an autoscaler before what it scales.
int rank_of(const Json& object);

}  // namespace nautilus::apply
