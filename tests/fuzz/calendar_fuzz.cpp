// A calendar of anybody's making, a signature file, a zone's rule or file: taken and usable, or refused with a reason.
#include "core/calendar/moment.h"
#include "core/calendar/signature.h"
#include "core/calendar/window.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace nautilus;

void calendar_text(std::string_view text) {
  auto parsed = calendar::parse_calendar(text, "fuzz.yaml");
  if (!parsed.ok()) return fuzz::expect(!parsed.error().message.empty(), "an error says what");
  calendar::Market market;
  market.calendars.push_back(std::move(*parsed));
  market.policy = calendar::guide_policy();
  const calendar::Calendar& one = market.calendars.front();
  const port::WallTime middle = calendar::begin_of(one) + (calendar::end_of(one) - calendar::begin_of(one)) / 2;
  const auto minute = std::chrono::minutes(1);
  const auto verdict = calendar::is_allowed(market, middle, minute);
  fuzz::expect(!verdict.reason.empty(), "a verdict has a reason");
  fuzz::expect(!calendar::is_allowed(market, calendar::end_of(one)).allowed, "an expired calendar allows nothing");
  const auto next = calendar::next_window(market, middle, minute);
  if (verdict.allowed) fuzz::expect(next.ok() && next->start == middle, "what is allowed now begins now");
  if (next.ok()) fuzz::expect(calendar::is_allowed(market, next->start, minute).allowed, "a window is allowed");
}

void zone(Result<calendar::Zone> zone) {
  if (!zone.ok()) return fuzz::expect(!zone.error().message.empty(), "an error says what");
  for (std::int64_t at = 0; at < 4'000'000'000; at += 40'000'003) {
    const calendar::sys_seconds moment{std::chrono::seconds(at)};
    const auto reading = zone->local(moment);
    (void)zone->instant(reading, calendar::Zone::Choose::earliest);
    (void)zone->abbreviation(moment);
  }
}

}  // namespace

FUZZ_TARGET(calendar) {
  switch (fuzz::choose(text, 5)) {
    case 0: return calendar_text(text);
    case 1: return zone(calendar::Zone::from_rule("Fuzz/Rule", text));
    case 2: return zone(calendar::Zone::from_tzif("Fuzz/File", text));
    case 3: return fuzz::expect(!calendar::verify(text, "bytes", {calendar::project_key()}).ok(), "nobody signed this");
    case 4: (void)calendar::parse_moment(text, calendar::Zone()); return;
  }
}
