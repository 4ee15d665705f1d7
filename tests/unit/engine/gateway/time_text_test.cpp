#include "engine/gateway/time_text.h"

#include <doctest/doctest.h>

using namespace nautilus::engine;

TEST_CASE("times are written in UTC with microseconds, and read back") {
  CHECK(time_text(0) == "1970-01-01T00:00:00.000000Z");
  CHECK(time_text(951782400'000000000) == "2000-02-29T00:00:00.000000Z");
  CHECK(time_text(1795444200'123456789) == "2026-11-23T14:30:00.123456Z");
  CHECK(parse_time("2026-11-23T14:30:00.123456789Z") == 1795444200'123456789);
  CHECK(parse_time("2000-02-29T00:00:00Z") == 951782400'000000000);
  CHECK(parse_time("1970-01-01T00:00:00.1Z") == 100'000'000);
}

TEST_CASE("what is no time is refused") {
  for (const char* text :
       {"", "Z", "2026-11-23", "2026-11-23T14:30:00", "2026-11-23 14:30:00Z", "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z", "2025-02-29T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:60Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00.1234567890Z", "2026-01-01T00:00:0aZ",
        "2026-01-01T00:00:00,5Z", "1969-12-31T23:59:59Z", "2262-01-01T00:00:00Z", "-026-01-01T00:00:00Z"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_time(text).has_value());
  }
}
