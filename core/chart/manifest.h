// Rendered text becomes objects: documents, hooks, order.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/value/json.h"

namespace nautilus::chart {

inline constexpr std::size_t kMaxDocuments = 100'000;
inline constexpr std::size_t kMaxWarnings = 100;  // kept of one rendering

struct Manifest {
  std::string source;  // "nautilus-platform/charts/redis/templates/x.yaml"
  int document = 0;    // counted from 0 within the source, empty ones not counted
  Json object;
};

// An object with the annotation helm.sh/hook: it is run at certain moments instead of being part of the release.
struct Hook {
  Manifest manifest;
  std::vector<std::string> events;               // "pre-install", ... ("test-success" is given as "test")
  int weight = 0;                                // lower first
  std::vector<std::string> delete_policies;      // "before-hook-creation", "hook-succeeded", "hook-failed"
  std::vector<std::string> output_log_policies;  // the last two
};

struct Document {
  std::string_view text;
  int index = 0;
  int first_line = 1;  // in the whole text
};

// Splits at lines that begin with "---". Helm tolerates text right behind it; so do we. Documents without content are
// left out. The views point into `text`.
std::vector<Document> split_documents(std::string_view text);

// Adds the documents of one rendered file to `objects` and `hooks`. A YAML error names the file and the line of the
// rendered output, and shows that line unless the document is a Secret. A key given twice is a warning that does too:
// the last one wins, as in Helm.
Result<> add_manifests(const std::string& source, std::string_view text, std::vector<Manifest>& objects,
                       std::vector<Hook>& hooks, std::vector<std::string>& warnings);

// Helm's order of installation by kind; the order within a kind stays.
void sort_for_install(std::vector<Manifest>& objects);
void sort_for_install(std::vector<Hook>& hooks);

}  // namespace nautilus::chart
