// Instant queries to a Prometheus server: GET /api/v1/query (Prometheus HTTP API, v1).
//
// Failure: Code::unreachable, timeout or io of the transport; Code::invalid for an answer that is not one number.
// Threading: the transport's thread; each query waits kQueryTimeout at most.
#pragma once

#include <memory>

#include "core/canary/threshold.h"
#include "core/port/http_transport.h"

namespace nautilus::canary {

inline constexpr port::Duration kQueryTimeout = std::chrono::seconds(10);

// `base_path`: what stands before /api/v1, "" or "/prometheus".
Query prometheus(std::shared_ptr<port::HttpTransport> transport, const port::Clock& clock, std::string base_path);

// The number in the answer; nothing for an empty result. More than one series is Code::invalid.
Result<std::optional<double>> number_of(const Json& answer);

}  // namespace nautilus::canary
