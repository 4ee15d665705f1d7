#include "core/calendar/refusals.h"

#include <fmt/format.h>

#include "core/calendar/moment.h"

namespace nautilus::calendar {

namespace {

using std::chrono::days;
using std::chrono::minutes;

// Far enough for sessions and windows that begin on an earlier day, in any zone.
constexpr days kAround{4};
constexpr sys_seconds kEver{std::chrono::seconds(-40'000'000'000)}, kNever{std::chrono::seconds(40'000'000'000)};

struct Span {
  sys_seconds from, until;
};

class Collector {
 public:
  Collector(const Market& market, std::size_t venue, sys_seconds from, sys_seconds until, std::vector<Refusal>& found)
      : market_(market), calendar_(market.calendars[venue]), venue_(venue), from_(from), until_(until), found_(found) {}

  void collect() {
    add({kEver, begin_of(calendar_), Cause::not_begun, venue_, nullptr, {}});
    add({end_of(calendar_), kNever, Cause::expired, venue_, nullptr, {}});
    if (!calendar_.continuous)
      sessions();
    else if (!market_.policy.windows_decide_when_continuous)
      add({kEver, kNever, Cause::continuous, venue_, nullptr, {}});
    windows();
  }

 private:
  void add(const Refusal& refusal) {
    if (refusal.from < refusal.until && refusal.from < until_ && refusal.until > from_) found_.push_back(refusal);
  }

  template <class Visit>
  void each_day(const Zone& zone, Visit visit) const {
    const local_days first = std::chrono::floor<days>(zone.local(from_)) - kAround;
    const local_days last = std::chrono::floor<days>(zone.local(until_)) + kAround;
    for (local_days date = first; date <= last; date += days(1)) visit(date);
  }

  void sessions() {
    const minutes before(market_.policy.before_minutes), after(market_.policy.after_minutes);
    each_day(calendar_.zone, [&](local_days date) {
      for (const OpenSpan& span : trading_day(calendar_, date).sessions) {
        add({span.opens, span.closes, Cause::open, venue_, nullptr, span});
        add({span.opens - before, span.opens, Cause::margin, venue_, nullptr, span});
        add({span.closes, span.closes + after, Cause::margin, venue_, nullptr, span});
      }
    });
  }

  // What is ambiguous makes less allowed: a reading that comes twice begins a permission late and ends it early.
  void windows() {
    const Zone& zone = window_zone(market_, venue_);
    std::vector<Span> allowed;
    each_day(zone, [&](local_days date) {
      const TradingDay day = trading_day(calendar_, date);
      const bool holiday = day.closed() && day.kind != TradingDay::Kind::weekend;
      for (const WindowRule& rule : market_.policy.windows) {
        if (!rule.weekdays[std::chrono::weekday(date).c_encoding()]) continue;
        if (rule.holidays == WindowRule::Holidays::skip && holiday) continue;
        if (rule.holidays == WindowRule::Holidays::only && !holiday) continue;
        const local_seconds from = local_seconds(date) + minutes(rule.from);
        const local_seconds to = local_seconds(date) + minutes(rule.to);
        if (rule.allows)
          allowed.push_back({zone.instant(from, Zone::Choose::latest), zone.instant(to, Zone::Choose::earliest)});
        else
          add({zone.instant(from, Zone::Choose::earliest), zone.instant(to, Zone::Choose::latest), Cause::blocked,
               venue_, &rule, {}});
      }
    });
    std::sort(allowed.begin(), allowed.end(), [](const Span& a, const Span& b) { return a.from < b.from; });
    sys_seconds covered = from_;
    for (const Span& span : allowed) {
      if (span.from > covered) add({covered, std::min(span.from, until_), Cause::outside, venue_, nullptr, {}});
      covered = std::max(covered, span.until);
    }
    add({covered, until_, Cause::outside, venue_, nullptr, {}});
  }

  const Market& market_;
  const Calendar& calendar_;
  std::size_t venue_;
  sys_seconds from_, until_;
  std::vector<Refusal>& found_;
};

std::string phase_text(const OpenSpan& session) {
  static constexpr std::string_view kWords[] = {"pre-market", "auction", "regular session", "post-market"};
  std::string text(kWords[static_cast<std::size_t>(session.phase)]);
  return session.title.empty() ? text : fmt::format("{} \"{}\"", text, session.title);
}

std::string clock_text(const Zone& zone, sys_seconds at) {
  return fmt::format("{} {}", moment_text(zone, at).substr(15, 5), zone.abbreviation(at));
}

}  // namespace

const Zone& window_zone(const Market& market, std::size_t venue) {
  for (const Calendar& calendar : market.calendars)
    if (!market.policy.zone.empty() && calendar.zone.name() == market.policy.zone) return calendar.zone;
  return market.calendars[venue].zone;
}

std::vector<Refusal> refusals(const Market& market, sys_seconds from, sys_seconds until) {
  std::vector<Refusal> found;
  for (std::size_t venue = 0; venue < market.calendars.size(); ++venue)
    Collector(market, venue, from, until, found).collect();
  std::stable_sort(found.begin(), found.end(), [](const Refusal& a, const Refusal& b) { return a.from < b.from; });
  return found;
}

std::string refusal_text(const Market& market, const Refusal& refusal, sys_seconds at) {
  const Calendar& calendar = market.calendars[refusal.venue];
  const Zone& zone = calendar.zone;
  const Zone& windows = window_zone(market, refusal.venue);
  const TradingDay today = trading_day(calendar, std::chrono::floor<days>(zone.local(at)));
  const std::string unsure =
      today.provisional ? fmt::format(" ({} is expected, but {} has not published it: not relied on)", today.title,
                                      calendar.mic)
                        : "";
  switch (refusal.cause) {
    case Cause::not_begun:
      return fmt::format("the calendar of {} begins on {}", calendar.mic, date_text(calendar.valid_from));
    case Cause::expired:
      return fmt::format("the calendar of {} (version {}) expired with {}: nobody says whether it trades", calendar.mic,
                         calendar.version, date_text(calendar.expires));
    case Cause::continuous: return fmt::format("{} never closes", calendar.mic);
    case Cause::open:
      return fmt::format("{} trades: {} {} to {}{}", calendar.mic, phase_text(refusal.session),
                         clock_text(zone, refusal.session.opens), clock_text(zone, refusal.session.closes), unsure);
    case Cause::margin:
      return at < refusal.session.opens
                 ? fmt::format("{} opens at {} ({}), and nothing is allowed in the {} minutes before{}", calendar.mic,
                               clock_text(zone, refusal.session.opens), phase_text(refusal.session),
                               market.policy.before_minutes, unsure)
                 : fmt::format("{} closed at {} ({}), and nothing is allowed in the {} minutes after{}", calendar.mic,
                               clock_text(zone, refusal.session.closes), phase_text(refusal.session),
                               market.policy.after_minutes, unsure);
    case Cause::blocked:
      return fmt::format("window {} ({}, {}) blocks", refusal.rule->name, window_text(*refusal.rule), windows.name());
    case Cause::outside: {
      std::string allowing;
      for (const WindowRule& rule : market.policy.windows)
        if (rule.allows) allowing += fmt::format("{}{} ({})", allowing.empty() ? "" : ", ", rule.name, window_text(rule));
      return fmt::format("no window allows {}: allowed are {}, {}", moment_text(windows, at), allowing, windows.name());
    }
    case Cause::allowed:
    case Cause::no_venue:
    case Cause::too_long: break;
  }
  return "";
}

}  // namespace nautilus::calendar
