#include "cli/flags/values.h"

namespace nautilus::cli {

void add_env(CLI::App& command, std::string& env) {
  command.add_option("--env,-e", env, "environment: a folder of manifests/environments (prod, staging, dev)")
      ->required()
      ->type_name("ENV");
}

void add_values(CLI::App& command, ValuesFlags& flags) {
  add_env(command, flags.env);
  auto repeated = [&](const char* name, std::vector<std::string>& into, const char* help, const char* type) {
    command.add_option(name, into, help)->type_name(type)->allow_extra_args(false)->group("Values");
  };
  auto& v = flags.overrides;
  repeated("--values,-f", v.files, "values file on top of the environment's; repeatable, the last one wins", "FILE");
  repeated("--set", v.set, "set a value: a.b=c, a[0]=c, a={b,c}; repeatable", "PATH=VALUE");
  repeated("--set-string", v.set_string, "like --set, but the value stays a string", "PATH=VALUE");
  repeated("--set-json", v.set_json, "set a value to a JSON document", "PATH=JSON");
  repeated("--set-file", v.set_file, "set a value to the content of a file", "PATH=FILE");
  repeated("--set-literal", v.set_literal, "like --set-string, without any escapes", "PATH=VALUE");
}

}  // namespace nautilus::cli
