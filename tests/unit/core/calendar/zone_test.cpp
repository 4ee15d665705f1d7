#include "core/calendar/zone.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "calendars.h"
#include "core/host/filesystem.h"

using namespace nautilus;
using namespace nautilus::calendar;
using namespace std::chrono;

namespace {

Zone zone_of(const char* rule) {
  auto zone = Zone::from_rule("test", rule);
  if (!zone.ok()) FAIL(zone.error().text());
  return *zone;
}

sys_seconds utc(year_month_day date, int hour, int minute = 0) { return sys_days(date) + hours(hour) + minutes(minute); }
local_seconds clock_of(year_month_day date, int hour, int minute = 0) {
  return local_days(date) + hours(hour) + minutes(minute);
}

}  // namespace

TEST_CASE("clocks change when the rule says") {
  const Zone york = zone_of("EST5EDT,M3.2.0,M11.1.0");
  CHECK(york.offset(utc(2026y / 3 / 8, 6, 59)) == hours(-5));
  CHECK(york.offset(utc(2026y / 3 / 8, 7)) == hours(-4));
  CHECK(york.offset(utc(2026y / 11 / 1, 5, 59)) == hours(-4));
  CHECK(york.offset(utc(2026y / 11 / 1, 6)) == hours(-5));
  CHECK(york.abbreviation(utc(2026y / 7 / 1, 12)) == "EDT");
  const Zone berlin = zone_of("CET-1CEST,M3.5.0,M10.5.0/3");
  CHECK(berlin.offset(utc(2026y / 3 / 29, 0, 59)) == hours(1));
  CHECK(berlin.offset(utc(2026y / 3 / 29, 1)) == hours(2));
  CHECK(berlin.offset(utc(2026y / 10 / 25, 1)) == hours(1));
  const Zone sydney = zone_of("AEST-10AEDT,M10.1.0,M4.1.0/3");
  CHECK(sydney.offset(utc(2026y / 1 / 1, 0)) == hours(11));
  CHECK(sydney.offset(utc(2026y / 7 / 1, 0)) == hours(10));
  CHECK(zone_of("<+0530>-5:30").offset(utc(2026y / 7 / 1, 0)) == minutes(330));
  CHECK(zone_of("XXX3YYY,J60,J300").offset(utc(2024y / 3 / 1, 6)) == hours(-2));
  CHECK(zone_of("XXX3YYY,59,300").offset(utc(2024y / 2 / 29, 6)) == hours(-2));
}

TEST_CASE("a reading that comes twice is two moments, one that is skipped is the change") {
  const Zone york = zone_of("EST5EDT,M3.2.0,M11.1.0");
  const auto twice = clock_of(2026y / 11 / 1, 1, 30);
  CHECK(york.instant(twice, Zone::Choose::earliest) == utc(2026y / 11 / 1, 5, 30));
  CHECK(york.instant(twice, Zone::Choose::latest) == utc(2026y / 11 / 1, 6, 30));
  for (const auto choose : {Zone::Choose::earliest, Zone::Choose::latest}) {
    CHECK(york.instant(clock_of(2026y / 3 / 8, 2, 30), choose) == utc(2026y / 3 / 8, 7));
    CHECK(york.instant(clock_of(2026y / 3 / 8, 12), choose) == utc(2026y / 3 / 8, 16));
  }
}

TEST_CASE("what is no rule is refused") {
  for (const char* text : {"", "E", "EST", "5", "EST5EDT", "EST5EDT,M3.2.0", "EST5EDT,M13.2.0,M11.1.0", "EST5EDT,M3.6.0,M11.1.0",
                           "EST5EDT,M3.2.7,M11.1.0", "EST5EDT,M3.2.0,M11.1.0,", "EST25", "<EST5", "EST5EDT,J0,J1",
                           "EST5 EDT,M3.2.0,M11.1.0", "EST5EDT,M3.2.0/168,M11.1.0"})
    CHECK_MESSAGE(!Zone::from_rule("x", text).ok(), text);
}

TEST_CASE("a moment goes to the clock and back") {
  static const std::vector<Zone> zones = {zone_of("EST5EDT,M3.2.0,M11.1.0"), zone_of("GMT0BST,M3.5.0/1,M10.5.0"),
                                          zone_of("JST-9"), zone_of("AEST-10AEDT,M10.1.0,M4.1.0/3")};
  CHECK(rc::check([] {
    const Zone& zone = zones[*rc::gen::inRange<std::size_t>(0, zones.size())];
    const sys_seconds at{seconds(*rc::gen::inRange<std::int64_t>(0, 4'000'000'000))};
    const local_seconds reading = zone.local(at);
    RC_ASSERT(zone.instant(reading, Zone::Choose::earliest) <= at);
    RC_ASSERT(zone.instant(reading, Zone::Choose::latest) >= at);
    RC_ASSERT(zone.local(zone.instant(reading, Zone::Choose::earliest)) == reading);
    RC_ASSERT(zone.local(zone.instant(reading, Zone::Choose::latest)) == reading);
  }));
}

TEST_CASE("the machine's own zone files say the same as the rules, and damage is refused") {
  host::RealFilesystem files;
  struct Row {
    const char *name, *rule;
  };
  int found = 0;
  for (const Row& row : {Row{"America/New_York", "EST5EDT,M3.2.0,M11.1.0"}, Row{"America/Chicago", "CST6CDT,M3.2.0,M11.1.0"},
                         Row{"Europe/London", "GMT0BST,M3.5.0/1,M10.5.0"}, Row{"Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3"},
                         Row{"Asia/Tokyo", "JST-9"}, Row{"Asia/Hong_Kong", "HKT-8"}}) {
    const auto bytes = files.read(std::string("/usr/share/zoneinfo/") + row.name);
    REQUIRE_MESSAGE(bytes.ok(), "tzdata is one of the packages that tests need");
    ++found;
    const auto file = Zone::from_tzif(row.name, *bytes);
    REQUIRE(file.ok());
    const Zone rule = zone_of(row.rule);
    for (sys_seconds at = sys_days(2024y / 1 / 1); at < sys_days(2029y / 1 / 1); at += minutes(30))
      if (file->offset(at) != rule.offset(at)) FAIL(row.name << " differs");
    for (std::size_t size = 0; size < bytes->size(); ++size) CHECK(!Zone::from_tzif("x", bytes->substr(0, size)).ok());
  }
  CHECK(found == 6);
  const auto bytes = files.read("/usr/share/zoneinfo/Europe/London");
  const auto london = Zone::from_tzif("Europe/London", *bytes);
  CHECK(london->offset(utc(1970y / 1 / 15, 0)) == hours(1));  // British standard time, all of that winter
  CHECK(london->offset(utc(1880y / 1 / 1, 0)) == seconds(0));
}
