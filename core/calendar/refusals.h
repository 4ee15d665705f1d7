// Every stretch of time that something refuses, and what. Only core/calendar includes this.
#pragma once

#include <vector>

#include "core/calendar/window.h"

namespace nautilus::calendar {

struct Refusal {
  sys_seconds from, until;  // half open
  Cause cause = Cause::outside;
  std::size_t venue = 0;
  const WindowRule* rule = nullptr;  // blocked
  OpenSpan session;                  // open, margin
};

// All that begin before `until` and end after `from`, by when they begin.
std::vector<Refusal> refusals(const Market& market, sys_seconds from, sys_seconds until);

// Whose clock the windows follow for a venue.
const Zone& window_zone(const Market& market, std::size_t venue);

// What it means, in words, with times in the exchange's clock.
std::string refusal_text(const Market& market, const Refusal& refusal, sys_seconds at);

}  // namespace nautilus::calendar
