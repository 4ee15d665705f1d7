#include "engine/journal/recovery.h"

#include <fmt/format.h>

namespace nautilus::engine {
namespace {

Result<> load_newest(Storage& storage, const MachineFactory& make_machine, const RecoveryOptions& options,
                     Recovery& out, SnapshotInfo& used) {
  ASSIGN_OR_RETURN(const auto names, list_snapshots(storage));
  for (const std::string& name : names) {
    if (parse_snapshot_name(name) > options.stop_after) continue;
    auto machine = make_machine();
    auto info = load_snapshot(storage, name, *machine);
    if (info.ok() && info->time > options.stop_time) continue;
    if (info.ok()) {
      out.machine = std::move(machine);
      out.journal = info->journal, out.epochs = info->epochs, out.time = info->time;
      out.snapshot_sequence = info->sequence, out.next = info->sequence + 1;
      used = std::move(*info);
      return {};
    }
    // An unreadable disk is not a reason to believe in an older state.
    if (info.error().code == Code::io) return std::move(info).error();
    out.notes.push_back(fmt::format("snapshot passed over: {}", info.error().text()));
  }
  return {};
}

// Applies commands in groups, so that the machine can look ahead.
class Replay {
 public:
  Replay(const RecoveryOptions& options, Recovery& out) : options_(options), out_(out), group_(kGroup) {}

  Result<> run(JournalReader& reader) {
    for (;;) {
      if (options_.live && out_.next + count_ > options_.stop_after) {
        flush();
        out_.stopped_early = true;
        return {};
      }
      Command& command = group_[count_];
      auto more = reader.next(command);
      if (!more.ok() || !*more) {
        flush();
        return more.ok() ? Result<>() : Result<>(std::move(more).error());
      }
      if (command.sequence > options_.stop_after || command.time > options_.stop_time) {
        flush();
        out_.stopped_early = true;
        return {};
      }
      if (command.type == CommandType::checkpoint) {
        const Command checkpoint = command;
        flush();
        TRY(compare(checkpoint, reader));
        group_[0] = checkpoint;
      }
      if (++count_ == kGroup) flush();
    }
  }

 private:
  static constexpr std::size_t kGroup = 64;

  Result<> compare(const Command& checkpoint, const JournalReader& reader) const {
    const std::uint64_t hash = out_.machine->state_hash();
    if (checkpoint.state_hash == hash) return {};
    return Error(Code::invalid,
                 fmt::format("the checkpoint at sequence {} has state hash {:016x}, the replay has {:016x}",
                             checkpoint.sequence, checkpoint.state_hash, hash),
                 "the journal was written by a program that decides differently, or a file was changed")
        .at(reader.segment());
  }

  void flush() {
    if (count_ == 0) return;
    const std::span<const Command> commands = std::span(group_).first(count_);
    events_.clear();
    out_.machine->apply_all(commands, events_);
    if (options_.on_events) tell(commands);
    const Command& last = commands.back();
    out_.next = last.sequence + 1, out_.time = last.time;
    const std::uint64_t before = out_.replayed / kProgressRecords;
    out_.replayed += count_;
    if (options_.on_progress && out_.replayed / kProgressRecords != before) options_.on_progress(last.sequence);
    count_ = 0;
  }

  void tell(std::span<const Command> commands) const {
    std::size_t at = 0;
    for (const Command& command : commands) {
      std::size_t end = at;
      while (end < events_.size() && events_[end].sequence == command.sequence) ++end;
      options_.on_events(command, std::span(events_).subspan(at, end - at));
      at = end;
    }
  }

