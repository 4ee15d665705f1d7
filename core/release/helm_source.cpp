// A chart and its values as Helm writes them into a record.
#include "core/release/export.h"
#include "core/release/gzip.h"

namespace nautilus::release {

namespace {

void put(Json& out, const char* key, const std::string& text) {
  if (!text.empty()) out[key] = text;
}

Json metadata_json(const chart::Metadata& from) {
  Json out = {{"name", from.name}, {"version", from.version}, {"apiVersion", from.api_version}};
  put(out, "description", from.description);
  put(out, "home", from.home);
  put(out, "icon", from.icon);
  put(out, "condition", from.condition);
  put(out, "tags", from.tags);
  put(out, "appVersion", from.app_version);
  put(out, "kubeVersion", from.kube_version);
  put(out, "type", from.type);
  if (!from.sources.empty()) out["sources"] = from.sources;
  if (!from.keywords.empty()) out["keywords"] = from.keywords;
  if (from.deprecated) out["deprecated"] = true;
  for (const auto& maintainer : from.maintainers) {
    Json one = {{"name", maintainer.name}};
    put(one, "email", maintainer.email);
    put(one, "url", maintainer.url);
    out["maintainers"].push_back(std::move(one));
  }
  for (const auto& [key, text] : from.annotations) out["annotations"][key] = text;
  for (const auto& dependency : from.dependencies) {
    Json one = {{"name", dependency.name}, {"repository", dependency.repository}};
    put(one, "version", dependency.version);
    put(one, "condition", dependency.condition);
    put(one, "alias", dependency.alias);
    if (!dependency.tags.empty()) one["tags"] = dependency.tags;
    if (!dependency.import_values.empty()) one["import-values"] = dependency.import_values;
    out["dependencies"].push_back(std::move(one));
  }
  return out;
}

Json files_json(const chart::Files& files) {
  Json out = Json::array();
  for (const auto& file : files) out.push_back({{"name", file.name}, {"data", base64(file.data)}});
  return out;
}

}  // namespace

Result<HelmSource> helm_source(const port::Filesystem& files, const env::Environment& env,
                               const chart::ValuesInput& overrides) {
  ASSIGN_OR_RETURN(const auto loaded, chart::load(files, env.chart));
  chart::ValuesInput input = overrides;
  input.files.insert(input.files.begin(), env.values.begin(), env.values.end());
  input.strict_files = env.values.size();
  HelmSource out;
  ASSIGN_OR_RETURN(out.config, chart::merge_values(files, input));
  // Subcharts are not in it: Helm does not keep them either.
  out.chart = {{"metadata", metadata_json(loaded->metadata)},
               {"lock", nullptr},
               {"templates", files_json(*loaded->templates)},
               {"values", loaded->values},
               {"schema", loaded->schema.empty() ? Json() : Json(base64(loaded->schema))},
               {"files", files_json(*loaded->files)}};
  return out;
}

}  // namespace nautilus::release
