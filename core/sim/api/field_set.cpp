#include "core/sim/api/field_set.h"

#include <fmt/format.h>

namespace nautilus::sim {

void FieldSet::insert(const FieldPath& path) {
  FieldSet* set = this;
  for (std::size_t i = 0; i < path.size(); ++i) {
    FieldNode& node = set->nodes[path[i]];
    if (i + 1 == path.size()) node.member = true;
    set = &node.children;
  }
}

bool FieldSet::has(const FieldPath& path) const {
  const FieldSet* set = this;
  for (std::size_t i = 0; i < path.size(); ++i) {
    auto at = set->nodes.find(path[i]);
    if (at == set->nodes.end()) return false;
    if (i + 1 == path.size()) return at->second.member;
    set = &at->second.children;
  }
  return false;
}

const FieldSet* FieldSet::child(std::string_view element) const {
  auto at = nodes.find(element);
  return at == nodes.end() ? nullptr : &at->second.children;
}

FieldSet FieldSet::united(const FieldSet& other) const {
  FieldSet result = *this;
  for (const auto& [element, node] : other.nodes) {
    auto [at, fresh] = result.nodes.try_emplace(element, node);
    if (fresh) continue;
    at->second.member |= node.member;
    if (!node.children.empty()) at->second.children = at->second.children.united(node.children);
  }
  return result;
}

FieldSet FieldSet::intersected(const FieldSet& other) const {
  FieldSet result;
  for (const auto& [element, node] : nodes) {
    auto at = other.nodes.find(element);
    if (at == other.nodes.end()) continue;
    FieldNode made{node.member && at->second.member, node.children.intersected(at->second.children)};
    if (made.member || !made.children.empty()) result.nodes.emplace(element, std::move(made));
  }
  return result;
}

FieldSet FieldSet::without(const FieldSet& other) const {
  FieldSet result;
  for (const auto& [element, node] : nodes) {
    auto at = other.nodes.find(element);
    if (at == other.nodes.end()) {
      result.nodes.emplace(element, node);
      continue;
    }
    FieldNode made{node.member && !at->second.member, node.children.without(at->second.children)};
    if (made.member || !made.children.empty()) result.nodes.emplace(element, std::move(made));
  }
  return result;
}

FieldSet FieldSet::without_below(const FieldSet& prefixes) const {
  FieldSet result;
  for (const auto& [element, node] : nodes) {
    auto at = prefixes.nodes.find(element);
    if (at == prefixes.nodes.end()) {
      result.nodes.emplace(element, node);
      continue;
    }
    if (at->second.member) continue;
    FieldNode made{node.member, node.children.without_below(at->second.children)};
    if (made.member || !made.children.empty()) result.nodes.emplace(element, std::move(made));
  }
  return result;
}

namespace {

// What lies below an element of a value of this type.
const Type& below(const Type& type, std::string_view element, bool& named) {
  named = false;
  if (type.shape == Shape::object && type.object && element.starts_with("f:")) {
    if (const Field* field = type.object->find(element.substr(2))) {
      named = true;
      return field->type;
    }
    return type.object->additional ? *type.object->additional : SchemaTable::any();
  }
  return type.element ? *type.element : SchemaTable::any();
}

void visit_set(const FieldSet& set, FieldPath& path, const std::function<void(const FieldPath&)>& callback) {
  for (const auto& [element, node] : set.nodes) {
    if (!node.member) continue;
    path.push_back(element);
    callback(path);
    path.pop_back();
  }
  for (const auto& [element, node] : set.nodes) {
    if (node.children.empty()) continue;
    path.push_back(element);
    visit_set(node.children, path, callback);
    path.pop_back();
  }
}

std::string scalar_text(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

FieldSet FieldSet::with_named_fields(const Type& type) const {
  FieldSet result;
  for (const auto& [element, node] : nodes) {
    bool named = false;
    const Type& next = below(type, element, named);
    FieldNode made{node.member || (named && !node.children.empty()), node.children.with_named_fields(next)};
    result.nodes.emplace(element, std::move(made));
  }
  return result;
}

void FieldSet::visit(const std::function<void(const FieldPath&)>& callback) const {
  FieldPath path;
  visit_set(*this, path, callback);
}

Json FieldSet::to_fields_v1() const {
  Json result = Json::object();
  for (const auto& [element, node] : nodes) {
    Json child = node.children.to_fields_v1();
    if (node.member && !node.children.empty()) child["."] = Json::object();
    result[element] = std::move(child);
  }
  return result;
}

FieldSet FieldSet::from_fields_v1(const Json& fields) {
  FieldSet result;
  if (!fields.is_object()) return result;
  for (const auto& [element, inner] : fields.items()) {
    if (element.size() < 2 || element[1] != ':') continue;
    FieldNode node;
    if (!inner.is_object() || inner.empty()) {
      node.member = true;
    } else {
      node.member = inner.contains(".");
      node.children = from_fields_v1(inner);
    }
    result.nodes.emplace(element, std::move(node));
  }
  return result;
}

bool FieldSet::operator==(const FieldSet& other) const { return nodes == other.nodes; }

std::string element_text(std::string_view element) {
  std::string_view body = element.size() > 2 ? element.substr(2) : std::string_view();
  if (element.starts_with("f:")) return "." + std::string(body);
  if (element.starts_with("v:")) return fmt::format("[={}]", body);
  if (element.starts_with("k:")) {
    Json keys = Json::parse(body, nullptr, false);
    std::string text = "[";
    if (keys.is_object())
      for (const auto& [key, value] : keys.items())
        text += fmt::format("{}{}={}", text.size() > 1 ? "," : "", key, scalar_text(value));
    return text + "]";
  }
  return fmt::format("[{}]", body);
}

std::string path_text(const FieldPath& path) {
  std::string text;
  for (const auto& element : path) text += element_text(element);
  return text;
}

bool list_element(const Type& list, const Json& item, std::string& element, std::string& error) {
  if (list.list == ListKind::set) {
    if (item.is_structured() || item.is_null()) {
      error = item.is_null()    ? "associative list without keys has an element that's an explicit null"
              : item.is_array() ? "not supported: associative list with lists as elements"
                                : "associative list without keys has an element that's a map type";
      return false;
    }
    element = "v:" + scalar_text(item);
    return true;
  }
  if (!item.is_object()) {
    error = item.is_null() ? "associative list with keys may not have a null element"
                           : "associative list with keys may not have non-map elements";
    return false;
  }
  Json keys = Json::object();
  for (const auto& key : list.keys) {
    auto at = item.find(key);
    if (at != item.end()) {
      keys[key] = *at;
    } else if (list.element && list.element->object) {
      const Field* field = list.element->object->find(key);
      if (field && !field->default_value.is_null()) keys[key] = field->default_value;
    }
  }
  if (keys.empty()) {
    std::string names;
    for (const auto& key : list.keys) names += fmt::format("{}\"{}\"", names.empty() ? "" : " ", key);
    error = fmt::format(
        "associative list with keys has an element that omits all key fields [{}] (and doesn't have "
        "default values for any key fields)",
        names);
    return false;
  }
  element = "k:" + scalar_text(keys);
  return true;
}

}  // namespace nautilus::sim
