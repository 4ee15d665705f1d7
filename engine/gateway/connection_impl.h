// The body of a connection over any kind of stream; included by the files that make one, and by a fuzzer with bytes in
// memory.
#pragma once

#include <fmt/format.h>

#include <boost/asio/ssl/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>

#include "engine/gateway/connection.h"
#include "engine/gateway/rest.h"

namespace nautilus::engine {

template <class Stream>
class StreamConnection final : public Connection, public std::enable_shared_from_this<StreamConnection<Stream>> {
  using error_code = boost::system::error_code;
  using Request = boost::beast::http::request<boost::beast::http::string_body>;
  using Response = boost::beast::http::response<boost::beast::http::string_body>;
  static constexpr bool kTls = std::is_same_v<Stream, boost::beast::ssl_stream<boost::beast::tcp_stream>>;

 public:
  template <class... Context>
  StreamConnection(ConnectionShared& shared, Worker& worker, boost::asio::ip::tcp::socket socket, std::string address,
                   TlsContext context, Context&... more)
      : shared_(shared),
        worker_(worker),
        address_(std::move(address)),
        context_(std::move(context)),
        socket_(std::in_place, std::move(socket), more...),
        timer_(worker.io),
        control_(shared.options.control_frames_per_second, shared.options.control_frame_burst) {
    shared_.core.metrics.http_connections.fetch_add(1, std::memory_order_relaxed);
  }
  ~StreamConnection() override {
    auto& gauge = upgraded_ ? shared_.core.metrics.websocket_connections : shared_.core.metrics.http_connections;
    gauge.fetch_sub(1, std::memory_order_relaxed);
    shared_.addresses.leave(address_);
    shared_.count.fetch_sub(1, std::memory_order_relaxed);
  }

  void start() override {
    worker_.connections.insert(this->shared_from_this());
    if constexpr (kTls) {
      lowest().expires_after(shared_.options.handshake_timeout);
      stream().async_handshake(boost::asio::ssl::stream_base::server, [self = self_()](error_code failed) {
        if (failed) {
          add(self->shared_.core.metrics.tls_handshake_failures);
          return self->gone();
        }
        self->read_request(self->shared_.options.header_timeout);
      });
    } else {
      read_request(shared_.options.header_timeout);
    }
  }

  void tick() override {
    if (!session_ || gone_) return;
    session_->on_tick();
    judge();
    if (close_by_ != port::Monotonic(0) && shared_.core.clock.monotonic() > close_by_) gone();
  }
  void drain() override {
    if (session_) session_->on_drain();
  }
  void end_session() override {
    // The last reports still go out: the outbox stays open until the connection closes.
    if (session_) session_->release();
  }
  void cut() override { gone(); }
  void close(CloseCode code) override {
    if (gone_) return;
    if (!ws_) return gone();
    want_close_ = code;
    flush();
  }

 private:
  auto self_() { return this->shared_from_this(); }
  Stream& stream() { return ws_ ? ws_->next_layer() : *socket_; }
  auto& lowest() { return boost::beast::get_lowest_layer(stream()); }

  // The end, from wherever: idempotent; drops the socket at once.
  void gone() {
    if (gone_) return;
    gone_ = true;
    if (waiting_tag_ != 0) shared_.core.hub.forget(waiting_tag_);
    timer_.cancel();
    if (session_) session_->end();
    error_code ignored;
    lowest().socket().shutdown(boost::asio::ip::tcp::socket::shutdown_both, ignored);
    lowest().socket().close(ignored);
    worker_.connections.erase(this->shared_from_this());
  }

  // HTTP ------------------------------------------------------------------------------------------------------------

  void read_request(port::Duration timeout) {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(kMaxHttpHead));
    parser_->body_limit(kMaxMessage);
    lowest().expires_after(timeout);
    boost::beast::http::async_read_header(stream(), buffer_, *parser_,
                                          [self = self_()](error_code failed, std::size_t) { self->on_head(failed); });
  }

