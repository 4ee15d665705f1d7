// Text from outside made safe to print on a terminal.
#pragma once

#include <string>
#include <string_view>

namespace nautilus::value {

// C0 controls, DEL, C1 controls, bidirectional controls, line separators and invalid bytes become visible escapes
// (\n, \t, \x1b, \u202e); everything else, including other Unicode, stays. Nothing that a cluster says can then move
// the cursor, change colours, or reorder what is read (CVE-2021-25743).
std::string escape_control(std::string_view text);
// The same, but line breaks (\n) and tabs stay: for text of several lines, such as a diff.
std::string escape_control_lines(std::string_view text);

}  // namespace nautilus::value
