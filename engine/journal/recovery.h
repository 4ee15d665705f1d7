// From the files of a journal to the machine as it was: the newest usable snapshot, then every record behind it.
//
// Changes nothing on the disk except that the last segment is settled (Storage::settle); JournalWriter::open then cuts
// what `end` says. Threading: one thread. docs/engine/recovery.md has the whole procedure.
#pragma once

#include <functional>

#include "engine/journal/reader.h"
#include "engine/journal/snapshot.h"
#include "engine/journal/writer.h"

namespace nautilus::engine {

using MachineFactory = std::function<std::unique_ptr<Machine>()>;

struct RecoveryOptions {
  Sequence stop_after = UINT64_MAX;  // replay: no command behind this sequence ...
  Timestamp stop_time = INT64_MAX;   // ... nor any later than this
  bool use_snapshots = true;         // false: from the first record, which must be sequence 1
  bool settle = true;                // false: for reading a journal that somebody else writes
  bool live = false;                 // it grows meanwhile: nothing behind stop_after, which is durable, is looked at
  std::function<void(const Command&, std::span<const Event>)> on_events;  // audit; empty: events are dropped
  std::function<void(Sequence)> on_progress;                              // about every kProgressRecords records
};
inline constexpr std::uint64_t kProgressRecords = 65'536;

struct Recovery {
  std::unique_ptr<Machine> machine;
  JournalId journal;  // empty: the directory holds no journal
  JournalEnd end;
  Sequence next = 1;  // of the next record
  Timestamp time = 0;
  std::vector<EpochStart> epochs;
  Sequence snapshot_sequence = 0;  // 0: from the beginning
  std::vector<std::string> notes;  // snapshots that were passed over, the torn tail; for the log
  std::uint64_t replayed = 0;
  std::vector<std::string> stale;  // segments that end before a snapshot that stands alone: to be removed
  bool stopped_early = false;      // by stop_after or stop_time: `end` is not known
};
// Code::invalid: corruption (format.h), a checkpoint whose hash the machine does not have, or no snapshot that the
// journal goes on from.
Result<Recovery> recover(Storage& storage, const MachineFactory& make_machine, const RecoveryOptions& options = {});

// The same machine, on to options.stop_after. Code::gone if the journal no longer has what follows `recovery`.
Result<> catch_up(Storage& storage, Recovery& recovery, const RecoveryOptions& options);

// The writer behind a recovery: removes what is stale and continues. A new journal gets `new_id`.
Result<JournalWriter> continue_journal(Storage& storage, Recovery& recovery, const JournalId& new_id,
                                       WriterOptions options = {});

}  // namespace nautilus::engine
