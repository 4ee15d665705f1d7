// Is a chain of records whole? Every record is checked on its own, so that one fault does not hide the next.
// What a chain alone cannot show: that its end was cut off. An earlier export does (`against`). Threading: pure.
#pragma once

#include <string>
#include <vector>

#include "core/audit/entry.h"

namespace nautilus::audit {

struct Finding {
  enum class Kind { unreadable, tampered, gap, reordered, doubled, broken, cut } kind = Kind::unreadable;
  std::int64_t index = 0;  // of the record it is about (gap, cut: the first that is missing)
  std::string text;
};
std::string_view name(Finding::Kind kind);

inline constexpr std::size_t kMaxFindings = 100;

// The lines in the order in which they were kept. Empty = whole. `against`: lines exported earlier, which must be the
// beginning of these.
std::vector<Finding> verify(const std::vector<std::string>& lines, const std::vector<std::string>& against = {});

}  // namespace nautilus::audit
