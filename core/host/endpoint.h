// An endpoint checked before anything is sent: the parts of its URL, and PEM texts that are what they claim to be.
// Internal to core/host.
#pragma once

#include <string>

#include "core/port/http_transport.h"

namespace nautilus::host {

struct ServerAddress {
  bool tls = true;
  std::string host;       // without brackets
  std::string port;       // digits
  std::string prefix;     // path without a trailing slash; may be empty
  std::string authority;  // host:port as in a URL, with brackets for IPv6
};

// Code::invalid for anything but http://LOOPBACK and https://HOST, with optional port and path. `plain`: http:// to
// any.
Result<ServerAddress> parse_server(const std::string& server, bool plain = false);

// The CA bundle holds certificates; the client certificate and key go together and need no passphrase.
Result<> check_pem(const port::Endpoint& endpoint);

}  // namespace nautilus::host
