// The parts of `nautilusctl engine`, a file each.
#pragma once

#include "cli/commands/commands.h"

namespace nautilus::cli {

void add_engine_journal(CLI::App& group, Context& context);  // inspect, verify, replay, export
void add_engine_key(CLI::App& group, Context& context);
void add_engine_bench(CLI::App& group, Context& context);

}  // namespace nautilus::cli
