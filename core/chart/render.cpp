#include "core/chart/render.h"

#include "core/chart/dependencies.h"
#include "core/chart/objects.h"
#include "core/chart/schema.h"
#include "core/sprig/environment.h"
#include "core/sprig/semver.h"

namespace nautilus::chart {
namespace {

using gotmpl::Val;

// One template with what it is executed with.
struct Template {
  std::string name;  // "parent/charts/sub/templates/x.yaml"
  const std::string* text;
  std::string base_path;  // "parent/charts/sub/templates"
  Val scope;              // shared by the templates of one chart
};

std::string_view base_name(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}
bool is_partial(std::string_view path) { return base_name(path).starts_with('_'); }

// The templates of a chart and of the charts below it, each with its own view of values, files and chart.
Val collect(const Chart& chart, const std::string& path, const Val& values, const Val& release, const Val& capabilities,
            bool is_root, std::vector<Template>& out) {
  const Val scope = Val::map();
  auto& items = scope.as_map().items;
  scope.as_map().type_name = is_root ? "common.Values" : "";
  const Val subcharts = Val::map();
  items.emplace("Chart", chart_object(chart.metadata, is_root));
  items.emplace("Files", files_object(chart.files));
  items.emplace("Release", release);
  items.emplace("Capabilities", capabilities);
  items.emplace("Values", values);
  items.emplace("Subcharts", subcharts);
  for (const auto& dependency : chart.dependencies) {
    const Val below = values.get(dependency->name());
    subcharts.as_map().items.insert_or_assign(
        dependency->name(), collect(*dependency, path + "/charts/" + dependency->name(),
                                    below.is_map() ? below : Val::map(), release, capabilities, false, out));
  }
  for (const File& file : *chart.templates) {
    if (chart.metadata.is_library() && !is_partial(file.name)) continue;
    out.push_back({path + "/" + file.name, &file.data, path + "/templates", scope});
  }
  return scope;
}

// Deepest path first, each depth in descending order: what is parsed later replaces what came before.
void sort_for_parsing(std::vector<Template>& templates) {
  const auto depth = [](const Template& one) { return std::count(one.name.begin(), one.name.end(), '/'); };
  std::sort(templates.begin(), templates.end(), [&](const Template& a, const Template& b) {
    const auto depth_a = depth(a), depth_b = depth(b);
    return depth_a != depth_b ? depth_a > depth_b : a.name > b.name;
  });
}

Result<RenderedTexts> execute_all(const gotmpl::TemplateSet& set, const std::vector<Template>& templates,
                                  RenderServices& services) {
  sprig::Environment environment;
  environment.entropy = services.entropy;
  environment.clock = services.clock;
  gotmpl::Options options;
  options.missing_key = gotmpl::MissingKey::zero;
  options.limits = services.limits;
  options.interrupt = services.interrupt;
  options.user = &environment;
  RenderedTexts out;
  std::size_t total = 0;
  for (const Template& one : templates) {
    if (is_partial(one.name)) continue;
    Val about = Val::map();
    about.as_map().type_name = "common.Values";
    about.as_map().items.emplace("Name", Val(one.name));
    about.as_map().items.emplace("BasePath", Val(one.base_path));
    one.scope.as_map().items.insert_or_assign("Template", about);
    ASSIGN_OR_RETURN(std::string text, set.execute(one.name, one.scope, options));
    sprig::drop_no_value(text);
    total += text.size();
    if (total > kMaxRenderedBytes)
      return Error(Code::limit, fmt::format("the templates render to more than {} MiB", kMaxRenderedBytes >> 20))
          .at(one.name);
    out.emplace_back(one.name, std::move(text));
  }
  std::sort(out.begin(), out.end());
  return out;
}

bool valid_release_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxReleaseName) return false;
  const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool edge = i == 0 || i + 1 == name.size() || name[i - 1] == '.' || name[i + 1] == '.';
    if (!alphanumeric(name[i]) && (edge || (name[i] != '-' && name[i] != '.'))) return false;
  }
  return true;
}

Result<> check_before(const Chart& chart, const ReleaseInfo& release) {
  if (!valid_release_name(release.name))
    return Error(Code::invalid, fmt::format("{:?} is not a valid release name", release.name),
                 fmt::format("lower case letters, digits, - and ., at most {} characters", kMaxReleaseName));
  if (chart.metadata.is_library())
    return Error(Code::invalid, fmt::format("{} is a library chart: it cannot be installed by itself", chart.name()));
  std::vector<std::string_view> missing;
  for (const Dependency& wanted : chart.metadata.dependencies) {
    const bool present = std::any_of(chart.dependencies.begin(), chart.dependencies.end(),
                                     [&](const auto& one) { return one->name() == wanted.name; });
    if (!present) missing.push_back(wanted.name);
  }
  if (missing.empty()) return {};
  return Error(
      Code::invalid,
      fmt::format("dependencies of {} are not in its charts/ directory: {}", chart.name(), fmt::join(missing, ", ")),
      "fetch them with: helm dependency build");
}

