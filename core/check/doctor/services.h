// What several checks ask of a Service.
#pragma once

#include "core/check/check.h"

namespace nautilus::check {

// A port says it carries WebSockets: by its name, or by appProtocol.
bool is_websocket(const Json& service);

// Whether a Service has a port of that number or name.
bool has_port(const Json& service, const Json& port);

}  // namespace nautilus::check
