// Answers as data and as text, the same wherever they are shown: the command line, preflight, an upgrade's report.
#pragma once

#include <string>

#include "core/calendar/window.h"

namespace nautilus::calendar {

// {allowed, cause, reason, hint, at, until, duration, venues: [{venue, version, file, signedBy, cause, text, until,
// day}]}; times in RFC 3339, UTC; until is null if nobody knows when.
Json verdict_json(const Verdict& verdict, port::WallTime at, port::Duration duration);
Json window_json(const Window& window, port::Duration duration);
// The day of a venue: its kind, holiday and sessions, with times in UTC and by the exchange's clock.
Json day_json(const Calendar& calendar, const TradingDay& day);

// The verdict in a few lines, with times by the clock of `zone` and in UTC, and how long from `now`.
std::string verdict_text(const Verdict& verdict, port::WallTime at, port::WallTime now, const Zone& zone);
// "Mon 2026-11-30 18:00 EST (23:00 UTC), in 5h30m"
std::string until_text(port::WallTime at, port::WallTime now, const Zone& zone);
// One venue's day as a table, one line a session; what is running and what comes, seen from `at`.
std::string day_text(const Calendar& calendar, const TradingDay& day, port::WallTime at, const Zone& second_zone);

}  // namespace nautilus::calendar
