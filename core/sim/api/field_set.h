// Sets of field paths, the currency of server-side apply.
//
// A trie. An element is kept in the text form of FieldsV1: "f:name" (field), "k:{...}" (list item by keys), "v:..."
// (set item by value), "i:0" (index). A node is a member of the set, has children, or both; FieldsV1 writes a member
// with children as ".". Follows sigs.k8s.io/structured-merge-diff fieldpath, as the real server does. Threading: plain
// values.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/sim/schema/schema.h"
#include "core/value/json.h"

namespace nautilus::sim {

using FieldPath = std::vector<std::string>;

struct FieldNode;

class FieldSet {
 public:
  std::map<std::string, FieldNode, std::less<>> nodes;

  bool empty() const { return nodes.empty(); }
  void insert(const FieldPath& path);
  bool has(const FieldPath& path) const;
  const FieldSet* child(std::string_view element) const;  // null if none

  FieldSet united(const FieldSet& other) const;
  FieldSet intersected(const FieldSet& other) const;
  FieldSet without(const FieldSet& other) const;
  // Removes every path of `prefixes` and all below it.
  FieldSet without_below(const FieldSet& prefixes) const;
  // Adds the named (struct) fields on the way to the members: removing all of a struct's fields removes the struct.
  FieldSet with_named_fields(const Type& type) const;
  // Members before children, each in the order of the elements.
  void visit(const std::function<void(const FieldPath&)>& callback) const;

  Json to_fields_v1() const;
  // Entries that are not valid elements are left out.
  static FieldSet from_fields_v1(const Json& fields);
  bool operator==(const FieldSet& other) const;
};

struct FieldNode {
  bool member = false;
  FieldSet children;
  bool operator==(const FieldNode&) const = default;
};

// ".spec.containers[name=\"web\"].image"
std::string path_text(const FieldPath& path);
std::string element_text(std::string_view element);

// The element that names an item of a granular list. False, with `error` set, if it has none.
bool list_element(const Type& list, const Json& item, std::string& element, std::string& error);

}  // namespace nautilus::sim
