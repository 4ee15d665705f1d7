#include "core/chart/ignore.h"

namespace nautilus::chart {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\v\f");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\v\f") - first + 1);
}

// One [class] at pattern[at]; moves `at` behind it. False if it is not well formed.
bool match_class(std::string_view pattern, std::size_t& at, char c, bool& matched) {
  std::size_t i = at + 1;
  const bool negated = i < pattern.size() && pattern[i] == '^';
  if (negated) ++i;
  bool found = false;
  int ranges = 0;
  auto character = [&](char& out) {
    if (i >= pattern.size() || pattern[i] == '-' || (pattern[i] == ']')) return false;
    if (pattern[i] == '\\' && ++i >= pattern.size()) return false;
    out = pattern[i++];
    return i < pattern.size();  // the class must still be closed
  };
  while (true) {
    if (i < pattern.size() && pattern[i] == ']' && ranges > 0) break;
    char low = 0, high = 0;
    if (!character(low)) return false;
    high = low;
    if (pattern[i] == '-') {
      ++i;
      if (!character(high)) return false;
    }
    if (low <= c && c <= high) found = true;
    ++ranges;
  }
  at = i + 1;
  matched = found != negated;
  return true;
}

// Matches one pattern element other than '*' against name[n]. `at` moves behind the element.
enum class Step { matched, failed, bad };
Step match_one(std::string_view pattern, std::size_t& at, std::string_view name, std::size_t n) {
  const bool end = n >= name.size();
  switch (pattern[at]) {
    case '[': {
      bool matched = false;
      if (!match_class(pattern, at, end ? '\0' : name[n], matched)) return Step::bad;
      return !end && matched && name[n] != '/' ? Step::matched : Step::failed;
    }
    case '?': ++at; return !end && name[n] != '/' ? Step::matched : Step::failed;
    case '\\':
      if (++at >= pattern.size()) return Step::bad;
      [[fallthrough]];
    default: return !end && pattern[at++] == name[n] ? Step::matched : Step::failed;
  }
}

}  // namespace

// The usual greedy matcher with one point to return to: linear in practice, pattern times name at worst.
bool path_match(std::string_view pattern, std::string_view name) {
  std::size_t p = 0, n = 0;
  std::size_t star = std::string_view::npos, star_name = 0;
  while (n < name.size() || p < pattern.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      while (p < pattern.size() && pattern[p] == '*') ++p;
      star = p;
      star_name = n;
      continue;
    }
    if (p < pattern.size() && n < name.size()) {
      std::size_t next = p;
      const Step step = match_one(pattern, next, name, n);
      if (step == Step::bad) return false;
      if (step == Step::matched) {
        p = next;
        ++n;
        continue;
      }
    }
    if (star == std::string_view::npos || star_name >= name.size() || name[star_name] == '/') return false;
    n = ++star_name;
    p = star;
  }
  return true;
}

bool valid_pattern(std::string_view pattern) {
  std::size_t at = 0;
  while (at < pattern.size()) {
    if (pattern[at] == '[') {
      bool ignored = false;
      if (!match_class(pattern, at, 'a', ignored)) return false;
    } else if (pattern[at] == '\\') {
      if (at + 1 >= pattern.size()) return false;
      at += 2;
    } else {
      ++at;
    }
  }
  return true;
}

Result<IgnoreRules> IgnoreRules::parse(std::string_view text, std::string_view file) {
  IgnoreRules rules;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  int line = 0;
  while (!text.empty()) {
    ++line;
    const auto end = text.find('\n');
    TRY(rules.add(text.substr(0, end)).within(fmt::format("reading {}:{}", file, line)));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return rules;
}

void IgnoreRules::add_defaults() { rules_.push_back({"templates/.?*", false, false, false}); }

Result<> IgnoreRules::add(std::string_view line) {
  line = trimmed(line);
  if (line.empty() || line.front() == '#') return {};
  if (line.find("**") != std::string_view::npos)
    return Error(Code::invalid, "the pattern ** is not supported in .helmignore", "name each directory level");
  if (!valid_pattern(line)) return Error(Code::invalid, fmt::format("\"{}\" is not a valid pattern", line));
  Rule rule;
  if (line.front() == '!') {
    rule.negate = true;
    line.remove_prefix(1);
  }
  if (line.ends_with('/')) {
    rule.directories_only = true;
    line.remove_suffix(1);
  }
  if (line.starts_with('/'))
    line.remove_prefix(1);
  else
    rule.base_name_only = line.find('/') == std::string_view::npos;
  rule.pattern = line;
  rules_.push_back(std::move(rule));
  return {};
}

bool IgnoreRules::ignored(std::string_view path, bool is_directory) const {
  if (path.empty() || path == "." || path == "./") return false;
  for (const Rule& rule : rules_) {
    const std::string_view name =
        rule.base_name_only ? path.substr(path.rfind('/') == std::string_view::npos ? 0 : path.rfind('/') + 1) : path;
    if (rule.negate) {
      if ((rule.directories_only && !is_directory) || !path_match(rule.pattern, name)) return true;
      continue;
    }
    if (rule.directories_only && !is_directory) continue;
    if (path_match(rule.pattern, name)) return true;
  }
  return false;
}

}  // namespace nautilus::chart
