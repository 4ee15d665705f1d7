// What an upgrade asks of the rest of the product: the calendar, the checks, the metrics, who may approve.
// Whoever composes a run fills these in; each answers within a bound of its own. An empty function means: not configured,
// and then the answer is the safe one (window and preflight unknown).
#pragma once

#include <functional>

#include "core/upgrade/decide.h"

namespace nautilus::upgrade {

struct Services {
  std::function<WindowVerdict(port::WallTime now)> window;
  std::function<PreflightVerdict(const Plan& plan)> preflight;
  canary::Analyst* analyst = nullptr;  // null: a change with metrics gets no data, one without gets none asked
  std::vector<audit::Approver> approvers;
  std::string who;  // "ann@host pid 4711"
};

}  // namespace nautilus::upgrade