  // Chunked bodies are refused before their first byte is parsed: requests are small and know their length, and Beast
  // 1.74 takes trailers for the body's end that others would read as the next request (an assertion in debug builds).
  void on_head(error_code failed) {
    if (gone_) return;
    if (!failed && parser_->chunked()) {
      keep_alive_ = false;
      return respond({411, R"({"type":"error","code":"bad_value","field":"Transfer-Encoding",)"
                           R"("message":"a body comes with Content-Length"})"});
    }
    if (failed || parser_->is_done()) return on_request(failed);
    boost::beast::http::async_read(stream(), buffer_, *parser_,
                                   [self = self_()](error_code error, std::size_t) { self->on_request(error); });
  }

  void on_request(error_code failed) {
    namespace http = boost::beast::http;
    if (gone_) return;
    if (failed == http::error::body_limit) return refuse_bytes(413);
    if (failed == http::error::header_limit) return refuse_bytes(431);
    if (failed && failed.category() == http::make_error_code(http::error::bad_method).category() &&
        failed != http::error::end_of_stream && failed != http::error::partial_message)
      return refuse_bytes(400);
    if (failed) return gone();
    lowest().expires_never();
    received_ = shared_.core.clock.monotonic();
    Request& request = parser_->get();
    keep_alive_ = request.keep_alive();
    const std::string_view target = view(request.target());
    if (boost::beast::websocket::is_upgrade(request)) return upgrade(request);
    if (request.find("Upgrade") != request.end() || target.starts_with("/ws") || target.starts_with("/v1/ws"))
      return respond({426, R"({"type":"error","code":"bad_value","message":"a WebSocket upgrade is expected here"})"});
    auto principal = identify(request);
    if (!principal) return respond_late(rest_error(deny(Fault::unauthorized)));
    principal_ = principal;
    if (shared_.core.draining.load(std::memory_order_relaxed)) keep_alive_ = false;
    if (!rest_rate_.take(received_)) return respond(rest_error(deny(Fault::too_many_requests)));
    const RestRequest asked{view(request.method_string()), target, field(request, "traceparent"), request.body()};
    const std::uint64_t ticket = ++ticket_;
    timer_.expires_after(shared_.core.limits.answer_timeout);
    const auto tag = handle_rest(shared_.core, *principal_, asked,
                                 [weak = this->weak_from_this(), &io = worker_.io, ticket](RestResponse response) {
                                   boost::asio::post(io, [weak, ticket, held = std::move(response)]() mutable {
                                     if (auto self = weak.lock()) self->answered(ticket, std::move(held));
                                   });
                                 });
    if (tag == 0) return;
    waiting_tag_ = tag;
    timer_.async_wait([self = self_(), ticket](error_code stopped) {
      if (stopped || self->ticket_ != ticket || self->gone_) return;
      self->shared_.core.hub.forget(self->waiting_tag_);
      self->answered(ticket, rest_error(deny(Fault::timeout)));
    });
  }

  void answered(std::uint64_t ticket, RestResponse response) {
    if (gone_ || ticket != ticket_) return;
    ++ticket_;  // a second answer to the same request is no answer
    waiting_tag_ = 0;
    timer_.cancel();
    respond(std::move(response));
  }

