// A Helm chart as a value: what Chart.yaml says, its files, its default values and the charts under it.
//
// Follows helm.sh/helm/v4 v4.3.1 (chart API v1 and v2). A Chart is immutable once loaded; rendering works on a
// processed copy, which is cheap because file contents are shared.
// Threading: plain values; the shared contents are const.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/value/json.h"

namespace nautilus::chart {

struct File {
  std::string name;  // relative to the chart, with '/': "templates/deployment.yaml"
  std::string data;
};
using Files = std::vector<File>;

struct Maintainer {
  std::string name, email, url;
};

struct Dependency {
  std::string name, version, repository, condition, alias;
  std::vector<std::string> tags;
  bool enabled = false;
  std::vector<Json> import_values;  // "data" or {"child": "a.b", "parent": "c"}
  // The name under which its values and templates appear.
  const std::string& effective_name() const { return alias.empty() ? name : alias; }
};

// Chart.yaml. Strings are cleaned as Helm cleans them (white space to blanks, unprintable characters removed).
struct Metadata {
  std::string name, version, description, home, icon, api_version, condition, tags, app_version, kube_version, type;
  std::vector<std::string> sources, keywords;
  std::vector<Maintainer> maintainers;
  std::vector<std::pair<std::string, std::string>> annotations;  // sorted by key
  bool has_annotations = false;                                  // "annotations: {}" is not the same as none
  std::vector<Dependency> dependencies;
  bool deprecated = false;
  bool is_library() const;
};

struct Chart {
  Metadata metadata;
  Json values = Json::object();  // values.yaml; every number is a float, as Helm reads it
  std::string schema;            // values.schema.json, empty if there is none
  std::shared_ptr<const Files> templates = std::make_shared<Files>();  // templates/**, in the order of a directory walk
  std::shared_ptr<const Files> files = std::make_shared<Files>();      // everything else, crds/ included
  std::vector<std::shared_ptr<const Chart>> dependencies;              // charts/, sorted by directory or archive name
  std::vector<std::string> warnings;  // what was odd in its own YAML files, with "file:line:column: " before it
  const std::string& name() const { return metadata.name; }
};

}  // namespace nautilus::chart
