// Our reader and writer against what sigs.k8s.io/yaml made of the same input (tests/differential/yaml records it).
#include <doctest/doctest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "core/value/yaml.h"

namespace nautilus::value {
namespace {

Json golden(const std::string& name) {
  std::ifstream in(std::string(NAUTILUS_SOURCE_DIR) + "/tests/golden/yaml/" + name);
  std::stringstream text;
  text << in.rdbuf();
  auto parsed = parse_json(text.str(), name);
  REQUIRE(parsed.ok());
  return std::move(*parsed);
}

// Where we differ from yaml.v2, and why; everything else in the table is equal.
bool known_difference(const std::string& text) {
  static const std::set<std::string> texts = {
      // Accepted here, refused there: libyaml has learned YAML 1.2's "\/" and question marks inside of plain text.
      "a: \"x\\ty\\n\\u00e9\\U0001F600\\x41\\0\\e\\\"\\\\\\/\"\n",
      "a: {b?c: 1}\n",
      // Refused here, where Go leaves out silently what follows the first document.
      "a: 1\n---\nb: 2\n",
      "a: 1\n...\nb: 2\n",
      "[1, 2] x\n",
      "  a: 1\n b: 2\n",
      // Refused here, taken for the key "b:" there.
      "a: {b:}\n",
  };
  return texts.count(text) > 0;
}

}  // namespace

TEST_CASE("YAML is written byte for byte as sigs.k8s.io/yaml writes it") {
  const Json table = golden("marshal.json");
  REQUIRE(table.size() > 1000);
  for (const auto& row : table) {
    const std::string source = string_at(row, "json");
    INFO(source);
    auto value = parse_json(source, "golden");
    REQUIRE(value.ok());
    CHECK_EQ(to_yaml(*value), string_at(row, "yaml"));
  }
}

TEST_CASE("YAML is read as sigs.k8s.io/yaml reads it") {
  const Json table = golden("parse.json");
  REQUIRE(table.size() > 1000);
  for (const auto& row : table) {
    const std::string text = string_at(row, "yaml");
    if (known_difference(text)) continue;
    INFO(Json(text).dump());
    auto got = parse_yaml(text, "golden");
    INFO((got.ok() ? got->dump() : got.error().text()));
    // Two equal keys are an error here, except that a key may replace what << brought.
    const bool twice = row.contains("strict") && text.find("<<") == std::string::npos;
    if (row.contains("error") || twice) {
      INFO(string_at(row, "error"));
      CHECK_FALSE(got.ok());
      continue;
    }
    auto want = parse_json(string_at(row, "json"), "golden");
    REQUIRE(want.ok());
    if (!got.ok())
      CHECK_EQ(got.error().text(), want->dump());
    else
      CHECK_EQ(got->dump(), want->dump());
  }
}

TEST_CASE("where the reader asks for it, the last of two equal keys counts, as in sigs.k8s.io/yaml") {
  int rows = 0;
  for (const auto& row : golden("parse.json")) {
    if (!row.contains("strict")) continue;
    ++rows;
    INFO(row.dump());
    auto got = parse_yaml(string_at(row, "yaml"), "golden", as_helm_reads_it());
    REQUIRE(got.ok());
    CHECK_EQ(got->dump(), string_at(row, "json"));
  }
  CHECK_GT(rows, 10);
}

}  // namespace nautilus::value
