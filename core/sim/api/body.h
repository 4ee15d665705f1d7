// Request bodies: JSON, YAML, or Kubernetes' protobuf.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/sim/api/decode.h"

namespace nautilus::sim {

// Throws Refused (400, 413, 415) if the body is not what its content type says. `kind` is for the message; `type_of`
// finds the type of a protobuf body.
using TypeOf = std::function<const Struct*(const std::string& api_version, const std::string& kind)>;
Parsed read_body(const std::string& body, std::string_view content_type, std::string_view kind,
                 const TypeOf& type_of = {});

}  // namespace nautilus::sim
