// When the platform may be changed: windows by the clock, on top of what the venues' calendars say.
//
// A window belongs to the day it starts on: allowed from 18:00 to 08:00 on Fridays ends on Saturday morning. What no
// window allows is refused, so that nothing is left between two windows. Whatever the windows say, nothing is allowed
// while a venue of the policy trades. Threading: plain values. Failure: an error with the field, for windows that say
// yes and no to the same minute among others.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/value/strict_reader.h"

namespace nautilus::calendar {

inline constexpr std::size_t kMaxWindows = 64;
inline constexpr std::int64_t kMaxMarginMinutes = 24 * 60;

struct WindowRule {
  std::string name;
  bool allows = false;
  std::array<bool, 7> weekdays{};  // Sunday first
  int from = 0, to = 0;            // minutes of the day it starts on; to may be up to 2880, and is later than from
  // On a holiday of the venue: as on any day; not at all; only then.
  enum class Holidays { apply, skip, only } holidays = Holidays::apply;
};

struct Policy {
  std::string name;  // "guide", or where it was read
  std::vector<WindowRule> windows;
  // Whose clock the windows follow: each venue's own if empty, else that of this zone, which is a venue's.
  std::string zone;
  int before_minutes = 0, after_minutes = 0;  // around every session, nothing is allowed either
  // A venue that never closes would refuse everything for ever: with true, its windows alone decide.
  bool windows_decide_when_continuous = false;
};

// The platform guide's: blocked 9 to 17 on weekdays, allowed 18 to 8 and on weekends; the hours between are refused.
Policy guide_policy();

// Reads `policy`; the guide's if there is none.
Result<Policy> read_policy(value::StrictReader& settings);

// "Mon-Fri 09:00-17:00"
std::string window_text(const WindowRule& rule);

}  // namespace nautilus::calendar
