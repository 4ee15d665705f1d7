// The state of the machine at one sequence, in a file.
//
//    0  u64  magic "NAUTSNAP"          8  u16  version: 1          10  u16  bytes of this header: 96
//   12  u32  flags: 1 = stands alone (a follower got it; its journal begins behind it)
//   16  16   journal id               32  u64  sequence            40  u64  epoch at that sequence
//   48  i64  time of that command     56  u64  state hash          64  u64  bytes of the body
//   72  u32  number of epoch starts   76  u32  CRC-32C of epoch starts and body
//   80  12   0                        92  u32  CRC-32C of bytes 0..91
//   96  epoch starts, newest last: u64 epoch, u64 first sequence (format.h); then the body: what Machine::save wrote
//
// Written as `snapshot-<sequence>.snap.tmp`, synced, renamed, the directory synced. It is published only when the
// journal is durable up to its sequence. A record at or before the sequence of a snapshot is never applied to it, so a
// crash between the rename and anything that follows cannot apply one twice.
#pragma once

#include <functional>

#include "engine/journal/format.h"
#include "engine/journal/storage.h"
#include "engine/model/machine.h"

namespace nautilus::engine {

inline constexpr std::uint64_t kSnapshotMagic = 0x50414e535455414eu;  // "NAUTSNAP"
inline constexpr std::size_t kSnapshotHeaderBytes = 96;
inline constexpr std::uint64_t kMaxSnapshotBytes = std::uint64_t{64} << 30;

struct SnapshotInfo {
  JournalId journal;
  Sequence sequence = 0;
  Epoch epoch = 0;
  Timestamp time = 0;
  std::uint64_t state_hash = 0;
  std::uint64_t body_bytes = 0;
  bool stands_alone = false;
  std::vector<EpochStart> epochs;
};

// The state in memory: taken on the thread of the machine, written elsewhere later.
struct SnapshotImage {
  SnapshotInfo info;
  std::vector<std::byte> body;
};
SnapshotImage take_snapshot(const Machine& machine, const JournalId& journal, Timestamp time,
                            const std::vector<EpochStart>& epochs);
Result<> publish_snapshot(Storage& storage, const SnapshotImage& image);
// Bytes of a snapshot file from elsewhere, marked as standing alone. Code::invalid if they are not a whole snapshot.
Result<SnapshotInfo> publish_received_snapshot(Storage& storage, std::vector<std::byte> file);

// Header and CRC of the whole file. Code::invalid names file and offset.
Result<SnapshotInfo> verify_snapshot(Storage& storage, const std::string& name);
// As verify, and its body into the machine; the machine must then have the hash that the snapshot names.
Result<SnapshotInfo> load_snapshot(Storage& storage, const std::string& name, Machine& machine);

// Snapshot names, newest first.
Result<std::vector<std::string>> list_snapshots(Storage& storage);

struct Pruned {
  std::vector<std::string> removed;
  Sequence oldest_kept = 0;  // the snapshot from which the journal still goes on
};
// Keeps the newest `keep` snapshots that verify, and the journal from the oldest of them on. Removes nothing unless
// there are that many. A journal from its beginning is what audits want: prune only what was archived.
Result<Pruned> prune(Storage& storage, std::size_t keep = 2);

}  // namespace nautilus::engine
