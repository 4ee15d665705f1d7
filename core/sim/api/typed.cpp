#include "core/sim/api/typed.h"

#include <fmt/format.h>

#include <unordered_map>
#include <unordered_set>

namespace nautilus::sim {
namespace {

enum class Form { scalar, list, map };

// Which of the forms a value of this type takes. An undescribed value is what it looks like: maps are granular, lists
// atomic.
Form form_of(const Type& type, const Json* a, const Json* b = nullptr) {
  switch (type.shape) {
    case Shape::object:
    case Shape::map: return Form::map;
    case Shape::list: return Form::list;
    case Shape::any: {
      const Json* seen = b && !b->is_null() ? b : a;
      if (seen && seen->is_object()) return Form::map;
      if (seen && seen->is_array()) return Form::list;
      return Form::scalar;
    }
    default: return Form::scalar;
  }
}

const Type& field_type(const Type& type, const std::string& key, bool* named = nullptr) {
  if (type.shape == Shape::object && type.object) {
    if (const Field* field = type.object->find(key)) {
      if (named) *named = true;
      return field->type;
    }
    return type.object->additional ? *type.object->additional : SchemaTable::any();
  }
  return type.element ? *type.element : SchemaTable::any();
}

const Type& item_type(const Type& type) { return type.element ? *type.element : SchemaTable::any(); }

void collect(const Json& value, const Type& type, FieldNode& self) {
  switch (form_of(type, &value)) {
    case Form::scalar: self.member = true; return;
    case Form::list: {
      if (!type.granular_list()) {
        self.member = true;
        return;
      }
      if (!value.is_array()) return;
      std::unordered_map<std::string, int> seen;
      std::vector<std::string> elements(value.size());
      std::string error;
      for (std::size_t i = 0; i < value.size(); ++i)
        if (list_element(type, value[i], elements[i], error)) ++seen[elements[i]];
      for (std::size_t i = 0; i < value.size(); ++i) {
        if (elements[i].empty()) continue;
        FieldNode& child = self.children.nodes[elements[i]];
        child.member = true;
        if (seen[elements[i]] == 1) collect(value[i], item_type(type), child);
      }
      return;
    }
    case Form::map:
      if (type.atomic) {
        self.member = true;
        return;
      }
      if (!value.is_object()) return;
      for (const auto& [key, inner] : value.items()) {
        bool named = false;
        const Type& next = field_type(type, key, &named);
        FieldNode child;
        collect(inner, next, child);
        if (inner.is_null() || (inner.is_object() && inner.empty()) || !named) child.member = true;
        if (child.member || !child.children.empty()) self.children.nodes.emplace("f:" + key, std::move(child));
      }
  }
}

class Comparer {
 public:
  explicit Comparer(Comparison& out) : out_(out) {}

  // Null pointers stand for "not there".
  void run(const Json* before, const Json* after, const Type& type) {
    bool leaf = false;
    switch (form_of(type, before, after)) {
      case Form::scalar: leaf = true; break;
      case Form::list: leaf = !type.granular_list() || (none(before) && none(after)); break;
      case Form::map: leaf = type.atomic || (none(before) && none(after)); break;
    }
    if (!leaf && before && after && *before == *after) return;  // nothing below can differ
    // An undescribed value that changed its form: all of the one is gone and all of the other is new.
    if (!leaf && before && after && !before->is_null() && !after->is_null() &&
        form_of(SchemaTable::any(), before) != form_of(SchemaTable::any(), after))
      leaf = true;
    if (leaf) {
      if (!before)
        out_.added.insert(path_);
      else if (!after)
        out_.removed.insert(path_);
      else if (*before != *after)
        out_.modified.insert(path_);
      return;
    }
    if (form_of(type, before, after) == Form::list)
      lists(before, after, type);
    else
      maps(before, after, type);
    if (!path_.empty()) {
      if (!before)
        out_.added.insert(path_);
      else if (!after)
        out_.removed.insert(path_);
    }
  }

