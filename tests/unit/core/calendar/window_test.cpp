#include "core/calendar/window.h"

#include <rapidcheck.h>

#include "calendars.h"
#include "core/calendar/report.h"
#include "core/value/strict_reader.h"
#include "core/value/yaml.h"

using namespace nautilus;
using namespace nautilus::calendar;
using namespace nautilus::testing;
using namespace std::chrono_literals;

namespace {

Result<Policy> policy_of(const std::string& text) {
  const auto document = value::parse_yaml(text, "p.yaml");
  value::StrictReader reader(*document, "p.yaml");
  return read_policy(reader);
}

void says(const Verdict& verdict, Cause cause, const std::string& words) {
  CHECK(name(verdict.cause) == name(cause));
  CHECK(verdict.allowed == (cause == Cause::allowed));
  CHECK_MESSAGE(verdict.reason.find(words) != std::string::npos, verdict.reason);
}

}  // namespace

TEST_CASE("the guide's windows, in New York, with its pre- and post-market") {
  const Market market = market_of(calendar_text("  holidays: [{date: 2026-12-25, name: Christmas Day}]\n"));
  says(is_allowed(market, at("2026-11-30T10:00")), Cause::open, "XNYS trades: regular session 09:30 EST to 16:00 EST");
  says(is_allowed(market, at("2026-11-30T04:00")), Cause::open, "pre-market");
  says(is_allowed(market, at("2026-11-30T19:59")), Cause::open, "post-market");
  says(is_allowed(market, at("2026-11-30T20:00")), Cause::allowed, "");
  says(is_allowed(market, at("2026-11-30T03:59")), Cause::allowed, "");  // of Sunday's night
  says(is_allowed(market, at("2026-11-28T12:00")), Cause::allowed, "");
  // A holiday is a weekday for the guide's windows: blocked, then a hole, then night.
  says(is_allowed(market, at("2026-12-25T10:00")), Cause::blocked, "window trading-hours (Mon-Fri 09:00-17:00, America/New_York) blocks");
  says(is_allowed(market, at("2026-12-25T08:30")), Cause::outside, "no window allows Fri 2026-12-25 08:30 EST");
  says(is_allowed(market, at("2026-12-25T17:30")), Cause::outside, "night (Mon-Sun 18:00-08:00)");
  says(is_allowed(market, at("2026-12-25T07:59")), Cause::allowed, "");
  says(is_allowed(market, at("2026-12-25T18:00")), Cause::allowed, "");
}

TEST_CASE("a window belongs to the day it starts on") {
  // Friday night ends on Saturday at 08:00, where the weekend goes on; Sunday's night ends on Monday at 08:00, but the
  // market opens at 04:00.
  const Market market = market_of(calendar_text());
  const auto verdict = is_allowed(market, at("2026-11-27T20:00"));
  CHECK(verdict.allowed);
  CHECK(verdict.until == at("2026-11-30T04:00"));
  auto policy = policy_of("policy: {windows: [{name: friday, kind: allow, days: [Fri], from: \"22:00\", to: \"06:00\"}]}");
  REQUIRE(policy.ok());
  Market own = market_of(calendar_text());
  own.policy = *policy;
  CHECK(is_allowed(own, at("2026-11-28T05:59")).allowed);   // Saturday morning, of Friday
  CHECK(!is_allowed(own, at("2026-11-27T05:00")).allowed);  // Friday morning would be Thursday's
  CHECK(!is_allowed(own, at("2026-11-28T22:00")).allowed);
}

