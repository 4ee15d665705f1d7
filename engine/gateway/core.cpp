#include "engine/gateway/core.h"

namespace nautilus::engine {

// Session ids start at the time in microseconds, so that no two lives of the process share one.
GatewayCore::GatewayCore(Intake& intake_, const port::Clock& clock_, port::Entropy& entropy, Authenticator& auth_,
                         const StatusProvider& status_, Log& log_, Metrics& metrics_, SpanSink* spans,
                         std::uint32_t trace_one_in, HubOptions hub_options, SessionLimits limits_)
    : intake(intake_),
      clock(clock_),
      auth(auth_),
      status(status_),
      log(log_),
      metrics(metrics_),
      limits(limits_),
      hub(clock_, metrics_, hub_options),
      tracer(clock_, entropy, spans, trace_one_in, metrics_),
      first_session_(static_cast<SessionId>(clock_.now().time_since_epoch().count() / 1000)),
      sessions_(first_session_) {
  if (spans) hub.on_answer = [this](std::uint64_t tag, std::int64_t took) { tracer.end(tag, took); };
}

void GatewayCore::close_session(SessionId session) {
  std::lock_guard guard(lock_);
  closes_.push_back(session);
  if (closes_.size() > 1) return;  // in order
  Command command;
  command.type = CommandType::close_session;
  command.session = session;
  if (intake.submit(command) != Submitted::full) closes_.pop_front();
}

void GatewayCore::retry_closes() {
  std::lock_guard guard(lock_);
  while (!closes_.empty()) {
    Command command;
    command.type = CommandType::close_session;
    command.session = closes_.front();
    if (intake.submit(command) == Submitted::full) return;
    closes_.pop_front();
  }
}

void GatewayCore::close_orphans() {
  const SessionId end = sessions_.load();
  for (const SessionId session : hub.open_sessions())
    if (session < first_session_ || session >= end) close_session(session);
}

bool GatewayCore::all_closed() const {
  const SessionId end = sessions_.load();
  for (const SessionId session : hub.open_sessions())
    if (session >= first_session_ && session < end) return false;
  return closes_waiting() == 0;
}

std::size_t GatewayCore::closes_waiting() const {
  std::lock_guard guard(lock_);
  return closes_.size();
}

std::shared_ptr<const Principal> GatewayCore::authenticate(const Credentials& credentials, const std::string& address) {
  if (auth.open_access()) return auth.authenticate(credentials);
  const auto now = clock.monotonic();
  if (lockout.locked(address, now)) {
    add(metrics.lockouts);
    return nullptr;
  }
  auto principal = auth.authenticate(credentials);
  if (principal) {
    add(metrics.authentications);
    return principal;
  }
  lockout.failed(address, now);
  add(metrics.authentication_failures);
  log.line(Log::Level::warning, "authentication_failed", {{"address", address}});
  return nullptr;
}

}  // namespace nautilus::engine
