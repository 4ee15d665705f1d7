// Durations as Go and Kubernetes write them: "90s", "1h30m", "1.5h", "300ms".
//
// Source followed: Go's time.ParseDuration and Duration.String.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "core/base/error.h"

namespace nautilus::base {

// Code::invalid for anything else, an overflow included.
Result<std::chrono::nanoseconds> parse_duration(std::string_view text);

}  // namespace nautilus::base
