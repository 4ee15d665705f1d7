// The server's TLS context, made of files and made again when their content changes.
//
// TLS 1.2 and 1.3, forward secrecy and AEAD only. Connections keep the context they began with; new ones get the new
// certificate. A pair that does not fit leaves the last good one in force. Threading: context() any, reload() one.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <mutex>

#include "core/port/filesystem.h"
#include "engine/gateway/gateway.h"

namespace nautilus::engine {

using TlsContext = std::shared_ptr<boost::asio::ssl::context>;

class TlsSource {
 public:
  TlsSource(const port::Filesystem& files, GatewayTls paths) : files_(files), paths_(std::move(paths)) {}
  // True: changed.
  Result<bool> reload();
  TlsContext context() const;

 private:
  const port::Filesystem& files_;
  const GatewayTls paths_;
  mutable std::mutex lock_;
  TlsContext context_;
  std::string source_;
};

// RFC 2253 text of the verified client certificate's subject; "" if there is none.
std::string peer_subject(const SSL* ssl);

}  // namespace nautilus::engine
