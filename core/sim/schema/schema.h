// The types of the Kubernetes API, built in and custom, as the simulated server needs them.
//
// Purpose: one description per type serves decoding (unknown fields, type errors, Go's omitempty), server-side apply
// (list kinds and keys), strategic merge (strategies and merge keys) and the OpenAPI documents. Built-in types are read
// from the embedded table (kubernetes_data.cpp) the first time each is asked for; custom ones are built from a CRD.
// Cost: nothing at program start; constructing a SchemaTable indexes 80 kB of text (tens of microseconds).
// Threading: one thread per table (types load lazily).
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/value/json.h"

namespace nautilus::sim {

enum class Shape : std::uint8_t {
  any,  // not described: anything goes
  string,
  int32,
  int64,
  number,
  boolean,
  quantity,
  int_or_string,
  time,
  micro_time,
  bytes,  // strings (or numbers) with a meaning
  object,
  list,
  map,
};

enum class ListKind : std::uint8_t { atomic, set, map };

class Struct;

struct Type {
  Shape shape = Shape::any;
  ListKind list = ListKind::atomic;  // shape list
  bool atomic = false;               // shape map or object: owned and replaced as a whole
  bool nullable = false;             // custom resources: an explicit null is kept
  std::vector<std::string> keys;     // list kind map
  const Type* element = nullptr;     // shape list and map
  const Struct* object = nullptr;    // shape object
  bool granular_list() const { return shape == Shape::list && list != ListKind::atomic; }
};

struct Field {
  std::string name;
  Type type;
  bool required = false;
  bool pointer = false;             // Go pointer: zero is kept, null is dropped
  bool omit_empty = false;          // Go omitempty
  bool omit_zero = false;           // Go omitzero
  std::string strategy, merge_key;  // strategic merge: "merge", "replace", "retainKeys", "merge,retainKeys"
  Json default_value;               // null if there is none
  int number = 0;                   // in protobuf; 0 = not there
  int outer = 0;                    // protobuf nests it in this field first; 0 = it does not
};

class SchemaTable;

class Struct {
 public:
  std::string name;  // "core.v1.PodSpec", "" for custom types
  bool atomic = false;
  bool custom = false;               // omitempty rules do not apply: what is there is kept
  bool preserve_unknown = false;     // x-kubernetes-preserve-unknown-fields
  const Type* additional = nullptr;  // custom: additionalProperties beside named properties
  bool embedded = false;             // custom: x-kubernetes-embedded-resource

  const std::vector<Field>& fields() const;         // sorted by name
  const Field* find(std::string_view field) const;  // null if unknown
  // "io.k8s.api.core.v1.PodSpec", as OpenAPI names it; and "PodSpec", as Go does.
  std::string openapi_name() const;
  std::string go_name() const;

  std::vector<Field> custom_fields;  // filled by the CRD reader; sorted

 private:
  friend class SchemaTable;
  mutable const SchemaTable* source_ = nullptr;
  std::string_view text_;
  mutable bool loaded_ = false;
  mutable std::vector<Field> fields_;
};

// One row of the resource table.
struct ResourceRow {
  std::string_view group, version, resource, singular, kind, verbs, short_names, categories, type, subresources;
  bool namespaced = true;
};

class SchemaTable {
 public:
  SchemaTable();
  ~SchemaTable();
  SchemaTable(const SchemaTable&) = delete;
  SchemaTable& operator=(const SchemaTable&) = delete;
  const std::vector<ResourceRow>& resources() const { return resources_; }
  // Null if there is no such type.
  const Struct* find(std::string_view name) const;
  // Type nodes live as long as the table.
  const Type* own(Type type) const;
  static const Type& any();

 private:
  friend class Struct;
  void parse_fields(const Struct& target) const;
  Type parse_type(std::string_view text) const;

  std::vector<ResourceRow> resources_;
  mutable std::unordered_map<std::string_view, std::unique_ptr<Struct>> structs_;
  mutable std::deque<Type> types_;
};

// Splits at every `separator`; "-" stands for nothing in the table's columns.
std::vector<std::string_view> split_view(std::string_view text, char separator);

}  // namespace nautilus::sim
