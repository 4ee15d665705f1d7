#include "core/chart/dependencies.h"

#include "core/chart/values.h"
#include "core/sprig/semver.h"

namespace nautilus::chart {
namespace {

bool satisfies(const Dependency& wanted, const Chart& chart) {
  return chart.name() == wanted.name && sprig::is_compatible(wanted.version, chart.metadata.version);
}

// The value at a dotted path if it is there and is no table.
const Json* value_at(const Json& values, std::string_view path) {
  const auto dot = path.rfind('.');
  const Json* table = dot == std::string_view::npos ? &values : table_at(values, path.substr(0, dot));
  const Json* found = table ? value::find(*table, path.substr(dot == std::string_view::npos ? 0 : dot + 1)) : nullptr;
  return found && !found->is_object() ? found : nullptr;
}

// Tags switch a dependency off if at least one of them is false and none is true.
void apply_tags(std::vector<Dependency>& dependencies, const Json& values) {
  const Json* tags = table_at(values, "tags");
  if (!tags) return;
  for (Dependency& dependency : dependencies) {
    bool any_true = false, any_false = false;
    for (const std::string& tag : dependency.tags) {
      const Json* set = value::find(*tags, tag);
      if (!set || !set->is_boolean()) continue;
      (set->get<bool>() ? any_true : any_false) = true;
    }
    dependency.enabled = any_true || !any_false;
  }
}

// The first path of a condition that holds a boolean decides, over the tags.
void apply_conditions(std::vector<Dependency>& dependencies, const Json& values, const std::string& path) {
  for (Dependency& dependency : dependencies) {
    std::string_view rest = dependency.condition;
    while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
    while (!rest.empty() && rest.back() == ' ') rest.remove_suffix(1);
    while (!rest.empty()) {
      const auto comma = rest.find(',');
      const std::string_view one = rest.substr(0, comma);
      const Json* set = one.empty() ? nullptr : value_at(values, path + std::string(one));
      if (set && set->is_boolean()) {
        dependency.enabled = set->get<bool>();
        break;
      }
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
}

// The subcharts under the names the parent knows them by, before anything is switched off.
std::vector<std::shared_ptr<const Chart>> named_subcharts(const Chart& chart) {
  std::vector<std::shared_ptr<const Chart>> out;
  for (const auto& present : chart.dependencies) {
    const bool listed = std::any_of(chart.metadata.dependencies.begin(), chart.metadata.dependencies.end(),
                                    [&](const Dependency& wanted) { return satisfies(wanted, *present); });
    if (!listed) out.push_back(present);
  }
  for (const Dependency& wanted : chart.metadata.dependencies) {
    const auto found = std::find_if(chart.dependencies.begin(), chart.dependencies.end(),
                                    [&](const auto& present) { return satisfies(wanted, *present); });
    if (found == chart.dependencies.end()) continue;
    if (wanted.alias.empty()) {
      out.push_back(*found);
    } else {
      auto renamed = std::make_shared<Chart>(**found);
      renamed->metadata.name = wanted.alias;
      out.push_back(std::move(renamed));
    }
  }
  return out;
}

Result<std::shared_ptr<Chart>> enabled_only(const Chart& original, const Json& values, const std::string& path) {
  auto chart = std::make_shared<Chart>(original);
  auto& listed = chart->metadata.dependencies;
  // Without a list in Chart.yaml all of charts/ takes part, down to the bottom: nothing below is looked at either.
  if (listed.empty()) return chart;
  chart->dependencies = named_subcharts(original);
  for (Dependency& dependency : listed) {
    if (!dependency.alias.empty()) dependency.name = dependency.alias;
    dependency.enabled = true;
  }
  ASSIGN_OR_RETURN(const Json coalesced, coalesce_values(*chart, values));
  apply_tags(listed, coalesced);
  apply_conditions(listed, coalesced, path);
  std::set<std::string> removed;
  for (const Dependency& dependency : listed)
    if (!dependency.enabled) removed.insert(dependency.name);
  std::erase_if(listed, [&](const Dependency& one) { return removed.contains(one.name); });
  std::vector<std::shared_ptr<const Chart>> kept;
  for (const auto& subchart : chart->dependencies) {
    if (removed.contains(subchart->name())) continue;
    ASSIGN_OR_RETURN(auto processed, enabled_only(*subchart, coalesced, path + subchart->name() + "."));
    kept.push_back(std::move(processed));
  }
  chart->dependencies = std::move(kept);
  return chart;
}

// {"a": {"b": data}} for "a.b"; the data itself for ".".
Json nested(std::string_view path, Json data) {
  if (path == ".") return data;
  while (true) {
    const auto dot = path.rfind('.');
    Json outer = Json::object();
    outer[std::string(path.substr(dot == std::string_view::npos ? 0 : dot + 1))] = std::move(data);
    data = std::move(outer);
    if (dot == std::string_view::npos) return data;
    path = path.substr(0, dot);
  }
}

std::string text_of(const Json* value) {
  if (!value || value->is_null()) return "<nil>";
  return value->is_string() ? value->get<std::string>() : value->dump();
}

// From the bottom up: a parent may import what its child has imported.
Result<> import_values(Chart& chart) {
  for (auto& subchart : chart.dependencies) {
    auto own = std::make_shared<Chart>(*subchart);
    TRY(import_values(*own));
    subchart = std::move(own);
  }
  if (chart.metadata.dependencies.empty()) return {};
  ASSIGN_OR_RETURN(Json merged, coalesce_values(chart, Json::object(), Nulls::keep));
  Json imported = Json::object();
  for (Dependency& dependency : chart.metadata.dependencies) {
    for (Json& import : dependency.import_values) {
      std::string child, parent;
      if (import.is_object()) {
        child = text_of(value::find(import, "child"));
        parent = text_of(value::find(import, "parent"));
      } else if (import.is_string()) {
        child = "exports." + import.get<std::string>();
        parent = ".";
      } else {
        continue;
      }
      import = Json{{"child", child}, { "parent", parent }};
      if (const Json* table = table_at(merged, dependency.name + "." + child))
        coalesce_tables(imported, nested(parent, *table), Nulls::keep);
    }
  }
  // The parent's own values win over what it imports.
  coalesce_tables(merged, std::move(imported), Nulls::keep);
  chart.values = std::move(merged);
  return {};
}

}  // namespace

Result<std::shared_ptr<const Chart>> process_dependencies(const Chart& chart, const Json& user_values) {
  ASSIGN_OR_RETURN(std::shared_ptr<Chart> processed, enabled_only(chart, user_values, ""));
  TRY(import_values(*processed));
  return std::shared_ptr<const Chart>(std::move(processed));
}

}  // namespace nautilus::chart
