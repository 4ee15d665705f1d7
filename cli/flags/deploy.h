// How to go about a change: --yes, --wait, --timeout, --take-from, --allow-removal, the lock flags.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cli/context.h"
#include "core/release/deploy.h"

namespace nautilus::cli {

struct ChangeFlags {
  bool yes = false, no_wait = false;
  std::string timeout, lock_timeout, take_over_lock;
  std::vector<std::string> take_from, allow_removal;
};

void add_change(CLI::App& command, ChangeFlags& flags);

// `env` gets the timeout. Confirmation is asked on a terminal unless --yes.
Result<release::DeployOptions> change_options(const Context& context, const ChangeFlags& flags, env::Environment& env);

}  // namespace nautilus::cli