  const RecoveryOptions& options_;
  Recovery& out_;
  std::vector<Command> group_;
  std::size_t count_ = 0;
  std::vector<Event> events_;
};

Result<> replay(JournalReader& reader, const RecoveryOptions& options, Recovery& out) {
  TRY(Replay(options, out).run(reader));
  out.end = reader.end();
  for (const EpochStart& start : reader.epochs())
    if (out.epochs.empty() || start.epoch > out.epochs.back().epoch)
      note_epoch(out.epochs, start.epoch, start.first_sequence);
  return {};
}

// The journal ends before the snapshot that was loaded, or has nothing behind it.
Result<> check_end(Recovery& out, const SnapshotInfo& snapshot, const std::vector<SegmentFile>& segments) {
  if (out.stopped_early || out.end.segment.empty() || out.end.last_sequence >= snapshot.sequence) return {};
  if (!snapshot.stands_alone)
    return Error(Code::invalid,
                 fmt::format("the journal ends at sequence {}, its snapshot is of {}", out.end.last_sequence,
                             snapshot.sequence),
                 "segments are missing: restore them from a copy or from a standby")
        .at(out.end.segment);
  for (const SegmentFile& segment : segments) out.stale.push_back(segment.name);
  out.end = {};
  return {};
}

}  // namespace

Result<Recovery> recover(Storage& storage, const MachineFactory& make_machine, const RecoveryOptions& options) {
  Recovery out;
  SnapshotInfo snapshot;
  ASSIGN_OR_RETURN(const auto segments, list_segments(storage));
  if (options.settle)
    for (std::size_t i = segments.size(); i-- > 0 && i + 2 >= segments.size();)
      TRY(storage.settle(segments[i].name).within(fmt::format("settling {}", segments[i].name)));
  if (options.use_snapshots) TRY(load_newest(storage, make_machine, options, out, snapshot));
  if (!out.machine) out.machine = make_machine();
  auto opened = JournalReader::open(storage, out.next);
  // Sequence 1 asked for and not there is a hole as well, which open() takes for "from the beginning".
  if (opened.ok() && !segments.empty() && segments.front().first_sequence > out.next)
    opened = Error(Code::gone, fmt::format("the journal begins at sequence {}", segments.front().first_sequence));
  if (!opened.ok()) {
    if (opened.error().code != Code::gone) return std::move(opened).error();
    Error error(Code::invalid, fmt::format("no snapshot that the journal goes on from: {}", opened.error().message),
                "restore a snapshot or the missing segments from a copy or from a standby");
    for (auto& note : out.notes) error.frames.push_back(note);
    return error;
  }
  JournalReader reader = std::move(*opened);
  if (!out.journal.empty() && !reader.journal().empty() && out.journal != reader.journal())
    return Error(Code::invalid, fmt::format("the snapshot belongs to journal {}, the segments to {}",
                                            out.journal.text(), reader.journal().text()));
  if (out.journal.empty()) out.journal = reader.journal();
  TRY(replay(reader, options, out));
  if (out.end.cut_bytes)
    out.notes.push_back(fmt::format("torn tail: {} bytes at {}:{} were never acknowledged and are cut ({})",
                                    out.end.cut_bytes, out.end.segment, out.end.offset, out.end.cut_because));
  TRY(check_end(out, snapshot, segments));
  return out;
}

Result<> catch_up(Storage& storage, Recovery& recovery, const RecoveryOptions& options) {
  ASSIGN_OR_RETURN(JournalReader reader, JournalReader::open(storage, recovery.next));
  if (reader.journal() != recovery.journal)
    return Error(Code::invalid,
                 fmt::format("the journal was {} and is {}", recovery.journal.text(), reader.journal().text()));
  return replay(reader, options, recovery);
}

Result<JournalWriter> continue_journal(Storage& storage, Recovery& recovery, const JournalId& new_id,
                                       WriterOptions options) {
  if (recovery.stopped_early) return Error(Code::internal, "a replay that stopped early cannot be continued");
  for (const std::string& name : recovery.stale)
    TRY(storage.remove(name).within("removing what the snapshot replaces"));
  if (!recovery.stale.empty()) TRY(storage.sync_directory());
  recovery.stale.clear();
  if (recovery.journal.empty()) recovery.journal = new_id;
  return JournalWriter::open(storage, recovery.journal, recovery.end, recovery.next, options);
}

}  // namespace nautilus::engine
