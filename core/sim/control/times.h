// Times as the API writes them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/port/clock.h"

namespace nautilus::sim {

std::string time_text(port::WallTime time);        // metav1.Time: "2026-03-02T09:00:00Z"
std::string micro_time_text(port::WallTime time);  // metav1.MicroTime: "2026-03-02T09:00:00.000000Z"
// Either form, with "Z" or a numeric offset; std::nullopt if it is neither.
std::optional<port::WallTime> parse_time(std::string_view text);

}  // namespace nautilus::sim
