// The JSON tree that everything passes around: objects of the Kubernetes API, chart values, plans, records.
//
// nlohmann::json with sorted keys; integers, unsigned integers and floats are told apart. Never call its throwing
// accessors on data from outside: use the lookups below, or parse() which returns a Result.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/base/error.h"

namespace nautilus::value {

using Json = nlohmann::json;

// Parses one JSON document. `what` names the input in the error ("response of GET /api"). Nesting is bounded
// (kMaxDepth) because the library recurses when it destroys a tree.
Result<Json> parse_json(std::string_view text, std::string_view what);
inline constexpr int kMaxDepth = 500;

// The value at a path of object keys, or nullptr: at(object, "metadata", "name").
const Json* find(const Json& object, std::string_view key);
template <class... Rest>
const Json* find(const Json& object, std::string_view key, Rest... rest) {
  const Json* next = find(object, key);
  return next ? find(*next, rest...) : nullptr;
}

// The string (integer, bool) at a path, or the fallback if it is absent or of another type.
template <class... Path>
std::string string_at(const Json& object, Path... path) {
  const Json* found = find(object, path...);
  return found && found->is_string() ? found->template get_ref<const std::string&>() : std::string();
}
template <class... Path>
std::int64_t int_at(const Json& object, std::int64_t fallback, Path... path) {
  const Json* found = find(object, path...);
  return found && found->is_number_integer() ? found->template get<std::int64_t>() : fallback;
}
template <class... Path>
bool bool_at(const Json& object, bool fallback, Path... path) {
  const Json* found = find(object, path...);
  return found && found->is_boolean() ? found->template get<bool>() : fallback;
}

}  // namespace nautilus::value

namespace nautilus {
using value::Json;
}
