// HTTP to the embedded cluster without a socket.
//
// Purpose: core/kube's client runs over this as it runs over libcurl. A request reaches the API server after a small
// seeded latency and its answer comes back after another; poll() is where virtual time passes: it runs the cluster's
// events (controllers, containers, timers, other transports' requests) up to the first event of its own, or the
// deadline. A timeout counts virtual time. Watches stream; the server ends them after timeoutSeconds, or half an hour.
// Faults: what a network and a process can do to a client, by rule (NetworkFault), beyond what the server answers
// itself (Server::add_fault).
// Threading: as the cluster. Several transports may be open; each sees only its own events.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>

#include "core/port/http_transport.h"
#include "core/sim/cluster.h"

namespace nautilus::sim {

// Applies to the requests that match method and path prefix ("" = any), after letting `skip` of them through.
struct NetworkFault {
  enum class Kind {
    refuse,            // no connection: the request never reaches the server
    drop_after_bytes,  // the answer (or stream) breaks off after `bytes` of its body
    delay,             // the answer takes `delay` longer
    duplicate_events,  // a watch delivers each of its lines twice
  } kind = Kind::refuse;
  std::string method, path_prefix;
  int skip = 0, times = 1;  // times = -1: for ever
  std::size_t bytes = 0;
  port::Duration delay{0};
};

// The faults of all transports of one client. A "crash" is how the death of our own process looks from the cluster: the
// n-th write is carried out (or not), and nothing that follows ever arrives.
class Network {
 public:
  void add(NetworkFault fault) { faults_.push_back(std::move(fault)); }
  void clear() { faults_.clear(); }
  // n counts from 1; writes are POST, PUT, PATCH and DELETE.
  void crash_at_write(int n, bool after_it_was_done) {
    crash_at_ = n;
    crash_after_ = after_it_was_done;
  }
  bool crashed() const { return crashed_; }
  // A new process: writes are counted from 0 again.
  void revive();
  std::uint64_t writes() const { return writes_; }

 private:
  friend class SimTransport;
  // The faults that strike this request.
  std::vector<NetworkFault> striking(const port::HttpRequest& request);

  std::vector<NetworkFault> faults_;
  int crash_at_ = 0;
  bool crash_after_ = false, crashed_ = false;
  std::uint64_t writes_ = 0;
};

class SimTransport final : public port::HttpTransport {
 public:
  static constexpr port::Duration kDefaultWatch = std::chrono::minutes(30);
  static constexpr port::Duration kBookmarkEvery = std::chrono::minutes(1);

  SimTransport(Cluster& cluster, Network& network, std::string path_prefix = {});
  ~SimTransport() override;
  port::RequestId submit(port::HttpRequest request) override;
  std::vector<port::HttpEvent> poll(port::Monotonic deadline) override;
  void cancel(port::RequestId id) override;

 private:
  struct Exchange;
  void arrive(port::RequestId id);
  void answer(port::RequestId id, Exchange& exchange);
  void open_watch(port::RequestId id, Exchange& exchange);
  void flush(port::RequestId id);
  void bookmark(port::RequestId id);
  void fail(port::RequestId id, Code code, std::string message);
  void finish(port::RequestId id, port::HttpEvent event);
  void later(port::RequestId id, port::Duration delay, void (SimTransport::*step)(port::RequestId));
  port::Duration latency();

  Cluster& cluster_;
  Network& network_;
  std::string path_prefix_;
  Random random_;
  port::RequestId next_id_ = 1;
  std::map<port::RequestId, std::unique_ptr<Exchange>> exchanges_;
  std::vector<port::HttpEvent> inbox_;
};

class SimConnector final : public port::Connector {
 public:
  explicit SimConnector(Cluster& cluster) : cluster_(cluster) {}
  // Every endpoint leads to the one cluster; a path in its URL is taken off the requests.
  Result<std::unique_ptr<port::HttpTransport>> connect(const port::Endpoint& endpoint) override;
  Network& network() { return network_; }

 private:
  Cluster& cluster_;
  Network network_;
};

}  // namespace nautilus::sim
