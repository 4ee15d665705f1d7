// Is there anything to write? Decided from what is already in memory, without asking the server, where that is certain.
#pragma once

#include <string>
#include <vector>

#include "core/value/json.h"

namespace nautilus::apply {

inline constexpr std::string_view kFieldManager = "nautilusctl";

// True only if applying `desired` could change nothing: every field in it has the live value, and our field manager
// owns those fields and no other ones. False means "ask the server" (a dry run decides), not "different".
bool certainly_unchanged(const Json& desired, const Json& live);

// The managedFields entry of our apply manager; null if we never applied this object.
const Json* our_entry(const Json& live);

// The paths that an apply would change, given the object before it and the server's dry-run answer. Empty if nothing
// would, "(field ownership)" if only managedFields would. Counters the server moves by itself do not count.
std::vector<std::string> changed_paths(const Json& live, const Json& dry_run);

}  // namespace nautilus::apply
