// Who this end is and whom it trusts: both ends show a certificate of the same authority (mutual TLS 1.2 or newer).
#pragma once

#include <string>

namespace nautilus::engine {

struct TlsIdentity {
  std::string ca_pem, certificate_pem, key_pem;  // texts, not paths
  std::string peer_name;  // the DNS name or address the other end's certificate must have; empty: any of the authority
  bool plain = false;     // without TLS: only between loopback addresses, for tests and a single machine
};

}  // namespace nautilus::engine