 private:
  static bool none(const Json* value) { return !value || value->is_null() || value->empty(); }

  void down(std::string element, const Json* before, const Json* after, const Type& type) {
    path_.push_back(std::move(element));
    run(before, after, type);
    path_.pop_back();
  }

  void maps(const Json* before, const Json* after, const Type& type) {
    if (before && before->is_object())
      for (const auto& [key, value] : before->items()) {
        const Json* other = after && after->is_object() && after->contains(key) ? &(*after)[key] : nullptr;
        down("f:" + key, &value, other, field_type(type, key));
      }
    if (after && after->is_object())
      for (const auto& [key, value] : after->items())
        if (!before || !before->is_object() || !before->contains(key))
          down("f:" + key, nullptr, &value, field_type(type, key));
  }

  using Items = std::unordered_map<std::string, std::vector<const Json*>>;
  void index(const Json* list, const Type& type, Items& items, std::vector<std::string>& order) {
    if (!list || !list->is_array()) return;
    std::string element, error;
    for (const Json& item : *list) {
      if (!list_element(type, item, element, error)) continue;
      auto& slot = items[element];
      slot.push_back(&item);
      order.push_back(element);
    }
  }

  void lists(const Json* before, const Json* after, const Type& type) {
    Items old_items, new_items;
    std::vector<std::string> order;
    index(before, type, old_items, order);
    index(after, type, new_items, order);
    std::unordered_set<std::string> done;
    const Type& inner = item_type(type);
    for (const auto& element : order) {
      if (!done.insert(element).second) continue;
      const auto& olds = old_items[element];
      const auto& news = new_items[element];
      if (olds.size() <= 1 && news.size() <= 1) {
        down(element, olds.empty() ? nullptr : olds[0], news.empty() ? nullptr : news[0], inner);
        continue;
      }
      path_.push_back(element);
      if (olds.size() >= 2 && news.size() >= 2) {
        bool equal = olds.size() == news.size();
        for (std::size_t i = 0; equal && i < olds.size(); ++i) equal = *olds[i] == *news[i];
        if (!equal) out_.modified.insert(path_);
      } else if (olds.size() >= 2) {
        if (!news.empty()) run(nullptr, news[0], inner);
        out_.removed.insert(path_);
      } else {
        if (!olds.empty()) run(olds[0], nullptr, inner);
        out_.added.insert(path_);
      }
      path_.pop_back();
    }
  }

