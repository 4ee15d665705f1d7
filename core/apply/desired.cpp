#include "core/apply/desired.h"

namespace nautilus::apply {

Result<Desired> render(const port::Filesystem& files, const env::Environment& environment,
                       const chart::ValuesInput& overrides, chart::RenderServices& services) {
  auto rendered = [&]() -> Result<Desired> {
    ASSIGN_OR_RETURN(const auto loaded, chart::load(files, environment.chart));
    chart::ValuesInput input = overrides;
    input.files.insert(input.files.begin(), environment.values.begin(), environment.values.end());
    input.strict_files = environment.values.size();
    Desired desired;
    ASSIGN_OR_RETURN(const Json values, chart::merge_values(files, input, &desired.warnings));
    chart::ReleaseInfo release;
    release.name = environment.release;
    release.namespace_ = environment.namespace_;
    chart::Capabilities capabilities;
    if (!environment.kube_version.empty()) capabilities.kube_version = environment.kube_version;
    for (const auto& version : environment.api_versions) capabilities.api_versions.push_back(version);
    // Operators are there before the environment is.
    for (const auto& op : environment.operators)
      for (const auto& kind : op.provides) {
        capabilities.api_versions.push_back(kind.api_version());
        capabilities.api_versions.push_back(kind.api_version() + "/" + kind.kind);
      }
    ASSIGN_OR_RETURN(auto output, chart::render(*loaded, values, release, capabilities, services));
    desired.warnings.insert(desired.warnings.end(), output.warnings.begin(), output.warnings.end());
    desired.chart = loaded->metadata.name + "-" + loaded->metadata.version;
    desired.notes = std::move(output.notes);
    for (auto* part : {&output.crds, &output.objects})
      for (auto& manifest : *part) desired.objects.push_back({std::move(manifest.object), std::move(manifest.source)});
    return desired;
  }();
  return std::move(rendered).within(fmt::format("rendering environment {}", environment.name));
}

}  // namespace nautilus::apply
