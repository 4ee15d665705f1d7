#include "cli/flags/velero.h"

#include "cli/flags/values.h"
#include "core/base/duration.h"
#include "core/release/lease.h"

namespace nautilus::cli {

void add_velero(CLI::App& command, VeleroFlags& flags) {
  add_env(command, flags.env);
  command
      .add_option("--velero-namespace", flags.velero_namespace, "where Velero's objects are (default: velero-system)")
      ->type_name("NAME");
}

void add_store(CLI::App& command, StoreFlags& flags) {
  command.add_option("--cacert", flags.ca_file, "certificate authority of the object store")->type_name("FILE");
  command.add_flag("--insecure-skip-tls-verify", flags.insecure, "do not check the object store's certificate");
}

Result<backup::Store> open_store(const Context& context, const StoreFlags& flags) {
  backup::Store store{context.ports, "", flags.insecure};
  if (!flags.ca_file.empty()) { ASSIGN_OR_RETURN(store.ca_pem, context.ports.files.read(flags.ca_file)); }
  return store;
}

Result<port::Duration> duration_flag(const std::string& name, const std::string& text) {
  if (text.empty()) return port::Duration{};
  auto parsed = base::parse_duration(text);
  if (!parsed.ok() || parsed->count() <= 0)
    return Error(Code::usage, fmt::format("{} {}: not a time, as in 90s, 15m or 24h", name, text));
  return *parsed;
}

Result<port::WallTime> time_flag(const std::string& name, const std::string& text) {
  if (const auto time = release::parse_time(text)) return *time;
  return Error(Code::usage, fmt::format("{} {}: not a time, as in 2026-11-29T07:00:00Z", name, text));
}

OpenVelero::OpenVelero(std::unique_ptr<Progress> told, std::unique_ptr<OpenSession> opened,
                       std::string velero_namespace)
    : progress(std::move(told)),
      open(std::move(opened)),
      session(open->session()),
      settings{session, std::move(velero_namespace)} {}

Result<std::unique_ptr<OpenVelero>> OpenVelero::start(const Context& context, const env::Environment& env,
                                                      const std::string& velero_namespace) {
  auto progress = context.progress();
  ASSIGN_OR_RETURN(auto open, OpenSession::open(context, env, *progress));
  return std::make_unique<OpenVelero>(std::move(progress), std::move(open), velero_namespace);
}

}  // namespace nautilus::cli
