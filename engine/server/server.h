// One engine process from its first byte to its last: recover, become the primary, serve, drain, stop.
//
// The order is what makes it safe: nothing is told to a client before the journal is recovered, this process is the
// primary of a new epoch, and that epoch is in the journal; nothing is taken after the drain began; the epoch is given
// back only after the last acknowledgement. docs/engine/operations.md has the states.
// Threading: serve() blocks on its thread until the end; everything else is inside.
#pragma once

#include <functional>

#include "core/port/clock.h"
#include "core/port/entropy.h"
#include "core/port/filesystem.h"
#include "core/port/http_transport.h"
#include "core/port/interrupt.h"
#include "engine/journal/epoch_source.h"
#include "engine/server/config.h"

namespace nautilus::engine {

struct ServerPorts {
  port::Clock& clock;
  const port::Filesystem& files;
  port::Entropy& entropy;
  const port::Interrupt& interrupt;
  port::Connector* connector = nullptr;  // to the collector of traces; its polls must not consume the interrupt
};

struct ServingAt {
  std::uint16_t gateway_port = 0, admin_port = 0;
  Epoch epoch = 0;
  Sequence sequence = 0;       // of the last command recovered
  std::uint64_t replayed = 0;  // commands behind the snapshot
  bool tls = false, open_access = false;
};

struct ServeRequest {
  ServerConfig config;
  int shard = 0;
  std::string name;              // of this process, for people: the pod
  EpochSource* epoch = nullptr;  // null: who holds the journal's directory is the primary
  bool take_over = false;        // a person says that this journal has all there is: takeover.h is not asked
  std::function<void(const ServingAt&)> on_serving;
  std::function<void(bool primary)> on_role;  // who sends clients here wants to know; must not block
};

// Until an interrupt or a drain was asked for: then an orderly stop, and success. Code::locked: another process holds
// the journal, or has become the primary (fenced). Code::io: the journal cannot be written; everything acknowledged is
// in it. Code::invalid: the journal is damaged, or a file of settings is wrong.
Result<> serve(const ServerPorts& ports, ServeRequest request);

}  // namespace nautilus::engine
