#include "cli/context.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "core/value/yaml.h"

#ifndef NAUTILUSCTL_SHARE_DIR
#define NAUTILUSCTL_SHARE_DIR ""
#endif

namespace nautilus::cli {

namespace {

std::string encoded(const Json& data, Format format) {
  if (format == Format::yaml) return value::to_yaml(data);
  return data.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

void Context::print(std::string_view text) const { std::fwrite(text.data(), 1, text.size(), stdout); }

void Context::print(const Json& data) const { print(std::string_view(encoded(data, flags.format))); }

void Context::note(std::string_view text) const {
  if (!flags.quiet) fmt::print(stderr, "{}\n", text);
}

void Context::warn(std::string_view text) const { fmt::print(stderr, "warning: {}\n", text); }

std::unique_ptr<Progress> Context::progress() const {
  Progress::Style style;
  style.json = flags.format == Format::json;
  style.quiet = flags.quiet;
  style.verbose = flags.verbose;
  style.terminal = isatty(STDERR_FILENO) == 1 && !ports.process.environment("CI");
  style.colour = style.terminal && !ports.process.environment("NO_COLOR");
  return std::make_unique<Progress>(style);
}

Result<std::string> Context::project() const {
  if (!flags.project.empty()) {
    if (!ports.files.exists(flags.project + "/manifests/environments"))
      return Error(Code::usage, fmt::format("--project {}: no manifests/environments in it", flags.project));
    return flags.project;
  }
  if (auto said = ports.process.environment("NAUTILUSCTL_PROJECT"); said && !said->empty()) return *said;
  char buffer[4096];
  const std::string here = getcwd(buffer, sizeof buffer) ? buffer : ".";
  auto found = env::find_project(ports.files, here);
  if (found.ok()) return found;
  const std::string installed = NAUTILUSCTL_SHARE_DIR;
  if (!installed.empty() && ports.files.exists(installed + "/manifests/environments")) return installed;
  return found;
}

Result<env::Environment> Context::environment(const std::string& name) const {
  ASSIGN_OR_RETURN(const std::string dir, project());
  return env::load(ports.files, dir, name);
}

std::string Context::ask(std::string_view question) const {
  fmt::print(stderr, "{}", question);
  char line[256] = "";
  if (!std::fgets(line, sizeof line, stdin)) return "";
  std::string answer = line;
  while (!answer.empty() && (answer.back() == '\n' || answer.back() == '\r')) answer.pop_back();
  return answer;
}

bool Context::stdin_is_terminal() const { return isatty(STDIN_FILENO) == 1; }

int report(const Context& context, const Error& error) {
  const int exit = base::exit_code(error.code);
  if (context.flags.format == Format::json || context.flags.format == Format::yaml) {
    const Json body = {{"error",
                        {{"code", std::string(base::name(error.code))},
                         {"exitCode", exit},
                         {"message", error.message},
                         {"where", error.where},
                         {"doing", std::vector<std::string>(error.frames.rbegin(), error.frames.rend())},
                         {"hint", error.hint}}}};
    context.print(body);
  }
  fmt::print(stderr, "error: {}\n", error.text());
  if (!error.hint.empty()) fmt::print(stderr, "hint:  {}\n", error.hint);
  return exit;
}

}  // namespace nautilus::cli
