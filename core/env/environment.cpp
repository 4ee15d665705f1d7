#include "core/env/environment.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/duration.h"
#include "core/env/calendar.h"
#include "core/env/upgrades.h"
#include "core/value/strict_reader.h"
#include "core/value/yaml.h"
#include "core/value/yaml_line.h"

namespace nautilus::env {

namespace {

constexpr std::string_view kApiVersion = "nautilusctl.io/v1alpha1";

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

Result<std::vector<GeneratedSecret>> generated_secrets(value::StrictReader& spec) {
  std::vector<GeneratedSecret> secrets;
  for (value::StrictReader entry : spec.list("generatedSecrets")) {
    GeneratedSecret secret{entry.required_string("name"), entry.required_string("namespace"), {}};
    value::StrictReader keys = entry.object("keys");
    for (const auto& key : keys.keys()) {
      value::StrictReader shape = keys.object(key);
      const auto length = shape.integer("length", 32);
      if (length < 8 || length > kMaxSecretLength)
        shape.fail("length", fmt::format("must be between 8 and {}, is {}", kMaxSecretLength, length));
      secret.keys[key] = static_cast<int>(length);
      TRY(shape.finish());
    }
    TRY(keys.finish());
    TRY(entry.finish());
    secrets.push_back(std::move(secret));
  }
  return secrets;
}

Result<std::vector<ExternalSecret>> external_secrets(value::StrictReader& spec) {
  std::vector<ExternalSecret> secrets;
  for (value::StrictReader entry : spec.list("externalSecrets")) {
    secrets.push_back({entry.required_string("name"), entry.required_string("namespace"), entry.string("why")});
    TRY(entry.finish());
  }
  return secrets;
}

Result<Environment> typed(const Json& document, const std::string& file) {
  Environment env;
  env.file = file;
  const std::string base = directory_of(file);
  value::StrictReader root(document, file);
  if (root.required_string("apiVersion") != kApiVersion)
    root.fail("apiVersion", fmt::format("must be {}", kApiVersion));
  if (root.required_string("kind") != "Environment") root.fail("kind", "must be Environment");
  value::StrictReader metadata = root.object("metadata");
  env.name = metadata.required_string("name");
  TRY(metadata.finish());

  value::StrictReader spec = root.object("spec");
  env.chart = resolved_path(base, spec.required_string("chart"));
  for (const auto& values : spec.strings("values")) env.values.push_back(resolved_path(base, values));
  value::StrictReader release = spec.object("release");
  env.release = release.required_string("name");
  env.namespace_ = release.required_string("namespace");
  TRY(release.finish());
  value::StrictReader cluster = spec.object("cluster");
  env.context = cluster.string("context");
  env.kube_system_uid = cluster.string("kubeSystemUID");
  TRY(cluster.finish());
  env.kube_version = spec.string("kubeVersion");
  env.api_versions = spec.strings("apiVersions");
  ASSIGN_OR_RETURN(env.generated_secrets, generated_secrets(spec));
  ASSIGN_OR_RETURN(env.external_secrets, external_secrets(spec));
  env.require_digests = spec.boolean("requireDigests", false);
  ASSIGN_OR_RETURN(env.operators, read_operators(spec, base));
  for (std::size_t i = 0; i < env.operators.size(); ++i)
    if (env.operators[i].name == env.release && env.operators[i].namespace_ == env.namespace_)
      spec.fail(fmt::format("operators[{}].name", i), "is the environment's own release in the same namespace");
  TRY(read_upgrades(spec));  // kept by who asks: upgrades_of()
  ASSIGN_OR_RETURN(env.calendar, read_calendar(spec, base));
  ASSIGN_OR_RETURN(env.promises, read_promises(spec));
  ASSIGN_OR_RETURN(env.capacity, read_capacity(spec));
  value::StrictReader timeouts = spec.object("timeouts");
  env.wave_timeout = timeouts.duration("wave", env.wave_timeout);
  env.total_timeout = timeouts.duration("total", env.total_timeout);
  TRY(timeouts.finish());
  value::StrictReader history = spec.object("history");
  const auto limit = history.integer("limit", env.history_limit);
  if (limit < 1 || limit > kMaxHistory) history.fail("limit", fmt::format("must be between 1 and {}", kMaxHistory));
  env.history_limit = static_cast<int>(limit);
  TRY(history.finish());
  TRY(spec.finish());
  TRY(root.finish());
  return env;
}

// "file: spec.chart" becomes "file:5: spec.chart".
Error with_line(Error error, const std::string& text, const std::string& file) {
  const std::string head = file + ": ";
  if (!error.where.starts_with(head)) return error;
  const std::string path = error.where.substr(head.size());
  if (const int line = value::yaml_line_of(text, path); line > 0)
    error.where = fmt::format("{}:{}: {}", file, line, path);
  return error;
}

}  // namespace

Result<std::vector<std::string>> names(const port::Filesystem& files, const std::string& project) {
  const std::string folder = project + "/manifests/environments";
  ASSIGN_OR_RETURN(const auto entries, files.list(folder));
  std::vector<std::string> found;
  for (const auto& entry : entries)
    if (files.exists(folder + "/" + entry + "/environment.yaml")) found.push_back(entry);
  return found;
}

Result<Environment> load(const port::Filesystem& files, const std::string& project, const std::string& name) {
  const bool plain = !name.empty() && name.find('/') == std::string::npos && name.front() != '.';
  const std::string file = resolved_path(project, "manifests/environments/" + name + "/environment.yaml");
  auto text = plain ? files.read(file) : Result<std::string>(Error(Code::not_found, "no such file"));
  if (!text.ok()) {
    if (text.error().code != Code::not_found) return std::move(text).error().within("reading environment " + name);
    auto known = names(files, project);
    const std::string list = known.ok() && !known->empty() ? fmt::format("{}", fmt::join(*known, ", ")) : "none";
    return Error(
        Code::usage, fmt::format("unknown environment \"{}\"", name),
        fmt::format("environments of this project: {}; add one as manifests/environments/<name>/environment.yaml",
                    list));
  }
  ASSIGN_OR_RETURN(const Json document, value::parse_yaml(*text, file));
  auto env = typed(document, file);
  if (!env.ok()) return with_line(std::move(env).error(), *text, file).within("reading environment " + name);
  // An unknown venue is refused where it is named, before anything is rendered for it.
  for (std::size_t i = 0; i < env->calendar.venues.size(); ++i) {
    const std::string& mic = env->calendar.venues[i];
    if (files.exists(calendar::calendar_file(project, mic))) continue;
    Error unknown = calendar::unknown_venue(files, project, mic);
    unknown.code = Code::invalid;
    return with_line(std::move(unknown).at(fmt::format("{}: spec.calendar.venues[{}]", file, i)), *text, file)
        .within("reading environment " + name);
  }
  if (env->name != name)
    return Error(Code::invalid, fmt::format("metadata.name is \"{}\" but the folder is \"{}\"", env->name, name))
        .at(file);
  return env;
}

Result<std::string> find_project(const port::Filesystem& files, const std::string& start) {
  constexpr int kMaxParents = 64;
  std::string dir = start;
  for (int i = 0; i < kMaxParents; ++i) {
    if (files.exists(dir + "/manifests/environments") && files.exists(dir + "/templates")) return dir;
    if (dir == "/" || dir.empty()) break;
    dir = resolved_path(dir, "..");
  }
  return Error(Code::usage, fmt::format("no project found at or above {}", start),
               "a project has manifests/environments and templates; say where it is with --project DIR");
}

}  // namespace nautilus::env
