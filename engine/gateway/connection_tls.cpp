#include "engine/gateway/connection_impl.h"

namespace nautilus::engine {

std::shared_ptr<Connection> make_tls_connection(ConnectionShared& shared, Worker& worker,
                                                boost::asio::ip::tcp::socket socket, std::string address,
                                                TlsContext context) {
  using Stream = boost::beast::ssl_stream<boost::beast::tcp_stream>;
  auto& made = *context;
  return std::make_shared<StreamConnection<Stream>>(shared, worker, std::move(socket), std::move(address),
                                                    std::move(context), made);
}

}  // namespace nautilus::engine
