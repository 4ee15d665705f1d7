#include "engine/gateway/gateway.h"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>

#include "engine/gateway/connection.h"

namespace nautilus::engine {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kTick = std::chrono::milliseconds(100);
constexpr auto kAcceptPause = std::chrono::milliseconds(100);  // after an error such as no descriptors left
constexpr auto kStopLook = std::chrono::milliseconds(5);

class BeastGateway final : public Gateway {
 public:
  BeastGateway(const GatewayPorts& ports, Intake& intake, const StatusProvider& status, const GatewayOptions& options,
               std::unique_ptr<Authenticator> auth, asio::ip::address address)
      : options_(options),
        log_(ports.log),
        auth_(std::move(auth)),
        core_(intake, ports.clock, ports.entropy, *auth_, status, ports.log, ports.metrics, ports.spans,
              options.trace_one_in, options.hub, options.session),
        shared_{core_, options_, {}, {0}},
        tls_(ports.files, options.tls),
        address_(std::move(address)) {}
  ~BeastGateway() override { stop(core_.clock.monotonic()); }

  Result<> prepare() {
    if (!options_.tls.certificate.empty()) TRY(tls_.reload().within("reading the gateway's certificate"));
    return {};
  }

  void describe(std::span<const Event> events) override { core_.hub.describe(events); }
  Outlet& outlet() override { return core_.hub; }
  std::uint16_t port() const override { return port_; }
  std::size_t connections() const override { return shared_.count.load(); }
  void became_primary() override { core_.close_orphans(); }

  Result<> start() override {
    for (unsigned i = 0; i < options_.threads; ++i) workers_.push_back(std::make_unique<Worker>());
    Worker& first = *workers_.front();
    acceptor_.emplace(first.io);
    pause_.emplace(first.io);
    error_code failed;
    const tcp::endpoint endpoint(address_, options_.port);
    acceptor_->open(endpoint.protocol(), failed);
    if (!failed) acceptor_->set_option(asio::socket_base::reuse_address(true), failed);
    if (!failed) acceptor_->bind(endpoint, failed);
    if (!failed) acceptor_->listen(asio::socket_base::max_listen_connections, failed);
    if (failed)
      return Error(Code::io,
                   fmt::format("cannot listen on {}:{}: {}", options_.address, options_.port, failed.message()));
    port_ = acceptor_->local_endpoint(failed).port();
    for (auto& worker : workers_) tick(*worker, std::make_shared<asio::steady_timer>(worker->io));
    reload_.emplace(first.io);
    plan_reload();
    accept();
    for (auto& worker : workers_) worker->thread = std::thread([this, at = worker.get()] { run(*at); });
    log_.line(Log::Level::info, "gateway_listening",
              {{"address", options_.address}, {"port", std::to_string(port_)}, {"tls", tls() ? "true" : "false"}});
    return {};
  }

  void drain() override {
    if (core_.draining.exchange(true)) return;
    log_.line(Log::Level::info, "gateway_draining");
    each([](Connection& connection) { connection.drain(); });
  }

  void stop(port::Monotonic deadline) override {
    if (workers_.empty()) return;
    drain();
    asio::post(workers_.front()->io, [this] {
      error_code ignored;
      acceptor_->close(ignored);
      reload_->cancel();
    });
    std::atomic<std::size_t> released{0};
    each([](Connection& connection) { connection.end_session(); }, &released);
    wait(deadline, [&] { return released == workers_.size() && core_.all_closed(); });
    each([](Connection& connection) { connection.close(CloseCode::going_away); });
    wait(deadline, [&] { return shared_.count.load() == 0; });
    for (auto& worker : workers_) worker->io.stop();
    for (auto& worker : workers_)
      if (worker->thread.joinable()) worker->thread.join();
    for (auto& worker : workers_) {
      const auto left = std::exchange(worker->connections, {});
      for (const auto& connection : left) connection->cut();
    }
    // What the handlers still hold goes before the contexts do.
    acceptor_.reset();
    pause_.reset();
    reload_.reset();
    workers_.clear();
  }

 private:
  bool tls() const { return !options_.tls.certificate.empty(); }

  void run(Worker& worker) {
    while (true) {
      try {
        worker.io.run();
        return;
      } catch (const std::exception& e) {
        // One connection's trouble (no memory for its buffer) is not the others'.
        log_.line(Log::Level::error, "gateway_exception", {{"what", e.what()}});
      }
    }
  }

  // Runs `use` for every connection, on the connections' threads.
  void each(std::function<void(Connection&)> use, std::atomic<std::size_t>* done = nullptr) {
    for (auto& worker : workers_) {
      asio::post(worker->io, [at = worker.get(), use, done] {
        const auto all = at->connections;  // a connection may leave the set
        for (const auto& connection : all) use(*connection);
        if (done) ++*done;
      });
    }
  }

  template <class Done>
  void wait(port::Monotonic deadline, Done done) {
    std::unique_lock guard(stop_lock_);
    while (!done() && core_.clock.monotonic() < deadline) stop_wake_.wait_for(guard, kStopLook);
  }

