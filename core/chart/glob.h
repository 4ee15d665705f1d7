// The patterns of .Files.Glob: gobwas/glob with '/' as separator.
//
// '*' any characters but '/', '**' any characters, '?' one character but '/', [abc] [a-z] [!a-z], {one,two}, '\'
// escapes.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "core/base/error.h"

namespace nautilus::chart {

inline constexpr std::size_t kMaxGlobLength = 4096;
inline constexpr int kMaxGlobAlternatives = 256;  // after {a,b}{c,d} is multiplied out

class Glob {
 public:
  static Result<Glob> compile(std::string_view pattern);
  bool matches(std::string_view name) const;

 private:
  struct Item {
    enum class Kind { text, any, super, one, set } kind = Kind::text;
    std::string text;                                   // text: literal; set: single characters
    std::vector<std::pair<char32_t, char32_t>> ranges;  // set
    bool negated = false;
  };
  using Sequence = std::vector<Item>;
  class Parser;
  static bool match_sequence(const Sequence& items, std::string_view name);
  std::vector<Sequence> alternatives_;
};

}  // namespace nautilus::chart