TEST_CASE("the whole change has to fit") {
  const Market market = market_of(calendar_text());
  CHECK(is_allowed(market, at("2026-11-30T03:15"), 45min).allowed);
  const auto late = is_allowed(market, at("2026-11-30T03:16"), 45min);
  says(late, Cause::open, "45m0s do not fit, only 44m0s are left: then XNYS trades: pre-market");
  CHECK(late.until == at("2026-11-30T04:00"));
  const auto next = next_window(market, at("2026-11-30T03:16"), 45min);
  REQUIRE(next.ok());
  CHECK(next->start == at("2026-11-30T20:00"));
  CHECK(next->end == at("2026-12-01T04:00"));
  CHECK(!is_allowed(market, at("2026-11-30T03:16"), kMaxChange + 1s).allowed);
  CHECK(next_window(market, at("2026-11-30T03:16"), 40h)->start == at("2026-12-04T20:00"));
  const auto never = next_window(market, at("2026-11-30T03:16"), 100h);
  REQUIRE(!never.ok());
  CHECK(never.error().code == Code::refused);
}

TEST_CASE("several venues: what one refuses is refused") {
  const Market market = market_of(calendar_text(), globex_text());
  // New York is closed from 20:00, Globex trades until 16:00 in Chicago the next day.
  const auto verdict = is_allowed(market, at("2026-11-30T22:00"));
  says(verdict, Cause::open, "XCME trades");
  REQUIRE(verdict.chain.size() == 2);
  CHECK(verdict.chain[0].cause == Cause::allowed);
  CHECK(verdict.chain[1].venue == "XCME");
  CHECK(next_window(market, at("2026-11-30T22:00"), 1h)->start == at("2026-12-04T20:00"));
  CHECK(next_window(market, at("2026-11-30T22:00"), 1h)->end == at("2026-12-06T18:00"));
}

TEST_CASE("what is not known is refused") {
  const Market market = market_of(calendar_text());
  says(is_allowed(market, at("2029-01-01T02:00")), Cause::expired, "expired with 2028-12-31");
  says(is_allowed(market, at("2023-12-31T02:00")), Cause::not_begun, "begins on 2024-01-01");
  says(is_allowed(market, at("2028-12-31T23:30"), 1h), Cause::expired, "do not fit");
  CHECK(is_allowed(market, at("2029-01-01T02:00")).until == port::WallTime::max());
  CHECK(is_allowed(market, at("2029-01-01T02:00")).hint.find("calendar list") != std::string::npos);
  CHECK(next_window(market, at("2028-12-31T23:30"), 1h).error().message.find("expires with 2028-12-31") != std::string::npos);
  says(is_allowed(Market(), at("2026-11-28T12:00")), Cause::no_venue, "no venue");
  says(is_allowed(market, port::WallTime::max()), Cause::expired, "expired");
  says(is_allowed(market, port::WallTime::min()), Cause::not_begun, "begins");
}

TEST_CASE("a venue that never closes") {
  std::string text = calendar_text("", "24X7");
  text = text.substr(0, text.find("  schedules:")) +
         "  continuous: true\n  schedules: [{name: always, days: [Mon, Tue, Wed, Thu, Fri, Sat, Sun], sessions: [{opens: "
         "\"00:00\", closes: \"24:00\"}]}]\n  sources: [x]\n";
  Market market = market_of(text);
  says(is_allowed(market, at("2026-11-28T12:00")), Cause::continuous, "24X7 never closes");
  CHECK(next_window(market, at("2026-11-28T12:00"), 1h).error().message.find("never closes") != std::string::npos);
  market.policy.windows_decide_when_continuous = true;
  CHECK(is_allowed(market, at("2026-11-28T12:00")).allowed);
  CHECK(!is_allowed(market, at("2026-11-30T12:00")).allowed);
}

