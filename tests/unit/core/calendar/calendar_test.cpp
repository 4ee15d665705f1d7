#include "core/calendar/calendar.h"

#include "calendars.h"

using namespace nautilus;
using namespace nautilus::calendar;
using namespace nautilus::testing;

namespace {

local_days date(const char* text) { return *parse_date(text); }

void refused(const std::string& text, const std::string& where, const std::string& what) {
  const auto calendar = parse_calendar(text, "C.yaml");
  REQUIRE_MESSAGE(!calendar.ok(), what);
  CHECK_MESSAGE(calendar.error().text().find(what) != std::string::npos, calendar.error().text());
  CHECK_MESSAGE(calendar.error().where.find(where) != std::string::npos, calendar.error().where);
}

std::string with(std::string text, const std::string& from, const std::string& to) {
  const auto found = text.find(from);
  REQUIRE(found != std::string::npos);
  return text.replace(found, from.size(), to);
}

}  // namespace

TEST_CASE("a day is what its weekday says, unless it is listed") {
  const auto calendar = parsed(calendar_text("  holidays: [{date: 2026-12-25, name: Christmas Day}]\n"
                                             "  halfDays: [{date: 2026-12-24, name: Christmas Eve, schedule: early}]\n"
                                             "  adHoc: [{date: 2026-12-28, name: Mourning, announced: 2026-12-20}]\n"));
  CHECK(calendar.version == 7);
  const auto day = trading_day(calendar, date("2026-12-23"));
  CHECK(day.kind == TradingDay::Kind::trading);
  REQUIRE(day.sessions.size() == 3);
  CHECK(day.sessions[0].opens == std::chrono::floor<std::chrono::seconds>(at("2026-12-23T04:00")));
  CHECK(day.sessions[2].closes == std::chrono::floor<std::chrono::seconds>(at("2026-12-23T20:00")));
  CHECK(trading_day(calendar, date("2026-12-25")).closed());
  CHECK(trading_day(calendar, date("2026-12-25")).title == "Christmas Day");
  const auto half = trading_day(calendar, date("2026-12-24"));
  CHECK(half.kind == TradingDay::Kind::half_day);
  REQUIRE(half.sessions.size() == 1);
  CHECK(half.sessions[0].closes == std::chrono::floor<std::chrono::seconds>(at("2026-12-24T13:00")));
  CHECK(trading_day(calendar, date("2026-12-26")).kind == TradingDay::Kind::weekend);
  CHECK(trading_day(calendar, date("2026-12-28")).kind == TradingDay::Kind::ad_hoc);
}

TEST_CASE("what is provisional is shown and not relied on") {
  const auto calendar = parsed(calendar_text("  holidays: [{date: 2028-05-29, name: Memorial Day, provisional: true}]\n"));
  const auto day = trading_day(calendar, date("2028-05-29"));
  CHECK(day.provisional);
  CHECK(day.title == "Memorial Day");
  CHECK(day.sessions.size() == 3);
  CHECK(day.kind == TradingDay::Kind::trading);
}

TEST_CASE("a session that begins on the evening before belongs to the day it is named after") {
  const auto calendar = parsed(globex_text());
  const auto monday = trading_day(calendar, date("2026-11-30"));
  REQUIRE(monday.sessions.size() == 1);
  CHECK(monday.sessions[0].opens == std::chrono::floor<std::chrono::seconds>(at("2026-11-29T17:00:00-06:00")));
  CHECK(monday.sessions[0].closes == std::chrono::floor<std::chrono::seconds>(at("2026-11-30T16:00:00-06:00")));
  CHECK(trading_day(calendar, date("2026-12-25")).closed());
}

TEST_CASE("a rule holds from one day to another") {
  const auto calendar = parsed(with(calendar_text(), "      days: [Mon, Tue, Wed, Thu, Fri]\n",
                                    "      days: [Mon, Tue, Wed, Thu, Fri]\n      until: 2024-11-04\n") +
                               "");
  CHECK(!trading_day(calendar, date("2024-11-04")).closed());
  CHECK(trading_day(calendar, date("2024-11-05")).closed());
}

TEST_CASE("what does not hold together is refused with its place") {
  const std::string good = calendar_text();
  refused("just text", "C.yaml", "expected an object");
  refused(with(good, "kind: Calendar", "kind: Calender"), "kind", "must be Calendar");
  refused(good + "  color: red\n", "spec.color", "unknown field");
  refused(with(good, "2028-12-31", "2023-12-31"), "spec.expires", "before validFrom");
  refused(with(good, "2028-12-31", "2099-12-31"), "spec.expires", "more than 20 years");
  refused(with(good, "version: 7", "version: 0"), "spec.version", "must be from 1");
  refused(with(good, "EST5EDT,M3.2.0,M11.1.0", "EST5EDT"), "spec.zone.rule", "time zone rule");
  refused(with(good, "closes: \"09:30\"", "closes: \"03:30\""), "spec.schedules[0].sessions[0].closes", "later than opens");
  refused(with(good, "opens: \"16:00\"", "opens: \"15:00\""), "sessions[2].opens", "before the session above");
  refused(with(good, "[Mon, Tue", "[Monday, Tue"), "spec.schedules[0].days", "is not one of Mon");
  refused(with(good, "- name: early\n", "- name: early\n      days: [Mon]\n"), "spec.schedules[1].days", "Mon is in schedule day too");
  refused(good + "  holidays: [{date: 2026-02-30, name: X}]\n", "spec.holidays[0].date", "is not a day");
  refused(good + "  holidays: [{date: 2029-01-01, name: X}]\n", "spec.holidays[0].date", "not between");
  refused(good + "  holidays: [{date: 2028-01-03, name: X}]\n", "spec.holidays[0].provisional", "has not said so");
  refused(good + "  holidays: [{date: 2026-01-01, name: X}, {date: 2026-01-01, name: Z}]\n", "spec.holidays[1].date", "listed already");
  refused(good + "  halfDays: [{date: 2026-01-05, name: X, schedule: none}]\n", "spec.halfDays[0].schedule", "there is no schedule");
  refused(good + "  adHoc: [{date: 2026-01-05, name: X}]\n", "spec.adHoc[0].announced", "required");
  refused(good + "  continuous: true\n", "spec.continuous", "leave something out");
  refused(with(good, "  sources: [a test]\n", "  sources: []\n"), "spec.sources", "names none");
}

TEST_CASE("an ad-hoc closure takes the place of a half day") {
  const auto calendar = parsed(calendar_text("  halfDays: [{date: 2026-12-24, name: Christmas Eve, schedule: early}]\n"
                                             "  adHoc: [{date: 2026-12-24, name: Storm, announced: 2026-12-23}]\n"));
  CHECK(trading_day(calendar, date("2026-12-24")).closed());
}
