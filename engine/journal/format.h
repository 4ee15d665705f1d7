// What the bytes of a journal mean. docs/engine/journal.md says the same with examples.
//
// A journal is a directory: segments `journal-<first sequence, 20 digits>.log`, snapshots `snapshot-<sequence>.snap`
// (snapshot.h), `*.tmp` (unfinished, ignored and removed), `discarded-*` (divergent.h). Everything is little-endian.
//
// Segment: a header of 64 bytes, then batches back to back until the end of the file or a run of zeros.
//    0  u64  magic "NAUTJRNL"
//    8  u16  version of the format: 1
//   10  u16  bytes of this header: 64
//   12  u32  0
//   16  16   journal id: random, the same in all files of a journal and on its followers
//   32  u64  sequence of the first record of this segment
//   40  u64  epoch of the primary that began this segment
//   48  i64  time at which it was begun (nanoseconds since 1970, UTC); for people
//   56  u32  0
//   60  u32  CRC-32C of bytes 0..59
//
// Batch: what one fdatasync made durable together. One header of 32 bytes, then `count` records.
//    0  u32  magic "NBAT"
//    4  u32  CRC-32C of the journal id followed by bytes 8..31
//    8  u32  bytes of the records that follow; a multiple of 8, at most kMaxBatchBytes
//   12  u32  count of records; 0 (with length 0): the journal was closed in order here
//   16  u64  sequence of the first record (count 0: the next sequence)
//   24  u64  epoch of the primary that wrote it
//
// Record: one command. Sequences have no gaps. Starts at a multiple of 8.
//    0  u32  CRC-32C of bytes 4 to the end of the record
//    4  u16  bytes of the record, all of it; a multiple of 8, at most kMaxRecordBytes
//    6  u8   type: engine::CommandType
//    7  u8   encoding of the payload: 1 (command_codec.h)
//    8  u64  sequence
//   16  i64  time
//   24  ..   payload, then zeros up to the multiple of 8
//
// Versions: a reader reads every version from kOldestVersion to kFormatVersion and refuses a newer one by name. New
// fields get a new bit in the payload's mask; an old record simply does not have it. What changes the framing gets a
// new format version.
//
// Torn tail: a batch that is incomplete or has a bad CRC, at the end of the last segment, with no valid batch after
// it, is what a power cut leaves of writes that were never acknowledged: it is cut; unless the file shows that it was
// written whole: any byte behind its end that is not zero, or a batch that is right but for one bit (flipped_bit()). A
// last segment without a valid header and without a batch is removed. All else is corruption: an error that names file,
// offset and sequence.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "core/base/error.h"
#include "engine/journal/bytes.h"
#include "engine/model/types.h"

namespace nautilus::engine {

inline constexpr std::uint64_t kSegmentMagic = 0x4c4e524a5455414eu;  // "NAUTJRNL"
inline constexpr std::uint32_t kBatchMagic = 0x5441424eu;            // "NBAT"
inline constexpr std::uint16_t kFormatVersion = 1;
inline constexpr std::uint16_t kOldestVersion = 1;
inline constexpr std::size_t kSegmentHeaderBytes = 64;
inline constexpr std::size_t kBatchHeaderBytes = 32;
inline constexpr std::size_t kRecordHeaderBytes = 24;
inline constexpr std::size_t kMaxRecordBytes = 1024;
inline constexpr std::size_t kMaxBatchBytes = 1u << 20;
inline constexpr std::uint32_t kMaxBatchRecords = 16'384;
inline constexpr std::size_t kMaxSegments = 100'000;  // files of one journal; more is an error, not a slow start

struct JournalId {
  std::array<std::byte, 16> bytes{};
  bool operator==(const JournalId&) const = default;
  bool empty() const { return *this == JournalId{}; }
  std::string text() const;  // 32 hexadecimal digits
};

struct SegmentHeader {
  JournalId journal;
  Sequence first_sequence = 1;
  Epoch epoch = 0;
  Timestamp created = 0;
  std::uint16_t version = kFormatVersion;
};
std::array<std::byte, kSegmentHeaderBytes> encode(const SegmentHeader& header);
// Code::invalid: the message says what is wrong; the caller knows the file.
Result<SegmentHeader> decode_segment_header(std::span<const std::byte> bytes);

struct BatchHeader {
  std::uint32_t length = 0;
  std::uint32_t count = 0;
  Sequence first_sequence = 0;
  Epoch epoch = 0;
  bool closes() const { return count == 0; }
  Sequence last_sequence() const { return first_sequence + count - 1; }  // not of one that closes
};
// Where the checksum of batch headers begins: what makes a batch of another journal invalid here.
std::uint32_t batch_seed(const JournalId& journal);
void encode(const BatchHeader& header, std::uint32_t seed, std::span<std::byte, kBatchHeaderBytes> out);
// Nothing: it is not a batch header (too short, magic, CRC, or beyond the bounds above).
std::optional<BatchHeader> decode_batch_header(std::span<const std::byte> bytes, std::uint32_t seed);

// The first sequence of an epoch; a journal has them in order. Of two journals with the same epoch at the same first
// sequence, all up to the shorter end of that epoch is the same: an epoch has one writer.
struct EpochStart {
  Epoch epoch = 0;
  Sequence first_sequence = 0;
  bool operator==(const EpochStart&) const = default;
};
inline constexpr std::size_t kMaxEpochStarts = 1024;  // the newest are kept; older ones cannot matter any more
// Adds one if it is new; keeps the bound.
void note_epoch(std::vector<EpochStart>& starts, Epoch epoch, Sequence first_sequence);
// Forgets those that begin after `last`.
void cut_epochs(std::vector<EpochStart>& starts, Sequence last);

std::string segment_name(Sequence first_sequence);
std::string snapshot_name(Sequence sequence);
// Nothing if it is not such a name.
std::optional<Sequence> parse_segment_name(std::string_view name);
std::optional<Sequence> parse_snapshot_name(std::string_view name);

}  // namespace nautilus::engine