TEST_CASE("margins widen sessions, and holidays may have windows of their own") {
  auto policy = policy_of("policy:\n  minutesBefore: 60\n  minutesAfter: 30\n  windows:\n"
                          "    - {name: night, kind: allow, days: [Mon, Tue, Wed, Thu, Fri], from: \"18:00\", to: \"08:00\"}\n"
                          "    - {name: hours, kind: block, days: [Mon, Tue, Wed, Thu, Fri], from: \"09:00\", to: \"17:00\", holidays: skip}\n"
                          "    - {name: holiday, kind: allow, days: [Mon, Tue, Wed, Thu, Fri], from: \"00:00\", to: \"24:00\", holidays: only}\n");
  REQUIRE_MESSAGE(policy.ok(), policy.error().text());
  Market market = market_of(calendar_text("  holidays: [{date: 2026-12-25, name: Christmas Day}]\n"));
  market.policy = *policy;
  says(is_allowed(market, at("2026-12-01T20:15")), Cause::margin, "XNYS closed at 20:00 EST (post-market), and nothing is allowed in the 30 minutes after");
  says(is_allowed(market, at("2026-12-01T03:15")), Cause::margin, "XNYS opens at 04:00 EST");
  CHECK(is_allowed(market, at("2026-12-25T12:00")).allowed);
  CHECK(is_allowed(market, at("2026-12-01T20:30")).allowed);
}

TEST_CASE("a policy that contradicts itself is refused") {
  const auto why = [](const std::string& windows) {
    const auto policy = policy_of("policy: {windows: [" + windows + "]}");
    return policy.ok() ? std::string("fine") : policy.error().text();
  };
  const std::string night = "{name: night, kind: allow, days: [Mon, Fri], from: \"18:00\", to: \"08:00\"}";
  CHECK(why(night) == "fine");
  CHECK(why(night + ", {name: day, kind: block, days: [Mon], from: \"09:00\", to: \"18:00\"}") == "fine");
  CHECK(why(night + ", {name: day, kind: block, days: [Mon], from: \"09:00\", to: \"18:01\"}").find("overlap on Mon") != std::string::npos);
  // Friday's night reaches into Saturday, and Sunday's block into Monday.
  CHECK(why(night + ", {name: day, kind: block, days: [Sat], from: \"07:00\", to: \"09:00\"}").find("overlap") != std::string::npos);
  CHECK(why(night + ", {name: day, kind: block, days: [Sun], from: \"22:00\", to: \"19:00\"}").find("overlap") != std::string::npos);
  CHECK(why(night + ", {name: day, kind: block, days: [Mon], from: \"17:00\", to: \"20:00\", holidays: only}").find("overlap") != std::string::npos);
  CHECK(why("{name: night, kind: allow, days: [Mon], from: \"18:00\", to: \"08:00\", holidays: skip}, "
            "{name: day, kind: block, days: [Mon], from: \"17:00\", to: \"20:00\", holidays: only}") == "fine");
  CHECK(why("{name: day, kind: block, days: [Mon], from: \"09:00\", to: \"18:00\"}").find("allow nothing") != std::string::npos);
  CHECK(why("{name: a, kind: maybe, days: [Mon], from: \"09:00\", to: \"18:00\"}").find("allow or block") != std::string::npos);
  CHECK(why("{name: a, kind: allow, days: [], from: \"09:00\", to: \"18:00\"}").find("lists none") != std::string::npos);
  CHECK(why("{name: a, kind: allow, days: [Mon], from: \"9:00\", to: \"18:00\"}").find("time of the day") != std::string::npos);
}

TEST_CASE("the days on which clocks change") {
  Market market = market_of(calendar_text());
  auto policy = policy_of("policy: {windows: [{name: w, kind: allow, days: [Sun], from: \"01:30\", to: \"02:30\"}]}");
  market.policy = *policy;
  // Forward: 02:30 does not exist, the window ends with the change. Back: 01:30 comes twice, the window begins late.
  CHECK(is_allowed(market, at("2026-03-08T01:30")).until == at("2026-03-08T07:00:00Z"));
  CHECK(!is_allowed(market, at("2026-11-01T05:45:00Z")).allowed);
  CHECK(is_allowed(market, at("2026-11-01T06:45:00Z")).allowed);
  CHECK(is_allowed(market, at("2026-11-01T06:45:00Z")).until == at("2026-11-01T07:30:00Z"));
  policy = policy_of("policy: {windows: [{name: a, kind: allow, days: [Sun], from: \"03:00\", to: \"09:00\"}, "
                     "{name: w, kind: block, days: [Sun], from: \"01:30\", to: \"02:30\"}, {name: b, kind: allow, days: [Sat], from: \"00:00\", to: \"01:30\"}]}");
  market.policy = *policy;
  // A block is the other way round: it begins with the first 01:30.
  CHECK(name(is_allowed(market, at("2026-11-01T05:45:00Z")).cause) == name(Cause::blocked));
}

