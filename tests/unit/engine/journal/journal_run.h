// A small engine on a simulated disk: recovers, writes batches, snapshots now and then, and remembers what it promised.
#pragma once

#include <doctest/doctest.h>

#include "engine/journal/recovery.h"
#include "tests/support/engine/simulated_storage.h"
#include "tests/support/engine/toy_machine.h"

namespace nautilus::engine::test {

inline JournalId test_id() {
  JournalId id;
  for (std::size_t i = 0; i < id.bytes.size(); ++i) id.bytes[i] = static_cast<std::byte>(i + 1);
  return id;
}

// Command n of every test journal; the same in every run.
inline Command nth_command(Sequence n) {
  Random random(n);
  Command command = n % 5 ? plain_order(n) : random_command(random);
  if (command.type == CommandType::checkpoint || command.type == CommandType::begin_epoch)
    command.type = CommandType::advance_time;
  command.sequence = n, command.time = static_cast<Timestamp>(1000 * n);
  return command;
}

// The hash of the state after each of the first `count` commands; [0] is the empty state.
inline std::vector<std::uint64_t> reference_hashes(Sequence count) {
  ToyMachine machine;
  std::vector<Event> events;
  std::vector<std::uint64_t> out{machine.state_hash()};
  for (Sequence n = 1; n <= count; ++n) {
    machine.apply(nth_command(n), events);
    events.clear();
    out.push_back(machine.state_hash());
  }
  return out;
}

struct RunOptions {
  Sequence commands = 300;
  std::uint32_t max_batch = 9;
  Sequence snapshot_every = 0;  // about; 0: never
  bool prune = false;
  bool close = false;
  WriterOptions writer{4096, 0};
  std::uint64_t seed = 1;
};

// Runs until all commands are durable or the first failure; `acknowledged` is what a client would have been told.
inline Result<> run_journal(SimulatedStorage& storage, const RunOptions& options, Sequence& acknowledged) {
  Random random(options.seed);
  ASSIGN_OR_RETURN(auto recovery, recover(storage, make_toy_machine));
  ASSIGN_OR_RETURN(auto writer, continue_journal(storage, recovery, test_id(), options.writer));
  BatchBuilder builder;
  std::vector<Event> events;
  Sequence last_snapshot = recovery.snapshot_sequence;
  while (writer.next_sequence() <= options.commands) {
    builder.begin(1);
    const Sequence first = writer.next_sequence();
    const Sequence count = std::min<Sequence>(1 + random.below(options.max_batch), options.commands - first + 1);
    for (Sequence n = first; n < first + count; ++n) {
      recovery.machine->apply(nth_command(n), events);
      builder.add(nth_command(n));
    }
    events.clear();
    const auto bytes = builder.finish(writer.seed());
    TRY(writer.write(builder.header(), bytes));
    TRY(writer.sync());
    note_epoch(recovery.epochs, 1, first);
    acknowledged = writer.next_sequence() - 1;
    if (options.snapshot_every && acknowledged >= last_snapshot + options.snapshot_every) {
      last_snapshot = acknowledged;
      TRY(publish_snapshot(storage, take_snapshot(*recovery.machine, writer.journal(), 0, recovery.epochs)));
      if (options.prune) TRY(prune(storage, 2));
    }
  }
  if (options.close) TRY(writer.close(1));
  return {};
}

}  // namespace nautilus::engine::test