  void tick(Worker& worker, std::shared_ptr<asio::steady_timer> timer) {
    timer->expires_after(kTick);
    timer->async_wait([this, &worker, timer](error_code stopped) {
      if (stopped) return;
      const auto all = worker.connections;
      for (const auto& connection : all) connection->tick();
      if (&worker == workers_.front().get()) core_.retry_closes();
      core_.metrics.log_lines_dropped.store(log_.dropped(), std::memory_order_relaxed);
      tick(worker, timer);
    });
  }

  void plan_reload() {
    reload_->expires_after(options_.reload_interval);
    reload_->async_wait([this](error_code stopped) {
      if (stopped) return;
      report("credentials", auth_->reload());
      if (tls()) report("certificate", tls_.reload());
      plan_reload();
    });
  }
  void report(std::string_view what, const Result<bool>& changed) {
    if (!changed.ok())
      log_.line(Log::Level::error, "reload_failed", {{"what", what}, {"why", changed.error().text()}});
    else if (*changed)
      log_.line(Log::Level::info, "reloaded", {{"what", what}});
  }

  void accept() {
    Worker& worker = *workers_[next_worker_++ % workers_.size()];
    acceptor_->async_accept(worker.io, [this, &worker](error_code failed, tcp::socket socket) {
      if (failed == asio::error::operation_aborted || !acceptor_->is_open()) return;
      if (failed) {
        log_.line(Log::Level::warning, "accept_failed", {{"why", failed.message()}});
        pause_->expires_after(kAcceptPause);
        pause_->async_wait([this](error_code stopped) {
          if (!stopped) accept();
        });
        return;
      }
      admit(worker, std::move(socket));
      accept();
    });
  }

  void admit(Worker& worker, tcp::socket socket) {
    error_code failed;
    const auto peer = socket.remote_endpoint(failed);
    if (failed) return;
    const std::string address = peer.address().to_string();
    Metrics& metrics = core_.metrics;
    if (shared_.count.load() >= options_.max_connections) return add(metrics.connections_refused_limit);
    if (!shared_.addresses.enter(address, options_.max_connections_per_address))
      return add(metrics.connections_refused_address);
    shared_.count.fetch_add(1);
    add(metrics.connections_total);
    socket.set_option(tcp::no_delay(true), failed);
    socket.set_option(asio::socket_base::keep_alive(true), failed);
    if (options_.send_buffer > 0) socket.set_option(asio::socket_base::send_buffer_size(options_.send_buffer), failed);
    auto connection = tls() ? make_tls_connection(shared_, worker, std::move(socket), address, tls_.context())
                            : make_plain_connection(shared_, worker, std::move(socket), address);
    asio::post(worker.io, [connection] { connection->start(); });
  }

  const GatewayOptions options_;
  Log& log_;
  std::unique_ptr<Authenticator> auth_;
  GatewayCore core_;
  ConnectionShared shared_;
  TlsSource tls_;
  const asio::ip::address address_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::optional<tcp::acceptor> acceptor_;
  std::optional<asio::steady_timer> pause_, reload_;
  std::size_t next_worker_ = 0;
  std::uint16_t port_ = 0;
  std::mutex stop_lock_;
  std::condition_variable stop_wake_;
};

}  // namespace

Result<std::unique_ptr<Gateway>> Gateway::create(const GatewayPorts& ports, Intake& intake,
                                                 const StatusProvider& status, const GatewayOptions& options) {
  error_code failed;
  const auto address = asio::ip::make_address(options.address == "localhost" ? "127.0.0.1" : options.address, failed);
  if (failed) return Error(Code::invalid, fmt::format("\"{}\" is not an IP address", options.address));
  if (options.threads < 1 || options.threads > kMaxThreads)
    return Error(Code::invalid, fmt::format("the gateway needs 1 to {} threads", kMaxThreads));
  const bool loopback = address.is_loopback(), plain = options.tls.certificate.empty();
  if (plain && !loopback && !options.plain_behind_mesh)
    return Error(Code::refused,
                 fmt::format("without TLS the gateway listens on loopback only, not on {}", options.address),
                 "give it a certificate and a key, or say that a service mesh encrypts for it");
  if (options.credentials.empty() && !loopback)
    return Error(Code::refused,
                 fmt::format("without credentials the gateway listens on loopback only, not on {}", options.address),
                 "give it a file of credentials");
  if (!plain && options.tls.key.empty()) return Error(Code::invalid, "the certificate has no key");
  std::unique_ptr<Authenticator> auth;
  if (options.credentials.empty()) {
    auth = Authenticator::open_to_all(ports.clock);
  } else {
    ASSIGN_OR_RETURN(auth, Authenticator::open(ports.files, ports.clock, options.credentials));
  }
  auto made = std::make_unique<BeastGateway>(ports, intake, status, options, std::move(auth), address);
  TRY(made->prepare());
  return std::unique_ptr<Gateway>(std::move(made));
}

}  // namespace nautilus::engine
