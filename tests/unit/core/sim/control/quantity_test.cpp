#include "core/sim/control/quantity.h"

#include <doctest/doctest.h>

using namespace nautilus;

TEST_CASE("quantities are read in thousandths, rounded up") {
  struct Row {
    const char* text;
    std::int64_t milli;
  };
  for (const Row& row : {Row{"0", 0}, Row{"1", 1000}, Row{"100m", 100}, Row{"0.1", 100}, Row{"1.5", 1500},
                         Row{"2k", 2'000'000}, Row{"1Ki", 1'024'000}, Row{"4Gi", 4'294'967'296'000},
                         Row{"1e3", 1'000'000}, Row{"1P", 1'000'000'000'000'000'000}, Row{"12e-1", 1200}, Row{"1u", 1},
                         Row{"-5", -5000}, Row{"+5m", 5}, Row{".5", 500}, Row{"1n", 1}}) {
    INFO(row.text);
    CHECK(sim::quantity_milli(std::string_view(row.text)) == row.milli);
  }
  for (const char* bad : {"", "Gi", "1.2.3", "1Q", "abc", "1e", "1 Gi", "-", "1ki"}) {
    INFO(bad);
    CHECK_FALSE(sim::quantity_milli(std::string_view(bad)));
  }
  CHECK(sim::quantity_milli(Json(2)) == 2000);
  CHECK_FALSE(sim::quantity_milli(Json::array()));
}

TEST_CASE("quantities are written in their shortest form") {
  CHECK(sim::quantity_text(250, false) == "250m");
  CHECK(sim::quantity_text(12'000, false) == "12");
  CHECK(sim::quantity_text(4'294'967'296'000, true) == "4Gi");
  CHECK(sim::quantity_text(1'536'000, true) == "1536");
  CHECK(sim::quantity_text(0, true) == "0");
}

TEST_CASE("a pod asks for its containers together, or for its largest init container") {
  const Json spec = Json::parse(R"({
    "containers": [{"resources": {"requests": {"cpu": "200m", "memory": "64Mi"}}},
                   {"resources": {"requests": {"cpu": "300m"}}}],
    "initContainers": [{"resources": {"requests": {"cpu": "900m"}}},
                       {"restartPolicy": "Always", "resources": {"requests": {"cpu": "100m"}}},
                       {"resources": {"requests": {"cpu": "450m"}}}],
    "overhead": {"cpu": "10m"}})");
  const auto amounts = sim::pod_amounts(spec, "requests");
  CHECK(amounts.at("cpu") == 910);  // the first init container, above 600m running with the sidecar; plus overhead
  CHECK(amounts.at("memory") == 64ll * 1024 * 1024 * 1000);
}
