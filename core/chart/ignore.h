// .helmignore: which files of a chart directory are not part of the chart.
//
// Helm's rules, not git's: Go's path.Match patterns, the first rule that matches decides, and "!pattern" ignores
// everything that does NOT match (so it is only useful first).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"

namespace nautilus::chart {

class IgnoreRules {
 public:
  static Result<IgnoreRules> parse(std::string_view text, std::string_view file);
  // Editors' leftovers in templates/ are always ignored.
  void add_defaults();
  bool ignored(std::string_view path, bool is_directory) const;

 private:
  struct Rule {
    std::string pattern;
    bool negate = false, directories_only = false, base_name_only = false;
  };
  Result<> add(std::string_view line);
  std::vector<Rule> rules_;
};

// Go's path.Match: '*' and '?' do not cross '/', [a-z], [^a-z], backslash escapes. A pattern that is not valid matches
// nothing; valid_pattern() tells.
bool path_match(std::string_view pattern, std::string_view name);
bool valid_pattern(std::string_view pattern);

}  // namespace nautilus::chart
