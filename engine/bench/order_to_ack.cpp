// From the first byte of an order to its report, which the engine sends when the order is durable: over loopback
// WebSockets, against a whole engine. In turns with the disk's own sync, because disks change their mind.
#include <fmt/format.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "engine/bench/bench.h"
#include "engine/bench/commands.h"
#include "engine/bench/disk.h"
#include "engine/bench/web_socket.h"
#include "engine/gateway/auth.h"
#include "engine/host/posix_storage.h"
#include "engine/server/server.h"

namespace nautilus::engine::bench {
namespace {

constexpr int kReportsToSkip = 100'000;  // fills of orders that rest come between
// The gateway takes 5,000 messages a second of a session.
constexpr port::Duration kBetweenOrders = std::chrono::microseconds(250);

class Asked final : public port::Interrupt {
 public:
  bool requested() const override { return asked_.load(); }
  void ask() { asked_.store(true); }

 private:
  std::atomic<bool> asked_{false};
};

// engine::serve on a thread of its own, from when it takes orders until stop().
class RunningEngine {
 public:
  RunningEngine(const Ports& ports, ServerConfig config)
      : thread_([this, ports, config = std::move(config)]() mutable {
          ServeRequest request;
          request.config = std::move(config);
          request.name = "bench";
          request.on_serving = [this](const ServingAt& at) { tell(at.gateway_port); };
          result_ = serve({ports.clock, ports.files, ports.entropy, asked_}, std::move(request));
          tell(0);
        }) {}
  ~RunningEngine() { (void)stop(); }
  Result<std::uint16_t> wait() {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return told_; });
    }
    if (port_ == 0) {
      TRY(stop());
      return Error(Code::internal, "the engine ended before it took orders");
    }
    return port_;
  }
  Result<> stop() {
    asked_.ask();
    if (thread_.joinable()) thread_.join();
    return result_;
  }

 private:
  void tell(std::uint16_t port) {
    {
      const std::lock_guard guard(mutex_);
      if (!told_) port_ = port;
      told_ = true;
    }
    wake_.notify_all();
  }

  Asked asked_;
  Result<> result_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool told_ = false;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

// An account and a key for every session, so that each hears of its own orders only.
Result<std::vector<std::string>> write_settings(const Ports& ports, const std::string& directory) {
  std::string definitions = "instruments:\n", principals = "principals:\n", keys = "keys:\n";
  for (std::uint32_t i = 0; i < kInstruments; ++i)
    definitions += fmt::format("- {{symbol: S{}, tick_size: 1, min_price: 1, max_price: {}, reference_price: {}}}\n", i,
                               kMaxTicks, kMiddlePrice);
  definitions += "accounts:\n";
  std::vector<std::string> out;
  for (std::size_t i = 0; i < kBurst; ++i) {
    const std::string id = fmt::format("a{}", i);
    const NewApiKey key = make_api_key(ports.entropy, id);
    definitions += fmt::format("- {{name: {}}}\n", id);
    principals += fmt::format("- {{name: {0}, accounts: [{0}], permissions: [trade]}}\n", id);
    keys +=
        fmt::format("- {{id: {0}, principal: {0}, salt: \"{1}\", hash: \"{2}\"}}\n", id, key.salt_hex, key.hash_hex);
    out.push_back(key.key);
  }
  TRY(ports.files.write(directory + "/definitions.yaml", definitions));
  TRY(ports.files.write(directory + "/credentials.yaml", principals + keys, 0600));
  return out;
}

Result<std::vector<WebSocket>> log_on(std::uint16_t port, const std::vector<std::string>& keys) {
  std::vector<WebSocket> out;
  for (const std::string& key : keys) {
    ASSIGN_OR_RETURN(WebSocket client, WebSocket::connect(port));
    TRY(client.send(fmt::format("{{\"type\":\"logon\",\"api_key\":\"{}\"}}", key)));
    ASSIGN_OR_RETURN(const std::string_view answer, client.receive());
    if (answer.find("\"logged_on\"") == std::string_view::npos)
      return Error(Code::internal, "the engine refused the logon of a measuring client");
    out.push_back(std::move(client));
  }
  return out;
}

