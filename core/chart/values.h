// How values of charts, files and flags are put together: Helm 4's coalescing rules.
#pragma once

#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/chart/chart.h"
#include "core/port/filesystem.h"

namespace nautilus::chart {

// What the user gave, in Helm's order of precedence: files, then set_json, set, set_string, set_file, set_literal;
// later ones win. Numbers from files and set_json are floats, those from --set integers, as in Helm: templates can
// tell.
struct ValuesInput {
  std::vector<std::string> files;
  std::size_t strict_files = 0;  // so many of `files`, from the first, are our own: a key given twice is an error there
  std::vector<std::string> set, set_string, set_json, set_file, set_literal;
};

inline constexpr std::uint64_t kMaxValuesBytes = 16u << 20;

// In other files the last of two equal keys wins, as in Helm; `warnings` (may be null) gets a line for each.
Result<Json> merge_values(const port::Filesystem& filesystem, const ValuesInput& input,
                          std::vector<std::string>* warnings = nullptr);

// The user's values over the chart's defaults, recursively for its dependencies (a subchart's values lie under its
// name; `global` is handed down). coalesce: null removes a key. merge: null is kept, for a later coalesce.
enum class Nulls { remove, keep };
Result<Json> coalesce_values(const Chart& chart, Json user_values, Nulls nulls = Nulls::remove);

// Puts `source` under `destination`: tables are merged, what is in `destination` wins.
void coalesce_tables(Json& destination, Json source, Nulls nulls);

// The table at a dotted path, or nullptr.
const Json* table_at(const Json& values, std::string_view path);

}  // namespace nautilus::chart
