// Third-party operators of an environment: which kinds they bring, and where their charts come from.
//
// Purpose: `spec.operators` of environment.yaml as typed settings. Reading is strict: an unknown field, a chart with
// two sources, a digest that is none, or two operators that claim one kind is an error with the file and the field's
// path. Threading: plain values. Source of the shape: docs/architecture/operators.md.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/value/strict_reader.h"

namespace nautilus::env {

inline constexpr std::size_t kMaxOperators = 64;
inline constexpr std::size_t kMaxProvidedKinds = 256;   // of one operator
inline constexpr std::size_t kMaxChartReference = 512;  // bytes of a directory, URL or reference
inline constexpr std::size_t kMaxReleaseName = 53;      // Helm's

// A kind that a CustomResourceDefinition of the operator brings.
struct ProvidedKind {
  std::string group, version, kind, plural, list_kind;
  bool namespaced = true;
  std::string definition() const { return plural + "." + group; }    // the name of its CustomResourceDefinition
  std::string api_version() const { return group + "/" + version; }  // "cert-manager.io/v1"
};

// Where a chart lies. Exactly one of the kinds; `none` only for what somebody else installs.
struct ChartSource {
  enum class Kind { none, directory, archive, repository, oci } kind = Kind::none;
  std::string location;  // a resolved path, or a URL without its trailing '/'
  std::string name;      // of the chart in a repository or an OCI reference
  // Names of environment variables that hold the credentials of a repository; empty = anonymous.
  std::string username_variable, password_variable;
  std::string ca_file;  // PEM of a private authority, resolved; empty = the system's
  bool remote() const { return kind == Kind::repository || kind == Kind::oci; }
  std::string text() const;  // "repository https://charts.example chart x"
};

struct Operator {
  std::string name, namespace_;  // name is also the release's name
  ChartSource chart;
  std::string version;              // of the chart, exact: "1.21.2"
  std::string digest;               // "sha256:<64 hex>" of the .tgz; empty = not pinned
  std::vector<std::string> values;  // files, in order, resolved
  std::vector<ProvidedKind> provides;
  bool ours = true;  // installedBy: nautilusctl; otherwise somebody else's and only waited for
};

// Reads `spec.operators`. Relative paths are resolved against `base`.
Result<std::vector<Operator>> read_operators(value::StrictReader& spec, const std::string& base);

// The operator that provides a kind of a group, or null.
const Operator* provider_of(const std::vector<Operator>& operators, std::string_view group, std::string_view kind);

// Lexical: "a/b/../c" -> "a/c"; relative to `base` unless it is absolute.
std::string resolved_path(const std::string& base, const std::string& path);

}  // namespace nautilus::env
