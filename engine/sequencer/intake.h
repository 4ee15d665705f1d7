// Between the gateway and the sequencer. Commands go in from any thread; events come out on one, once durable.
#pragma once

#include <span>

#include "engine/model/command.h"
#include "engine/model/event.h"

namespace nautilus::engine {

enum class Submitted : std::uint8_t {
  taken,        // it will be journalled, carried out, and its events released, in the order of submission per thread
  full,         // the queue is full: tell the client to slow down; nothing was taken
  not_primary,  // a standby, still replaying, or fenced
  stopping,     // draining: no new orders; cancels are still taken
  malformed,    // a value that does not exist, which no journal could be read back with: a bug of the caller
  storage,      // the journal cannot be written: nothing will be taken until a restart
};

// Threading: submit() from any thread, never blocks, never allocates.
class Intake {
 public:
  virtual ~Intake() = default;
  virtual Submitted submit(const Command& command) = 0;
};

// Threading: one thread calls released(), in the order of sequences, with the events of whole commands. What is
// released is durable (and, where so configured, held by the standby): it may be told to clients.
class Outlet {
 public:
  virtual ~Outlet() = default;
  virtual void released(std::span<const Event> events) = 0;
};

}  // namespace nautilus::engine
