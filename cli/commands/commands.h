// One function per command: it declares the command on the parser and sets Context::run when the command is chosen.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/context.h"

namespace nautilus::cli {

void add_calendar(CLI::App& app, Context& context);
void add_environments(CLI::App& app, Context& context);
void add_render(CLI::App& app, Context& context);
void add_diff(CLI::App& app, Context& context);
void add_deploy(CLI::App& app, Context& context);
void add_adopt(CLI::App& app, Context& context);
void add_release(CLI::App& app, Context& context);
void add_status(CLI::App& app, Context& context);
void add_history(CLI::App& app, Context& context);
void add_rollback(CLI::App& app, Context& context);
void add_backup(CLI::App& app, Context& context);
void add_restore(CLI::App& app, Context& context);
void add_destroy(CLI::App& app, Context& context);
void add_rehearse(CLI::App& app, Context& context);
void add_sim(CLI::App& app, Context& context);
void add_engine(CLI::App& app, Context& context);
void add_bundle_command(CLI::App& app, Context& context);
void add_verify(CLI::App& app, Context& context);
void add_doctor(CLI::App& app, Context& context);
void add_upgrade(CLI::App& app, Context& context);
void add_controller(CLI::App& app, Context& context);
void add_audit(CLI::App& app, Context& context);
void add_completion(CLI::App& app, Context& context);
void add_version(CLI::App& app, Context& context);

}  // namespace nautilus::cli
