#include "core/env/promises.h"

#include <doctest/doctest.h>

#include "core/env/environment.h"
#include "tests/support/memory_filesystem.h"

using namespace nautilus;

namespace {

Result<env::Environment> loaded(const std::string& more) {
  testing::MemoryFilesystem files;
  files.files["/p/manifests/environments/prod/environment.yaml"] =
      "apiVersion: nautilusctl.io/v1alpha1\nkind: Environment\nmetadata: {name: prod}\nspec:\n  chart: ../x\n"
      "  release: {name: one, namespace: two}\n" +
      more;
  return env::load(files, "/p", "prod");
}

}  // namespace

TEST_CASE("promises and declared facts are read; what is not said stays unsaid") {
  const auto env = loaded(
      "  promises: {users: 10000, metricsDays: 90, recordsDays: 1826, recovery: {pod: {rpoSeconds: 0, rtoSeconds: "
      "60}}}\n"
      "  capacity:\n    region: us-east-1\n    zones: 3\n    nodes: {count: 24, cpu: '32', memory: 128Gi}\n"
      "    metrics: {series: 300000, bytesPerSample: '1.7'}\n"
      "    restore: {data: 200Gi, perSecond: 200Mi, provisionSeconds: 1800, replaySeconds: 600}\n"
      "    archivePushSeconds: 5\n");
  REQUIRE_MESSAGE(env.ok(), env.error().text());
  CHECK(env->promises.users == 10000);
  CHECK(env->promises.metrics_days == 90);
  CHECK(env->promises.records_days == 1826);
  CHECK(env->promises.recovery.at("pod").rpo_seconds == 0);
  CHECK(env->promises.recovery.at("pod").rto_seconds == 60);
  CHECK_FALSE(env->promises.recovery.at("zone").rpo_seconds);
  CHECK(env->capacity.region == "us-east-1");
  CHECK(env->capacity.zones == 3);
  CHECK(env->capacity.nodes == 24);
  CHECK(env->capacity.node_memory->value() == 128ll << 30);
  CHECK(env->capacity.bytes_per_sample->approximate() == doctest::Approx(1.7));
  CHECK(env->capacity.restore_bytes_per_second->value() == 200ll << 20);
  CHECK(env->capacity.archive_push_seconds == 5);
  const auto silent = loaded("");
  REQUIRE(silent.ok());
  CHECK_FALSE(silent->promises.users);
  CHECK_FALSE(silent->capacity.zones);
}

TEST_CASE("a promise that cannot be meant is refused with its field") {
  const struct {
    const char *more, *field;
  } rows[] = {
      {"  promises: {users: 0}\n", "spec.promises.users"},
      {"  promises: {uptime: 99}\n", "spec.promises.uptime"},
      {"  promises: {recovery: {planet: {rpoSeconds: 1}}}\n", "spec.promises.recovery.planet"},
      {"  promises: {recovery: {pod: {rtoSeconds: 0}}}\n", "spec.promises.recovery.pod.rtoSeconds"},
      {"  promises: {recovery: {pod: {rpoSeconds: -1}}}\n", "spec.promises.recovery.pod.rpoSeconds"},
      {"  capacity: {zones: 0}\n", "spec.capacity.zones"},
      {"  capacity: {nodes: {memory: lots}}\n", "spec.capacity.nodes.memory"},
      {"  capacity: {metrics: {bytesPerSample: '0'}}\n", "spec.capacity.metrics.bytesPerSample"},
      {"  capacity: {restore: {perSecond: -1Mi}}\n", "spec.capacity.restore.perSecond"},
  };
  for (const auto& row : rows) {
    CAPTURE(std::string(row.more));
    const auto env = loaded(row.more);
    REQUIRE_FALSE(env.ok());
    CHECK(env.error().code == Code::invalid);
    CHECK_MESSAGE(env.error().where.ends_with(row.field), env.error().where);
  }
}
