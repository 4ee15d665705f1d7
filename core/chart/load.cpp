#include "core/chart/load.h"

#include "core/chart/load_internal.h"
#include "core/value/yaml.h"

namespace nautilus::chart {
namespace internal {

Result<> Budget::take(std::uint64_t size, std::string_view file) {
  if (size > kMaxFileBytes)
    return Error(Code::limit, fmt::format("{} is larger than {} MiB", file, kMaxFileBytes >> 20),
                 "keep data files out of the chart, or list them in .helmignore");
  if (size > bytes)
    return Error(Code::limit, fmt::format("the chart is larger than {} MiB unpacked", kMaxChartBytes >> 20),
                 "list what does not belong to the chart in .helmignore");
  if (files <= 0) return Error(Code::limit, fmt::format("the chart has more than {} files", kMaxChartFiles));
  bytes -= size;
  --files;
  return {};
}

void strip_byte_order_mark(std::string& data) {
  if (data.starts_with("\xEF\xBB\xBF")) data.erase(0, 3);
}

namespace {

// Helm reads values through JSON into an untyped map, where every number is a float64. It shows: 1000000 prints as
// 1e+06 and "printf %d" refuses it.
void numbers_to_floats(Json& value) {
  if (value.is_number_unsigned())
    value = static_cast<double>(value.get<std::uint64_t>());
  else if (value.is_number_integer())
    value = static_cast<double>(value.get<std::int64_t>());
  else if (value.is_structured())
    for (Json& item : value) numbers_to_floats(item);
}

void merge_maps(Json& into, Json&& from) {
  for (auto& [key, item] : from.items()) {
    Json& slot = into[key];
    if (slot.is_object() && item.is_object())
      merge_maps(slot, std::move(item));
    else
      slot = std::move(item);
  }
}

}  // namespace

void add_warnings(const std::vector<value::YamlWarning>& from, std::vector<std::string>& to) {
  for (const auto& warning : from) to.push_back(fmt::format("{}: {}", warning.where, warning.message));
}

Result<Json> parse_values(std::string_view text, std::string_view file, const value::YamlLimits& limits) {
  ASSIGN_OR_RETURN(std::vector<Json> documents, value::parse_yaml_all(text, file, limits));
  Json values = Json::object();
  for (Json& document : documents) {
    if (document.is_null()) continue;
    if (!document.is_object())
      return Error(Code::invalid, fmt::format("values must be a map, not {}", document.type_name()))
          .at(std::string(file));
    numbers_to_floats(document);
    merge_maps(values, std::move(document));
  }
  return values;
}

namespace {

// Files that lie under one name in charts/: a directory's, or one archive.
using Subcharts = std::map<std::string, Files, std::less<>>;

struct Sorted {
  Files templates, files;
  Subcharts subcharts;
  const File *requirements = nullptr, *values = nullptr, *schema = nullptr;
};

void place_subchart_file(File&& file, Sorted& out) {
  std::string inner = file.name.substr(std::string_view("charts/").size());
  const std::string directory = inner.substr(0, inner.find('/'));
  out.subcharts[directory].push_back({std::move(inner), std::move(file.data)});
}

// Sorts the files; the ones with a meaning of their own are only pointed at.
Sorted sort_files(Files& all, bool api_v1) {
  Sorted out;
  for (File& file : all) {
    const std::string_view name = file.name;
    if (name == "Chart.yaml" || name == "Chart.lock") continue;
    if (name == "values.yaml") {
      out.values = &file;
    } else if (name == "values.schema.json") {
      out.schema = &file;
    } else if (name == "requirements.yaml" || name == "requirements.lock") {
      if (name == "requirements.yaml") out.requirements = &file;
      if (api_v1) out.files.push_back(file);
    } else if (name.starts_with("templates/")) {
      out.templates.push_back(std::move(file));
    } else if (name.starts_with("charts/") && !name.ends_with(".prov")) {
      place_subchart_file(std::move(file), out);
    } else {
      out.files.push_back(std::move(file));
    }
  }
  return out;
}

Result<std::shared_ptr<const Chart>> load_subchart(const std::string& name, Files files, const std::string& what,
                                                   Budget& budget, int depth) {
  if (name.ends_with(".tgz")) {
    if (files.front().name != name)
      return Error(Code::invalid, fmt::format("{} is a directory named like an archive", name));
    ASSIGN_OR_RETURN(Files unpacked, read_archive(files.front().data, what, budget));
    return chart_from_files(std::move(unpacked), what, budget, depth);
  }
  Files inner;
  for (File& file : files) {
    const auto slash = file.name.find('/');
    if (slash == std::string::npos) continue;  // a stray file beside the charts, a README for example
    inner.push_back({file.name.substr(slash + 1), std::move(file.data)});
  }
  return chart_from_files(std::move(inner), what, budget, depth);
}

}  // namespace

Result<std::shared_ptr<const Chart>> chart_from_files(Files all, const std::string& what, Budget& budget, int depth) {
  if (depth > kMaxSubchartDepth)
    return Error(Code::limit, fmt::format("charts are nested deeper than {} levels", kMaxSubchartDepth));
  auto chart = std::make_shared<Chart>();
  const auto chart_file =
      std::find_if(all.begin(), all.end(), [](const File& file) { return file.name == "Chart.yaml"; });
  if (chart_file == all.end())
    return Error(Code::invalid, "there is no Chart.yaml", "name a chart directory or a packaged chart (.tgz)").at(what);
  const std::string chart_yaml = what + "/Chart.yaml";
  std::vector<value::YamlWarning> odd;
  const value::YamlLimits as_helm = value::as_helm_reads_it(&odd);
  ASSIGN_OR_RETURN(Json document, value::parse_yaml(chart_file->data, chart_yaml, as_helm));
  TRY(parse_metadata(document, chart_yaml, chart->metadata));
  if (chart->metadata.api_version.empty()) chart->metadata.api_version = "v1";

  Sorted sorted = sort_files(all, chart->metadata.api_version == "v1");
  if (sorted.requirements) {
    const std::string file = what + "/requirements.yaml";
    ASSIGN_OR_RETURN(Json requirements, value::parse_yaml(sorted.requirements->data, file, as_helm));
    TRY(parse_metadata(requirements, file, chart->metadata));
  }
  TRY(validate_metadata(chart->metadata, chart_yaml));
  if (sorted.values) {
    ASSIGN_OR_RETURN(chart->values, parse_values(sorted.values->data, what + "/values.yaml", as_helm));
  }
  add_warnings(odd, chart->warnings);
  if (sorted.schema) chart->schema = sorted.schema->data;
  chart->templates = std::make_shared<Files>(std::move(sorted.templates));
  chart->files = std::make_shared<Files>(std::move(sorted.files));
  for (auto& [name, files] : sorted.subcharts) {
    if (name.starts_with('_') || name.starts_with('.')) continue;
    // A lone file that is not an archive (charts/README.md) is not a chart.
    if (!name.ends_with(".tgz") && files.size() == 1 && files.front().name == name) continue;
    ASSIGN_OR_RETURN(auto subchart, load_subchart(name, std::move(files), what + "/charts/" + name, budget, depth + 1)
                                        .within(fmt::format("loading subchart {} of {}", name, chart->name())));
    chart->dependencies.push_back(std::move(subchart));
  }
  return std::shared_ptr<const Chart>(std::move(chart));
}

}  // namespace internal

Result<std::shared_ptr<const Chart>> load(const port::Filesystem& filesystem, const std::string& path) {
  std::string root = path;
  while (root.size() > 1 && root.ends_with('/')) root.pop_back();
  internal::Budget budget;
  auto loaded = [&]() -> Result<std::shared_ptr<const Chart>> {
    ASSIGN_OR_RETURN(port::FileInfo info, filesystem.stat(root));
    // The chart itself may be given by a symbolic link, only what is inside may not.
    if (info.type == port::FileInfo::Type::symlink)
      if (auto target = filesystem.stat(root + "/."); target.ok()) info = *target;
    if (info.type == port::FileInfo::Type::directory) {
      ASSIGN_OR_RETURN(Files files, internal::read_directory(filesystem, root, budget));
      return internal::chart_from_files(std::move(files), root, budget, 0);
    }
    ASSIGN_OR_RETURN(std::string bytes, filesystem.read(root, kMaxArchiveBytes));
    ASSIGN_OR_RETURN(Files files, internal::read_archive(bytes, root, budget));
    return internal::chart_from_files(std::move(files), root, budget, 0);
  }();
  return std::move(loaded).within("loading chart " + path);
}

Result<std::shared_ptr<const Chart>> load_archive(std::string_view bytes, const std::string& what) {
  internal::Budget budget;
  ASSIGN_OR_RETURN(Files files, internal::read_archive(bytes, what, budget));
  return internal::chart_from_files(std::move(files), what, budget, 0);
}

}  // namespace nautilus::chart
