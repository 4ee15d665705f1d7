// A client of the gateway, as simple as can be: one connection, blocking, text messages.
//
// Threading: one thread. Failure: Code::unreachable, Code::timeout for nothing within kPatience, Code::invalid for a
// message that is no text. Source followed: docs/engine/protocol.md.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/base/error.h"

namespace nautilus::engine::bench {

class WebSocket {
 public:
  static Result<WebSocket> connect(std::uint16_t port);
  WebSocket(WebSocket&&) noexcept;
  WebSocket& operator=(WebSocket&&) noexcept;
  ~WebSocket();
  Result<> send(std::string_view message);
  // Valid until the next call.
  Result<std::string_view> receive();

 private:
  struct State;
  explicit WebSocket(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace nautilus::engine::bench
