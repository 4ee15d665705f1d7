// The state machine behind the journal, as the sequencer, the journal tools and the standby see it.
//
// Pure: apply() depends on nothing but the state and the command. Threading: one thread at a time.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/base/error.h"
#include "engine/model/command.h"
#include "engine/model/event.h"

namespace nautilus::engine {

// Where a snapshot is written to and read from; bytes in order.
class SnapshotWriter {
 public:
  virtual ~SnapshotWriter() = default;
  virtual void write(std::span<const std::byte> bytes) = 0;
};
class SnapshotReader {
 public:
  virtual ~SnapshotReader() = default;
  // Fills `out` or fails with Code::invalid (the snapshot ends early).
  virtual Result<> read(std::span<std::byte> out) = 0;
};

class Machine {
 public:
  virtual ~Machine() = default;
  // Carries out one command and appends its events. Never fails: what cannot be done is an event that says so.
  // They carry its sequence, and the last of them says so.
  virtual void apply(const Command& command, std::vector<Event>& events) = 0;
  // Each in order, with the same events and the same state as if one by one: a machine that gains from knowing what
  // comes next has its own.
  virtual void apply_all(std::span<const Command> commands, std::vector<Event>& events) {
    for (const Command& command : commands) {
      const std::size_t before = events.size();
      apply(command, events);
      if (events.size() > before) events.back().last_of_command = true;
    }
  }
  // Of everything that decides what happens next; the same on every machine that saw the same commands.
  virtual std::uint64_t state_hash() const = 0;
  // The whole state, in a form that load() of this or a later version reads. save, load, save gives the same bytes.
  virtual void save(SnapshotWriter& out) const = 0;
  virtual Result<> load(SnapshotReader& in) = 0;
  // What a gateway that has just started must know: definitions, phases, levels, open orders (order_status), in order.
  virtual void describe(std::vector<Event>& events) const = 0;
  // The last command applied; 0 at the beginning.
  virtual Sequence sequence() const = 0;
  virtual Epoch epoch() const = 0;
};

}  // namespace nautilus::engine
