// Request bodies: JSON, or YAML where the API takes it.
#pragma once

#include <string>
#include <string_view>

#include "core/sim/api/decode.h"

namespace nautilus::sim {

// Throws Refused (400, 415) if the body is not what its content type says. `kind` is for the message.
Parsed read_body(const std::string& body, std::string_view content_type, std::string_view kind);

}  // namespace nautilus::sim
