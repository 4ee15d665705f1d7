#include "core/sim/api/managed_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

namespace nautilus::sim {
namespace {

constexpr std::size_t kMostUpdateManagers = 10;
constexpr std::string_view kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";

struct ManagerId {
  std::string manager, operation, api_version, subresource;  // api_version empty for Apply
  auto operator<=>(const ManagerId&) const = default;
};

struct Entry {
  std::string api_version, time;
  FieldSet set;
};

using Managers = std::map<ManagerId, Entry>;

FieldSet paths(std::initializer_list<FieldPath> list) {
  FieldSet set;
  for (const auto& path : list) set.insert(path);
  return set;
}

// Fields that nobody owns.
const FieldSet& stripped() {
  static const FieldSet set = paths({{"f:apiVersion"},
                                     {"f:kind"},
                                     {"f:metadata"},
                                     {"f:metadata", "f:name"},
                                     {"f:metadata", "f:namespace"},
                                     {"f:metadata", "f:creationTimestamp"},
                                     {"f:metadata", "f:selfLink"},
                                     {"f:metadata", "f:uid"},
                                     {"f:metadata", "f:clusterName"},
                                     {"f:metadata", "f:generation"},
                                     {"f:metadata", "f:managedFields"},
                                     {"f:metadata", "f:resourceVersion"}});
  return set;
}

const Json* managed_of(const Json& object) { return value::find(object, "metadata", "managedFields"); }

// Nullopt if an entry is malformed.
std::optional<Managers> decode(const Json* fields) {
  Managers managers;
  if (!fields || !fields->is_array()) return managers;
  for (const Json& entry : *fields) {
    if (!entry.is_object()) return std::nullopt;
    std::string operation = value::string_at(entry, "operation"), version = value::string_at(entry, "apiVersion");
    if ((operation != "Apply" && operation != "Update") || version.empty() ||
        value::string_at(entry, "fieldsType") != "FieldsV1")
      return std::nullopt;
    const Json* set = value::find(entry, "fieldsV1");
    managers[{value::string_at(entry, "manager"), operation, operation == "Apply" ? "" : version,
              value::string_at(entry, "subresource")}] = {version, value::string_at(entry, "time"),
                                                          set ? FieldSet::from_fields_v1(*set) : FieldSet()};
  }
  return managers;
}

Json encode(const Managers& managers) {
  struct Row {
    const ManagerId* id;
    const Entry* entry;
  };
  std::vector<Row> rows;
  for (const auto& [id, entry] : managers) rows.push_back({&id, &entry});
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    return std::tie(a.id->operation, a.entry->time, a.id->manager, a.entry->api_version, a.id->subresource) <
           std::tie(b.id->operation, b.entry->time, b.id->manager, b.entry->api_version, b.id->subresource);
  });
  Json list = Json::array();
  for (const auto& row : rows) {
    Json entry = {{"manager", row.id->manager},
                  {"operation", row.id->operation},
                  {"apiVersion", row.entry->api_version},
                  {"fieldsType", "FieldsV1"},
                  {"fieldsV1", row.entry->set.to_fields_v1()}};
    if (!row.entry->time.empty()) entry["time"] = row.entry->time;
    if (!row.id->subresource.empty()) entry["subresource"] = row.id->subresource;
    list.push_back(std::move(entry));
  }
  return list;
}

void store(Json& object, const Managers& managers) {
  if (managers.empty())
    object["metadata"].erase("managedFields");
  else
    object["metadata"]["managedFields"] = encode(managers);
}

Json without_managed(const Json& object) {
  Json copy = object;
  if (auto meta = copy.find("metadata"); meta != copy.end() && meta->is_object()) meta->erase("managedFields");
  return copy;
}

ManagerId identity(const FieldWriter& writer, std::string_view operation) {
  return {writer.manager.empty() ? "unknown" : writer.manager, std::string(operation),
          operation == "Apply" ? "" : writer.api_version, writer.subresource};
}

// What a change does to the sets of the others: they lose what was removed, and (when forced) what was changed.
std::vector<std::pair<ManagerId, FieldPath>> settle(Managers& managers, const Comparison& change, const ManagerId& self,
                                                    bool force) {
  std::vector<std::pair<ManagerId, FieldPath>> conflicts;
  if (change.same()) return conflicts;
  FieldSet written = change.modified.united(change.added);
  std::map<ManagerId, FieldSet> taken;
  for (const auto& [id, entry] : managers) {
    if (id == self) continue;
    FieldSet both = entry.set.intersected(written);
    if (both.empty()) continue;
    if (!force) both.visit([&, &who = id](const FieldPath& path) { conflicts.emplace_back(who, path); });
    taken.emplace(id, std::move(both));
  }
  if (!conflicts.empty()) return conflicts;
  for (auto& [id, entry] : managers) {
    if (id == self) continue;
    if (auto at = taken.find(id); at != taken.end()) entry.set = entry.set.without(at->second);
    if (!change.removed.empty()) entry.set = entry.set.without(change.removed);
  }
  std::erase_if(managers, [](const auto& item) { return item.second.set.empty(); });
  return conflicts;
}

