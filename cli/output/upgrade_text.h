// UpgradePlans for people and machines: lists, one plan at a time, a report to read afterwards.
#pragma once

#include <string>
#include <vector>

#include "core/audit/entry.h"
#include "core/port/clock.h"
#include "core/upgrade/decide.h"

namespace nautilus::cli {

// NAME COMPONENT STRATEGY PHASE STEP WEIGHT REASON AGE, as kubectl prints them.
std::string plan_table(const std::vector<upgrade::Plan>& plans, port::WallTime now);
// Everything there is to know of one, a few lines.
std::string plan_view(const upgrade::Plan& plan, port::WallTime now);
// What a plan would do, before it is made.
std::string proposal_text(const upgrade::Plan& plan, const upgrade::WindowVerdict& window);
Json plan_to_json(const upgrade::Plan& plan);
// One HTML page from the plan and its records, which are in the order of the chain.
std::string upgrade_report(const upgrade::Plan& plan, const std::vector<audit::Entry>& records);

}  // namespace nautilus::cli
