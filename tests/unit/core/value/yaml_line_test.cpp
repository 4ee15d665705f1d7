#include "core/value/yaml_line.h"

#include <doctest/doctest.h>

using namespace nautilus;

TEST_CASE("a field is found by its path") {
  constexpr const char* kText =
      "# head\n"
      "spec:\n"
      "  other: {operators: [a, {b: c}]}\n"
      "  operators:\n"
      "    - {name: a, chart: {x: 1}}\n"
      "    - name: b\n"
      "      chart:\n"
      "        directory: y\n"
      "  ? [complex, key]\n"
      "  : value\n"
      "  last: 1\n";
  struct Row {
    const char* path;
    int line;
  };
  for (const Row& row : {Row{"spec", 2}, Row{"spec.operators", 4}, Row{"spec.operators[0].chart.x", 5},
                         Row{"spec.operators[1]", 6}, Row{"spec.operators[1].chart.directory", 8}, Row{"spec.last", 11},
                         // What is not there: the deepest part that is.
                         Row{"spec.operators[1].chart.archive", 7}, Row{"spec.operators[7].name", 4},
                         Row{"spec.operators.name", 4}, Row{"spec[0]", 2}, Row{"nothing", 0}, Row{"", 0},
                         Row{"spec.other.operators[1].b", 3}, Row{"spec.operators[", 5}, Row{"..", 0}}) {
    CAPTURE(row.path);
    CHECK(value::yaml_line_of(kText, row.path) == row.line);
  }
  CHECK(value::yaml_line_of("", "spec") == 0);
  CHECK(value::yaml_line_of("spec: [", "spec") == 1);
  CHECK(value::yaml_line_of("{]", "spec") == 0);
}
