// What a plain YAML scalar means, by the rules of Go's yaml.v2 (YAML 1.1) as Kubernetes and Helm use it.
#pragma once

#include <optional>
#include <string_view>

#include "core/value/json.h"

namespace nautilus::value {

// null, a bool, a number, or the text itself. Infinities and NaN have no JSON form and give nullopt.
std::optional<Json> plain_scalar(std::string_view text);
// True if this text, written plain, would be read as something else than this string.
bool reads_as_other(std::string_view text);

}  // namespace nautilus::value
