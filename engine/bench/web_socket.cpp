#include "engine/bench/web_socket.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>

namespace nautilus::engine::bench {
namespace {

namespace asio = boost::asio;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr timeval kPatience{30, 0};

Error failed(const char* doing, error_code why) {
  const bool late = why == asio::error::would_block || why == asio::error::try_again;
  return Error(late ? Code::timeout : Code::unreachable, std::string(doing) + ": " + why.message());
}

}  // namespace

struct WebSocket::State {
  asio::io_context io{1};
  websocket::stream<tcp::socket> stream{io};
  boost::beast::flat_buffer read;
};

WebSocket::WebSocket(std::unique_ptr<State> state) : state_(std::move(state)) {}
WebSocket::WebSocket(WebSocket&&) noexcept = default;
WebSocket& WebSocket::operator=(WebSocket&&) noexcept = default;
WebSocket::~WebSocket() = default;

Result<WebSocket> WebSocket::connect(std::uint16_t port) {
  auto state = std::make_unique<State>();
  error_code failure;
  tcp::socket& socket = state->stream.next_layer();
  socket.connect({asio::ip::address_v4::loopback(), port}, failure);
  if (failure) return failed("connecting to the engine", failure);
  socket.set_option(tcp::no_delay(true), failure);
  for (const int which : {SO_RCVTIMEO, SO_SNDTIMEO})
    ::setsockopt(socket.native_handle(), SOL_SOCKET, which, &kPatience, sizeof kPatience);
  state->stream.handshake("127.0.0.1", "/ws", failure);
  if (failure) return failed("the WebSocket handshake", failure);
  state->stream.text(true);
  return WebSocket(std::move(state));
}

Result<> WebSocket::send(std::string_view message) {
  error_code failure;
  state_->stream.write(asio::buffer(message), failure);
  return failure ? Result<>(failed("sending to the engine", failure)) : Result<>();
}

Result<std::string_view> WebSocket::receive() {
  error_code failure;
  state_->read.clear();
  state_->stream.read(state_->read, failure);
  if (failure) return failed("receiving from the engine", failure);
  if (!state_->stream.got_text()) return Error(Code::invalid, "the engine sent a binary message");
  const auto bytes = state_->read.cdata();
  return std::string_view(static_cast<const char*>(bytes.data()), bytes.size());
}

}  // namespace nautilus::engine::bench
