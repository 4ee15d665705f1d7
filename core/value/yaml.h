// YAML in and out, as Kubernetes and Helm read and write it (sigs.k8s.io/yaml: YAML through JSON).
//
// Reading: yaml-cpp's events, typed by us with the YAML 1.1 rules that Go's yaml.v2 applies. Strict: a duplicate key is an
// error. Aliases are expanded, and the nodes visited are counted, so that an alias bomb ends at a bound.
// Failure: Code::invalid or Code::limit with "file:line:column". Threading: pure functions.
#pragma once

#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/value/json.h"

namespace nautilus::value {

struct YamlLimits {
  std::size_t max_nodes = 2'000'000;  // after expansion of aliases
  int max_depth = kMaxDepth;
};

Result<Json> parse_yaml(std::string_view text, std::string_view file, const YamlLimits& limits = {});
Result<std::vector<Json>> parse_yaml_all(std::string_view text, std::string_view file, const YamlLimits& limits = {});
std::string to_yaml(const Json& value);

}  // namespace nautilus::value
