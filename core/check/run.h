// Runs checks over one snapshot, and chooses them by name.
//
// Before a check looks, what it needs is held against what could be read: what is forbidden, unreachable or not served
// makes the outcome could-not-check (or not-applicable, for kinds of an add-on that is not installed), and the check
// does not run. Threading: pure.
#pragma once

#include <string>
#include <vector>

#include "core/check/check.h"

namespace nautilus::check {

struct Judged {
  About about;
  Outcome outcome;
};

std::vector<Judged> run(const Facts& facts, const std::vector<const Check*>& checks);

// Checks that any of the words names, each an id or a flow; all for none. An unknown word is Code::usage and told with
// the nearest known one. The order is the one of `all`.
Result<std::vector<const Check*>> select(const std::vector<Check>& all, const std::vector<std::string>& words);

// Every source that these checks need, each once.
std::vector<const Source*> sources_of(const std::vector<const Check*>& checks);

struct Counts {
  int ok = 0, warn = 0, fail = 0, could_not_check = 0, not_applicable = 0;
};
Counts count(const std::vector<Judged>& judged);
// Of the project's table: 12 if anything was found, else 3 if something could not be checked, else 0.
int exit_code(const Counts& counts);

}  // namespace nautilus::check
