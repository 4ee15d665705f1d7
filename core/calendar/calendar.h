// A venue's trading calendar: when it trades, day by day, and when the calendar stops being able to say.
//
// Purpose: manifests/calendars/<MIC>.yaml as typed data. Reading is strict: an unknown field, a date that is none, two
// schedules for one day, an entry beyond what the venue has published that is not marked provisional, are errors with
// file and field. Times are minutes of the exchange's clock, counted from the midnight that begins the trading day;
// what begins on the evening before is negative. Threading: plain values, pure functions.
// Source of the shape: docs/architecture/calendar.md; MICs are ISO 10383.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "core/calendar/zone.h"
#include "core/value/json.h"

namespace nautilus::calendar {

inline constexpr std::size_t kMaxCalendarFile = std::size_t{1} << 20;  // bytes
inline constexpr std::size_t kMaxSchedules = 64;
inline constexpr std::size_t kMaxSessions = 16;  // of one day
inline constexpr std::size_t kMaxDays = 4096;    // holidays, half days and closures together
inline constexpr int kMaxCalendarYears = 20;     // from validFrom to expires

enum class Phase { pre, auction, regular, post };
std::string_view name(Phase phase);

struct Session {
  Phase phase = Phase::regular;
  std::string title;            // "morning"; may be empty
  int opens = 0, closes = 0;    // minutes, opens < closes; half open
  bool operator==(const Session&) const = default;
};

// What is traded on a day. With weekdays it is the rule for them, from one day to another; without, it is named by
// half days and closures.
struct Schedule {
  std::string name;
  std::array<bool, 7> weekdays{};  // Sunday first, as std::chrono::weekday::c_encoding
  bool weekly = false;             // any of them
  local_days from, until;          // the first and the last day it holds
  std::vector<Session> sessions;   // ascending, apart
};

// A day that is not what its weekday says.
struct SpecialDay {
  enum class Kind { holiday, half_day, ad_hoc } kind = Kind::holiday;
  local_days date;
  std::string name;
  const Schedule* schedule = nullptr;  // what is traded all the same; null: nothing
  // The venue has not published it. It is shown and not relied on: the day counts as an ordinary one.
  bool provisional = false;
  std::string announced;  // ad hoc: the day it became known
};
std::string_view name(SpecialDay::Kind kind);

struct Calendar {
  std::string mic, title, scope;  // scope: of whose trading, where a venue has several: "E-mini equity index futures"
  std::int64_t version = 0;       // goes up with every change
  Zone zone;
  local_days valid_from, expires;    // the first and the last day it speaks of
  local_days published_through;      // what the venue itself has said
  bool continuous = false;           // never closes; its sessions are all of every day
  std::map<std::string, Schedule> schedules;
  std::map<local_days, SpecialDay> days;
  std::vector<std::string> sources;
  std::string file, sha256;  // where it was read, and what
  std::string signed_by;     // key of the signature that was verified; empty: none was

  Calendar() = default;
  Calendar(const Calendar&) = delete;  // special days point into the schedules, which a move leaves where they are
  Calendar(Calendar&&) = default;
  Calendar& operator=(const Calendar&) = delete;
  Calendar& operator=(Calendar&&) = default;
};

// `file` names the text in errors and answers. The signature is not looked at.
Result<Calendar> parse_calendar(std::string_view text, std::string file);

// A session of a day, in UTC, half open.
struct OpenSpan {
  sys_seconds opens, closes;
  Phase phase = Phase::regular;
  std::string title;
};

// One trading day of a venue.
struct TradingDay {
  enum class Kind { trading, weekend, holiday, half_day, ad_hoc } kind = Kind::trading;
  local_days date;
  std::string title;     // of the holiday
  std::string schedule;  // its name; empty: nothing is traded
  bool provisional = false;  // `title` is expected, and not relied on
  std::vector<OpenSpan> sessions;
  bool closed() const { return sessions.empty(); }
};
std::string_view name(TradingDay::Kind kind);

// Also for days that the calendar does not speak of, by its weekly rules; who decides asks speaks_of first.
TradingDay trading_day(const Calendar& calendar, local_days date);

bool speaks_of(const Calendar& calendar, local_days date);
sys_seconds begin_of(const Calendar& calendar);  // the first moment it speaks of
sys_seconds end_of(const Calendar& calendar);    // the first one that it does not speak of any more

// "2026-11-29", "09:30", "24:00"
std::string date_text(local_days date);
Result<local_days> parse_date(std::string_view text);
std::string minutes_text(int minutes);
std::optional<int> parse_minutes(std::string_view text);  // 00:00 to 24:00
std::string_view weekday_text(unsigned c_encoding);       // "Sun"
std::optional<unsigned> parse_weekday(std::string_view text);

}  // namespace nautilus::calendar
