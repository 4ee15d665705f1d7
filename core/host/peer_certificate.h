// What the server's certificate said, remembered while it is verified, so that a refusal can be explained.
// Internal to core/host.
#pragma once

#include <string>

typedef struct ssl_ctx_st SSL_CTX;

namespace nautilus::host {

struct PeerCertificate {
  bool seen = false;
  int verify_error = 0;       // X509_V_ERR_*; 0 = the chain is trusted
  std::string verify_reason;  // OpenSSL's words
  std::string bad_subject;    // of the certificate in the chain that was refused
  std::string issuer;         // of that certificate
  std::string not_before, not_after;
  std::string names;  // subject alternative names of the server's own certificate
};

// Replaces the context's verification by the same verification that also fills `into`, which must outlive it.
void remember_peer(SSL_CTX* context, PeerCertificate* into);

struct Explanation {
  std::string message, hint;
};
// Why the server at `server` (verified as `name`) was not trusted. `fallback` is libcurl's own text.
Explanation explain(const PeerCertificate& peer, const std::string& server, const std::string& name,
                    const std::string& fallback);

}  // namespace nautilus::host
