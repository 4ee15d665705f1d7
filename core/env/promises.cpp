#include "core/env/promises.h"

#include <fmt/format.h>

namespace nautilus::env {

namespace {

std::optional<std::int64_t> optional_integer(value::StrictReader& reader, std::string_view key, std::int64_t least,
                                             std::int64_t most) {
  if (!reader.has(key)) return std::nullopt;
  return reader.integer(key, least, least, most);
}

std::optional<base::Quantity> optional_quantity(value::StrictReader& reader, std::string_view key) {
  const std::string text = reader.string(key);
  if (text.empty()) return std::nullopt;
  auto parsed = base::Quantity::parse(text);
  if (!parsed.ok() || parsed->nano() <= 0) {
    reader.fail(key, "must be a quantity above zero, as text: \"64Gi\", \"1.7\"");
    return std::nullopt;
  }
  return *parsed;
}

}  // namespace

Result<Promises> read_promises(value::StrictReader& spec) {
  Promises promises;
  value::StrictReader reader = spec.object("promises");
  promises.users = optional_integer(reader, "users", 1, kMaxUsers);
  promises.metrics_days = optional_integer(reader, "metricsDays", 1, kMaxPromiseDays);
  promises.records_days = optional_integer(reader, "recordsDays", 1, kMaxPromiseDays);
  value::StrictReader recovery = reader.object("recovery");
  for (const char* mode : {"pod", "node", "zone", "region", "operatorError"}) {
    value::StrictReader one = recovery.object(mode);
    RecoveryPromise promise;
    promise.rpo_seconds = optional_integer(one, "rpoSeconds", 0, kMaxPromiseSeconds);
    promise.rto_seconds = optional_integer(one, "rtoSeconds", 1, kMaxPromiseSeconds);
    TRY(one.finish());
    promises.recovery[mode] = promise;
  }
  TRY(recovery.finish());
  TRY(reader.finish());
  return promises;
}

Result<Capacity> read_capacity(value::StrictReader& spec) {
  Capacity capacity;
  value::StrictReader reader = spec.object("capacity");
  capacity.region = reader.string("region");
  capacity.zones = optional_integer(reader, "zones", 1, 64);
  value::StrictReader nodes = reader.object("nodes");
  capacity.nodes = optional_integer(nodes, "count", 1, 15'000);
  capacity.node_cpu = optional_quantity(nodes, "cpu");
  capacity.node_memory = optional_quantity(nodes, "memory");
  TRY(nodes.finish());
  value::StrictReader metrics = reader.object("metrics");
  capacity.series = optional_integer(metrics, "series", 1, 1'000'000'000);
  capacity.bytes_per_sample = optional_quantity(metrics, "bytesPerSample");
  TRY(metrics.finish());
  value::StrictReader restore = reader.object("restore");
  capacity.restore_bytes = optional_quantity(restore, "data");
  capacity.restore_bytes_per_second = optional_quantity(restore, "perSecond");
  capacity.provision_seconds = optional_integer(restore, "provisionSeconds", 0, kMaxPromiseSeconds);
  capacity.replay_seconds = optional_integer(restore, "replaySeconds", 0, kMaxPromiseSeconds);
  TRY(restore.finish());
  capacity.archive_push_seconds = optional_integer(reader, "archivePushSeconds", 0, 86'400);
  TRY(reader.finish());
  return capacity;
}

}  // namespace nautilus::env
