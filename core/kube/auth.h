// Who we are to the API server: a header for each request, and possibly a client certificate.
//
// Threading: one thread, the Client's. authorize() may block while a credential plugin runs.
#pragma once

#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/port/http_transport.h"

namespace nautilus::kube {

struct Credentials {
  std::vector<port::Header> headers;  // Authorization and Impersonate-*; secret: never logged
  std::string client_cert_pem, client_key_pem;
};

class Authenticator {
 public:
  virtual ~Authenticator() = default;
  // The credentials to use now; cheap when nothing has expired. Code::unauthorized, io or refused.
  virtual Result<Credentials> credentials() = 0;
  // The server said 401 to the last credentials. True if asking again may give others.
  virtual bool invalidate() = 0;
  // A hint for a 401 that stays: why the credentials may be refused. May be empty.
  virtual std::string explain_refusal() { return {}; }
};

}  // namespace nautilus::kube
