// Small work on text that every layer needs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nautilus::base {

// The parts between separators; an empty text has one empty part.
std::vector<std::string_view> split(std::string_view text, char separator);
// Without blanks (space, tab, CR, LF) at both ends.
std::string_view trim(std::string_view text);
std::string join(const std::vector<std::string>& parts, std::string_view separator);

// The candidate a person most likely meant: at most a third of its letters differ (insertions, removals, replacements
// and swaps of neighbours count one each, case counts nothing). "" if none is near.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace nautilus::base
