// Gets a packaged chart from a Helm chart repository: index.yaml over HTTPS, then the .tgz it names.
//
// Purpose: nothing more than `helm pull --repo`: an exact version, redirects within bounds, never from TLS to plain
// HTTP, credentials only to the repository's own host and never in an address, an argument or a message.
// Failure: not_found (no such chart, version or file), forbidden, refused (an unsafe redirect), limit (too large, too
// many redirects), invalid (a broken index or a package that is not what the index says), unreachable, timeout,
// interrupted. Threading: one thread per call.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/error.h"
#include "core/chart/load.h"
#include "core/port/clock.h"
#include "core/port/http_transport.h"
#include "core/port/interrupt.h"

namespace nautilus::chart {

inline constexpr std::uint64_t kMaxIndexBytes = 64u << 20;
inline constexpr int kMaxRedirects = 5;
inline constexpr port::Duration kFetchTimeout = std::chrono::minutes(2);  // of one answer

struct RepositoryPorts {
  port::Connector& connector;
  const port::Clock& clock;
  const port::Interrupt& interrupt;
};

struct RepositoryChart {
  std::string url;                 // of the repository, without a trailing '/'
  std::string name, version;       // exact; a leading "v" does not count
  std::string username, password;  // empty = anonymous
  std::string ca_pem;              // empty = the system's authorities
};

struct FetchedChart {
  std::string bytes;   // the .tgz
  std::string digest;  // "sha256:<64 hex>" of them
};

Result<FetchedChart> fetch_chart(const RepositoryPorts& ports, const RepositoryChart& wanted);

// "sha256:<64 hex>" of the bytes.
std::string digest_of(std::string_view bytes);
// Equal but for a leading "v".
bool same_version(std::string_view one, std::string_view other);

}  // namespace nautilus::chart
