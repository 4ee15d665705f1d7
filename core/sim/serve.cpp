#include "core/sim/serve.h"

#include <fmt/format.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <deque>
#include <set>

namespace nautilus::sim {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

class Session;

// What the connections share: the cluster, and the tie between its clock and the real one.
class Host {
 public:
  Host(asio::io_context& io, Cluster& cluster, const port::Clock& clock, double factor)
      : io_(io),
        timer_(io),
        cluster_(cluster),
        clock_(clock),
        factor_(factor),
        real_start_(clock.monotonic()),
        virtual_start_(cluster.clock().monotonic()) {}

  Cluster& cluster() { return cluster_; }
  asio::io_context& io() { return io_; }

  // Brings the cluster to the present.
  void catch_up() { cluster_.queue().run_until(present()); }

  // Waits for the cluster's next event, but looks up every kLook in any case.
  void arm() {
    auto wait = kLook;
    if (auto next = cluster_.queue().next()) {
      const double real = static_cast<double>((*next - present()).count()) / factor_;
      wait = std::clamp(port::Duration(static_cast<std::int64_t>(std::min(real, 1e9))), port::Duration(100'000), kLook);
    }
    timer_.expires_after(wait);
    timer_.async_wait([this](error_code failed) {
      if (failed) return;
      if (look_) look_();
      catch_up();
      arm();
    });
  }
  void on_look(std::function<void()> look) { look_ = std::move(look); }
  void stop() {
    look_ = {};
    timer_.cancel();
  }

  std::set<std::shared_ptr<Session>> sessions;

 private:
  port::Monotonic present() const {
    const double real = static_cast<double>((clock_.monotonic() - real_start_).count());
    return virtual_start_ + port::Duration(static_cast<std::int64_t>(real * factor_));
  }
  asio::io_context& io_;
  asio::steady_timer timer_;
  Cluster& cluster_;
  const port::Clock& clock_;
  double factor_;
  port::Monotonic real_start_, virtual_start_;
  std::function<void()> look_;
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, Host& host) : stream_(std::move(socket)), delay_(host.io()), host_(host) {}

  void read() {
    parser_.emplace();
    parser_->body_limit(kMaxRequestBody);
    parser_->header_limit(static_cast<std::uint32_t>(kMaxRequestHead));
    stream_.expires_after(kIdleConnection);
    http::async_read(stream_, buffer_, *parser_, [self = shared_from_this()](error_code failed, std::size_t) {
      if (failed == http::error::body_limit) return self->refuse(413, "request body is too large");
      if (failed == http::error::header_limit) return self->refuse(431, "request head is too large");
      if (failed) return self->close();
      self->serve_request();
    });
  }

  void close() {
    if (closed_) return;
    closed_ = true;
    watch_ = {};
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_both, ignored);
    stream_.socket().close(ignored);
    if (watch_timer_ != 0) host_.cluster().queue().cancel(watch_timer_);
    if (bookmark_timer_ != 0) host_.cluster().queue().cancel(bookmark_timer_);
    delay_.cancel();
    host_.sessions.erase(shared_from_this());
  }

 private:
  void serve_request() {
    host_.catch_up();
    const auto& message = parser_->get();
    port::HttpRequest request;
    request.method = std::string(message.method_string());
    request.target = std::string(message.target());
    for (const auto& field : message)
      request.headers.push_back({std::string(field.name_string()), std::string(field.value())});
    request.body = message.body();
    keep_alive_ = message.keep_alive();
    host_.cluster().note(request.method + " " + request.target);
    if (Server::is_watch(request)) return start_watch(request);
    Reply reply = host_.cluster().server().handle(request);
    if (reply.drop) return close();
    if (reply.latency <= port::Duration(0)) return respond(std::move(reply));
    delay_.expires_after(reply.latency);
    delay_.async_wait([self = shared_from_this(), held = std::make_shared<Reply>(std::move(reply))](error_code failed) {
      if (!failed) self->respond(std::move(*held));
    });
  }

  void refuse(int status, std::string text) {
    Reply reply;
    reply.status = status;
    reply.headers = {{"Content-Type", "text/plain"}};
    reply.body = std::move(text);
    keep_alive_ = false;
    respond(std::move(reply));
  }

