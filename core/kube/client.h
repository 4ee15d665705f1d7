// The event-driven client of one Kubernetes API server.
//
// Purpose: many requests in flight over one port::HttpTransport, each with bounded retries, and timers, in one loop.
// Threading: one thread. Every callback runs inside run_until() or call(), never inside send(); a callback may send,
// cancel and set timers. It may also call() (that pumps the same loop), though a chain of callbacks is better.
// Failure: each send() ends with exactly one Done, unless it is cancelled. Response::error says what went wrong.
//
// Retries (all bounded, RetryPolicy): no connection: any request, because nothing was sent; connection lost, GOAWAY,
// timeout, 502, 504: only requests that may be repeated (GET, or Request::idempotent); 429, 500 and 503 only when the
// server gives Retry-After; 401 once, if the credentials can be renewed. A create whose answer was lost is never
// repeated here: Response::outcome_unknown is set, and the caller looks before it tries again.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/kube/api_status.h"
#include "core/kube/auth.h"
#include "core/port/clock.h"
#include "core/port/entropy.h"
#include "core/port/http_transport.h"
#include "core/port/interrupt.h"
#include "core/value/json.h"

namespace nautilus::kube {

using CallId = std::uint64_t;
using TimerId = std::uint64_t;

struct Request {
  std::string method = "GET";
  std::string target{};  // path and query, percent-encoded: see paths.h
  Json body{};           // sent as JSON unless it is null
  std::string text{};    // sent as it is if not empty; body is then ignored
  std::string content_type = "application/json";
  std::string accept = "application/json";
  port::Duration timeout{0};  // of one attempt; 0 = Options::request_timeout
  bool idempotent = false;    // may be repeated although an earlier attempt may have reached the server
  bool raw = false;           // leave the body as text in Response::text, do not parse it
};

struct Response {
  int status = 0;  // 0 if there was no answer
  Json body;       // parsed, null if empty or Request::raw
  std::string text;
  std::vector<std::string> warnings;  // of Warning headers, control characters escaped
  Error error;                        // meaningful when !ok()
  std::optional<ApiStatus> api_status;
  bool failed = false;
  bool outcome_unknown = false;  // a request that may not be repeated was lost after it may have been sent
  int attempts = 1;

  bool ok() const { return !failed; }
};

using Done = std::function<void(Response)>;

// A response whose body never ends: watch. on_done comes exactly once (not after cancel()); a response with
// status >= 400 comes there whole, with its Status parsed. Streams are not retried: that is watch.h's business.
struct StreamHandlers {
  std::function<void(int status)> on_open;
  std::function<void(std::string_view bytes)> on_data;
  Done on_done;
};

struct RetryPolicy {
  int attempts = 7;                 // in all, for each request
  int attempts_before_contact = 3;  // connection failures before the server ever answered
  int throttled_attempts = 12;      // 429 and 503 with Retry-After
  port::Duration first_delay = std::chrono::milliseconds(200);
  port::Duration max_delay = std::chrono::seconds(10);        // doubled each time up to this, then +-25 % jitter
  port::Duration max_retry_after = std::chrono::seconds(60);  // a server asking for more is refused with its error
};

struct ClientOptions {
  std::size_t max_in_flight = 64;  // requests beyond it wait in order; streams do not count
  port::Duration request_timeout = std::chrono::seconds(60);
  RetryPolicy retry;
  std::string user_agent = "nautilusctl";
  bool disable_compression = false;
};

class Client {
 public:
  struct Wiring {
    port::Clock& clock;
    port::Entropy& entropy;
    const port::Interrupt& interrupt;
    std::string server;  // for messages: "https://10.0.0.1:6443"
    std::unique_ptr<port::HttpTransport> transport;
    std::unique_ptr<Authenticator> authenticator;  // may be null: no credentials beyond the transport's
    // Makes a transport with another client certificate, when the authenticator's changes. May be empty.
    std::function<Result<std::unique_ptr<port::HttpTransport>>(const Credentials&)> reconnect;
    std::string client_cert_pem;  // what `transport` was made with
  };
  explicit Client(Wiring wiring, ClientOptions options = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  CallId send(Request request, Done done);
  CallId stream(Request request, StreamHandlers handlers);
  // Sends and pumps until the answer is here. Other callbacks run meanwhile. Code::interrupted if asked to stop.
  Response call(Request request);
  // No callback of it follows. Cancelling an id that is done or unknown does nothing.
  void cancel(CallId id);

  // Runs `action` once, `delay` from now, inside run_until()/call(). The id is never 0.
  TimerId after(port::Duration delay, std::function<void()> action);
  void cancel_timer(TimerId id);

  // Pumps events and timers until finished() says so (asked after each), the clock reaches `deadline`
  // (Code::timeout), or an interrupt arrives (Code::interrupted). Requests in flight stay in flight.
  Result<> run_until(const std::function<bool()>& finished, port::Monotonic deadline);
  // While true, interrupts do not stop run_until() and call(): for the few writes that put things in order.
  void ignore_interrupts(bool ignore) { ignore_interrupts_ = ignore; }

  // Each distinct warning text once for the life of the client.
  void on_warning(std::function<void(const std::string&)> callback);

  port::Clock& clock();
  port::Entropy& entropy();
  const std::string& server() const;
  const ClientOptions& options() const { return options_; }
  std::size_t in_flight() const;
  std::size_t waiting() const;

 private:
  struct State;
  friend struct State;
  ClientOptions options_;
  bool ignore_interrupts_ = false;
  std::unique_ptr<State> state_;
};

// An interrupt-free section: `Uninterrupted section(client);` around the release of a lock.
class Uninterrupted {
 public:
  explicit Uninterrupted(Client& client) : client_(client) { client_.ignore_interrupts(true); }
  ~Uninterrupted() { client_.ignore_interrupts(false); }
  Uninterrupted(const Uninterrupted&) = delete;
  Uninterrupted& operator=(const Uninterrupted&) = delete;

 private:
  Client& client_;
};

}  // namespace nautilus::kube
