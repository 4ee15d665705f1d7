// From a request's text to a value in the form the real server stores.
//
// parse_strict keeps what a plain parser forgets: duplicate fields. decode() does what Go's decoding into the API's
// types and encoding again does: unknown fields dropped (and reported), wrong types refused in Go's words, quantities
// made canonical, zero values dropped or filled in by each field's omitempty. Threading: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/sim/schema/schema.h"
#include "core/value/json.h"

namespace nautilus::sim {

struct Parsed {
  Json value;
  std::vector<std::string> duplicates;  // paths, "spec.replicas"
  std::string error;                    // set: it is not JSON
};
Parsed parse_strict(std::string_view text);

struct Decoded {
  Json value;
  std::vector<std::string> unknown;  // paths, "spec.containers[0].foo"
  std::string error;                 // the first type error, in Go's words; empty if none
};
// `value` is consumed.
Decoded decode(Json value, const Type& type);

}  // namespace nautilus::sim
