// One connection pool to one HTTP server, driven by events.
//
// Purpose: core/kube talks to an API server through this and nothing else; core/host implements it with libcurl (one
// HTTP/2 connection, many requests in flight) and core/sim with an in-process API server on a virtual clock.
// Threading: one thread owns a transport. submit() never blocks; poll() is where time passes.
// Failure: a request ends with exactly one `done` or `failed` event, unless it was cancelled (then none follows).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/port/clock.h"

namespace nautilus::port {

struct Header {
  std::string name, value;
};

struct HttpRequest {
  std::string method;  // "GET"
  std::string target;  // path and query, beginning with '/', already percent-encoded
  std::vector<Header> headers;
  std::string body;
  bool stream = false;  // deliver the body in `data` events as it arrives (watch), instead of whole
  Duration timeout{0};  // from submit to the last byte; 0 = none. A stream with a timeout ends with Code::timeout
};

struct HttpResponse {
  int status = 0;
  std::vector<Header> headers;
  std::string body;  // empty for streams
  // Case-insensitive; empty if absent.
  std::string_view header(std::string_view name) const;
};

using RequestId = std::uint64_t;

struct HttpEvent {
  enum class Kind {
    headers,  // streams only: status and headers are known
    data,     // streams only: some bytes in `data`
    done,     // the response is complete
    failed,   // no (complete) response: `error` has Code::unreachable (nothing was sent), timeout, io (it was, or may
              // have been, sent), limit (the answer is too large) or invalid (the request cannot be sent)
  };
  RequestId id = 0;
  Kind kind = Kind::done;
  HttpResponse response;
  std::string data;
  Error error;
  bool permanent = false;  // failed: trying again cannot help (a certificate that is not trusted, a bad request)
};

class HttpTransport {
 public:
  virtual ~HttpTransport() = default;
  virtual RequestId submit(HttpRequest request) = 0;
  // Waits until at least one event is there, or the clock's monotonic() reaches `deadline`, or an interrupt arrives;
  // returns what there is. Returns at once if nothing is in flight and the deadline has passed.
  virtual std::vector<HttpEvent> poll(Monotonic deadline) = 0;
  // No further event of this request will be delivered.
  virtual void cancel(RequestId id) = 0;
};

// Where a server is and who we are to it. PEM texts, not paths. One transport per distinct endpoint, so that a
// connection is never reused under another identity.
struct Endpoint {
  std::string server;  // "https://10.0.0.1:6443/prefix"; "http://" is allowed for loopback
  std::string ca_pem, client_cert_pem, client_key_pem;
  std::string tls_server_name;
  std::string proxy_url;  // "http://", "https://" or "socks5://"; empty = none (the environment is not read)
  bool insecure_skip_tls_verify = false;
  bool plain_behind_mesh = false;  // "http://" to other machines too: a service mesh encrypts, or nothing secret goes
};

class Connector {
 public:
  virtual ~Connector() = default;
  virtual Result<std::unique_ptr<HttpTransport>> connect(const Endpoint& endpoint) = 0;
};

}  // namespace nautilus::port
