#include "core/chart/values.h"

#include "core/chart/load_internal.h"
#include "core/chart/set_values.h"

namespace nautilus::chart {
namespace {

constexpr const char* kGlobal = "global";

void merge_maps(Json& into, Json&& from) {
  for (auto& [key, item] : from.items()) {
    Json& slot = into[key];
    if (slot.is_object() && item.is_object())
      merge_maps(slot, std::move(item));
    else
      slot = std::move(item);
  }
}

void remove_nulls(Json& map) {
  for (auto it = map.begin(); it != map.end();) {
    if (it->is_null()) {
      it = map.erase(it);
      continue;
    }
    if (it->is_object()) remove_nulls(*it);
    ++it;
  }
}

bool is_subchart(const Chart& chart, const std::string& key) {
  return std::any_of(chart.dependencies.begin(), chart.dependencies.end(),
                     [&](const auto& dependency) { return dependency->name() == key; });
}

// The chart's own defaults under the values given for it.
void coalesce_defaults(const Chart& chart, Json& values, Nulls nulls) {
  for (const auto& [key, fallback] : chart.values.items()) {
    auto given = values.find(key);
    if (given == values.end()) {
      if (nulls == Nulls::remove && fallback.is_null()) continue;
      Json& added = values[key] = fallback;
      if (nulls == Nulls::remove && added.is_object()) remove_nulls(added);
    } else if (given->is_null()) {
      if (nulls == Nulls::remove) values.erase(given);
    } else if (given->is_object() && fallback.is_object()) {
      // A subchart's table keeps its nulls until it is coalesced with that subchart's own defaults.
      const Nulls below = is_subchart(chart, key) ? Nulls::keep : nulls;
      Json source = fallback;
      if (below == Nulls::remove) remove_nulls(source);
      coalesce_tables(*given, std::move(source), below);
    }
  }
}

// Hands the parent's globals down; the parent wins, tables are merged.
void coalesce_globals(Json& child, const Json& parent) {
  const auto source = parent.find(kGlobal);
  if (source != parent.end() && !source->is_object()) return;
  auto found = child.find(kGlobal);
  if (found != child.end() && !found->is_object()) return;
  Json& destination = found != child.end() ? *found : child[kGlobal] = Json::object();
  if (source == parent.end()) return;
  for (const auto& [key, item] : source->items()) {
    auto existing = destination.find(key);
    if (item.is_object()) {
      if (existing == destination.end()) {
        destination[key] = item;
      } else if (existing->is_object()) {
        Json merged = item;
        coalesce_tables(merged, std::move(*existing), Nulls::keep);
        *existing = std::move(merged);
      }
    } else if (existing == destination.end() || !existing->is_object()) {
      destination[key] = item;
    }
  }
}

Result<> coalesce(const Chart& chart, Json& values, Nulls nulls) {
  coalesce_defaults(chart, values, nulls);
  for (const auto& dependency : chart.dependencies) {
    const std::string& name = dependency->name();
    auto [table, added] = values.emplace(name, Json::object());
    if (!table->is_object())
      return Error(Code::invalid,
                   fmt::format("the values of subchart {} must be a map, not {}", name, table->type_name()))
          .at(name);
    coalesce_globals(*table, values);
    TRY(coalesce(*dependency, *table, nulls));
  }
  return {};
}

Result<> apply_all(const std::vector<std::string>& arguments, SetKind kind, const char* flag, Json& values,
                   const ReadFile& read_file) {
  for (const std::string& argument : arguments) {
    const std::string name = argument.substr(0, argument.find('='));  // the value may be a secret
    TRY(apply_set(argument, kind, values, read_file).within(fmt::format("parsing {} {}", flag, name)));
  }
  return {};
}

}  // namespace

void coalesce_tables(Json& destination, Json source, Nulls nulls) {
  for (auto& [key, item] : source.items()) {
    auto existing = destination.find(key);
    if (existing == destination.end()) {
      destination[key] = std::move(item);
    } else if (existing->is_null()) {
      // Null over a default removes it; null over null or nothing stays.
      if (nulls == Nulls::remove && !item.is_null()) destination.erase(existing);
    } else if (item.is_object() && existing->is_object()) {
      coalesce_tables(*existing, std::move(item), nulls);
    }
  }
}

Result<Json> coalesce_values(const Chart& chart, Json user_values, Nulls nulls) {
  if (user_values.is_null()) user_values = Json::object();
  TRY(coalesce(chart, user_values, nulls));
  return user_values;
}

const Json* table_at(const Json& values, std::string_view path) {
  const Json* table = &values;
  while (true) {
    const auto dot = path.find('.');
    table = value::find(*table, path.substr(0, dot));
    if (!table || !table->is_object()) return nullptr;
    if (dot == std::string_view::npos) return table;
    path.remove_prefix(dot + 1);
  }
}

Result<Json> merge_values(const port::Filesystem& filesystem, const ValuesInput& input,
                          std::vector<std::string>* warnings) {
  Json values = Json::object();
  std::size_t read = 0;
  for (const std::string& file : input.files) {
    ASSIGN_OR_RETURN(const std::string text,
                     filesystem.read(file, kMaxValuesBytes).within("reading values file " + file));
    std::vector<value::YamlWarning> odd;
    const bool strict = read++ < input.strict_files;
    ASSIGN_OR_RETURN(Json parsed,
                     internal::parse_values(text, file, strict ? value::YamlLimits{} : value::as_helm_reads_it(&odd)));
    if (warnings) internal::add_warnings(odd, *warnings);
    merge_maps(values, std::move(parsed));
  }
  for (const std::string& argument : input.set_json) {
    const auto begin = argument.find_first_not_of(" \t\r\n");
    if (begin == std::string::npos || argument[begin] != '{') {
      TRY(apply_all({argument}, SetKind::json, "--set-json", values, {}));
      continue;
    }
    Json wrapped = Json::object();
    TRY(apply_set("a=" + argument, SetKind::json, wrapped).within("parsing --set-json"));
    if (wrapped.contains("a") && wrapped["a"].is_object()) merge_maps(values, std::move(wrapped["a"]));
  }
  const ReadFile read_file = [&](const std::string& path) { return filesystem.read(path, kMaxValuesBytes); };
  TRY(apply_all(input.set, SetKind::typed, "--set", values, {}));
  TRY(apply_all(input.set_string, SetKind::text, "--set-string", values, {}));
  TRY(apply_all(input.set_file, SetKind::file, "--set-file", values, read_file));
  TRY(apply_all(input.set_literal, SetKind::literal, "--set-literal", values, {}));
  return values;
}

}  // namespace nautilus::chart
