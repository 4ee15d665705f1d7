// From rules to the sessions of one day, in UTC.
#include "core/calendar/calendar.h"

namespace nautilus::calendar {

namespace {

const Schedule* weekly_schedule(const Calendar& calendar, local_days date) {
  const unsigned weekday = std::chrono::weekday(date).c_encoding();
  // Beyond the calendar's days its first and last rules go on, for sessions that reach over its ends.
  const local_days held = std::clamp(date, calendar.valid_from, calendar.expires);
  for (const auto& [_, schedule] : calendar.schedules)
    if (schedule.weekdays[weekday] && schedule.from <= held && held <= schedule.until) return &schedule;
  return nullptr;
}

}  // namespace

bool speaks_of(const Calendar& calendar, local_days date) {
  return calendar.valid_from <= date && date <= calendar.expires;
}

// A midnight that comes twice or not at all is the moment that makes the calendar speak for less.
sys_seconds begin_of(const Calendar& calendar) {
  return calendar.zone.instant(local_seconds(calendar.valid_from), Zone::Choose::latest);
}

sys_seconds end_of(const Calendar& calendar) {
  return calendar.zone.instant(local_seconds(calendar.expires + std::chrono::days(1)), Zone::Choose::earliest);
}

TradingDay trading_day(const Calendar& calendar, local_days date) {
  TradingDay day;
  day.date = date;
  const Schedule* schedule = weekly_schedule(calendar, date);
  if (!schedule) day.kind = TradingDay::Kind::weekend;
  if (const auto found = calendar.days.find(date); found != calendar.days.end()) {
    const SpecialDay& special = found->second;
    day.title = special.name;
    day.provisional = special.provisional;
    if (!special.provisional) {
      schedule = special.schedule;
      day.kind = special.kind == SpecialDay::Kind::holiday    ? TradingDay::Kind::holiday
                 : special.kind == SpecialDay::Kind::half_day ? TradingDay::Kind::half_day
                                                              : TradingDay::Kind::ad_hoc;
    }
  }
  if (!schedule) return day;
  day.schedule = schedule->name;
  // A clock's reading that comes twice makes a session longer, one that is skipped moves its end to the change.
  const auto moment = [&](int minutes, Zone::Choose choose) {
    return calendar.zone.instant(local_seconds(date) + std::chrono::minutes(minutes), choose);
  };
  for (const Session& session : schedule->sessions) {
    const OpenSpan span{moment(session.opens, Zone::Choose::earliest), moment(session.closes, Zone::Choose::latest),
                        session.phase, session.title};
    if (span.opens < span.closes) day.sessions.push_back(span);
  }
  return day;
}

}  // namespace nautilus::calendar
