// TOML out (as BurntSushi/toml's encoder prints it) and in (TOML 1.0).
#pragma once

#include <string>
#include <string_view>

#include "core/gotmpl/val.h"

namespace nautilus::sprig {

inline constexpr int kMaxTomlDepth = 100;

// `value` must be a map. Fails for null inside a list and for values TOML has no form for.
Result<std::string> to_toml(const gotmpl::Val& value);
// Integers are int64, dates and times are kept as text. The error says "toml: line N: ...".
Result<gotmpl::Val> from_toml(std::string_view text);

}  // namespace nautilus::sprig
