// May the platform be changed now, and if not, when?
//
// Purpose: the one answer that preflight, the upgrade machine, backups and the command line share. It is made from the
// venues' calendars and the policy's windows alone: no file, no clock, no zone of this machine. Several venues: what
// one of them refuses is refused. What is not known is refused: before a calendar begins, after it expires.
// Threading: pure functions. Bounds: kHorizon ahead.
#pragma once

#include <string>
#include <vector>

#include "core/calendar/calendar.h"
#include "core/calendar/policy.h"
#include "core/port/clock.h"

namespace nautilus::calendar {

// How far ahead windows are looked for, and how long a change may take.
inline constexpr std::chrono::days kHorizon{400};
inline constexpr port::Duration kMaxChange = std::chrono::hours(24 * 28);
inline constexpr std::size_t kMaxVenues = 32;

// The venues an environment trades on, and its policy.
struct Market {
  std::vector<Calendar> calendars;
  Policy policy;
};

// Why a time is refused; the first of these that holds is named.
enum class Cause {
  allowed,
  no_venue,    // the market lists none
  not_begun,   // before validFrom
  expired,     // after expires
  continuous,  // the venue never closes
  open,        // a session
  margin,      // just before or after one
  blocked,     // by a window
  outside,     // of every window that allows
  too_long,    // the change would take longer than kMaxChange
};
std::string_view name(Cause cause);  // "market_open", "calendar_expired", ...

// What one venue says of a moment: the chain behind an answer.
struct VenueState {
  std::string venue, file, signed_by;
  std::int64_t version = 0;
  Cause cause = Cause::allowed;
  std::string text;         // "XNYS trades (regular, 09:30 to 16:00 EST)"
  TradingDay day;           // of the exchange's clock
  port::WallTime until;     // from when on it says something else
};

struct Verdict {
  bool allowed = false;
  Cause cause = Cause::no_venue;
  std::string reason;          // one line, with times in the exchange's zone
  std::string hint;            // what to do; may be empty
  // allowed: the end of the window, until when a change may last. Refused: the earliest time at which this refusal
  // may be over (not yet a promise that the change fits: ask next_window).
  port::WallTime until;
  std::vector<VenueState> chain;  // one per venue, as of the moment that decided
};

// Whether all of [at, at + duration) is allowed; with a duration of zero, the moment `at`. If `at` is allowed and the
// change would not end in time, the verdict is that of the moment that refuses, and says so.
Verdict is_allowed(const Market& market, port::WallTime at, port::Duration duration = port::Duration(0));

struct Window {
  port::WallTime start;  // the earliest, not before `from`
  port::WallTime end;    // of the window: how long a change begun at `start` may last
};

// The earliest start such that the whole duration is allowed. Code::refused, with the reason, if there is none within
// kHorizon or before a calendar expires.
Result<Window> next_window(const Market& market, port::WallTime from, port::Duration duration);

// When the state of a venue (its sessions) or the answer changes, for whoever compares or draws.
struct Stretch {
  port::WallTime from, until;
  bool open = false;     // a venue trades, or is expected to
  Cause cause = Cause::allowed;
};
// Everything from `from` to `until`, without holes, neighbours differ. Code::limit beyond kMaxStretchDays.
inline constexpr std::chrono::days kMaxStretchDays{366 * 6};
Result<std::vector<Stretch>> stretches(const Market& market, port::WallTime from, port::WallTime until);

}  // namespace nautilus::calendar
