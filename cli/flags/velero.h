// What the commands that go through Velero share: its namespace, and how its object store is reached from here.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "cli/session.h"
#include "core/backup/download.h"

namespace nautilus::cli {

struct VeleroFlags {
  std::string env, velero_namespace = std::string(backup::kVeleroNamespace);
};
struct StoreFlags {
  std::string ca_file;
  bool insecure = false;
};

void add_velero(CLI::App& command, VeleroFlags& flags);
void add_store(CLI::App& command, StoreFlags& flags);

Result<backup::Store> open_store(const Context& context, const StoreFlags& flags);

// "24h", "7d" is not Go's: h, m, s. 0 if the text is empty.
Result<port::Duration> duration_flag(const std::string& name, const std::string& text);
// RFC 3339 in UTC.
Result<port::WallTime> time_flag(const std::string& name, const std::string& text);

// One environment's session with Velero's namespace. Not movable: `settings` refers to `session`.
struct OpenVelero {
  std::unique_ptr<Progress> progress;
  std::unique_ptr<OpenSession> open;
  release::Session session;
  backup::Settings settings;
  static Result<std::unique_ptr<OpenVelero>> start(const Context& context, const env::Environment& env,
                                                   const std::string& velero_namespace);
  OpenVelero(std::unique_ptr<Progress> told, std::unique_ptr<OpenSession> opened, std::string velero_namespace);
  OpenVelero(const OpenVelero&) = delete;
  OpenVelero& operator=(const OpenVelero&) = delete;
};

}  // namespace nautilus::cli