void cap(Managers& managers) {
  std::vector<ManagerId> updaters;
  for (const auto& [id, entry] : managers)
    if (id.operation == "Update") updaters.push_back(id);
  if (updaters.size() <= kMostUpdateManagers) return;
  std::stable_sort(updaters.begin(), updaters.end(),
                   [&](const ManagerId& a, const ManagerId& b) { return managers[a].time < managers[b].time; });
  std::map<std::string, ManagerId> first;
  std::size_t length = updaters.size();
  for (const auto& id : updaters) {
    if (length <= kMostUpdateManagers) break;
    Entry entry = managers[id];
    auto [at, fresh] = first.try_emplace(entry.api_version, id);
    if (fresh) continue;
    ManagerId bucket{"ancient-changes", "Update", entry.api_version, ""};
    if (!managers.contains(bucket)) {
      managers[bucket] = managers[at->second];
      managers.erase(at->second);
    }
    managers[bucket].set = entry.set.united(managers[bucket].set);
    managers[bucket].time = entry.time;
    managers.erase(id);
    --length;
  }
}

void update_sets(Managers& managers, const Json& live, const Json& updated, const Type& type,
                 const FieldWriter& writer) {
  Comparison change = compare(live, updated, type);
  if (!writer.ignored.empty()) {
    change.added = change.added.without_below(writer.ignored);
    change.modified = change.modified.without_below(writer.ignored);
    change.removed = change.removed.without_below(writer.ignored);
  }
  // Every existing entry, the writer's own included, loses what was removed or changed; the writer then takes it.
  ManagerId nobody{"current-operation", "", "", ""};
  settle(managers, change, nobody, true);
  FieldSet mine = change.modified.united(change.added).without(stripped());
  if (mine.empty()) return;
  ManagerId self = identity(writer, "Update");
  Entry& entry = managers[self];
  entry.set = entry.set.united(mine);
  entry.api_version = writer.api_version;
  entry.time = writer.time;
}

// What the manager applied last time, does not apply now, and nobody else owns, goes.
Json prune(const Json& merged, const Managers& managers, const FieldSet& last, const Type& type) {
  FieldSet last_named = last.with_named_fields(type);
  Json pruned = remove_items(merged, last_named, type);
  FieldSet managed;
  for (const auto& [id, entry] : managers) managed = managed.united(entry.set);
  FieldSet merged_set = to_field_set(merged, type).with_named_fields(type);
  FieldSet pruned_set = pruned.is_null() ? FieldSet() : to_field_set(pruned, type).with_named_fields(type);
  pruned = remove_items(merged, merged_set.without(pruned_set.united(managed.with_named_fields(type))), type);
  // What was not the manager's to remove comes back.
  pruned_set = pruned.is_null() ? FieldSet() : to_field_set(pruned, type).with_named_fields(type);
  return remove_items(merged, merged_set.without(pruned_set).intersected(last_named), type);
}

std::string printed(const ManagerId& id) {
  std::string text = fmt::format("\"{}\"", id.manager);
  if (!id.subresource.empty()) text += fmt::format(" with subresource \"{}\"", id.subresource);
  if (id.operation == "Update") text += " using " + id.api_version;
  return text;
}

// Fields whose value came from `kubectl apply` without --server-side and has not changed since: the same user's apply
// may take them over.
FieldSet allowed_by_last_applied(const Json& live, const Type& type, const std::string& api_version) {
  const Json* annotations = value::find(live, "metadata", "annotations");
  std::string text = annotations ? value::string_at(*annotations, kLastApplied) : std::string();
  if (text.empty()) return {};
  auto parsed = value::parse_json(text, "last-applied-configuration");
  if (!parsed.ok() || value::string_at(*parsed, "apiVersion") != api_version) return {};
  Comparison change = compare(*parsed, without_managed(live), type);
  return to_field_set(*parsed, type).without(change.modified).without(change.added).without(change.removed);
}

}  // namespace