  void respond(Reply reply) {
    auto response = std::make_shared<http::response<http::string_body>>();
    response->version(11);
    response->result(static_cast<unsigned>(reply.status));
    for (const auto& header : reply.headers) response->insert(header.name, header.value);
    response->keep_alive(keep_alive_);
    const bool head_only = parser_ && parser_->get().method() == http::verb::head;
    if (!head_only) response->body() = std::move(reply.body);
    response->prepare_payload();
    http::async_write(stream_, *response, [self = shared_from_this(), response](error_code failed, std::size_t) {
      if (failed || !self->keep_alive_) return self->close();
      self->read();
    });
  }

  void start_watch(const port::HttpRequest& request) {
    // The sink may be called from inside a change, where nothing may be written back: it only queues.
    watch_ = host_.cluster().server().open_watch(request, [weak = weak_from_this()](std::string_view line) {
      auto self = weak.lock();
      if (!self || self->closed_) return;
      self->unsent_.append(line);
      if (!self->flush_planned_) {
        self->flush_planned_ = true;
        asio::post(self->host_.io(), [self] {
          self->flush_planned_ = false;
          self->flush();
        });
      }
    });
    if (watch_.head.drop) return close();
    if (!watch_.stream) return respond(std::move(watch_.head));
    head_.emplace();
    head_->version(11);
    head_->result(static_cast<unsigned>(watch_.head.status));
    for (const auto& header : watch_.head.headers) head_->insert(header.name, header.value);
    head_->chunked(true);
    serializer_.emplace(*head_);
    writing_ = true;
    stream_.expires_never();
    http::async_write_header(stream_, *serializer_, [self = shared_from_this()](error_code failed, std::size_t) {
      if (failed) return self->close();
      self->writing_ = false;
      self->flush();
    });
    const auto life = watch_.timeout > port::Duration(0) ? watch_.timeout : std::chrono::minutes(30);
    watch_timer_ = host_.cluster().queue().after(life, [weak = weak_from_this()] {
      auto self = weak.lock();
      if (!self) return;
      self->watch_timer_ = 0;
      if (self->watch_.stream) self->watch_.stream->bookmark();
      self->ending_ = true;
      self->flush();
    });
    plan_bookmark();
    listen_for_hangup();
  }

  void plan_bookmark() {
    bookmark_timer_ = host_.cluster().queue().after(std::chrono::minutes(1), [weak = weak_from_this()] {
      auto self = weak.lock();
      if (!self || self->closed_ || !self->watch_.stream) return;
      self->watch_.stream->bookmark();
      self->plan_bookmark();
    });
  }

  // A watcher says nothing more; what arrives is the end of the connection.
  void listen_for_hangup() {
    stream_.async_read_some(asio::buffer(hangup_), [self = shared_from_this()](error_code failed, std::size_t count) {
      if (failed || count > 0) self->close();
    });
  }

  void flush() {
    if (closed_ || !watch_.stream) return;
    if (unsent_.size() > kMaxUnsentWatch) return close();
    if (writing_) return;
    if (unsent_.empty()) {
      if (ending_ || watch_.stream->closed()) finish_watch();
      return;
    }
    writing_ = true;
    sending_ = std::exchange(unsent_, {});
    asio::async_write(stream_, http::make_chunk(asio::buffer(sending_)),
                      [self = shared_from_this()](error_code failed, std::size_t) {
                        if (failed) return self->close();
                        self->writing_ = false;
                        self->flush();
                      });
  }

  void finish_watch() {
    writing_ = true;
    asio::async_write(stream_, http::make_chunk_last(), [self = shared_from_this()](error_code, std::size_t) {
      // A read for the hangup is pending on this socket; a fresh connection is simpler than taking it back.
      self->close();
    });
  }

  beast::tcp_stream stream_;
  asio::steady_timer delay_;
  Host& host_;
  beast::flat_buffer buffer_{kMaxRequestHead + kMaxRequestBody};
  std::optional<http::request_parser<http::string_body>> parser_;
  std::optional<http::response<http::empty_body>> head_;
  std::optional<http::response_serializer<http::empty_body>> serializer_;
  OpenedWatch watch_;
  std::string unsent_, sending_;
  std::array<char, 64> hangup_{};
  EventQueue::Id watch_timer_ = 0, bookmark_timer_ = 0;
  bool keep_alive_ = true, writing_ = false, ending_ = false, flush_planned_ = false, closed_ = false;
};

class Listener {
 public:
  Listener(asio::io_context& io, Host& host) : acceptor_(io), host_(host) {}

