// What the sessions and handlers of one gateway share.
#pragma once

#include <atomic>
#include <deque>
#include <mutex>

#include "core/port/entropy.h"
#include "engine/gateway/auth.h"
#include "engine/gateway/hub.h"
#include "engine/gateway/limits.h"
#include "engine/gateway/log.h"
#include "engine/gateway/trace.h"

namespace nautilus::engine {

struct SessionLimits {
  double messages_per_second = 5000;  // of a session; beyond it messages are refused
  double message_burst = 10'000;
  std::size_t refused_in_a_row = 1000;  // then the session is closed
  std::size_t max_subscriptions = 1000;
  OutboxLimits outbox;
  port::Duration logon_timeout = std::chrono::seconds(10);
  port::Duration failure_time = std::chrono::milliseconds(250);  // when a refused credential is answered
  port::Duration answer_timeout = std::chrono::seconds(5);       // of an order over HTTP
};

struct GatewayCore {
  GatewayCore(Intake& intake_, const port::Clock& clock_, port::Entropy& entropy, Authenticator& auth_,
              const StatusProvider& status_, Log& log_, Metrics& metrics_, SpanSink* spans, std::uint32_t trace_one_in,
              HubOptions hub_options, SessionLimits limits_);

  Intake& intake;
  const port::Clock& clock;
  Authenticator& auth;
  const StatusProvider& status;
  Log& log;
  Metrics& metrics;
  const SessionLimits limits;
  Hub hub;
  Tracer tracer;
  Lockout lockout;
  std::atomic<bool> draining{false};

  SessionId next_session() { return sessions_.fetch_add(1, std::memory_order_relaxed); }

  // The end of a session must reach the engine, or its orders would rest unattended: what the intake cannot take now is
  // tried again by retry_closes(). What it will never take (fenced, storage) is given up; the next epoch ends them.
  void close_session(SessionId session);
  void retry_closes();
  std::size_t closes_waiting() const;
  // Sessions of a process that is gone (this one's last life, the old primary): ends them, as their connections have
  // ended. Call when this process has become the primary.
  void close_orphans();
  // None of this process's sessions is open in the engine any more.
  bool all_closed() const;

  std::shared_ptr<const Principal> authenticate(const Credentials& credentials, const std::string& address);

 private:
  const SessionId first_session_;
  std::atomic<SessionId> sessions_;
  mutable std::mutex lock_;
  std::deque<SessionId> closes_;
};

}  // namespace nautilus::engine