namespace {

// Whether a minute is allowed, by asking for it alone.
bool minute_allowed(const Market& market, port::WallTime minute) { return is_allowed(market, minute, 1min).allowed; }

}  // namespace

TEST_CASE("next_window is allowed and nothing earlier is") {
  static const Market york = market_of(calendar_text("  holidays: [{date: 2026-12-25, name: Christmas Day}]\n"));
  static const Market both = market_of(calendar_text(), globex_text());
  CHECK(rc::check([] {
    const Market& market = **rc::gen::element(&york, &both);
    const auto start = at("2026-02-20T00:00") + std::chrono::minutes(*rc::gen::inRange(0, 320 * 1440));
    const port::Duration wanted = std::chrono::minutes(*rc::gen::inRange(1, 600));
    const auto window = next_window(market, start, wanted);
    RC_ASSERT(window.ok());
    RC_ASSERT(window->start >= start);
    RC_ASSERT(window->end - window->start >= wanted);
    RC_ASSERT(is_allowed(market, window->start, wanted).allowed);
    RC_ASSERT(is_allowed(market, window->start).until == window->end);
    RC_ASSERT(!is_allowed(market, window->start, window->end - window->start + 1min).allowed);
    // Minimal: half an hour apart, and the minute just before.
    for (auto earlier = start; earlier < window->start; earlier += 30min) RC_ASSERT(!is_allowed(market, earlier, wanted).allowed);
    if (window->start - 1min >= start) RC_ASSERT(!is_allowed(market, window->start - 1min, wanted).allowed);
  }));
}

TEST_CASE("stretches say of every minute what a question for it says") {
  static const Market market = market_of(calendar_text("  holidays: [{date: 2026-11-26, name: Thanksgiving}]\n"), globex_text());
  const auto from = at("2026-10-30T00:00"), until = at("2026-12-01T00:00");
  const auto list = stretches(market, from, until);
  REQUIRE(list.ok());
  CHECK(list->front().from == from);
  CHECK(list->back().until == until);
  for (std::size_t i = 1; i < list->size(); ++i) CHECK((*list)[i].from == (*list)[i - 1].until);
  CHECK(rc::check([&] {
    const auto minute = from + std::chrono::minutes(*rc::gen::inRange<int>(0, 31 * 1440));
    const auto found = std::find_if(list->begin(), list->end(), [&](const Stretch& one) { return minute < one.until; });
    RC_ASSERT((found->cause == Cause::allowed) == minute_allowed(market, minute));
    RC_ASSERT(name(found->cause) == name(is_allowed(market, minute).cause));
  }));
}

TEST_CASE("answers as text and as data") {
  const Market market = market_of(calendar_text("  holidays: [{date: 2028-05-29, name: Memorial Day, provisional: true}]\n"));
  const auto now = at("2028-05-29T10:00");
  const auto verdict = is_allowed(market, now);
  CHECK(verdict.reason.find("Memorial Day is expected, but XNYS has not published it: not relied on") != std::string::npos);
  const Json json = verdict_json(verdict, now, 0s);
  CHECK(json["cause"] == "market_open");
  CHECK(json["at"] == "2028-05-29T14:00:00Z");
  CHECK(json["until"] == "2028-05-30T00:00:00Z");
  CHECK(json["venues"][0]["provisional"] == true);
  CHECK(json["venues"][0]["version"] == 7);
  const std::string text = verdict_text(verdict, now, now, market.calendars[0].zone);
  CHECK_MESSAGE(text.find("next      Mon 2028-05-29 20:00 EDT (Tue 00:00 UTC), in 10h") != std::string::npos, text);
}