  Result<tcp::endpoint> open(const tcp::endpoint& endpoint) {
    error_code failed;
    acceptor_.open(endpoint.protocol(), failed);
    if (!failed) acceptor_.set_option(asio::socket_base::reuse_address(true), failed);
    if (!failed) acceptor_.bind(endpoint, failed);
    if (!failed) acceptor_.listen(asio::socket_base::max_listen_connections, failed);
    if (failed)
      return Error(
          Code::io,
          fmt::format("cannot listen on {}:{}: {}", endpoint.address().to_string(), endpoint.port(), failed.message()),
          "choose another --port, or 0 for one that is free");
    accept();
    return acceptor_.local_endpoint();
  }
  void close() {
    error_code ignored;
    acceptor_.close(ignored);
  }

 private:
  void accept() {
    acceptor_.async_accept([this](error_code failed, tcp::socket socket) {
      if (failed == asio::error::operation_aborted) return;
      if (!failed && host_.sessions.size() < kMaxConnections) {
        error_code ignored;
        socket.set_option(tcp::no_delay(true), ignored);
        auto session = std::make_shared<Session>(std::move(socket), host_);
        host_.sessions.insert(session);
        session->read();
      }
      accept();
    });
  }
  tcp::acceptor acceptor_;
  Host& host_;
};

}  // namespace

std::string kubeconfig_for(const std::string& url) {
  return fmt::format(
      "apiVersion: v1\n"
      "kind: Config\n"
      "current-context: sim\n"
      "clusters:\n"
      "- name: sim\n"
      "  cluster:\n"
      "    server: {}\n"
      "contexts:\n"
      "- name: sim\n"
      "  context:\n"
      "    cluster: sim\n"
      "    user: sim\n"
      "users:\n"
      "- name: sim\n"
      "  user: {{}}\n",
      url);
}

Result<> serve(Cluster& cluster, const port::Clock& clock, const port::Interrupt& interrupt,
               port::Filesystem& filesystem, const ServeOptions& options,
               const std::function<void(const ServingAt&)>& ready) {
  if (!(options.real_time_factor >= 0.001 && options.real_time_factor <= 100'000))
    return Error(Code::usage, "the real-time factor must be between 0.001 and 100000");
  error_code failed;
  const auto address = asio::ip::make_address(options.address == "localhost" ? "127.0.0.1" : options.address, failed);
  if (failed || !address.is_loopback())
    return Error(Code::refused,
                 fmt::format("the simulated cluster has no authentication and listens on loopback "
                             "addresses only, not on \"{}\"",
                             options.address),
                 "use 127.0.0.1 or ::1");
  try {
    asio::io_context io(1);
    Host host(io, cluster, clock, options.real_time_factor);
    Listener listener(io, host);
    ASSIGN_OR_RETURN(const auto bound, listener.open({address, options.port}));
    ServingAt served;
    served.url = address.is_v6() ? fmt::format("http://[{}]:{}", address.to_string(), bound.port())
                                 : fmt::format("http://{}:{}", address.to_string(), bound.port());
    served.kubeconfig = kubeconfig_for(served.url);
    if (!options.kubeconfig_path.empty())
      TRY(filesystem.write(options.kubeconfig_path, served.kubeconfig, 0600).within("writing the kubeconfig"));
    bool stuck = false;
    host.on_look([&] {
      stuck = cluster.queue().stuck();
      if (interrupt.requested() || stuck) io.stop();
    });
    host.arm();
    if (ready) ready(served);
    io.run();
    listener.close();
    host.stop();
    while (!host.sessions.empty()) (*host.sessions.begin())->close();
    io.restart();
    io.poll();
    if (stuck) return Error(Code::internal, "the simulated cluster stopped making progress");
    return {};
  } catch (const std::exception& e) {
    return Error(Code::io, fmt::format("serving the simulated cluster: {}", e.what()));
  }
}

}  // namespace nautilus::sim
