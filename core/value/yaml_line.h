// Where in a YAML text a field is: for errors that are found after the text became a value.
#pragma once

#include <string_view>

namespace nautilus::value {

inline constexpr int kMaxPathParts = 64;

// The line, counted from 1, of "spec.operators[2].chart" in the first document. If the field is not there, the line of
// the deepest part of the path that is; 0 if the text is not YAML or nothing of the path is there.
int yaml_line_of(std::string_view text, std::string_view path);

}  // namespace nautilus::value
