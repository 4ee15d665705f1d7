// Quantities and durations against what Kubernetes' own libraries made of them (tests/differential/kube records it).
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/base/duration.h"
#include "core/base/quantity.h"

namespace nautilus::base {
namespace {

nlohmann::json golden(const std::string& name) {
  std::ifstream in(std::string(NAUTILUS_SOURCE_DIR) + "/tests/golden/kube/" + name);
  auto parsed = nlohmann::json::parse(in, nullptr, false);
  REQUIRE(parsed.is_array());
  return parsed;
}

}  // namespace

TEST_CASE("quantities are read, compared and written as Kubernetes does") {
  const auto table = golden("quantity.json");
  REQUIRE(table.size() > 300);
  for (const auto& row : table) {
    const auto text = row["text"].get<std::string>();
    INFO(text);
    auto got = Quantity::parse(text);
    if (row.contains("error")) {
      CHECK_FALSE(got.ok());
      continue;
    }
    REQUIRE(got.ok());
    CHECK_EQ(got->text(), row["canonical"].get<std::string>());
    // Go wraps around here; we saturate.
    if (std::abs(got->value()) < std::numeric_limits<std::int64_t>::max() / 1000)
      CHECK_EQ(got->milli(), row["milli"].get<std::int64_t>());
    CHECK_EQ(got->value(), row["value"].get<std::int64_t>());
    auto again = Quantity::parse(got->text());
    REQUIRE(again.ok());
    if (got->format() != Quantity::Format::binary) CHECK(*again == *got);
  }
}

TEST_CASE("durations are read and written as Go does, and as kubectl shows ages") {
  const auto table = golden("duration.json");
  REQUIRE(table.size() > 50);
  for (const auto& row : table) {
    const auto text = row["text"].get<std::string>();
    INFO(text);
    auto got = parse_duration(text);
    if (row.contains("error")) {
      CHECK_FALSE(got.ok());
      continue;
    }
    REQUIRE(got.ok());
    CHECK_EQ(got->count(), row["nanos"].get<std::int64_t>());
    CHECK_EQ(format_duration(*got), row["string"].get<std::string>());
    CHECK_EQ(human_duration(*got), row["human"].get<std::string>());
    auto again = parse_duration(format_duration(*got));
    REQUIRE(again.ok());
    CHECK_EQ(again->count(), got->count());
  }
}

}  // namespace nautilus::base
