// HTTP with libcurl's multi interface.
//
// Purpose: one endpoint, one HTTP/2 connection with many streams. Until the first answer tells which protocol the
// server speaks, one request is on its way and the rest wait; then HTTP/2 keeps one connection with at most
// kMaxHttp2Requests besides the streams, so that a server's usual limit of 100 is not met, and HTTP/1.1 (plain http://,
// or a proxy without HTTP/2) may open up to kMaxHttp1Connections. A connection that the server is closing (GOAWAY)
// lives on until its streams end; new requests then go over another one, up to kMaxHttp2Connections. Threading: one
// thread. libcurl is initialised when the first transport is made, so that commands which do not talk to a cluster do
// not pay for it. Security: TLS 1.2 at least; no redirects; no proxy, .netrc or CA from the environment; nothing is
// shared between transports, so a connection is never reused under another identity. http:// is refused except for
// loopback, and where the endpoint says that a mesh encrypts. Bounds: kMaxResponseBytes for a whole answer,
// kStreamWindow for undelivered bytes of a stream (then it is paused). Source followed: libcurl 7.88 documentation.
#pragma once

#include <memory>

#include "core/port/http_transport.h"

namespace nautilus::host {

inline constexpr int kMaxHttp1Connections = 96;
inline constexpr int kMaxHttp2Connections = 4;
inline constexpr std::size_t kMaxHttp2Requests = 64;
inline constexpr std::size_t kMaxResponseBytes = 512u << 20;
inline constexpr std::size_t kStreamWindow = 4u << 20;
inline constexpr port::Duration kConnectTimeout = std::chrono::seconds(10);

class CurlConnector final : public port::Connector {
 public:
  // `wake_fd`: poll() returns when it becomes readable (SignalInterrupt::wake_fd()), and drains it; -1 = none.
  explicit CurlConnector(const port::Clock& clock, int wake_fd = -1) : clock_(clock), wake_fd_(wake_fd) {}
  // Code::invalid for an endpoint that cannot work: a bad URL, PEM without a certificate, a key that does not fit.
  // No connection is made yet.
  Result<std::unique_ptr<port::HttpTransport>> connect(const port::Endpoint& endpoint) override;

 private:
  const port::Clock& clock_;
  int wake_fd_;
};

}  // namespace nautilus::host
