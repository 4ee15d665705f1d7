#include "engine/gateway/connection_impl.h"

namespace nautilus::engine {

std::shared_ptr<Connection> make_plain_connection(ConnectionShared& shared, Worker& worker,
                                                  boost::asio::ip::tcp::socket socket, std::string address) {
  return std::make_shared<StreamConnection<boost::beast::tcp_stream>>(shared, worker, std::move(socket),
                                                                      std::move(address), nullptr);
}

}  // namespace nautilus::engine
