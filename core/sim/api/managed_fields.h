// Who owns which field: the field manager of the API server.
//
// Follows apimachinery's managedfields package: entries per manager, operation, apiVersion and subresource; Apply owns
// what the configuration says, Update owns what the write changed; conflicts, forced takeovers, removal of what is no
// longer applied, sharing; at most ten Update entries, older ones gathered under "ancient-changes". Threading: pure
// functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/sim/api/typed.h"

namespace nautilus::sim {

struct FieldWriter {
  std::string manager;      // "kubectl", "helm", ...
  std::string api_version;  // of the request: "apps/v1"
  std::string subresource;  // "" or "status", "scale"
  std::string time;         // RFC 3339 of now
  FieldSet ignored;         // fields this endpoint resets, which it therefore never owns
  Json empty;               // the object that says nothing: Go writes some fields even then, and nobody owns those
};

struct FieldConflict {
  std::string manager;  // as the real server prints it: `"kubectl" using apps/v1`
  std::string path;
};

struct Applied {
  Json object;                           // the merged object, managedFields set
  bool noop = false;                     // the merge changed nothing
  std::vector<FieldConflict> conflicts;  // not forced: nothing was done
};

// metadata.managedFields of `updated` after a create (live null), update or patch by `writer`. `updated` may carry
// managedFields of its own (they are taken as the starting point, as the real server does; an empty list resets them).
void track_update(const Json& live, Json& updated, const Type& type, const FieldWriter& writer);

// Server-side apply of `config` onto `live` (null on create). Both without null values where possible.
Applied track_apply(const Json& live, const Json& config, const Type& type, const FieldWriter& writer, bool force);

// Whether two objects differ in nothing but the times in managedFields (and resourceVersion).
bool same_but_times(const Json& a, const Json& b);

}  // namespace nautilus::sim
