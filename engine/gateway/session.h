// One WebSocket client, without the socket: what it may say when, and what follows.
//
// Threading: one thread, that of its connection; the Outbox takes messages from others.
#pragma once

#include "engine/gateway/core.h"
#include "engine/gateway/order_entry.h"

namespace nautilus::engine {

// Close codes of RFC 6455 and, from 4000, our own. They are part of the protocol.
enum class CloseCode : std::uint16_t {
  normal = 1000,
  going_away = 1001,
  unsupported = 1003,  // a binary message
  policy = 1008,       // too many pings
  too_big = 1009,
  unauthorized = 4001,  // no, wrong, revoked or expired credentials
  logon_timeout = 4002,
  slow_consumer = 4003,  // reconnect and resume
  rate_limit = 4004,
  draining = 4005,  // reconnect to the next primary
  heartbeat = 4006,
};
std::string_view name(CloseCode);

class Session {
 public:
  // `principal`: known already from the upgrade request's headers or the client's certificate; else null.
  Session(GatewayCore& core, std::shared_ptr<Outbox> outbox, std::string address,
          std::shared_ptr<const Principal> principal);
  ~Session();

  // A text message: one JSON object, or several with line feeds between.
  void on_text(std::span<char> text);
  // Called a few times a second.
  void on_tick();
  // The client is told that it has to go; its orders are left or cancelled as agreed.
  void on_drain();
  // The engine's sessions end, the client's does not yet: it still hears what becomes of its orders.
  void release();
  // The connection is gone; closes the engine's sessions. More than once is the same as once.
  void end();

  std::optional<CloseCode> wants_close() const { return close_; }
  // A logon was refused: the answer waits until `failure_time` after its receipt, and is then sent by fail().
  bool failing() const { return failing_; }
  void fail();
  bool logged_on() const { return logged_on_; }
  bool batch() const { return batch_; }

 private:
  struct EngineSession {
    AccountId account;
    SessionId id;
  };
  void on_line(std::span<char> line);
  void handle(const Request& request);
  void logon(const Request& request);
  void order(const Request& request);
  void status(const Request& request);
  void subscribe(const Request& request);
  void resume(const Request& request);
  void refuse(const Denial& denial, const Request& request, std::string_view message = {});
  void taken(const Request& request);
  bool cancels(const Account& account) const;
  SessionId engine_session(AccountId account, Denial& denial);
  const Reference& known();

  GatewayCore& core_;
  std::shared_ptr<Outbox> outbox_;
  const std::string address_;
  std::shared_ptr<const Principal> principal_;
  std::shared_ptr<const Reference> reference_;
  std::uint64_t reference_version_ = UINT64_MAX;
  TokenBucket rate_;
  std::size_t refused_in_a_row_ = 0;
  port::Monotonic started_, last_heard_, last_checked_{0};
  port::Duration heartbeat_{0};  // zero: WebSocket pings alone show that the client lives
  std::vector<EngineSession> engine_sessions_;
  std::optional<CloseCode> close_;
  bool logged_on_ = false, failing_ = false, batch_ = false, ended_ = false, released_ = false;
  std::optional<bool> cancel_asked_;   // what the logon said
  bool cancel_on_disconnect_ = false;  // for at least one account
  std::string failing_request_id_;
};

}  // namespace nautilus::engine
