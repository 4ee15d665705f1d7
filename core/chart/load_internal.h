// Shared between the loaders: a flat list of files becomes a chart.
#pragma once

#include <cstdint>

#include "core/chart/load.h"
#include "core/value/yaml.h"

namespace nautilus::chart::internal {

// What may still be read; one per top-level chart, so that nested archives count against the same total.
struct Budget {
  std::uint64_t bytes = kMaxChartBytes;
  int files = kMaxChartFiles;
  Result<> take(std::uint64_t size, std::string_view file);
};

Result<Files> read_directory(const port::Filesystem& filesystem, const std::string& root, Budget& budget);
Result<Files> read_archive(std::string_view bytes, const std::string& what, Budget& budget);
Result<std::shared_ptr<const Chart>> chart_from_files(Files files, const std::string& what, Budget& budget, int depth);

// Chart.yaml (or requirements.yaml on top of it) into `metadata`.
Result<> parse_metadata(const Json& document, std::string_view file, Metadata& metadata);
// Cleans strings and checks what Helm checks: apiVersion, name, version, type, dependencies, aliases.
Result<> validate_metadata(Metadata& metadata, std::string_view file);

// One or more YAML documents merged in order, numbers as floats.
Result<Json> parse_values(std::string_view text, std::string_view file, const value::YamlLimits& limits);

// As lines: "file:line:column: message".
void add_warnings(const std::vector<value::YamlWarning>& from, std::vector<std::string>& to);

void strip_byte_order_mark(std::string& data);

}  // namespace nautilus::chart::internal
