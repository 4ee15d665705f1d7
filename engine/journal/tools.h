// What an operator does with a journal that nobody is writing (or reads while it is written): look, check, replay,
// export.
//
// Nothing here changes a file. Output goes line by line to a sink, so that a journal of any size needs constant memory.
// Threading: one thread. Failure: as recovery.h; the sink's error ends the run and is returned.
#pragma once

#include <functional>
#include <string>

#include "core/port/clock.h"
#include "engine/journal/recovery.h"

namespace nautilus::engine {

// One line, without its line break.
using LineSink = std::function<Result<>(std::string_view line)>;

struct InspectOptions {
  bool records = false;  // every record as well; else segments, snapshots, epochs and the end
  Sequence from = 0, to = UINT64_MAX;
};
// JSON lines: {"kind":"segment"|"snapshot"|"record"|"end",...}. A damaged place is the last line ("kind":"damage") and
// the error that is returned.
Result<> inspect(Storage& storage, const InspectOptions& options, const LineSink& out);

struct VerifyReport {
  std::uint64_t segments = 0, batches = 0, records = 0, checkpoints = 0, snapshots = 0;
  Sequence first_sequence = 0, last_sequence = 0;
  Epoch last_epoch = 0;
  std::uint64_t state_hash = 0;
  bool closed = false, replayed = false;  // replayed: from the first record, or from the oldest snapshot that is left
  std::vector<std::string> warnings;      // bad snapshots, a torn tail
};
// All of it: every CRC, sequence and epoch of every segment, every snapshot, and a replay that must meet every
// checkpoint and every snapshot's hash.
Result<VerifyReport> verify_journal(Storage& storage, const MachineFactory& make_machine);

struct ReplayOptions {
  Sequence to = UINT64_MAX;
  Timestamp to_time = INT64_MAX;
  bool from_beginning = true;  // false: from the newest snapshot before the end asked for
};
struct ReplayReport {
  Sequence last_sequence = 0;
  Epoch epoch = 0;
  Timestamp last_time = 0;
  std::uint64_t state_hash = 0, records = 0, events = 0;
  double seconds = 0;
  double records_per_second() const { return seconds > 0 ? static_cast<double>(records) / seconds : 0; }
};
Result<ReplayReport> replay_journal(Storage& storage, const MachineFactory& make_machine, port::Clock& clock,
                                    const ReplayOptions& options);

enum class AuditFormat : std::uint8_t { json_lines, csv };
// Every execution report and control event, in order, made again by replaying; times in UTC with microseconds (RTS 25).
// Market data is left out: it follows from these. CSV begins with a header line.
Result<std::uint64_t> export_audit(Storage& storage, const MachineFactory& make_machine, AuditFormat format,
                                   const LineSink& out, Sequence from = 0, Sequence to = UINT64_MAX);

// "2026-11-23T18:25:41.123456Z"; for any Timestamp of the years 1970 to 2262.
std::string utc_microseconds(Timestamp time);

}  // namespace nautilus::engine
