// Durations as Go and Kubernetes write them: "90s", "1h30m", "1.5h", "300ms"; and as people read them: "3d4h".
//
// Sources followed: Go's time.ParseDuration and Duration.String; kubectl's ages (apimachinery util/duration).
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "core/base/error.h"

namespace nautilus::base {

// Code::invalid for anything else, an overflow (292 years) included.
Result<std::chrono::nanoseconds> parse_duration(std::string_view text);

// "1h30m0s", "1.5s", "300ms", "0s": what parse_duration reads back to the same.
std::string format_duration(std::chrono::nanoseconds duration);

// Two or three figures, as kubectl's AGE column: "45s", "2m30s", "5h", "3d4h", "2y". Negative ones beyond a second of
// clock skew are "<invalid>".
std::string human_duration(std::chrono::nanoseconds duration);

}  // namespace nautilus::base
