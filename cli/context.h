// What every command gets: the outside world behind ports, the shared flags, and the two output streams.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/output/progress.h"
#include "core/base/error.h"
#include "core/env/environment.h"
#include "core/port/ports.h"

namespace nautilus::cli {

enum class Format { text, json, yaml, junit };

// Flags that every command takes (cli/flags/global.cpp).
struct GlobalFlags {
  std::string project;     // --project
  std::string kubeconfig;  // --kubeconfig
  std::string context;     // --context
  Format format = Format::text;
  bool quiet = false, verbose = false;
};

class Context {
 public:
  explicit Context(port::Ports p) : ports(p) {}

  port::Ports ports;
  GlobalFlags flags;

  // The command that the command line chose; returns the exit code of success (0, or 10 for differences).
  std::function<Result<int>(Context&)> run;
  bool takes_junit = false;  // the command has something to say in that format

  // stdout: the data that was asked for, in the format that was asked for.
  void print(std::string_view text) const;
  void print(const Json& data) const;  // json or yaml by --output
  bool text() const { return flags.format == Format::text; }

  // stderr: progress, warnings, hints.
  std::unique_ptr<Progress> progress() const;
  void note(std::string_view text) const;  // not with --quiet
  void warn(std::string_view text) const;

  // --project, or the nearest project at or above the working directory, or the one installed with the binary.
  Result<std::string> project() const;
  Result<env::Environment> environment(const std::string& name) const;
  bool stdin_is_terminal() const;
  // Asks on stderr and reads one line, without its end; "" at the end of the input.
  std::string ask(std::string_view question) const;
};

// Prints an error in the chosen format and returns its exit code.
int report(const Context& context, const Error& error);

}  // namespace nautilus::cli
