// Small readings and edits of API objects that every controller needs.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/port/clock.h"
#include "core/sim/api/store.h"
#include "core/sim/control/kinds.h"
#include "core/value/json.h"

namespace nautilus::sim {

using ObjectPtr = Object;

Key key_of(const Json& object);
const std::string& uid_of(const Json& object);  // empty if it has none
std::string name_of(const Json& object);
std::string namespace_of(const Json& object);
bool is_deleting(const Json& object);  // metadata.deletionTimestamp is set
std::int64_t generation_of(const Json& object);
std::optional<port::WallTime> time_at(const Json& object, std::string_view parent, std::string_view field);
std::string annotation(const Json& object, std::string_view key);
std::string label(const Json& object, std::string_view key);
bool has_finalizer(const Json& object, std::string_view finalizer);
// Removes it; false if it was not there.
bool drop_finalizer(Json& object, std::string_view finalizer);

// The owner reference with controller: true, or nullptr.
const Json* controller_ref(const Json& object);
Json owner_ref(const Json& owner, const Kind& kind, bool controller = true);
bool has_owner(const Json& object, const std::string& uid);

// Conditions -----------------------------------------------------------------------------------------------------

const Json* condition(const Json& status, std::string_view type);
bool condition_is(const Json& status, std::string_view type, std::string_view wanted = "True");
void drop_condition(Json& status, std::string_view type);

struct Condition {
  std::string type, status, reason, message;
};
// Adds or replaces; lastTransitionTime moves only when the status changes. True if anything changed.
bool set_condition(Json& status, const Condition& wanted, port::WallTime now);

// Numbers --------------------------------------------------------------------------------------------------------

// An IntOrString: a number, or a percentage of `total` rounded up or down; nullopt if it is neither.
std::optional<std::int64_t> int_or_percent(const Json& value, std::int64_t total, bool round_up);

// The hash that names revisions: FNV-1a over the canonical text and a collision count, in the alphabet without vowels
// that Kubernetes uses, so that no word appears by chance.
std::string safe_hash(const Json& content, std::int64_t collisions);
// `base` cut so that base + suffix fits a DNS subdomain (253) or label (63).
std::string fit_name(std::string_view base, std::string_view suffix, std::size_t limit);

}  // namespace nautilus::sim
