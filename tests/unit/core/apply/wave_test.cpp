#include "core/apply/wave.h"

#include <doctest/doctest.h>

using namespace nautilus;
using apply::Wave;

TEST_CASE("each kind has its wave and rank") {
  struct Row {
    const char* kind;
    Wave wave;
    int rank;
  };
  const Row rows[] = {
      {"Namespace", Wave::namespaces, 0},      {"CustomResourceDefinition", Wave::namespaces, 0},
      {"ConfigMap", Wave::storage, 0},         {"StatefulSet", Wave::storage, 1},
      {"Service", Wave::services, 0},          {"Ingress", Wave::services, 0},
      {"Deployment", Wave::workloads, 1},      {"HorizontalPodAutoscaler", Wave::workloads, 2},
      {"SomethingOfOurs", Wave::workloads, 0},
  };
  for (const auto& row : rows) {
    CAPTURE(row.kind);
    const Json object = {{"kind", row.kind}};
    CHECK(apply::wave_of(object).value() == row.wave);
    CHECK(apply::rank_of(object) == row.rank);
  }
}

TEST_CASE("a headless Service comes with the storage that needs it") {
  const Json headless = {{"kind", "Service"}, {"spec", {{"clusterIP", "None"}}}};
  CHECK(apply::wave_of(headless).value() == Wave::storage);
}

TEST_CASE("the annotation moves an object, and a wrong one is refused") {
  Json engine = {{"kind", "StatefulSet"},
                 {"metadata", {{"annotations", {{std::string(apply::kWaveAnnotation), "workloads"}}}}}};
  CHECK(apply::wave_of(engine).value() == Wave::workloads);
  engine["metadata"]["annotations"][std::string(apply::kWaveAnnotation)] = "later";
  auto wrong = apply::wave_of(engine);
  REQUIRE_FALSE(wrong.ok());
  CHECK(wrong.error().message == "unknown wave \"later\"");
}
