// The front door: HTTP and WebSocket, with TLS or, on loopback, without.
//
// One listener, `threads` io threads with a context each; a connection lives on one of them for its whole life. Nothing
// a client does can make another one wait, and everything it can make grow is bounded by a field below.
// Composition: Gateway g(ports, intake, status, options); g.describe(events of Machine::describe()); hand g.outlet() to
// the sequencer; g.start(); later g.drain(), g.stop(deadline).
// Threading: start, stop and the destructor on one thread; drain() from any; outlet() as Outlet says.
#pragma once

#include <memory>

#include "core/port/clock.h"
#include "core/port/entropy.h"
#include "core/port/filesystem.h"
#include "engine/gateway/core.h"

namespace nautilus::engine {

struct GatewayTls {
  std::string certificate, key;  // PEM paths; empty: no TLS, loopback only
  std::string client_ca;         // PEM path; empty: no client certificates
  bool require_client_certificate = false;
};

struct GatewayOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  // 0 = one that is free
  unsigned threads = 2;
  GatewayTls tls;
  // Allows plain TCP on addresses that are not loopback: behind a service mesh's own TLS. Never without credentials.
  bool plain_behind_mesh = false;
  std::string credentials;           // path of the file of docs/engine/security.md; empty: open to all, loopback only
  std::vector<std::string> origins;  // that browsers may come from; others are refused, no Origin at all is fine
  std::size_t max_connections = 10'000;
  std::size_t max_connections_per_address = 4000;
  port::Duration handshake_timeout = std::chrono::seconds(5);
  port::Duration header_timeout = std::chrono::seconds(10);  // a whole request, head and body
  port::Duration idle_timeout = std::chrono::seconds(60);    // between requests of a kept connection
  port::Duration ping_interval = std::chrono::seconds(15);   // of WebSockets; one without any sign of life for two ends
  port::Duration close_timeout = std::chrono::seconds(2);    // of the closing handshake
  // Bytes that the kernel may hold for a client that does not read; 0: the system's default, up to some megabytes.
  int send_buffer = 0;
  double control_frames_per_second = 10;  // pings and pongs of a client
  double control_frame_burst = 50;
  port::Duration reload_interval = std::chrono::seconds(10);  // of credentials and certificates
  SessionLimits session;
  HubOptions hub;
  std::uint32_t trace_one_in = 0;
};

inline constexpr std::size_t kMaxWebSocketKey = 24;  // 16 bytes in base64
inline constexpr std::size_t kMaxHttpHead = 16u << 10;
inline constexpr std::size_t kMaxWebSocketMessage = 64u << 10;  // several lines; each is at most kMaxMessage
inline constexpr std::size_t kMaxBatchedBytes = 64u << 10;
inline constexpr unsigned kMaxThreads = 64;

struct GatewayPorts {
  const port::Clock& clock;
  const port::Filesystem& files;
  port::Entropy& entropy;
  Log& log;
  Metrics& metrics;
  SpanSink* spans = nullptr;
};

class Gateway {
 public:
  // Code::refused for an unsafe combination of options, Code::invalid or io for files that cannot be used.
  static Result<std::unique_ptr<Gateway>> create(const GatewayPorts& ports, Intake& intake,
                                                 const StatusProvider& status, const GatewayOptions& options);
  virtual ~Gateway() = default;

  // Before start(): what the engine holds already.
  virtual void describe(std::span<const Event> events) = 0;
  virtual Outlet& outlet() = 0;
  virtual Result<> start() = 0;
  virtual std::uint16_t port() const = 0;
  // This process has become the primary: ends the sessions that its predecessor left.
  virtual void became_primary() = 0;
  // No logons from now on, clients are told. Their sessions go on until stop().
  virtual void drain() = 0;
  // Ends all sessions (their orders are cancelled or left, as each has agreed), sends what is due, closes. The intake
  // and the releasing thread must still run. What is not done at the deadline is cut.
  virtual void stop(port::Monotonic deadline) = 0;
  virtual std::size_t connections() const = 0;
};

}  // namespace nautilus::engine
