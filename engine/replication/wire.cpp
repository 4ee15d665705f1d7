#include "engine/replication/wire.h"

#include <fmt/format.h>

namespace nautilus::engine {

Result<std::shared_ptr<asio::ssl::context>> make_context(const TlsIdentity& identity, bool server) {
  if (identity.plain) return std::shared_ptr<asio::ssl::context>();
  boost::system::error_code error;
  const auto failed = [&](std::string_view what) {
    return Error(Code::invalid, fmt::format("replication TLS: {}: {}", what, error.message()));
  };
  auto context =
      std::make_shared<asio::ssl::context>(server ? asio::ssl::context::tls_server : asio::ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_options(context->native_handle(), SSL_OP_NO_RENEGOTIATION);
  context->add_certificate_authority(asio::buffer(identity.ca_pem), error);
  if (error) return failed("the authority's certificate");
  context->use_certificate_chain(asio::buffer(identity.certificate_pem), error);
  if (error) return failed("our certificate");
  context->use_private_key(asio::buffer(identity.key_pem), asio::ssl::context::pem, error);
  if (error || SSL_CTX_check_private_key(context->native_handle()) != 1) return failed("our key");
  context->set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert, error);
  if (error) return failed("verification");
  return context;
}

Wire::Wire(tcp::socket socket, std::shared_ptr<asio::ssl::context> context) : context_(std::move(context)) {
  boost::system::error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  if (context_) {
    tls_.emplace(std::move(socket), *context_);
  } else {
    plain_.emplace(std::move(socket));
  }
}

Task<Result<>> Wire::handshake(bool server, std::string peer_name) {
  if (!tls_) co_return Result<>();
  boost::system::error_code error;
  if (!peer_name.empty()) { tls_->set_verify_callback(asio::ssl::host_name_verification(peer_name), error); }
  co_await tls_->async_handshake(server ? asio::ssl::stream_base::server : asio::ssl::stream_base::client,
                                 asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return Error(Code::unauthorized, fmt::format("TLS handshake: {}", error.message()));
  co_return Result<>();
}

Task<bool> Wire::read_some(FrameBuffer& into) {
  if (!open_) co_return false;
  boost::system::error_code error;
  const auto room = into.room();
  const auto buffer = asio::buffer(room.data(), room.size());
  std::size_t n = 0;
  if (tls_) {
    n = co_await tls_->async_read_some(buffer, asio::redirect_error(asio::use_awaitable, error));
  } else {
    n = co_await plain_->async_read_some(buffer, asio::redirect_error(asio::use_awaitable, error));
  }
  into.received(n);
  co_return !error && open_;
}

Task<bool> Wire::write(std::vector<std::byte> frame) {
  return write(std::make_shared<const std::vector<std::byte>>(std::move(frame)));
}

Task<bool> Wire::write(std::shared_ptr<const std::vector<std::byte>> frame) {
  if (!open_) co_return false;
  boost::system::error_code error;
  const auto buffer = asio::buffer(frame->data(), frame->size());
  if (tls_) {
    co_await asio::async_write(*tls_, buffer, asio::redirect_error(asio::use_awaitable, error));
  } else {
    co_await asio::async_write(*plain_, buffer, asio::redirect_error(asio::use_awaitable, error));
  }
  co_return !error && open_;
}

void Wire::close() {
  if (!open_) return;
  open_ = false;
  boost::system::error_code ignored;
  socket().shutdown(tcp::socket::shutdown_both, ignored);
  socket().close(ignored);
}

}  // namespace nautilus::engine
