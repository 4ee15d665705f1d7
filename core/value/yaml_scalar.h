// What a plain YAML scalar means, by the rules of Go's yaml.v2 (YAML 1.1) as Kubernetes and Helm use it.
#pragma once

#include <optional>
#include <string_view>

#include "core/value/json.h"

namespace nautilus::value {

enum class ScalarKind {
  null,
  boolean,
  integer,     // fits std::int64_t, or std::uint64_t if it is positive
  real,        // a finite float; whole ones are stored as integers, as JSON text does not tell 1.0 from 1
  not_finite,  // .inf and .nan: no form in JSON
  timestamp,   // kept as its text
  string,
};

struct Scalar {
  ScalarKind kind = ScalarKind::string;
  Json value;       // null for not_finite
  double real = 0;  // the number, if kind is real or not_finite
};

// Never fails: what is nothing else is a string.
Scalar resolve_plain(std::string_view text);

// null, a bool, a number, or the text itself. Infinities and NaN have no JSON form and give nullopt.
std::optional<Json> plain_scalar(std::string_view text);
// True if this text, written plain, would be read as something else than this string (or was by older readers:
// base-60 numbers such as 1:30).
bool reads_as_other(std::string_view text);

// A float as an integer if it is whole and fits, as it comes out of a round trip through Go's encoding/json.
Json json_number(double value);
// strconv.FormatFloat(value, 'g', -1, bits): 1e+06, 1.5, 1e-05. `bits` is 32 or 64.
std::string go_float(double value, int bits = 64);

}  // namespace nautilus::value
