// What `rollback COMPONENT` does about upgrades, before it looks at the release's history.
#pragma once

#include <optional>

#include "cli/context.h"
#include "cli/session.h"
#include "core/upgrade/plan.h"

namespace nautilus::cli {

// An upgrade of the component that is going on is aborted and brought back; one that is done and whose images still run
// is undone by a plan of its own. Nothing if neither is so. The plan that went back, at its end.
Result<std::optional<upgrade::Plan>> roll_back_upgrade(const Context& context, const env::Environment& env,
                                                       OpenSession& open, const std::string& component,
                                                       const std::string& reason);

}  // namespace nautilus::cli
