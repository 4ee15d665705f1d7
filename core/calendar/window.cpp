#include "core/calendar/window.h"

#include <fmt/format.h>

#include "core/base/duration.h"
#include "core/calendar/refusals.h"
#include "core/port/wall_time.h"

namespace nautilus::calendar {

namespace {

using std::chrono::days;
using std::chrono::seconds;

// Looked at in turn, until the answer's end is inside.
constexpr days kLooks[] = {days(6), days(40), kHorizon};

// Room for a horizon on both sides of what a WallTime can hold.
port::WallTime bounded(port::WallTime at) {
  return std::clamp<port::WallTime>(at, port::WallTime::min() + 2 * kHorizon, port::WallTime::max() - 2 * kHorizon);
}

sys_seconds floor_seconds(port::WallTime at) { return std::chrono::floor<seconds>(bounded(at)); }
sys_seconds ceil_seconds(port::WallTime at) {
  const sys_seconds down = floor_seconds(at);
  return port::WallTime(down) < at ? down + seconds(1) : down;
}

struct Span {
  sys_seconds from, until;
};

// What nothing refuses between the two, ascending.
std::vector<Span> free_spans(const std::vector<Refusal>& found, sys_seconds from, sys_seconds until) {
  std::vector<Span> spans;
  sys_seconds covered = from;
  for (const Refusal& refusal : found) {
    if (refusal.from > covered) spans.push_back({covered, refusal.from});
    covered = std::max(covered, refusal.until);
  }
  if (covered < until) spans.push_back({covered, until});
  return spans;
}

VenueState state_of(const Market& market, std::size_t venue, const std::vector<Refusal>& found, sys_seconds at) {
  const Calendar& calendar = market.calendars[venue];
  const Refusal* worst = nullptr;
  sys_seconds next = sys_seconds::max();
  for (const Refusal& refusal : found) {
    if (refusal.venue != venue) continue;
    if (refusal.from > at) next = std::min(next, refusal.from);
    if (refusal.from <= at && at < refusal.until && (!worst || refusal.cause < worst->cause)) worst = &refusal;
  }
  VenueState state;
  state.venue = calendar.mic;
  state.file = calendar.file;
  state.signed_by = calendar.signed_by;
  state.version = calendar.version;
  state.day = trading_day(calendar, std::chrono::floor<days>(calendar.zone.local(at)));
  state.cause = worst ? worst->cause : Cause::allowed;
  state.text = worst ? refusal_text(market, *worst, at) : calendar.mic + " is closed, and a window allows it";
  state.until = port::wall_time(worst ? worst->until : next);
  return state;
}

std::string hint_of(const Verdict& verdict) {
  switch (verdict.cause) {
    case Cause::expired:
    case Cause::not_begun:
      return "get a signed calendar that speaks of this time into manifests/calendars (`nautilusctl calendar list` "
             "shows until when each does)";
    case Cause::continuous:
      return "agree with the venue on times without orders, write them as windows and set spec.calendar.policy."
             "continuousVenues: windows";
    case Cause::open:
    case Cause::margin:
    case Cause::blocked:
    case Cause::outside: return "`nautilusctl calendar next-window --for DURATION` says when it is allowed";
    case Cause::allowed:
    case Cause::no_venue:
    case Cause::too_long: break;
  }
  return "";
}

void explain_refusal(const Market& market, const std::vector<Refusal>& found, sys_seconds at, Verdict& verdict) {
  std::size_t worst = 0, refusing = 0;
  for (std::size_t venue = 0; venue < market.calendars.size(); ++venue) {
    verdict.chain.push_back(state_of(market, venue, found, at));
    if (verdict.chain.back().cause == Cause::allowed) continue;
    const bool first = refusing++ == 0;
    if (first || verdict.chain.back().cause < verdict.chain[worst].cause) worst = venue;
  }
  if (refusing == 0) return;
  verdict.cause = verdict.chain[worst].cause;
  verdict.reason = verdict.chain[worst].text;
  if (refusing > 1) verdict.reason += fmt::format(" (and {} more of {} venues)", refusing - 1, market.calendars.size());
  verdict.hint = hint_of(verdict);
}

Verdict no_answer(Cause cause, std::string reason, std::string hint) {
  Verdict verdict;
  verdict.cause = cause;
  verdict.reason = std::move(reason);
  verdict.hint = std::move(hint);
  verdict.until = port::WallTime::max();
  return verdict;
}

}  // namespace

std::string_view name(Cause cause) {
  switch (cause) {
    case Cause::allowed: return "allowed";
    case Cause::no_venue: return "no_venue";
    case Cause::not_begun: return "calendar_not_begun";
    case Cause::expired: return "calendar_expired";
    case Cause::continuous: return "venue_never_closes";
    case Cause::open: return "market_open";
    case Cause::margin: return "market_open_soon_or_just_closed";
    case Cause::blocked: return "blocked_window";
    case Cause::outside: return "outside_windows";
    case Cause::too_long: return "too_long";
  }
  return "";
}

Verdict is_allowed(const Market& market, port::WallTime at, port::Duration duration) {
  if (market.calendars.empty())
    return no_answer(Cause::no_venue, "no venue is named, so nobody says whether a market is open",
                     "name them in spec.calendar.venues of the environment, or with --venue");
  if (duration > kMaxChange || duration < port::Duration(0))
    return no_answer(Cause::too_long,
                     fmt::format("a change of {} is not planned here: at most {}", base::format_duration(duration),
                                 base::format_duration(kMaxChange)),
                     "");
  const sys_seconds begin = floor_seconds(at);
  const sys_seconds end = std::max(ceil_seconds(bounded(at) + duration), begin + seconds(1));
  Verdict verdict;
  for (const days look : kLooks) {
    const sys_seconds horizon = std::max(end, begin + look);
    const auto found = refusals(market, begin, horizon);
    const auto spans = free_spans(found, begin, horizon);
    const bool now = !spans.empty() && spans.front().from == begin;
    verdict = Verdict();
    verdict.allowed = now && spans.front().until >= end;
    if (now) {
      verdict.until = port::wall_time(spans.front().until);
      if (verdict.allowed) {
        verdict.cause = Cause::allowed;
        explain_refusal(market, found, begin, verdict);  // the chain alone: nothing refuses
        verdict.reason = "every venue is closed and a window allows it";
      } else {
        explain_refusal(market, found, spans.front().until, verdict);
        verdict.reason = fmt::format("{} do not fit, only {} are left: then {}", base::format_duration(duration),
                                     base::format_duration(spans.front().until - begin), verdict.reason);
      }
    } else {
      explain_refusal(market, found, begin, verdict);
      verdict.until = spans.empty() ? port::WallTime::max() : port::wall_time(spans.front().from);
    }
    const bool known = now ? spans.front().until < horizon : !spans.empty();
    if (known || verdict.cause == Cause::expired || verdict.cause == Cause::continuous) break;
  }
  return verdict;
}

Result<Window> next_window(const Market& market, port::WallTime from, port::Duration duration) {
  if (market.calendars.empty() || duration > kMaxChange || duration < port::Duration(0)) {
    const Verdict verdict = is_allowed(market, from, duration);
    return Error(Code::refused, verdict.reason, verdict.hint);
  }
  const port::WallTime start = bounded(from);
  const port::Duration wanted = std::max<port::Duration>(duration, port::Duration(1));
  for (const days look : kLooks) {
    const sys_seconds horizon = floor_seconds(start) + look;
    const auto found = refusals(market, floor_seconds(start), horizon);
    const auto spans = free_spans(found, floor_seconds(start), horizon);
    for (std::size_t i = 0; i < spans.size(); ++i) {
      const bool cut = spans[i].until == horizon;  // it may be longer than was looked at
      if (cut && look != kHorizon) break;
      const port::WallTime begin = std::max<port::WallTime>(spans[i].from, start);
      if (port::WallTime(spans[i].until) - begin >= wanted) return Window{begin, spans[i].until};
    }
  }
  sys_seconds last = floor_seconds(start) + kHorizon;
  std::string why = fmt::format("no window of {} in the {} days from then on", base::format_duration(duration),
                                kHorizon.count());
  for (const Calendar& calendar : market.calendars)
    if (end_of(calendar) < last) {
      last = end_of(calendar);
      why = fmt::format("no window of {} before the calendar of {} expires with {}", base::format_duration(duration),
                        calendar.mic, date_text(calendar.expires));
    }
  const Verdict verdict = is_allowed(market, start);
  if (verdict.cause == Cause::continuous || verdict.cause == Cause::expired) why += ": " + verdict.reason;
  return Error(Code::refused, why,
               verdict.cause == Cause::continuous || verdict.cause == Cause::expired
                   ? verdict.hint
                   : "make the change shorter, or look at the policy's windows: `nautilusctl calendar explain`");
}

Result<std::vector<Stretch>> stretches(const Market& market, port::WallTime from, port::WallTime until) {
  if (until - from > kMaxStretchDays || until <= from)
    return Error(Code::limit, fmt::format("between none and {} days can be listed", kMaxStretchDays.count()));
  const sys_seconds begin = floor_seconds(from), end = ceil_seconds(until);
  const auto found = refusals(market, begin, end);
  std::vector<sys_seconds> edges = {begin, end};
  for (const Refusal& refusal : found)
    for (const sys_seconds edge : {refusal.from, refusal.until})
      if (begin < edge && edge < end) edges.push_back(edge);
  std::sort(edges.begin(), edges.end());
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());

  std::vector<Stretch> list;
  std::vector<const Refusal*> active;
  std::size_t next = 0;
  for (std::size_t i = 0; i + 1 < edges.size(); ++i) {
    std::erase_if(active, [&](const Refusal* refusal) { return refusal->until <= edges[i]; });
    for (; next < found.size() && found[next].from <= edges[i]; ++next)
      if (found[next].until > edges[i]) active.push_back(&found[next]);
    Stretch stretch{edges[i], edges[i + 1], false, Cause::allowed};
    for (const Refusal* refusal : active) {
      stretch.open |= refusal->cause == Cause::open || refusal->cause == Cause::continuous;
      if (stretch.cause == Cause::allowed || refusal->cause < stretch.cause) stretch.cause = refusal->cause;
    }
    if (!list.empty() && list.back().open == stretch.open && list.back().cause == stretch.cause)
      list.back().until = stretch.until;
    else
      list.push_back(stretch);
  }
  return list;
}

}  // namespace nautilus::calendar
