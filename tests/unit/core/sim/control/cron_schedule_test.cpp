#include "core/sim/control/cron_schedule.h"

#include <doctest/doctest.h>

#include "core/sim/control/times.h"

using namespace nautilus;

TEST_CASE("the next time of a schedule") {
  struct Row {
    const char *schedule, *from, *next;
  };
  const Row rows[] = {
      {"*/5 * * * *", "2026-01-05T06:02:30Z", "2026-01-05T06:05:00Z"},
      {"*/5 * * * *", "2026-01-05T06:05:00Z", "2026-01-05T06:10:00Z"},
      {"0 2 * * *", "2026-01-05T06:00:00Z", "2026-01-06T02:00:00Z"},
      {"30 4 1 * *", "2026-01-05T06:00:00Z", "2026-02-01T04:30:00Z"},
      {"0 0 * * mon", "2026-01-05T06:00:00Z", "2026-01-12T00:00:00Z"},
      {"0 0 * * SUN,sat", "2026-01-05T06:00:00Z", "2026-01-10T00:00:00Z"},
      {"15 10-12/2 * * *", "2026-01-05T10:20:00Z", "2026-01-05T12:15:00Z"},
      {"0 0 29 2 *", "2026-01-05T06:00:00Z", "2028-02-29T00:00:00Z"},
      {"0 12 13 * 5", "2026-01-05T06:00:00Z", "2026-01-09T12:00:00Z"},  // the 13th, or a Friday
      {"@daily", "2026-01-05T06:00:00Z", "2026-01-06T00:00:00Z"},
      {"@every 90s", "2026-01-05T06:00:00Z", "2026-01-05T06:01:30Z"},
      {"59 23 31 12 *", "2026-12-31T23:59:00Z", "2027-12-31T23:59:00Z"},
  };
  for (const auto& row : rows) {
    INFO(row.schedule, " from ", row.from);
    auto schedule = sim::CronSchedule::parse(row.schedule);
    REQUIRE(schedule.ok());
    auto next = schedule->next(*sim::parse_time(row.from));
    REQUIRE(next);
    CHECK(sim::time_text(*next) == row.next);
  }
}

TEST_CASE("a date that never comes has no next time") {
  auto schedule = sim::CronSchedule::parse("0 0 30 2 *");
  REQUIRE(schedule.ok());
  CHECK_FALSE(schedule->next(*sim::parse_time("2026-01-05T06:00:00Z")));
}

TEST_CASE("bad schedules are refused") {
  for (const char* bad :
       {"", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 7", "5-1 * * * *",
        "*/0 * * * *", "a * * * *", "@every", "@every 10ms", "1,,2 * * * *"}) {
    INFO(bad);
    auto schedule = sim::CronSchedule::parse(bad);
    REQUIRE_FALSE(schedule.ok());
    CHECK(schedule.error().code == Code::invalid);
  }
}

TEST_CASE("times are read in both forms and written in seconds or microseconds") {
  auto time = sim::parse_time("2026-03-02T10:00:00.25+01:00");
  REQUIRE(time);
  CHECK(sim::time_text(*time) == "2026-03-02T09:00:00Z");
  CHECK(sim::micro_time_text(*time) == "2026-03-02T09:00:00.250000Z");
  for (const char* bad : {"", "2026-03-02", "2026-02-30T00:00:00Z", "2026-03-02T25:00:00Z", "2026-03-02T10:00:00",
                          "2026-03-02T10:00:00.Z", "2026-03-02T10:00:00+0100"})
    CHECK_FALSE(sim::parse_time(bad));
}
