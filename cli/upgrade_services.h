// What an upgrade asks of the rest of the product, put together from an environment: calendar, checks, metrics, people.
#pragma once

#include <memory>

#include "cli/context.h"
#include "cli/session.h"
#include "core/canary/threshold.h"
#include "core/upgrade/services.h"

namespace nautilus::cli {

// Owns what Services refers to. Not movable.
class UpgradeServices {
 public:
  // `prometheus`: overrides the environment's URL; "" = the environment's.
  static Result<std::unique_ptr<UpgradeServices>> make(const Context& context, const env::Environment& env,
                                                       OpenSession& open, const std::string& prometheus);
  const upgrade::Services& services() const { return services_; }

 private:
  UpgradeServices() = default;
  upgrade::Services services_;
  std::unique_ptr<canary::Analyst> analyst_;
};

}  // namespace nautilus::cli
