// What the calendar commands share: which venues and policy are meant, by which clock times are read and shown.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "cli/context.h"
#include "core/calendar/load.h"

namespace nautilus::cli {

struct CalendarFlags {
  std::string env, at, zone;
  std::vector<std::string> venues;
};

void add_market(CLI::App& command, CalendarFlags& flags, const char* at_flag, const char* at_help);

// The environment's market, or the venues named, under the guide's policy, with the project's key and the
// environment's.
Result<calendar::Market> open_market(const Context& context, const CalendarFlags& flags);
// --zone, else the first venue's.
Result<calendar::Zone> zone_of(const Context& context, const CalendarFlags& flags, const calendar::Market& market);
// The time that was given, else now.
Result<port::WallTime> moment_of(const Context& context, const std::string& text, const calendar::Zone& zone);

void add_calendar_files(CLI::App& group, Context& context);  // list, verify, sign

}  // namespace nautilus::cli
