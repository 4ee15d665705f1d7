// RFC 3339 in and out, for the fields of the API.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/port/clock.h"

namespace nautilus::sim {

std::optional<port::WallTime> parse_rfc3339(std::string_view text);
std::string format_rfc3339(port::WallTime time);  // "2026-11-23T14:00:00Z"
std::string format_micro(port::WallTime time);    // "2026-11-23T14:00:00.000000Z"

}  // namespace nautilus::sim
