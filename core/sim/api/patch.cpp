// JSON merge patch (RFC 7386), JSON patch (RFC 6902) and Kubernetes' strategic merge patch.
#include <fmt/format.h>

#include <algorithm>

#include "core/sim/api/server_impl.h"

namespace nautilus::sim {

namespace {
constexpr int kMostDepth = 200;
constexpr std::size_t kMostOperations = 10000;
}  // namespace

void merge_patch(Json& target, const Json& patch, int depth) {
  if (depth > kMostDepth) throw bad_request("the patch is nested too deeply");
  if (!patch.is_object()) {
    target = patch;
    return;
  }
  if (!target.is_object()) target = Json::object();
  for (const auto& [key, value] : patch.items()) {
    if (value.is_null())
      target.erase(key);
    else
      merge_patch(target[key], value, depth + 1);
  }
}

void json_patch(Json& target, const Json& patch) {
  if (!patch.is_array())
    throw bad_request("error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch");
  if (patch.size() > kMostOperations)
    throw Refused{make_status(
        413, "RequestEntityTooLarge",
        fmt::format("The allowed maximum operations in a JSON patch is {}, got {}", kMostOperations, patch.size()))};
  try {
    target = target.patch(patch);
  } catch (const Json::exception&) {
    Json details = Json::object();
    throw Refused{
        make_status(422, "Invalid", "the server rejected our request due to an error in our request", details)};
  }
}

namespace {

void strategic_map(Json& target, const Json& patch, const Type& type, int depth);

bool is_list_merge(const Field* field) {
  return field && field->type.shape == Shape::list &&
         (field->strategy == "merge" || field->strategy == "merge,retainKeys");
}

Json* find_by_key(Json& list, const std::string& key, const Json& value) {
  for (Json& item : list)
    if (item.is_object() && item.contains(key) && item[key] == value) return &item;
  return nullptr;
}

// The order of a merged list: the items that `order` names in that order, the others in the order of the list as it
// was; where both are from that list, it decides which comes first, else the named item does.
void reorder(Json& list, const Json& order, const Json& before, const std::string& key) {
  auto place = [&](const Json& in, const Json& item) -> std::size_t {
    const Json* id = key.empty() ? &item : item.is_object() && item.contains(key) ? &item[key] : nullptr;
    for (std::size_t i = 0; id && i < in.size(); ++i) {
      const Json* other = key.empty() ? &in[i] : in[i].is_object() && in[i].contains(key) ? &in[i][key] : nullptr;
      if (other && *other == *id) return i;
    }
    return in.size();
  };
  struct Placed {
    std::size_t named, old;
    Json item;
  };
  std::vector<Placed> named, others;
  for (Json& item : list) {
    Placed placed{place(order, item), before.is_array() ? place(before, item) : 0, {}};
    placed.item = std::move(item);
    (placed.named < order.size() ? named : others).push_back(std::move(placed));
  }
  std::stable_sort(named.begin(), named.end(), [](const Placed& a, const Placed& b) { return a.named < b.named; });
  std::stable_sort(others.begin(), others.end(), [](const Placed& a, const Placed& b) { return a.old < b.old; });
  const std::size_t unknown = before.is_array() ? before.size() : 0;
  list = Json::array();
  std::size_t n = 0, o = 0;
  while (n < named.size() || o < others.size()) {
    bool take_other = n == named.size() || (o < others.size() && others[o].old < unknown && named[n].old < unknown &&
                                            others[o].old < named[n].old);
    list.push_back(std::move(take_other ? others[o++].item : named[n++].item));
  }
}

void strategic_list(Json& target, const Json& patch, const Field& field, int depth) {
  if (!target.is_array()) target = Json::array();
  const std::string& key = field.merge_key;
  if (key.empty()) {
    for (const Json& item : patch)
      if (std::find(target.begin(), target.end(), item) == target.end()) target.push_back(item);
    return;
  }
  for (const Json& item : patch) {
    if (item.is_object() && item.contains("$patch") && item["$patch"] == "replace") {
      Json kept = Json::array();
      for (const Json& other : patch)
        if (!other.is_object() || !other.contains("$patch")) kept.push_back(other);
      target = std::move(kept);
      return;
    }
  }
  for (const Json& item : patch) {
    if (!item.is_object() || !item.contains(key))
      throw bad_request(fmt::format("map: {} does not contain declared merge key: {}", item.dump(), key));
    Json* existing = find_by_key(target, key, item[key]);
    if (item.contains("$patch") && item["$patch"] == "delete") {
      target.erase(
          std::remove_if(target.begin(), target.end(),
                         [&](const Json& t) { return t.is_object() && t.contains(key) && t[key] == item[key]; }),
          target.end());
    } else if (existing) {
      strategic_map(*existing, item, *field.type.element, depth + 1);
    } else {
      Json made = Json::object();
      strategic_map(made, item, *field.type.element, depth + 1);
      target.push_back(std::move(made));
    }
  }
}

void strategic_map(Json& target, const Json& patch, const Type& type, int depth) {
  if (depth > kMostDepth) throw bad_request("the patch is nested too deeply");
  if (!target.is_object()) target = Json::object();
  if (patch.contains("$patch")) {
    if (patch["$patch"] == "replace") {
      target = patch;
      target.erase("$patch");
      return;
    }
    if (patch["$patch"] == "delete") {
      target = Json::object();
      return;
    }
    if (patch["$patch"] != "merge")
      throw bad_request(fmt::format("Unknown patch type found: {}", patch["$patch"].dump()));
  }
  if (auto keep = patch.find("$retainKeys"); keep != patch.end() && keep->is_array())
    for (auto at = target.begin(); at != target.end();)
      at = std::find(keep->begin(), keep->end(), at.key()) == keep->end() ? target.erase(at) : std::next(at);
  const Struct* object = type.shape == Shape::object ? type.object : nullptr;
  for (const auto& [key, value] : patch.items()) {
    if (key.starts_with("$")) {
      constexpr std::string_view kDelete = "$deleteFromPrimitiveList/";
      if (key.starts_with(kDelete) && value.is_array()) {
        std::string name = key.substr(kDelete.size());
        if (auto at = target.find(name); at != target.end() && at->is_array())
          at->erase(
              std::remove_if(at->begin(), at->end(),
                             [&v = value](const Json& item) { return std::find(v.begin(), v.end(), item) != v.end(); }),
              at->end());
      }
      continue;
    }
    const Field* field = object ? object->find(key) : nullptr;
    if (value.is_null()) {
      target.erase(key);
    } else if (value.is_object()) {
      const Type& next = field ? field->type : type.element ? *type.element : SchemaTable::any();
      if (value.contains("$patch") && value["$patch"] == "delete")
        target.erase(key);
      else
        strategic_map(target[key], value, next, depth + 1);
    } else if (value.is_array() && is_list_merge(field)) {
      const Json before = target[key];
      strategic_list(target[key], value, *field, depth + 1);
      auto set_order = patch.find("$setElementOrder/" + key);
      reorder(target[key], set_order != patch.end() && set_order->is_array() ? *set_order : value, before,
              field->merge_key);
    } else {
      target[key] = value;
    }
  }
  constexpr std::string_view kOrder = "$setElementOrder/";
  for (const auto& [key, value] : patch.items()) {
    if (!key.starts_with(kOrder) || !value.is_array()) continue;
    std::string name = key.substr(kOrder.size());
    if (patch.contains(name)) continue;
    const Field* field = object ? object->find(name) : nullptr;
    auto at = target.find(name);
    if (!field || at == target.end() || !at->is_array()) continue;
    const Json before = *at;
    reorder(*at, value, before, field->merge_key);
  }
}

}  // namespace

void strategic_patch(Json& target, const Json& patch, const Type& type) {
  if (!patch.is_object())
    throw bad_request("json: cannot unmarshal array into Go value of type map[string]interface {}");
  strategic_map(target, patch, type, 0);
}

}  // namespace nautilus::sim
