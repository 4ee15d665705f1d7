// Which environment, and values on top of it: --env, -f, --set and its kin, as Helm names them.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "core/chart/render.h"

namespace nautilus::cli {

struct ValuesFlags {
  std::string env;
  chart::ValuesInput overrides;
};

void add_env(CLI::App& command, std::string& env);
void add_values(CLI::App& command, ValuesFlags& flags);

}  // namespace nautilus::cli
