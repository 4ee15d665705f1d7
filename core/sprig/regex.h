// Regular expressions with Go's syntax and rules (RE2): linear time, leftmost-first. Invalid UTF-8 matches as it does
// there, one byte at a time. The library is hidden here so that others need not include it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"

namespace re2 {
class RE2;
}

namespace nautilus::sprig {

inline constexpr std::size_t kMaxPatternLength = 64u << 10;
inline constexpr std::int64_t kMaxPatternMemory = 8 << 20;  // of the compiled program and its caches

class Regex {
 public:
  static Result<Regex> compile(std::string_view pattern);

  bool matches(std::string_view text) const;      // anywhere in the text
  std::string find(std::string_view text) const;  // the first match or ""
  // At most `limit` matches; negative = all.
  std::vector<std::string> find_all(std::string_view text, long limit) const;
  // `$1`, `${1}`, `$name`, `${name}`, `$$` in `replacement` as Go expands them.
  std::string replace_all(std::string_view text, std::string_view replacement) const;
  std::string replace_all_literal(std::string_view text, std::string_view replacement) const;
  // Go's Regexp.Split: limit 0 = nothing, negative = all.
  std::vector<std::string> split(std::string_view text, long limit) const;

  static std::string quote(std::string_view text);

 private:
  struct Span {
    std::size_t begin, end;
  };
  template <class Visit>
  void each_match(std::string_view text, int groups, const Visit& visit) const;
  std::string expand(std::string_view replacement, std::string_view text, const std::string_view* groups,
                     int count) const;
  std::shared_ptr<const re2::RE2> re_;
};

}  // namespace nautilus::sprig
