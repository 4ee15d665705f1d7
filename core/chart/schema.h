// values.schema.json: JSON Schema, drafts 4 to 2020-12.
//
// Our own evaluator instead of a library, for three reasons: an error must name the place in the schema, the place in
// the values, and both types; patterns must be RE2's, as Helm's are (no backtracking); and every step is bounded.
// References stay inside the document: "#", "#/pointer", "#anchor" and ids of the document itself. One that leaves it
// (http, file) is refused when it is reached, because rendering must not depend on a download. Unresolved "urn:"
// accepts everything, as in Helm.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/chart/chart.h"

namespace nautilus::chart {

inline constexpr int kMaxSchemaDepth = 256;          // of $ref and nesting together
inline constexpr int kMaxSchemaSteps = 5'000'000;    // subschemas applied
inline constexpr std::size_t kMaxSchemaErrors = 20;  // reported

struct SchemaViolation {
  std::string schema_path;  // "#/properties/replicas/type"
  std::string value_path;   // JSON pointer: "/replicas"; empty for the whole
  std::string message;      // "got string, want integer"; never the value itself
};

// What is wrong with `value`; empty if nothing. Fails if the schema itself is wrong (`what` names it) or refused.
Result<std::vector<SchemaViolation>> validate(const Json& schema, const Json& value, std::string_view what);

// Checks the coalesced values of a chart and of all its dependencies. All violations make one error.
Result<> validate_values(const Chart& chart, const Json& values);

}  // namespace nautilus::chart
