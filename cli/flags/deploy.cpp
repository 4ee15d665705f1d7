#include "cli/flags/deploy.h"

#include "cli/output/plan_text.h"
#include "core/base/duration.h"

namespace nautilus::cli {

namespace {

Result<port::Duration> duration_of(const char* flag, const std::string& text) {
  auto parsed = base::parse_duration(text);
  if (!parsed.ok() || *parsed < port::Duration::zero())
    return Error(Code::usage, fmt::format("{} {}: not a duration", flag, text), "for example 90s, 10m or 1h30m");
  return *parsed;
}

}  // namespace

void add_change(CLI::App& command, ChangeFlags& flags) {
  command.add_flag("--yes,-y", flags.yes, "do not ask");
  command.add_flag(
      "--wait,!--no-wait", [&flags](std::int64_t on) { flags.no_wait = on < 0; },
      "wait until everything is healthy (default)");
  command.add_option("--timeout", flags.timeout, "limit for each wave, instead of the environment's")
      ->type_name("DURATION");
  command.add_option("--lock-timeout", flags.lock_timeout, "wait this long for another run to finish")
      ->type_name("DURATION");
  command.add_option("--take-over-lock", flags.take_over_lock, "take the lock from this holder, who is dead")
      ->type_name("HOLDER");
  command.add_option("--take-from", flags.take_from, "take fields over that this field manager owns; repeatable")
      ->type_name("MANAGER")
      ->allow_extra_args(false);
  command
      .add_option("--allow-removal", flags.allow_removal, "let this object go although it may hold data; repeatable")
      ->type_name("OBJECT")
      ->allow_extra_args(false);
}

Result<release::DeployOptions> change_options(const Context& context, const ChangeFlags& flags, env::Environment& env) {
  release::DeployOptions options;
  options.wait = !flags.no_wait;
  if (!flags.timeout.empty()) { ASSIGN_OR_RETURN(env.wave_timeout, duration_of("--timeout", flags.timeout)); }
  if (!flags.lock_timeout.empty()) {
    ASSIGN_OR_RETURN(options.lock_wait, duration_of("--lock-timeout", flags.lock_timeout));
  }
  options.take_over_lock = flags.take_over_lock;
  options.take_from = {flags.take_from.begin(), flags.take_from.end()};
  options.allow_removal = {flags.allow_removal.begin(), flags.allow_removal.end()};
  // In a pipeline nobody answers: asking would hang it, so only a terminal is asked.
  if (!flags.yes && context.stdin_is_terminal())
    options.confirm = [&context](const apply::Planned& planned) -> Result<bool> {
      context.note(plan_summary(planned.plan));
      const std::string answer = context.ask("Apply? [y/N] ");
      return answer == "y" || answer == "Y" || answer == "yes";
    };
  return options;
}

}  // namespace nautilus::cli