// The orders of the flow, one after the other.
class Orders {
 public:
  Orders(const Request& request, std::size_t count) : flow_(make_flow(request.seed, count * 4, count)) {}
  // The next one as a message; `mark` is what its report has.
  std::string_view next(std::string& mark) {
    while (flow_[at_ % flow_.size()].action != Action::add) ++at_;
    const Message& m = flow_[at_++ % flow_.size()];
    mark = fmt::format("\"client_id\":\"B-{}\"", at_);
    text_ = fmt::format(
        "{{\"type\":\"new_order\",{},\"symbol\":\"S{}\",\"side\":\"{}\",\"order_type\":\"limit\","
        "\"price\":\"{}\",\"quantity\":\"{}\"}}",
        mark, m.instrument, m.buy ? "buy" : "sell", m.price, m.quantity);
    return text_;
  }

 private:
  std::vector<Message> flow_;
  std::size_t at_ = 0;
  std::string text_;
};

Result<> wait_for(WebSocket& client, std::string_view mark) {
  for (int i = 0; i < kReportsToSkip; ++i) {
    ASSIGN_OR_RETURN(const std::string_view report, client.receive());
    if (report.find(mark) == std::string_view::npos) continue;
    if (report.find("\"execution\":\"accepted\"") != std::string_view::npos) return {};
    return Error(Code::internal, "an order of the measurement was not accepted: " + std::string(report));
  }
  return Error(Code::limit, "no report of an order among many");
}

// Rounds of one order from each client, sent together; each is waited for; then the disk alone, as often.
Result<AckFigures::Series> series(const Ports& ports, std::span<WebSocket> clients, Orders& orders,
                                  std::uint64_t rounds, DiskProbe& disk) {
  std::vector<double> acks, syncs;
  std::vector<port::Monotonic> sent(clients.size());
  std::vector<std::string> marks(clients.size());
  port::Monotonic last{};
  for (std::uint64_t round = 0; round < rounds; ++round) {
    if (ports.interrupt.requested()) return Error(Code::interrupted, "interrupted");
    while (ports.clock.monotonic() - last < kBetweenOrders) std::this_thread::yield();
    last = ports.clock.monotonic();
    for (std::size_t i = 0; i < clients.size(); ++i) {
      const std::string_view order = orders.next(marks[i]);
      sent[i] = ports.clock.monotonic();
      TRY(clients[i].send(order));
    }
    for (std::size_t i = 0; i < clients.size(); ++i) {
      TRY(wait_for(clients[i], marks[i]));
      acks.push_back(static_cast<double>((ports.clock.monotonic() - sent[i]).count()) / 1e3);
    }
    for (std::size_t i = 0; i < std::min<std::size_t>(clients.size(), 4); ++i) TRY(disk.once(syncs));
  }
  AckFigures::Series out;
  out.ack_us = spread_of(acks), out.sync_us = spread_of(syncs);
  return out;
}

}  // namespace

Result<AckFigures> measure_ack(const Ports& ports, const Request& request) {
  const std::uint64_t count = std::min(request.orders, kMostAckOrders);
  ASSIGN_OR_RETURN(const auto keys, write_settings(ports, request.directory));
  ASSIGN_OR_RETURN(const auto storage, open_posix_storage(request.directory));
  ASSIGN_OR_RETURN(DiskProbe disk, DiskProbe::create(*storage, ports.clock));
  ServerConfig config;
  config.journal.directory = request.directory;
  config.definitions = {request.directory + "/definitions.yaml"};
  config.gateway.credentials = request.directory + "/credentials.yaml";
  config.gateway.listen.port = config.admin.port = 0;
  config.log.level = "error";
  RunningEngine engine(ports, std::move(config));
  ASSIGN_OR_RETURN(const std::uint16_t port, engine.wait());
  AckFigures out;
  {
    ASSIGN_OR_RETURN(std::vector<WebSocket> clients, log_on(port, keys));
    Orders orders(request, count * 2);
    request.progress(fmt::format("order to acknowledgement: {} orders, one at a time", count));
    ASSIGN_OR_RETURN(out.alone, series(ports, std::span(clients).first(1), orders, count, disk));
    request.progress(fmt::format("order to acknowledgement: {} orders, {} at once", count, kBurst));
    ASSIGN_OR_RETURN(out.burst, series(ports, clients, orders, std::max<std::uint64_t>(count / kBurst, 1), disk));
  }
  TRY(engine.stop());
  TRY(disk.remove());
  return out;
}

}  // namespace nautilus::engine::bench
