// One connection, with TLS or (loopback only) without, for coroutines on one thread. Private to engine/replication.
#pragma once

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <memory>
#include <optional>
#include <string>

#include "engine/replication/frame.h"
#include "engine/replication/tls.h"

namespace nautilus::engine {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
template <class T = void>
using Task = asio::awaitable<T>;

// Null without TLS. Code::invalid with OpenSSL's words and which of the texts is wrong.
Result<std::shared_ptr<asio::ssl::context>> make_context(const TlsIdentity& identity, bool server);

class Wire {
 public:
  Wire(tcp::socket socket, std::shared_ptr<asio::ssl::context> context);
  // The TLS handshake; nothing without TLS.
  Task<Result<>> handshake(bool server, std::string peer_name);
  // False when the connection is over.
  Task<bool> read_some(FrameBuffer& into);
  Task<bool> write(std::vector<std::byte> frame);
  Task<bool> write(std::shared_ptr<const std::vector<std::byte>> frame);
  // Ends every pending operation.
  void close();
  bool open() const { return open_; }

 private:
  tcp::socket& socket() { return tls_ ? tls_->next_layer() : *plain_; }
  std::shared_ptr<asio::ssl::context> context_;
  std::optional<tcp::socket> plain_;
  std::optional<asio::ssl::stream<tcp::socket>> tls_;
  bool open_ = true;
};

}  // namespace nautilus::engine
