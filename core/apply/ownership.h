// What managedFields says we own, compared with what we want.
//
// Source followed: Kubernetes fieldsV1 (f: fields, k: list items by key, v: set members, "." the thing itself) as the
// server writes it for server-side apply.
#pragma once

#include "core/value/json.h"

namespace nautilus::apply {

// True only if the owner of `fields` owns every field of `desired` and nothing else. apiVersion, kind, the name and the
// namespace are never in managedFields and are left out. False when in doubt.
bool owns_exactly(const Json& fields, const Json& desired);

// True only if every field of `desired` is in `live` with the same value. Quantities are compared by value where the
// API has quantities; lists by position. False when in doubt: the caller asks the server then.
bool equal_where_specified(const Json& desired, const Json& live);

}  // namespace nautilus::apply