  Comparison& out_;
  FieldPath path_;
};

std::optional<Json> merged(const Json* live, const Json* config, const Type& type);

std::optional<Json> merged_map(const Json* live, const Json* config, const Type& type) {
  Json out = Json::object();
  auto take = [&](const std::string& key, const Json* a, const Json* b) {
    if (auto value = merged(a, b, field_type(type, key))) out[key] = std::move(*value);
  };
  if (live && live->is_object())
    for (const auto& [key, value] : live->items())
      take(key, &value, config && config->is_object() && config->contains(key) ? &(*config)[key] : nullptr);
  if (config && config->is_object())
    for (const auto& [key, value] : config->items())
      if (!live || !live->is_object() || !live->contains(key)) take(key, nullptr, &value);
  if (out.empty()) return std::nullopt;
  return out;
}

// The order of structured-merge-diff: the configuration decides the order of the shared items, items that only the live
// list has stay where they are relative to those.
std::optional<Json> merged_list(const Json* live, const Json* config, const Type& type) {
  std::vector<std::string> left, right;
  std::unordered_map<std::string, const Json*> in_left, in_right;
  std::string element, error;
  auto index = [&](const Json* list, std::vector<std::string>& order, auto& map, bool duplicates) {
    if (!list || !list->is_array()) return;
    for (const Json& item : *list) {
      if (!list_element(type, item, element, error)) continue;
      auto [at, fresh] = map.try_emplace(element, &item);
      if (!fresh) {
        if (!duplicates) continue;
        at->second = nullptr;  // duplicates of the live list are not merged into
      }
      order.push_back(element);
    }
  };
  index(config, right, in_right, false);
  index(live, left, in_left, true);
  std::vector<std::string> shared;
  for (const auto& e : right)
    if (in_left.contains(e)) shared.push_back(e);
  std::size_t next = 0, l = 0, r = 0, live_index = 0;
  std::unordered_set<std::string> taken;
  const Type& inner = item_type(type);
  Json out = Json::array();
  auto add = [&](const Json* a, const Json* b) {
    if (auto value = merged(a, b, inner)) out.push_back(std::move(*value));
  };
  auto live_item = [&](std::size_t i) { return live_index = i, &(*live)[live_index]; };
  while (l < left.size() || r < right.size()) {
    if (l < left.size() && r < right.size()) {
      const auto& e = left[l];
      if (e == right[r]) {
        taken.insert(e);
        add(in_left[e], in_right[e]);
        ++l, ++r, ++next;
        continue;
      }
      if (in_right.contains(e) && next < shared.size() && shared[next] != e) {
        ++l;  // shared, but its turn is later
        continue;
      }
    }
    if (l < left.size()) {
      const auto& e = left[l];
      if (!in_right.contains(e)) {
        add(live_item(l), nullptr);
        ++l;
        continue;
      }
      if (taken.contains(e)) ++l;
    }
    if (r < right.size()) {
      const auto& e = right[r];
      taken.insert(e);
      auto at = in_left.find(e);
      add(at == in_left.end() ? nullptr : at->second, in_right[e]);
      ++r;
      if (next < shared.size() && shared[next] == e) ++next;
    }
  }
  if (out.empty()) return std::nullopt;
  return out;
}

std::optional<Json> merged(const Json* live, const Json* config, const Type& type) {
  auto none = [](const Json* value) { return !value || value->is_null() || value->empty(); };
  if (!live && !config) return std::nullopt;
  auto replace = [&] { return config ? *config : *live; };
  if (live && !config) return *live;
  switch (form_of(type, live, config)) {
    case Form::scalar: return replace();
    case Form::list:
      if (!type.granular_list() || (none(live) && none(config))) return replace();
      if (live && !live->is_array() && !live->is_null()) return replace();
      return merged_list(live, config, type);
    case Form::map:
      if (type.atomic || (none(live) && none(config))) return replace();
      if (live && !live->is_object() && !live->is_null()) return replace();
      return merged_map(live, config, type);
  }
  return replace();
}

void check(const Json& value, const Type& type, const std::string& path, std::vector<std::string>& errors);

void check_scalar(const Json& value, const Type& type, const std::string& path, std::vector<std::string>& errors) {
  auto shown = [&] {
    if (value.is_object()) return std::string("map");
    if (value.is_array()) return std::string("list");
    return fmt::format("&value.valueUnstructured{{Value:{}}}",
                       value.is_string() ? value.get_ref<const std::string&>() : value.dump());
  };
  if (value.is_null()) return;
  switch (type.shape) {
    case Shape::string:
    case Shape::time:
    case Shape::micro_time:
    case Shape::bytes:
      if (!value.is_string()) errors.push_back(fmt::format("{}: expected string, got {}", path, shown()));
      break;
    case Shape::int32:
    case Shape::int64:
    case Shape::number:
      if (!value.is_number())
        errors.push_back(
            fmt::format("{}: expected numeric (int or float), got {}", path, value.is_string() ? "string" : shown()));
      break;
    case Shape::boolean:
      if (!value.is_boolean()) errors.push_back(fmt::format("{}: expected boolean, got {}", path, shown()));
      break;
    case Shape::quantity:
    case Shape::int_or_string:
      if (value.is_structured()) errors.push_back(fmt::format("{}: expected scalar, got {}", path, shown()));
      break;
    default: break;
  }
}

void check(const Json& value, const Type& type, const std::string& path, std::vector<std::string>& errors) {
  constexpr std::size_t kMostErrors = 100;
  if (errors.size() >= kMostErrors || value.is_null()) return;
  switch (form_of(type, &value)) {
    case Form::scalar: check_scalar(value, type, path, errors); return;
    case Form::list: {
      if (!value.is_array()) {
        errors.push_back(fmt::format("{}: expected list, got &{{{}}}", path,
                                     value.is_string() ? value.get_ref<const std::string&>() : value.dump()));
        return;
      }
      std::unordered_set<std::string> seen;
      for (std::size_t i = 0; i < value.size(); ++i) {
        std::string element = fmt::format("i:{}", i), error;
        if (type.granular_list()) {
          std::string keyed;
          if (!list_element(type, value[i], keyed, error)) {
            errors.push_back(fmt::format("{}: element {}: {}", path, i, error));
            continue;
          }
          if (!seen.insert(keyed).second) {
            errors.push_back(fmt::format("{}: duplicate entries for key {}", path, element_text(keyed)));
            continue;
          }
          element = keyed;
        }
        check(value[i], item_type(type), path + element_text(element), errors);
      }
      return;
    }
    case Form::map:
      if (!value.is_object()) {
        errors.push_back(fmt::format("{}: expected map, got &{{{}}}", path,
                                     value.is_string() ? value.get_ref<const std::string&>() : value.dump()));
        return;
      }
      for (const auto& [key, inner] : value.items()) {
        bool named = false;
        const Type& next = field_type(type, key, &named);
        if (type.shape == Shape::object && type.object && !named && !type.object->preserve_unknown &&
            !type.object->additional) {
          errors.push_back(fmt::format("{}.{}: field not declared in schema", path, key));
          continue;
        }
        check(inner, next, path + "." + key, errors);
      }
  }
}

}  // namespace

FieldSet to_field_set(const Json& value, const Type& type) {
  FieldNode root;
  collect(value, type, root);
  return std::move(root.children);
}

Comparison compare(const Json& before, const Json& after, const Type& type) {
  Comparison result;
  Comparer(result).run(before.is_null() ? nullptr : &before, after.is_null() ? nullptr : &after, type);
  return result;
}

Json merge(const Json& live, const Json& config, const Type& type) {
  auto result = merged(live.is_null() ? nullptr : &live, config.is_null() ? nullptr : &config, type);
  return result ? std::move(*result) : Json();
}

Json remove_items(const Json& value, const FieldSet& set, const Type& type) {
  switch (form_of(type, &value)) {
    case Form::scalar: return value;
    case Form::list: {
      if (!value.is_array() || value.empty() || !type.granular_list()) return Json();
      Json out = Json::array();
      std::string element, error;
      for (const Json& item : value) {
        const FieldNode* node = nullptr;
        if (list_element(type, item, element, error))
          if (auto at = set.nodes.find(element); at != set.nodes.end()) node = &at->second;
        if (!node)
          out.push_back(item);
        else if (!node->member)
          out.push_back(node->children.empty() ? item : remove_items(item, node->children, item_type(type)));
      }
      return out.empty() ? Json() : out;
    }
    case Form::map: {
      if (!value.is_object() || value.empty() || type.atomic) return Json();
      Json out = Json::object();
      for (const auto& [key, inner] : value.items()) {
        auto at = set.nodes.find("f:" + key);
        if (at == set.nodes.end()) {
          out[key] = inner;
        } else if (!at->second.member) {
          Json rest =
              at->second.children.empty() ? inner : remove_items(inner, at->second.children, field_type(type, key));
          if (!rest.is_null() || inner.is_null()) out[key] = std::move(rest);
        }
      }
      return out.empty() ? Json() : out;
    }
  }
  return value;
}

std::vector<std::string> check_typed(const Json& value, const Type& type) {
  std::vector<std::string> errors;
  check(value, type, "", errors);
  return errors;
}

}  // namespace nautilus::sim
