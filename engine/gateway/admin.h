// Probes, drain and metrics, on a listener of their own: for kubelet and Prometheus, not for clients.
//
// GET /livez   200 while the process can answer at all
// GET /readyz  200 only when it is the primary and takes orders; else 503 with the reason
// POST /drainz 202: asks for a graceful stop; GET: how far it is
// GET /metrics Prometheus text
// Plain HTTP without credentials: nothing here tells of orders or accounts, and a network policy keeps others out. One
// thread; requests are small and bounded in number, so a slow one costs nobody else.
#pragma once

#include <functional>
#include <memory>

#include "engine/gateway/gateway.h"
#include "engine/gateway/status.h"

namespace nautilus::engine {

struct AdminOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;
  port::Duration request_timeout = std::chrono::seconds(5);
  port::Duration idle_timeout = std::chrono::seconds(60);
};
inline constexpr std::size_t kMaxAdminConnections = 128;

// What to answer: also for tests, without a socket.
struct AdminResponse {
  int status = 200;
  std::string body, content_type = "text/plain; charset=utf-8";
};
AdminResponse answer_admin(std::string_view method, std::string_view path, StatusProvider& status,
                           const Metrics& metrics);

class AdminServer {
 public:
  AdminServer(StatusProvider& status, const Metrics& metrics, Log& log, AdminOptions options);
  ~AdminServer();
  Result<> start();
  std::uint16_t port() const;
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nautilus::engine
