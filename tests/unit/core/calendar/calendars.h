// Calendars for tests, as text and as what is read of it.
#pragma once

#include <doctest/doctest.h>

#include <string>

#include "core/calendar/calendar.h"
#include "core/calendar/moment.h"
#include "core/calendar/window.h"

namespace nautilus::testing {

// New York with a pre- and a post-market; `days` are further lines of spec.
inline std::string calendar_text(const std::string& days = "", const std::string& mic = "XNYS") {
  return "apiVersion: nautilusctl.io/v1alpha1\nkind: Calendar\nmetadata: {name: " + mic +
         "}\n"
         "spec:\n"
         "  title: New York\n"
         "  version: 7\n"
         "  zone: {name: America/New_York, rule: \"EST5EDT,M3.2.0,M11.1.0\"}\n"
         "  validFrom: 2024-01-01\n"
         "  expires: 2028-12-31\n"
         "  publishedThrough: 2027-12-31\n"
         "  schedules:\n"
         "    - name: day\n"
         "      days: [Mon, Tue, Wed, Thu, Fri]\n"
         "      sessions:\n"
         "        - {phase: pre, opens: \"04:00\", closes: \"09:30\"}\n"
         "        - {phase: regular, opens: \"09:30\", closes: \"16:00\"}\n"
         "        - {phase: post, opens: \"16:00\", closes: \"20:00\"}\n"
         "    - name: early\n"
         "      sessions: [{phase: regular, opens: \"09:30\", closes: \"13:00\"}]\n"
         "  sources: [a test]\n" +
         days;
}

// Chicago, with trade dates that begin on the evening before.
inline std::string globex_text() {
  return "apiVersion: nautilusctl.io/v1alpha1\nkind: Calendar\nmetadata: {name: XCME}\n"
         "spec:\n"
         "  title: Globex\n"
         "  version: 1\n"
         "  zone: {name: America/Chicago, rule: \"CST6CDT,M3.2.0,M11.1.0\"}\n"
         "  validFrom: 2024-01-01\n"
         "  expires: 2028-12-31\n"
         "  publishedThrough: 2028-12-31\n"
         "  schedules:\n"
         "    - name: day\n"
         "      days: [Mon, Tue, Wed, Thu, Fri]\n"
         "      sessions: [{opens: \"17:00\", opensOn: previousDay, closes: \"16:00\"}]\n"
         "  holidays: [{date: 2026-12-25, name: Christmas Day}]\n"
         "  sources: [a test]\n";
}

inline calendar::Calendar parsed(const std::string& text) {
  auto calendar = calendar::parse_calendar(text, "XNYS.yaml");
  if (!calendar.ok()) FAIL(calendar.error().text());
  return std::move(*calendar);
}

template <class... Texts>
calendar::Market market_of(const Texts&... texts) {
  calendar::Market market;
  (market.calendars.push_back(parsed(texts)), ...);
  market.policy = calendar::guide_policy();
  return market;
}

// By the clock of New York, unless an offset is written.
inline port::WallTime at(const std::string& text) {
  static const auto zone = calendar::Zone::from_rule("America/New_York", "EST5EDT,M3.2.0,M11.1.0");
  auto moment = calendar::parse_moment(text, *zone);
  if (!moment.ok()) FAIL(moment.error().text());
  return *moment;
}

}  // namespace nautilus::testing
