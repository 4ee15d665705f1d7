#include "core/apply/operator_chart.h"

#include <fmt/ranges.h>

#include <set>

namespace nautilus::apply {

namespace {

Result<chart::FetchedChart> fetched(const ChartAccess& access, const env::Operator& op) {
  if (!access.connector)
    return Error(Code::refused,
                 fmt::format("the chart of operator {} is not at hand ({}), and the network is not used", op.name,
                             op.chart.text()),
                 "gather it with: nautilusctl bundle create");
  if (op.chart.kind == env::ChartSource::Kind::oci)
    return Error(Code::refused, fmt::format("{}: OCI registries are not asked for charts", op.chart.location),
                 fmt::format("get it with `helm pull {} --version {}` and name the file as chart.archive",
                             op.chart.location, op.version));
  chart::RepositoryChart wanted{op.chart.location, op.chart.name, op.version, "", "", ""};
  for (auto [variable, into] : {std::pair{&op.chart.username_variable, &wanted.username},
                                std::pair{&op.chart.password_variable, &wanted.password}}) {
    if (variable->empty()) continue;
    const auto found = access.process.environment(*variable);
    if (!found || found->empty())
      return Error(Code::invalid, fmt::format("the environment variable {} is not set", *variable),
                   "it holds a credential of the chart repository");
    *into = *found;
  }
  if (!op.chart.ca_file.empty()) { ASSIGN_OR_RETURN(wanted.ca_pem, access.files.read(op.chart.ca_file)); }
  return chart::fetch_chart({*access.connector, access.clock, access.interrupt}, wanted);
}

Result<> check_pins(const env::Environment& environment, const env::Operator& op, const OperatorChart& loaded) {
  const auto& metadata = loaded.chart->metadata;
  if (!loaded.digest.empty() && !op.digest.empty() && loaded.digest != op.digest)
    return Error(Code::refused,
                 fmt::format("the chart of operator {} has the digest {}, the environment says {}", op.name,
                             loaded.digest, op.digest),
                 "somebody replaced the package, or digest and version do not belong together")
        .at(environment.file);
  if (!chart::same_version(metadata.version, op.version))
    return Error(Code::refused,
                 fmt::format("the chart of operator {} is version {}, the environment says {}", op.name,
                             metadata.version, op.version),
                 "correct version (and digest) in the environment, or the chart's source")
        .at(environment.file);
  if (op.chart.kind == env::ChartSource::Kind::repository && metadata.name != op.chart.name)
    return Error(Code::refused, fmt::format("the package of chart {} holds the chart {}", op.chart.name, metadata.name))
        .at(environment.file);
  if (!loaded.digest.empty() && op.digest.empty() && environment.require_digests)
    return Error(Code::refused,
                 fmt::format("environment {} requires digests, and operator {} has none", environment.name, op.name),
                 fmt::format("if this is the package you mean: digest: {}", loaded.digest))
        .at(environment.file);
  return {};
}

// Helm's client would run these at install time; nautilusctl runs no hooks, and says which.
std::string hooks_warning(const env::Operator& op, const std::vector<chart::Hook>& hooks) {
  std::vector<std::string> names;
  for (const auto& hook : hooks) {
    if (hook.events == std::vector<std::string>{"test"}) continue;
    names.push_back(fmt::format("{} {} ({})", value::string_at(hook.manifest.object, "kind"),
                                value::string_at(hook.manifest.object, "metadata", "name"),
                                fmt::join(hook.events, ", ")));
  }
  if (names.empty()) return "";
  return fmt::format("operator {}: hooks of its chart are not run: {}", op.name, fmt::join(names, "; "));
}

}  // namespace

Result<OperatorChart> load_operator_chart(const ChartAccess& access, const env::Environment& environment,
                                          const env::Operator& op) {
  auto result = [&]() -> Result<OperatorChart> {
    OperatorChart loaded;
    if (op.chart.kind == env::ChartSource::Kind::directory) {
      ASSIGN_OR_RETURN(loaded.chart, chart::load(access.files, op.chart.location));
    } else {
      if (op.chart.remote()) {
        ASSIGN_OR_RETURN(auto package, fetched(access, op));
        loaded.archive = std::move(package.bytes);
      } else {
        ASSIGN_OR_RETURN(loaded.archive, access.files.read(op.chart.location, chart::kMaxArchiveBytes));
      }
      loaded.digest = chart::digest_of(loaded.archive);
      // Before anything of it is unpacked.
      if (!op.digest.empty() && op.digest != loaded.digest) {
        chart::Chart nothing;
        nothing.metadata.version = op.version;
        return check_pins(environment, op, {std::make_shared<const chart::Chart>(nothing), "", loaded.digest}).error();
      }
      ASSIGN_OR_RETURN(loaded.chart, chart::load_archive(loaded.archive, op.chart.text()));
    }
    TRY(check_pins(environment, op, loaded));
    return loaded;
  }();
  return std::move(result).within("loading the chart of operator " + op.name);
}

env::Environment operator_environment(const env::Environment& environment, const env::Operator& op) {
  env::Environment own = environment;
  own.name = environment.name + "/" + op.name;
  own.release = op.name;
  own.namespace_ = op.namespace_;
  own.generated_secrets.clear();
  own.external_secrets.clear();
  std::erase_if(own.operators, [&](const env::Operator& other) { return other.name == op.name; });
  return own;
}

Result<DesiredOperator> render_operator(const ChartAccess& access, const env::Environment& environment,
                                        const env::Operator& op, chart::RenderServices& services) {
  ASSIGN_OR_RETURN(auto loaded, load_operator_chart(access, environment, op));
  DesiredOperator out{&op, operator_environment(environment, op), {}, std::move(loaded.archive), loaded.digest};
  auto rendered = [&]() -> Result<> {
    chart::ValuesInput input;
    input.files = op.values;
    input.strict_files = op.values.size();
    Desired& desired = out.desired;
    ASSIGN_OR_RETURN(const Json values, chart::merge_values(access.files, input, &desired.warnings));
    chart::ReleaseInfo release;
    release.name = op.name;
    release.namespace_ = op.namespace_;
    chart::Capabilities capabilities;
    if (!environment.kube_version.empty()) capabilities.kube_version = environment.kube_version;
    for (const auto& version : environment.api_versions) capabilities.api_versions.push_back(version);
    ASSIGN_OR_RETURN(auto output, chart::render(*loaded.chart, values, release, capabilities, services));
    desired.warnings.insert(desired.warnings.end(), output.warnings.begin(), output.warnings.end());
    if (std::string hooks = hooks_warning(op, output.hooks); !hooks.empty()) desired.warnings.push_back(hooks);
    if (!loaded.digest.empty() && op.digest.empty())
      desired.warnings.push_back(fmt::format("operator {} is not pinned; digest: {}", op.name, loaded.digest));
    desired.chart = loaded.chart->metadata.name + "-" + loaded.chart->metadata.version;
    desired.notes = std::move(output.notes);
    for (auto* part : {&output.crds, &output.objects})
      for (auto& manifest : *part) desired.objects.push_back({std::move(manifest.object), std::move(manifest.source)});
    return {};
  }();
  if (!rendered.ok()) return std::move(rendered).error().within("rendering operator " + op.name);
  return out;
}

Result<std::vector<DesiredOperator>> render_operators(const ChartAccess& access, const env::Environment& environment,
                                                      const std::string& only, chart::RenderServices& services) {
  std::vector<DesiredOperator> rendered;
  bool found = only.empty();
  for (const env::Operator& op : environment.operators) {
    if (!only.empty() && op.name != only) continue;
    found = true;
    if (!op.ours && !only.empty())
      return Error(Code::usage, fmt::format("operator {} is installed by somebody else", op.name),
                   "installedBy: other in the environment");
    if (!op.ours) continue;
    ASSIGN_OR_RETURN(auto one, render_operator(access, environment, op, services));
    rendered.push_back(std::move(one));
  }
  if (!found) {
    std::vector<std::string_view> names;
    for (const auto& op : environment.operators) names.push_back(op.name);
    return Error(Code::usage, fmt::format("environment {} has no operator {}", environment.name, only),
                 names.empty() ? "it has none" : fmt::format("it has {}", fmt::join(names, ", ")));
  }
  return rendered;
}

}  // namespace nautilus::apply