  static std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }
  static std::string_view field(const Request& request, const char* name) {
    const auto found = request.find(name);
    return found == request.end() ? std::string_view() : view(found->value());
  }

  std::shared_ptr<const Principal> identify(const Request& request) {
    Credentials credentials;
    const std::string_view authorization = field(request, "Authorization");
    if (authorization.starts_with("Bearer ")) credentials.token = authorization.substr(7);
    credentials.api_key = field(request, "X-Api-Key");
    const std::string subject = certificate_subject();
    credentials.certificate = subject;
    if (!credentials.api_key.empty() && !credentials.token.empty()) return nullptr;
    return shared_.core.authenticate(credentials, address_);
  }
  std::string certificate_subject() {
    if constexpr (kTls) return peer_subject(stream().native_handle());
    return {};
  }

  // All refusals of credentials are answered after the same time, whatever was wrong with them.
  void respond_late(RestResponse response) {
    timer_.expires_after(shared_.core.limits.failure_time - (shared_.core.clock.monotonic() - received_));
    keep_alive_ = false;
    timer_.async_wait([self = self_(), held = std::move(response)](error_code stopped) mutable {
      if (!stopped && !self->gone_) self->respond(std::move(held));
    });
  }
  void refuse_bytes(int status) {
    keep_alive_ = false;
    respond({status, R"({"type":"error","code":")" + std::string(status == 400 ? "bad_json" : "too_large") + "\"}"});
  }

  void respond(RestResponse made) {
    namespace http = boost::beast::http;
    auto response = std::make_shared<Response>();
    response->version(11);
    response->result(static_cast<unsigned>(made.status));
    response->set(http::field::content_type, "application/json");
    response->set(http::field::cache_control, "no-store");
    response->set("X-Content-Type-Options", "nosniff");
    if (made.status == 401) response->set(http::field::www_authenticate, "Bearer");
    if (made.status == 426) {
      response->set(http::field::upgrade, "websocket");
      response->set(http::field::sec_websocket_version, "13");
    }
    if (made.status == 429 || made.status == 503) response->set(http::field::retry_after, "1");
    response->keep_alive(keep_alive_);
    response->body() = std::move(made.body);
    response->prepare_payload();
    // Of an answer to HEAD only the head is sent; a body would be taken for the next answer.
    if (parser_ && parser_->get().method() == http::verb::head) response->body().clear();
    add(shared_.core.metrics.http_by_class[static_cast<std::size_t>(made.status / 100) % 6]);
    lowest().expires_after(shared_.options.header_timeout);
    http::async_write(stream(), *response, [self = self_(), response](error_code failed, std::size_t) {
      if (failed || !self->keep_alive_) return self->gone();
      self->read_request(self->shared_.options.idle_timeout);
    });
  }

  // WebSocket -------------------------------------------------------------------------------------------------------

  void upgrade(const Request& request) {
    const std::string_view target = view(request.target());
    const std::string_view path = target.substr(0, target.find('?'));
    if (path != "/ws" && path != "/v1/ws") return respond(rest_error(deny(Fault::not_found)));
    // What Beast would refuse in its own words, in ours.
    const auto key = field(request, "Sec-WebSocket-Key");
    if (request.find("Host") == request.end()) return respond(rest_error(deny(Fault::bad_value, "Host")));
    if (key.empty() || key.size() > kMaxWebSocketKey)
      return respond(rest_error(deny(Fault::bad_value, "Sec-WebSocket-Key")));
    if (field(request, "Sec-WebSocket-Version") != "13")
      return respond({426, R"({"type":"error","code":"bad_value","message":"only WebSocket version 13 is spoken"})"});
    const auto origin = field(request, "Origin");
    const auto& allowed = shared_.options.origins;
    if (!origin.empty() && std::find(allowed.begin(), allowed.end(), origin) == allowed.end())
      return respond(rest_error(deny(Fault::forbidden, "Origin")));
    const bool credentials = !field(request, "Authorization").empty() || !field(request, "X-Api-Key").empty();
    std::shared_ptr<const Principal> principal;
    if (credentials || !certificate_subject().empty()) {
      principal = identify(request);
      // A certificate that names nobody may still be followed by a logon with a key.
      if (!principal && credentials) return respond_late(rest_error(deny(Fault::unauthorized)));
    }
    accept(request, std::move(principal));
  }

  void accept(const Request& request, std::shared_ptr<const Principal> principal) {
    namespace websocket = boost::beast::websocket;
    ws_.emplace(std::move(*socket_));
    socket_.reset();
    websocket::stream_base::timeout timeouts{};
    timeouts.handshake_timeout = shared_.options.handshake_timeout;
    timeouts.idle_timeout = shared_.options.ping_interval * 2;
    timeouts.keep_alive_pings = true;
    ws_->set_option(timeouts);
    ws_->read_message_max(kMaxWebSocketMessage);
    ws_->auto_fragment(false);
    ws_->text(true);
    ws_->control_callback([this](websocket::frame_type kind, boost::beast::string_view) {
      if (kind != websocket::frame_type::close && !control_.take(shared_.core.clock.monotonic()))
        want_close_ = CloseCode::policy;
    });
    outbox_ = std::make_shared<Outbox>(shared_.core.limits.outbox, [weak = this->weak_from_this(), &io = worker_.io] {
      boost::asio::post(io, [weak] {
        if (auto self = weak.lock()) self->flush();
      });
    });
    session_.emplace(shared_.core, outbox_, address_, std::move(principal));
    auto held = std::make_shared<Request>(request);
    ws_->async_accept(*held, [self = self_(), held](error_code failed) {
      if (failed) return self->gone();
      self->upgraded_ = true;
      self->shared_.core.metrics.http_connections.fetch_sub(1, std::memory_order_relaxed);
      self->shared_.core.metrics.websocket_connections.fetch_add(1, std::memory_order_relaxed);
      self->accepted_ = true;
      self->parser_.reset();
      self->read_message();
      self->flush();
    });
  }

  void read_message() {
    if (gone_ || closing_) return;
    ws_->async_read(buffer_, [self = self_()](error_code failed, std::size_t) { self->on_message(failed); });
  }

  void on_message(error_code failed) {
    if (gone_) return;
    // Beast has answered what was wrong with the frames (1002, 1007, 1009) by itself.
    if (failed) return gone();
    if (closing_) return;
    if (!ws_->got_text()) {
      want_close_ = CloseCode::unsupported;
    } else if (!want_close_) {
      const auto bytes = buffer_.data();
      session_->on_text({static_cast<char*>(bytes.data()), bytes.size()});
    }
    buffer_.consume(buffer_.size());
    if (session_->failing()) {
      timer_.expires_after(shared_.core.limits.failure_time);
      timer_.async_wait([self = self_()](error_code stopped) {
        if (stopped || self->gone_) return;
        self->session_->fail();
        self->judge();
      });
      return;  // nothing is read until then
    }
    judge();
    read_message();
  }

  void judge() {
    if (!want_close_ && session_->wants_close()) want_close_ = session_->wants_close();
    flush();
  }

  void flush() {
    // Also while a write hangs: a client that has to go and does not read is cut when its time is over.
    if (want_close_) arm_close();
    if (gone_ || !accepted_ || writing_ || closing_) return;
    const bool hopeless = want_close_ && *want_close_ == CloseCode::slow_consumer;
    if (!hopeless) {
      bool wants_snapshots = false;
      sending_ = next(wants_snapshots);
      if (!sending_ && wants_snapshots && !want_close_) {
        shared_.core.hub.refresh_stale(outbox_);
        sending_ = next(wants_snapshots);
      }
      if (sending_) return write();
    }
    if (want_close_) start_close();
  }

  SharedText next(bool& wants_snapshots) {
    return session_->batch() ? outbox_->take_batch(kMaxBatchedBytes, wants_snapshots) : outbox_->take(wants_snapshots);
  }

  void write() {
    writing_ = true;
    add(shared_.core.metrics.messages_out);
    add(shared_.core.metrics.bytes_out, sending_->size());
    ws_->async_write(boost::asio::buffer(*sending_), [self = self_()](error_code failed, std::size_t) {
      self->writing_ = false;
      self->sending_.reset();
      if (failed) return self->gone();
      self->flush();
    });
  }

  void arm_close() {
    if (close_by_ == port::Monotonic(0)) close_by_ = shared_.core.clock.monotonic() + shared_.options.close_timeout;
  }

  void start_close() {
    closing_ = true;
    arm_close();
    const boost::beast::websocket::close_reason reason(static_cast<boost::beast::websocket::close_code>(*want_close_),
                                                       std::string(name(*want_close_)));
    ws_->async_close(reason, [self = self_()](error_code) { self->gone(); });
  }

  ConnectionShared& shared_;
  Worker& worker_;
  const std::string address_;
  const TlsContext context_;
  std::optional<Stream> socket_;
  std::optional<boost::beast::websocket::stream<Stream>> ws_;
  boost::beast::flat_buffer buffer_{std::max(kMaxHttpHead + kMaxMessage, kMaxWebSocketMessage)};
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  boost::asio::steady_timer timer_;
  TokenBucket control_, rest_rate_{1000, 2000};
  std::shared_ptr<const Principal> principal_;
  std::shared_ptr<Outbox> outbox_;
  std::optional<Session> session_;
  SharedText sending_;
  std::optional<CloseCode> want_close_;
  port::Monotonic received_{0}, close_by_{0};
  std::uint64_t ticket_ = 0, waiting_tag_ = 0;
  bool keep_alive_ = false, upgraded_ = false, accepted_ = false, writing_ = false, closing_ = false, gone_ = false;
};

}  // namespace nautilus::engine
