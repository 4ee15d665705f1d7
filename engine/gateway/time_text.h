// Timestamps as the protocol writes them: RFC 3339, UTC, microseconds: 2026-11-23T14:30:00.000125Z.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/model/types.h"

namespace nautilus::engine {

// Nanoseconds are cut, not rounded, so that order is kept. Years 1970 to 9999.
void append_time(std::string& out, Timestamp time);
std::string time_text(Timestamp time);

// "YYYY-MM-DDTHH:MM:SS[.1 to 9 digits]Z"; other offsets and leap seconds are refused.
std::optional<Timestamp> parse_time(std::string_view text);

}  // namespace nautilus::engine
