#include "core/calendar/report.h"

#include <fmt/format.h>

#include "core/base/duration.h"
#include "core/calendar/moment.h"
#include "core/port/wall_time.h"

namespace nautilus::calendar {

namespace {

Json time_json(port::WallTime at) { return at == port::WallTime::max() ? Json() : Json(utc_text(at)); }

std::string human(port::Duration duration) { return base::human_duration(duration); }

// "09:30 EST", with the day in front if it is not `day`.
std::string clock_text(const Zone& zone, sys_seconds at, local_days day) {
  const std::string text = moment_text(zone, at);
  const bool same = std::chrono::floor<std::chrono::days>(zone.local(at)) == day;
  return same ? text.substr(15) : text.substr(0, 3) + text.substr(14);
}

std::string state_text(const OpenSpan& session, port::WallTime at) {
  if (at < port::WallTime(session.opens)) return "begins in " + human(session.opens - at);
  if (at < port::WallTime(session.closes)) return "now, ends in " + human(session.closes - at);
  return "ended " + human(at - session.closes) + " ago";
}

}  // namespace

Json day_json(const Calendar& calendar, const TradingDay& day) {
  Json sessions = Json::array();
  for (const OpenSpan& session : day.sessions)
    sessions.push_back({{"phase", std::string(name(session.phase))},
                        {"name", session.title},
                        {"opens", utc_text(session.opens)},
                        {"closes", utc_text(session.closes)},
                        {"opensLocal", offset_text(session.opens, calendar.zone)},
                        {"closesLocal", offset_text(session.closes, calendar.zone)}});
  return {{"date", date_text(day.date)}, {"kind", std::string(name(day.kind))}, {"name", day.title},
          {"schedule", day.schedule},    {"provisional", day.provisional},      {"sessions", sessions}};
}

Json verdict_json(const Verdict& verdict, port::WallTime at, port::Duration duration) {
  Json venues = Json::array();
  for (const VenueState& state : verdict.chain)
    venues.push_back({{"venue", state.venue},
                      {"version", state.version},
                      {"file", state.file},
                      {"signedBy", state.signed_by},
                      {"cause", std::string(name(state.cause))},
                      {"text", state.text},
                      {"until", time_json(state.until)},
                      {"date", date_text(state.day.date)},
                      {"day", std::string(name(state.day.kind))},
                      {"holiday", state.day.title},
                      {"schedule", state.day.schedule},
                      {"provisional", state.day.provisional}});
  return {{"allowed", verdict.allowed},   {"cause", std::string(name(verdict.cause))},
          {"reason", verdict.reason},     {"hint", verdict.hint},
          {"at", utc_text(at)},           {"duration", base::format_duration(duration)},
          {"until", time_json(verdict.until)}, {"venues", venues}};
}

Json window_json(const Window& window, port::Duration duration) {
  return {{"start", utc_text(window.start)},
          {"end", utc_text(window.end)},
          {"duration", base::format_duration(duration)},
          {"lasts", base::format_duration(window.end - window.start)}};
}

std::string until_text(port::WallTime at, port::WallTime now, const Zone& zone) {
  std::string text = moment_text(zone, at);
  if (zone.offset(std::chrono::floor<std::chrono::seconds>(at)).count() != 0) {
    const std::string utc = moment_text(Zone(), at);
    text += fmt::format(" ({})", utc.substr(0, 14) == text.substr(0, 14) ? utc.substr(15) : utc.substr(0, 4) + utc.substr(15));
  }
  return at >= now ? fmt::format("{}, in {}", text, human(at - now)) : fmt::format("{}, {} ago", text, human(now - at));
}

std::string verdict_text(const Verdict& verdict, port::WallTime at, port::WallTime now, const Zone& zone) {
  std::string out = fmt::format("{}  {}\n", verdict.allowed ? "allowed" : "refused", verdict.reason);
  out += fmt::format("  {:<9} {}\n", "at", until_text(at, now, zone));
  if (verdict.until != port::WallTime::max())
    out += fmt::format("  {:<9} {}\n", verdict.allowed ? "until" : "next", until_text(verdict.until, now, zone));
  for (const VenueState& state : verdict.chain) {
    std::string day = fmt::format("{}, {}", date_text(state.day.date), name(state.day.kind));
    if (!state.day.title.empty())
      day += fmt::format(": {}{}", state.day.title, state.day.provisional ? " (provisional, not relied on)" : "");
    out += fmt::format("  {:<9} {} [{}; {} version {}]\n", state.venue, state.text, day, state.file, state.version);
  }
  return out;
}

std::string day_text(const Calendar& calendar, const TradingDay& day, port::WallTime at, const Zone& second_zone) {
  std::string out = fmt::format("{}  {}{}\n", calendar.mic, calendar.title,
                                calendar.scope.empty() ? "" : ", " + calendar.scope);
  const auto weekday = weekday_text(std::chrono::weekday(day.date).c_encoding());
  out += fmt::format("  {} {}, {}", weekday, date_text(day.date), name(day.kind));
  if (!day.title.empty()) out += fmt::format(": {}", day.title);
  if (day.provisional) out += " (expected, not published: not relied on)";
  if (!day.schedule.empty()) out += fmt::format(", schedule {}", day.schedule);
  out += fmt::format("\n  {}, now {}; {} version {}, through {}, signed by {}\n", calendar.zone.name(),
                     moment_text(calendar.zone, at).substr(15), calendar.file, calendar.version,
                     date_text(calendar.expires), calendar.signed_by.empty() ? "nobody" : calendar.signed_by);
  if (!speaks_of(calendar, day.date)) return out + "  the calendar does not speak of this day: every change is refused\n";
  if (day.sessions.empty()) out += "  nothing is traded\n";
  for (const OpenSpan& session : day.sessions) {
    const std::string what = session.title.empty() ? std::string(name(session.phase))
                                                   : fmt::format("{} ({})", name(session.phase), session.title);
    out += fmt::format("  {:<32} {:>9} - {:<9}  {:>9} - {:<9}  {}\n", what,
                       clock_text(calendar.zone, session.opens, day.date),
                       clock_text(calendar.zone, session.closes, day.date),
                       clock_text(second_zone, session.opens, day.date),
                       clock_text(second_zone, session.closes, day.date), state_text(session, at));
  }
  return out;
}

}  // namespace nautilus::calendar
