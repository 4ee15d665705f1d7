// What differs between two values, as a list of paths and as text.
//
// Redact first (redact.h): what is given here is shown. Threading: pure functions. Both are bounded: the list by
// kMaxChanges, the text by kMaxEdits, beyond which the differing middle is shown as removed and added as a whole.
#pragma once

#include <string>
#include <vector>

#include "core/value/json.h"

namespace nautilus::value {

inline constexpr std::size_t kMaxChanges = 10'000;
inline constexpr std::size_t kMaxEdits = 1'500;

struct Change {
  enum class Kind { added, removed, changed } kind = Kind::changed;
  std::string path;    // ".spec.template.spec.containers[name=app].image", ".data[\"a.b\"]", ".list[3]"
  Json before, after;  // null where there is none
};
std::string_view name(Change::Kind kind);

// In path order of `before`, then what is new. Items of lists that the API merges by key (containers by name, ports by
// containerPort and protocol, ...) are matched by it and may move; other lists are compared by position.
std::vector<Change> diff(const Json& before, const Json& after);

// A unified diff of the two as YAML, "--- title (live)" and "+++ title (planned)" first, "" if they are equal.
// managedFields, resourceVersion and generation say nothing to a person and are left out; null is an empty side.
// Control characters are escaped.
std::string unified_diff(const Json& before, const Json& after, std::string_view title, std::size_t context = 3);

// The same for any two texts.
std::string unified_text_diff(std::string_view before, std::string_view after, std::string_view title,
                              std::size_t context = 3);

}  // namespace nautilus::value
