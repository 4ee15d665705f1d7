// The order in which Go's yaml.v2 writes the keys of a map: digits by value, other signs before letters.
#pragma once

#include <string_view>
#include <vector>

#include "core/value/json.h"

namespace nautilus::value {

bool key_before(std::string_view a, std::string_view b);
// The members of an object in that order. Objects whose byte order is already right are not sorted.
std::vector<Json::const_iterator> in_key_order(const Json& object);

}  // namespace nautilus::value
