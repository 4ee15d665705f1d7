// The HTTP resources, without the socket: a request in, a response out, at once or when the engine has answered.
//
// Threading: handle() on the connection's thread; `done` may be called on the releasing thread.
#pragma once

#include <functional>

#include "engine/gateway/core.h"
#include "engine/gateway/order_entry.h"

namespace nautilus::engine {

struct RestRequest {
  std::string_view method, target, traceparent;
  std::span<char> body;
};
struct RestResponse {
  int status = 200;
  std::string body;  // JSON
};

// `done` is called once: before this returns (0 is returned) or later (the tag is returned; hand it to
// Hub::forget() when nobody waits any more).
std::uint64_t handle_rest(GatewayCore& core, const Principal& principal, const RestRequest& request,
                          std::function<void(RestResponse)> done);

RestResponse rest_error(const Denial& denial, std::string_view request_id = {}, std::string_view message = {});

}  // namespace nautilus::engine
