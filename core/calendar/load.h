// From the project's files to a market: read, checked against its signature, and fit together.
//
// Failure: Code::refused for a venue without a calendar, and for a calendar whose signature is missing, wrong or of
// nobody trusted; Code::invalid for one that cannot be read. Expiry is not looked at here: every answer is no then,
// with the reason (window.h). Threading: as the filesystem's.
#pragma once

#include <string>
#include <vector>

#include "core/calendar/signature.h"
#include "core/calendar/window.h"
#include "core/port/filesystem.h"

namespace nautilus::calendar {

// What an environment says of its market (spec.calendar), paths resolved.
struct Settings {
  std::vector<std::string> venues;       // MICs
  std::vector<std::string> public_keys;  // PEM files
  bool trust_project_key = true;         // the calendars that come with nautilusctl
  Policy policy = guide_policy();
};

// Where a project keeps them: <project>/manifests/calendars.
std::string calendar_folder(const std::string& project);
std::string calendar_file(const std::string& project, std::string_view mic);

// The venues that a project has calendars of, sorted.
Result<std::vector<std::string>> venues(const port::Filesystem& files, const std::string& project);
// A MIC has four capital letters or digits; "24X7" and other names of ours follow the same form.
bool is_venue_name(std::string_view text);
// Code::refused with what there is, and what was perhaps meant.
Error unknown_venue(const port::Filesystem& files, const std::string& project, std::string_view mic);

Result<std::vector<PublicKey>> trusted_keys(const port::Filesystem& files, const Settings& settings);

// One calendar, its signature verified.
Result<Calendar> load_calendar(const port::Filesystem& files, const std::string& project, const std::string& mic,
                               const std::vector<PublicKey>& trusted);

// All of them. Code::refused if no venue is named.
Result<Market> load_market(const port::Filesystem& files, const std::string& project, const Settings& settings);

}  // namespace nautilus::calendar
