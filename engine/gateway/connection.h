// One accepted socket: TLS handshake, HTTP requests, and, after an upgrade, a WebSocket. For gateway.cpp only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <set>
#include <thread>

#include "engine/gateway/gateway.h"
#include "engine/gateway/session.h"
#include "engine/gateway/tls.h"

namespace nautilus::engine {

class Connection;

// A thread, its context, and the connections that live on it (touched only there).
struct Worker {
  boost::asio::io_context io{1};
  std::thread thread;
  std::set<std::shared_ptr<Connection>> connections;
};

struct ConnectionShared {
  GatewayCore& core;
  const GatewayOptions& options;
  AddressCounts addresses;
  std::atomic<std::size_t> count{0};
};

// All functions on the worker's thread.
class Connection {
 public:
  virtual ~Connection() = default;
  virtual void start() = 0;
  virtual void tick() = 0;
  virtual void drain() = 0;        // tells the client
  virtual void end_session() = 0;  // the engine's part of it: its orders are cancelled or left
  virtual void close(CloseCode code) = 0;
  virtual void cut() = 0;  // at once, without a word
};

std::shared_ptr<Connection> make_plain_connection(ConnectionShared& shared, Worker& worker,
                                                  boost::asio::ip::tcp::socket socket, std::string address);
std::shared_ptr<Connection> make_tls_connection(ConnectionShared& shared, Worker& worker,
                                                boost::asio::ip::tcp::socket socket, std::string address,
                                                TlsContext context);

}  // namespace nautilus::engine
