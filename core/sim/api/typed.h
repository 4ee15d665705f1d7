// Values with their types: the operations of structured-merge-diff that server-side apply is made of.
//
// Threading and failure: pure functions; errors are texts in the real server's words (".spec.x: field not declared in
// schema"), collected, never thrown.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/sim/api/field_set.h"
#include "core/sim/schema/schema.h"
#include "core/value/json.h"

namespace nautilus::sim {

struct Comparison {
  FieldSet added, modified, removed;
  bool same() const { return added.empty() && modified.empty() && removed.empty(); }
};

// Everything a value sets.
FieldSet to_field_set(const Json& value, const Type& type);
// What changed from `before` to `after`. Null Json stands for "nothing there".
Comparison compare(const Json& before, const Json& after, const Type& type);
// `config` laid over `live`: maps and granular lists item by item, everything else replaced.
Json merge(const Json& live, const Json& config, const Type& type);
// The value less the items in `set`; null if nothing is left.
Json remove_items(const Json& value, const FieldSet& set, const Type& type);
// Problems of a configuration that is to be applied; empty if it fits its type. Duplicates in granular lists count.
std::vector<std::string> check_typed(const Json& value, const Type& type);

}  // namespace nautilus::sim
