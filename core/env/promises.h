// What an environment promises, and what it declares of the world that no manifest holds: spec.promises and
// spec.capacity of environment.yaml.
//
// `nautilusctl verify` holds the rendered manifests to the promises; what is declared under capacity is taken as a fact
// and named as one in the chain. Everything is optional: a promise that is not made is not judged, a fact that is not
// declared makes an answer unknown. Threading: plain values.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "core/base/error.h"
#include "core/base/quantity.h"
#include "core/value/strict_reader.h"

namespace nautilus::env {

// How much may be lost (RPO) and how long it may take (RTO), in seconds.
struct RecoveryPromise {
  std::optional<std::int64_t> rpo_seconds, rto_seconds;
};

struct Promises {
  std::optional<std::int64_t> users;         // concurrent, each with a WebSocket
  std::optional<std::int64_t> metrics_days;  // how long metrics are kept
  std::optional<std::int64_t> records_days;  // how long records of trading are kept
  // By failure mode: pod, node, zone, region, operatorError.
  std::map<std::string, RecoveryPromise> recovery;
};

struct Capacity {
  std::string region;                 // where the cluster is
  std::optional<std::int64_t> zones;  // with nodes, in that region
  // Nodes at most, all alike, and what one of them can give to pods.
  std::optional<std::int64_t> nodes;
  std::optional<base::Quantity> node_cpu, node_memory;
  // Metrics: series at once, and what one sample takes on disk.
  std::optional<std::int64_t> series;
  std::optional<base::Quantity> bytes_per_sample;
  // A restore: what has to come back, how fast it comes, and what happens before and after.
  std::optional<base::Quantity> restore_bytes, restore_bytes_per_second;
  std::optional<std::int64_t> provision_seconds, replay_seconds;
  // What a WAL segment takes to reach the archive once it is closed.
  std::optional<std::int64_t> archive_push_seconds;
};

inline constexpr std::int64_t kMaxUsers = 100'000'000;
inline constexpr std::int64_t kMaxPromiseDays = 36'500;
inline constexpr std::int64_t kMaxPromiseSeconds = kMaxPromiseDays * 86'400;

Result<Promises> read_promises(value::StrictReader& spec);
Result<Capacity> read_capacity(value::StrictReader& spec);

}  // namespace nautilus::env
