// A time zone: which offset from UTC its clocks show at a moment, and which moment a clock's reading is.
//
// Purpose: trading calendars speak in the exchange's clock. Their zone is a POSIX rule that stands in the signed file,
// so that a decision does not depend on the tzdata of the machine that makes it; a TZif file is read where a person
// asks for a zone of their own.
// Sources: POSIX.1-2017 8.3 TZ with the extensions of RFC 9636 (signed and long hours), RFC 9636 for TZif version 2 and
// later. Threading: plain values, pure functions. Failure: Code::invalid.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"

namespace nautilus::calendar {

using std::chrono::local_days;
using std::chrono::local_seconds;
using std::chrono::sys_seconds;

inline constexpr std::size_t kMaxZoneRule = 64;                 // bytes
inline constexpr std::size_t kMaxZoneFile = std::size_t{1} << 18;  // bytes
inline constexpr std::size_t kMaxZoneTransitions = 4096;

// One day a year and a time on it, at which clocks change.
struct ClockChange {
  enum class Form { month_week_day, julian_without_leap_day, day_of_year } form = Form::month_week_day;
  unsigned month = 0, week = 0, weekday = 0;  // Mm.w.d; week 5 is the last, weekday 0 is Sunday
  unsigned day = 0;                           // Jn or n
  std::chrono::seconds time{7200};            // by the clock that is about to be changed; may leave the day
  local_seconds in(std::chrono::year year) const;
};

// "EST5EDT,M3.2.0,M11.1.0"; offsets are east of Greenwich here, though the text has them west.
struct ClockRule {
  std::string standard_name, summer_name;  // summer_name is empty if clocks never change
  std::chrono::seconds standard{0}, summer{0};
  ClockChange begins, ends;  // of summer time
};
Result<ClockRule> parse_clock_rule(std::string_view text);

class Zone {
 public:
  // UTC.
  Zone() : name_("UTC") { rule_.standard_name = "UTC"; }
  static Result<Zone> from_rule(std::string name, std::string_view rule);
  static Result<Zone> from_tzif(std::string name, std::string_view bytes);

  const std::string& name() const { return name_; }  // "America/New_York"
  std::chrono::seconds offset(sys_seconds at) const;  // east of Greenwich
  std::string abbreviation(sys_seconds at) const;     // "EDT"
  local_seconds local(sys_seconds at) const { return local_seconds(at.time_since_epoch() + offset(at)); }

  // A reading that comes twice, when clocks go back, is the earlier or the later of the two moments. One that is
  // skipped, when they go forward, is the moment of the change.
  enum class Choose { earliest, latest };
  sys_seconds instant(local_seconds reading, Choose choose) const;

 private:
  struct Offset {
    std::chrono::seconds east{0};
    std::string name;
  };
  struct Transition {
    sys_seconds at;
    Offset after;
  };
  Offset at(sys_seconds when) const;

  std::string name_;
  Offset before_;                        // of the first transition
  std::vector<Transition> transitions_;  // ascending; empty for a zone that is only a rule
  ClockRule rule_;                       // after the last transition
};

}  // namespace nautilus::calendar
