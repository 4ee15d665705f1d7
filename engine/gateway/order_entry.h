// From a request to a command: names to numbers, decimals to ticks and lots, permissions. The same for WebSocket and
// HTTP. Nothing here takes a lock or touches the engine.
#pragma once

#include "engine/gateway/auth.h"
#include "engine/gateway/directory.h"
#include "engine/gateway/message.h"
#include "engine/sequencer/intake.h"

namespace nautilus::engine {

// An empty code: fine. `code` is a word of Fault or Reason; `fault` is for the metrics.
struct Denial {
  std::string_view code, field;
  Fault fault = Fault::none;
  bool denied() const { return !code.empty(); }
};
Denial deny(Fault fault, std::string_view field = {});
Denial deny(Reason reason, std::string_view field);

// The account the request is about: the one it names, or the principal's only one.
Denial choose_account(const Request& request, const Reference& known, const Principal& principal, AccountId& out);

// Fills type, account, instrument and what the request says; not session, client_tag, sequence, time.
Denial make_command(const Request& request, const Reference& known, const Principal& principal, Command& out);

// What the client is told if the intake does not take it.
Denial denial_of(Submitted submitted);

}  // namespace nautilus::engine
