#include "engine/gateway/admin.h"

#include <fmt/format.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <set>
#include <thread>

#include "engine/gateway/encode.h"

namespace nautilus::engine {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kMaxAdminHead = 8u << 10, kMaxAdminBody = 1u << 10;
constexpr auto kAcceptPause = std::chrono::milliseconds(100);

std::string drain_body(const EngineStatus& now) {
  std::string out;
  JsonText json(out);
  json.begin().text("state", name(now.state)).number("submitted", now.submitted).number("durable", now.durable);
  json.number("released", now.released).end();
  return out + "\n";
}

}  // namespace

AdminResponse answer_admin(std::string_view method, std::string_view path, StatusProvider& status,
                           const Metrics& metrics) {
  const bool get = method == "GET" || method == "HEAD";
  if (path == "/drainz" && method == "POST") {
    status.drain();
    return {202, drain_body(status.status()), "application/json"};
  }
  if (path != "/livez" && path != "/readyz" && path != "/standbyz" && path != "/drainz" && path != "/metrics")
    return {404, "not found\n"};
  if (!get) return {405, "method not allowed\n"};
  const EngineStatus now = status.status();
  // Also an engine that cannot write its journal is alive: killing it would help nothing, a person has to look.
  if (path == "/livez") return {200, fmt::format("{}\n", name(now.state))};
  if (path == "/readyz") return {now.state == ServingState::primary ? 200 : 503, fmt::format("{}\n", name(now.state))};
  // For whoever counts the ones that could serve: a standby that has all is as good as it can be.
  if (path == "/standbyz") {
    const bool good = now.state == ServingState::primary || (now.state == ServingState::standby && now.in_step);
    return {good ? 200 : 503, fmt::format("{}{}\n", name(now.state), good ? "" : ", not in step")};
  }
  if (path == "/drainz") return {200, drain_body(now), "application/json"};
  return {200, prometheus_text(metrics, now), "text/plain; version=0.0.4; charset=utf-8"};
}

class AdminServer::Impl {
 public:
  Impl(StatusProvider& status, const Metrics& metrics, Log& log, AdminOptions options)
      : status_(status), metrics_(metrics), log_(log), options_(std::move(options)), acceptor_(io_) {}

  Result<> start() {
    error_code failed;
    const auto address = asio::ip::make_address(options_.address, failed);
    if (failed) return Error(Code::invalid, fmt::format("\"{}\" is not an IP address", options_.address));
    acceptor_.open(tcp::endpoint(address, options_.port).protocol(), failed);
    if (!failed) acceptor_.set_option(asio::socket_base::reuse_address(true), failed);
    if (!failed) acceptor_.bind({address, options_.port}, failed);
    if (!failed) acceptor_.listen(asio::socket_base::max_listen_connections, failed);
    if (failed)
      return Error(Code::io,
                   fmt::format("cannot listen on {}:{}: {}", options_.address, options_.port, failed.message()));
    port_ = acceptor_.local_endpoint(failed).port();
    accept();
    thread_ = std::thread([this] { run(); });
    return {};
  }

  void stop() {
    if (!thread_.joinable()) return;
    asio::post(io_, [this] {
      error_code ignored;
      acceptor_.close(ignored);
      io_.stop();
    });
    thread_.join();
    peers_.clear();
  }
  ~Impl() { stop(); }
  std::uint16_t port() const { return port_; }

 private:
  struct Peer : std::enable_shared_from_this<Peer> {
    Peer(tcp::socket socket, Impl& o) : stream(std::move(socket)), owner(o) {}
    void read(port::Duration timeout) {
      parser.emplace();
      parser->header_limit(static_cast<std::uint32_t>(kMaxAdminHead));
      parser->body_limit(kMaxAdminBody);
      stream.expires_after(timeout);
      http::async_read_header(stream, buffer, *parser, [self = shared_from_this()](error_code failed, std::size_t) {
        // Nobody has a reason to send chunks here; the gateway's connection says why they are not parsed.
        if (failed || self->parser->chunked()) return self->gone();
        self->read_body();
      });
    }
    void read_body() {
      http::async_read(stream, buffer, *parser, [self = shared_from_this()](error_code failed, std::size_t) {
        if (failed) return self->gone();
        self->answer();
      });
    }
    void answer() {
      const auto& request = parser->get();
      const std::string target(request.target());
      const std::string method(request.method_string());
      AdminResponse made =
          answer_admin(method, std::string_view(target).substr(0, target.find('?')), owner.status_, owner.metrics_);
      auto response = std::make_shared<http::response<http::string_body>>();
      response->version(11);
      response->result(static_cast<unsigned>(made.status));
      response->set(http::field::content_type, made.content_type);
      response->set(http::field::cache_control, "no-store");
      if (made.status == 405) response->set(http::field::allow, target == "/drainz" ? "GET, POST" : "GET");
      response->keep_alive(request.keep_alive());
      response->content_length(made.body.size());
      if (method != "HEAD") response->body() = std::move(made.body);
      http::async_write(stream, *response, [self = shared_from_this(), response](error_code failed, std::size_t) {
        if (failed || !response->keep_alive()) return self->gone();
        self->read(self->owner.options_.idle_timeout);
      });
    }
    void gone() {
      error_code ignored;
      stream.socket().shutdown(tcp::socket::shutdown_both, ignored);
      stream.socket().close(ignored);
      owner.peers_.erase(shared_from_this());
    }
    beast::tcp_stream stream;
    Impl& owner;
    beast::flat_buffer buffer{kMaxAdminHead + kMaxAdminBody};
    std::optional<http::request_parser<http::string_body>> parser;
  };

  void run() {
    while (true) {
      try {
        io_.run();
        return;
      } catch (const std::exception& e) { log_.line(Log::Level::error, "admin_exception", {{"what", e.what()}}); }
    }
  }
  void accept() {
    acceptor_.async_accept([this](error_code failed, tcp::socket socket) {
      if (failed == asio::error::operation_aborted || !acceptor_.is_open()) return;
      if (!failed && peers_.size() < kMaxAdminConnections) {
        auto peer = std::make_shared<Peer>(std::move(socket), *this);
        peers_.insert(peer);
        peer->read(options_.request_timeout);
      }
      if (!failed) return accept();
      pause_.expires_after(kAcceptPause);  // no descriptors left, perhaps: do not spin
      pause_.async_wait([this](error_code stopped) {
        if (!stopped) accept();
      });
    });
  }

  StatusProvider& status_;
  const Metrics& metrics_;
  Log& log_;
  const AdminOptions options_;
  asio::io_context io_{1};
  tcp::acceptor acceptor_;
  asio::steady_timer pause_{io_};
  std::set<std::shared_ptr<Peer>> peers_;
  std::thread thread_;
  std::uint16_t port_ = 0;
};

AdminServer::AdminServer(StatusProvider& status, const Metrics& metrics, Log& log, AdminOptions options)
    : impl_(std::make_unique<Impl>(status, metrics, log, std::move(options))) {}
AdminServer::~AdminServer() = default;
Result<> AdminServer::start() { return impl_->start(); }
std::uint16_t AdminServer::port() const { return impl_->port(); }
void AdminServer::stop() { impl_->stop(); }

}  // namespace nautilus::engine
