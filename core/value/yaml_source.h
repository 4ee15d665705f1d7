// The text behind yaml-cpp's marks, for what yaml-cpp 0.7 lets pass and Kubernetes does not: control characters, quotes
// that never end, a key without its colon, a second document that no "---" begins.
#pragma once

#include <yaml-cpp/mark.h>

#include <optional>
#include <string_view>
#include <vector>

#include "core/base/error.h"

namespace nautilus::value {

class YamlSource {
 public:
  explicit YamlSource(std::string_view text);

  // Control characters and invalid UTF-8, which YAML forbids.
  Result<> check_characters(std::string_view file) const;
  // The text of the mark's line from the mark on, and before it.
  std::string_view from(const YAML::Mark& mark) const;
  std::string_view before(const YAML::Mark& mark) const;
  // Everything from the mark to the end.
  std::string_view rest(const YAML::Mark& mark) const;
  // Is a document allowed to begin here: at "---", or after "..."?
  bool document_may_begin(const YAML::Mark& mark) const;

 private:
  std::string_view line(int index) const;
  std::size_t offset(const YAML::Mark& mark) const;

  std::string_view text_;
  std::vector<std::size_t> lines_;  // where each begins
};

// Does the quoted text that begins at or soon after the beginning of `rest` end?
bool quote_ends(std::string_view rest);

}  // namespace nautilus::value
