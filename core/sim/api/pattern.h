// The regular expressions of JSON schemas: the common part of RE2 syntax, matched with a bounded number of steps.
#pragma once

#include <optional>
#include <string_view>

namespace nautilus::sim {

// Whether `pattern` is found in `text` (anchors as written). Nullopt: the pattern uses something that is not
// understood, or the search took more steps than allowed; callers then accept the value, as they cannot judge it.
std::optional<bool> pattern_found(std::string_view pattern, std::string_view text);

}  // namespace nautilus::sim
