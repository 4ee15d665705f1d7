// Moments as text: what a person writes and what machines read.
#pragma once

#include <string>
#include <string_view>

#include "core/base/error.h"
#include "core/calendar/zone.h"
#include "core/port/clock.h"

namespace nautilus::calendar {

// RFC 3339 with Z or an offset: "2026-11-30T09:30:00-05:00". Without one it is a reading of the zone's clock:
// "2026-11-30T09:30", "2026-11-30 09:30", "2026-11-30" (midnight). A reading that the clocks skip or show twice is
// Code::invalid, and says which moments it could be.
Result<port::WallTime> parse_moment(std::string_view text, const Zone& zone);

// "2026-11-30T14:30:00Z"; fractions are cut.
std::string utc_text(port::WallTime at);
// "2026-11-30T09:30:00-05:00"
std::string offset_text(port::WallTime at, const Zone& zone);
// "Mon 2026-11-30 09:30 EST"; seconds only if there are any.
std::string moment_text(const Zone& zone, sys_seconds at);
std::string moment_text(const Zone& zone, port::WallTime at);

}  // namespace nautilus::calendar