bool is_manifest_file(std::string_view name) {
  const auto dot = name.rfind('.');
  if (dot == std::string_view::npos) return false;
  std::string extension(name.substr(dot));
  for (char& c : extension) c = static_cast<char>(c | 0x20);
  return extension == ".yaml" || extension == ".yml" || extension == ".json";
}

Result<> add_crds(const Chart& chart, const std::string& path, std::vector<Manifest>& crds,
                  std::vector<std::string>& warnings) {
  for (const File& file : *chart.files) {
    if (!file.name.starts_with("crds/") || !is_manifest_file(file.name)) continue;
    std::vector<Hook> marked;  // annotations mean nothing here
    TRY(add_manifests(path + "/" + file.name, file.data, crds, marked, warnings));
    for (Hook& hook : marked) crds.push_back(std::move(hook.manifest));
  }
  for (const auto& dependency : chart.dependencies)
    TRY(add_crds(*dependency, path + "/charts/" + dependency->name(), crds, warnings));
  return {};
}

void add_chart_warnings(const Chart& chart, std::vector<std::string>& warnings) {
  for (const std::string& warning : chart.warnings)
    if (warnings.size() < kMaxWarnings) warnings.push_back(warning);
  for (const auto& dependency : chart.dependencies) add_chart_warnings(*dependency, warnings);
}

// The chart tree that takes part, and the texts of its templates.
Result<RenderedTexts> render_tree(const Chart& tree, const Json& user_values, const ReleaseInfo& release,
                                  const Capabilities& capabilities, RenderServices& services) {
  ASSIGN_OR_RETURN(Json values, coalesce_values(tree, user_values));
  TRY(validate_values(tree, values));
  ASSIGN_OR_RETURN(const std::string kube_version, normalized_kube_version(capabilities.kube_version));
  const std::string& wanted = tree.metadata.kube_version;
  if (!wanted.empty() && !sprig::is_compatible(wanted, kube_version))
    return Error(Code::refused, fmt::format("chart {} requires Kubernetes {} and this is {}", tree.name(), wanted,
                                            capabilities.kube_version));
  ASSIGN_OR_RETURN(const Val capabilities_val, capabilities_object(capabilities));
  const Val values_val = values_object(values);
  values_val.as_map().type_name = "common.Values";
  std::vector<Template> templates;
  collect(tree, tree.name(), values_val, release_object(release), capabilities_val, true, templates);
  sort_for_parsing(templates);
  gotmpl::TemplateSet set(sprig::helm_functions());
  for (const Template& one : templates)
    TRY(set.parse(one.name, *one.text, services.limits));
  return execute_all(set, templates, services);
}

}  // namespace

Result<RenderedTexts> render_texts(const Chart& chart, const Json& user_values, const ReleaseInfo& release,
                                   const Capabilities& capabilities, RenderServices& services) {
  TRY(check_before(chart, release));
  ASSIGN_OR_RETURN(const auto tree, process_dependencies(chart, user_values));
  return render_tree(*tree, user_values, release, capabilities, services);
}

Result<Rendered> render(const Chart& chart, const Json& user_values, const ReleaseInfo& release,
                        const Capabilities& capabilities, RenderServices& services) {
  TRY(check_before(chart, release));
  ASSIGN_OR_RETURN(const auto tree, process_dependencies(chart, user_values));
  ASSIGN_OR_RETURN(const RenderedTexts texts, render_tree(*tree, user_values, release, capabilities, services));
  Rendered out;
  add_chart_warnings(*tree, out.warnings);
  TRY(add_crds(*tree, tree->name(), out.crds, out.warnings));
  const std::string own_notes = tree->name() + "/templates/NOTES.txt";
  for (const auto& [name, text] : texts) {
    if (name == own_notes) out.notes = text;
    if (!name.ends_with("NOTES.txt")) TRY(add_manifests(name, text, out.objects, out.hooks, out.warnings));
  }
  sort_for_install(out.objects);
  sort_for_install(out.hooks);
  return out;
}

}  // namespace nautilus::chart
