// The command line: declares the commands, parses, runs one, reports its error.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "cli/commands/commands.h"
#include "cli/context.h"
#include "core/host/real_ports.h"

namespace nautilus::cli {
namespace {

void add_global(CLI::App& app, GlobalFlags& flags) {
  app.add_option("--project", flags.project,
                 "directory with manifests/ and templates/ (default: found from here upward)")
      ->type_name("DIR")
      ->group("Global");
  app.add_option("--kubeconfig", flags.kubeconfig, "kubeconfig file (default: $KUBECONFIG, then ~/.kube/config)")
      ->type_name("FILE")
      ->group("Global");
  app.add_option("--context", flags.context, "kubeconfig context")->type_name("NAME")->group("Global");
  app.add_option("--output,-o", flags.format, "output format: text, json or yaml; verify and doctor also junit")
      ->transform(CLI::CheckedTransformer(std::map<std::string, Format>{
          {"text", Format::text}, {"json", Format::json}, {"yaml", Format::yaml}, {"junit", Format::junit}}))
      ->type_name("FORMAT")
      ->group("Global");
  app.add_flag("--quiet,-q", flags.quiet, "only warnings and errors on stderr")->group("Global");
  app.add_flag("--verbose,-v", flags.verbose, "more detail on stderr")->group("Global");
}

int run(int argc, char** argv) {
  host::RealPorts real;
  Context context(real.ports());
  CLI::App app("Runs the Nautilus trading platform on Kubernetes: render, rehearse, deploy, roll back.", "nautilusctl");
  app.require_subcommand(1);
  app.fallthrough();
  app.failure_message(CLI::FailureMessage::simple);
  add_global(app, context.flags);
  for (auto add :
       {add_environments, add_render,   add_diff,   add_deploy,  add_adopt,      add_release,  add_status,
        add_history,      add_rollback, add_backup, add_restore, add_destroy,    add_rehearse, add_bundle_command,
        add_verify,       add_doctor,   add_calendar, add_upgrade, add_controller, add_audit, add_sim, add_engine,
        add_completion,   add_version})
    add(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& e) { return app.exit(e); } catch (const CLI::CallForAllHelp& e) {
    return app.exit(e);
  } catch (const CLI::ParseError& e) {
    return report(context, Error(Code::usage, e.what(), "see nautilusctl --help, or COMMAND --help"));
  }
  if (context.flags.format == Format::junit && !context.takes_junit) {
    context.flags.format = Format::text;
    return report(context, Error(Code::usage, "only verify and doctor have junit output", "use text, json or yaml"));
  }
  auto result = context.run(context);
  if (!result.ok()) return report(context, result.error());
  // A full disk or a closed pipe behind stdout is only seen when it is flushed.
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    return report(context, Error(Code::io, "cannot write to standard output"));
  return *result;
}

}  // namespace
}  // namespace nautilus::cli

int main(int argc, char** argv) { return nautilus::cli::run(argc, argv); }