void track_update(const Json& live, Json& updated, const Type& type, const FieldWriter& writer) {
  const Json* own = managed_of(updated);
  Managers managers;
  bool reset = false;
  if (own && own->is_array() && writer.subresource.empty())
    reset = own->empty() || (own->size() == 1 && (*own)[0].is_object() && (*own)[0].empty());
  if (!reset) {
    std::optional<Managers> decoded;
    if (writer.subresource.empty()) decoded = decode(own);
    if (!decoded || decoded->empty()) decoded = decode(live.is_object() ? managed_of(live) : nullptr);
    if (decoded) managers = std::move(*decoded);
  }
  bool create = !live.is_object();
  updated["metadata"].erase("managedFields");
  if (managers.empty() && !create) return;  // nobody has been tracked so far, and this is not where it begins
  Json before = create ? writer.empty : without_managed(live);
  update_sets(managers, before, updated, type, writer);
  cap(managers);
  store(updated, managers);
}

Applied track_apply(const Json& live, const Json& config, const Type& type, const FieldWriter& writer, bool force) {
  Applied result;
  Json before = live.is_object() ? without_managed(live) : writer.empty;
  Managers managers = decode(live.is_object() ? managed_of(live) : nullptr).value_or(Managers());
  if (managers.empty() && live.is_object()) {
    FieldWriter earlier{"before-first-apply", writer.api_version, writer.subresource, writer.time, writer.ignored, {}};
    update_sets(managers, writer.empty, before, type, earlier);
  }
  Json merged = merge(before, config, type);
  ManagerId self = identity(writer, "Apply");
  FieldSet last;
  if (auto at = managers.find(self); at != managers.end()) last = at->second.set;
  FieldSet mine = to_field_set(config, type);
  if (!writer.ignored.empty()) mine = mine.without_below(writer.ignored);
  std::string previous_time = managers[self].time;
  managers[self] = {writer.api_version, previous_time, mine};
  if (!last.empty()) merged = prune(merged, managers, last, type);
  if (merged.is_null()) merged = Json::object();

  Comparison change = compare(before, merged, type);
  Comparison seen = change;
  if (!writer.ignored.empty()) {
    seen.added = seen.added.without_below(writer.ignored);
    seen.modified = seen.modified.without_below(writer.ignored);
    seen.removed = seen.removed.without_below(writer.ignored);
  }
  Managers settled = managers;
  auto conflicts = settle(settled, seen, self, force);
  if (!conflicts.empty() && writer.manager == "kubectl") {
    FieldSet allowed = allowed_by_last_applied(live, type, writer.api_version);
    std::erase_if(conflicts, [&](const auto& conflict) { return allowed.has(conflict.second); });
    if (conflicts.empty()) {
      settled = managers;
      settle(settled, seen, self, true);
    }
  }
  for (const auto& [id, path] : conflicts) result.conflicts.push_back({printed(id), path_text(path)});
  if (!conflicts.empty()) return result;

  Entry& entry = settled[self];
  entry.set = entry.set.without(stripped());
  result.noop = change.same();
  if (!result.noop || entry.time.empty()) entry.time = writer.time;
  if (entry.set.empty()) settled.erase(self);
  result.object = std::move(merged);
  if (writer.manager == "kubectl") {
    const Json* annotations = value::find(result.object, "metadata", "annotations");
    if (annotations && !value::string_at(*annotations, kLastApplied).empty()) {
      Json plain = config;
      if (auto at = plain.find("metadata"); at != plain.end())
        if (auto own = at->find("annotations"); own != at->end()) {
          own->erase(std::string(kLastApplied));
          if (own->empty()) at->erase("annotations");
        }
      result.object["metadata"]["annotations"][std::string(kLastApplied)] = plain.dump() + "\n";
    }
  }
  store(result.object, settled);
  return result;
}

bool same_but_times(const Json& a, const Json& b) {
  if (a.size() != b.size()) return false;
  for (const auto& [key, value] : a.items()) {
    auto at = b.find(key);
    if (at == b.end()) return false;
    if (key != "metadata") {
      if (*at != value) return false;
      continue;
    }
    auto plain = [](const Json& meta) {
      Json copy = meta;
      copy.erase("resourceVersion");
      if (auto fields = copy.find("managedFields"); fields != copy.end() && fields->is_array())
        for (Json& entry : *fields)
          if (entry.is_object()) entry.erase("time");
      return copy;
    };
    Json left = plain(value), right = plain(*at);
    auto sorted = [](Json& meta) {
      auto fields = meta.find("managedFields");
      if (fields != meta.end() && fields->is_array()) std::sort(fields->begin(), fields->end());
    };
    sorted(left);
    sorted(right);
    if (left != right) return false;
  }
  return true;
}

}  // namespace nautilus::sim
