// YAML in and out, as Kubernetes and Helm read and write it (sigs.k8s.io/yaml: YAML through JSON).
//
// Reading: libyaml's events (Go's parser is a translation of it), typed by us with the YAML 1.1 rules that Go's yaml.v2 applies. A key given twice is an
// error that names both lines, or the last one wins, by the reader's choice. Aliases are expanded, and the nodes and
// bytes visited are counted, so that an alias bomb ends at a bound. Writing: the same bytes as
// sigs.k8s.io/yaml.Marshal; toYaml in charts is made of it. Failure: Code::invalid or Code::limit with
// "file:line:column". Threading: pure functions.
#pragma once

#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/value/json.h"

namespace nautilus::value {

// Something odd that was accepted, and where: "file:line:column".
struct YamlWarning {
  std::string where, message;
};
inline constexpr std::size_t kMaxYamlWarnings = 20;  // noted; what is beyond them is accepted all the same

// What is read of YAML, and how much of it.
struct YamlLimits {
  std::size_t max_nodes = 2'000'000;             // after expansion of aliases
  std::size_t max_bytes = std::size_t{1} << 28;  // of text, after expansion of aliases
  int max_depth = kMaxDepth;
  // A key given twice in one map. last_wins: what Helm, kubectl and client-go do; it replaces the value as a whole.
  enum class DuplicateKeys { refuse, last_wins } duplicate_keys = DuplicateKeys::refuse;
  std::vector<YamlWarning>* warnings = nullptr;  // may be null; added to
};

// For what other people wrote for Helm or kubectl.
inline YamlLimits as_helm_reads_it(std::vector<YamlWarning>* warnings = nullptr) {
  YamlLimits limits;
  limits.duplicate_keys = YamlLimits::DuplicateKeys::last_wins;
  limits.warnings = warnings;
  return limits;
}

// One document; Code::invalid if there are several. null if there is none.
Result<Json> parse_yaml(std::string_view text, std::string_view file, const YamlLimits& limits = {});

// All documents; empty ones (nothing, comments, an explicit null) are skipped.
Result<std::vector<Json>> parse_yaml_all(std::string_view text, std::string_view file, const YamlLimits& limits = {});

struct YamlDocument {
  Json value;
  int line = 1;  // where its first node is
};
Result<std::vector<YamlDocument>> parse_yaml_documents(std::string_view text, std::string_view file,
                                                       const YamlLimits& limits = {});

// Ends with a line break. Invalid UTF-8 becomes U+FFFD. Recurses as deep as the value is nested.
std::string to_yaml(const Json& value);
void append_yaml(std::string& out, const Json& value);

}  // namespace nautilus::value
