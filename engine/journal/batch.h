// A batch being filled: the commands that one fdatasync will make durable together.
//
// Threading: one thread at a time. Allocates once; nothing afterwards.
#pragma once

#include <algorithm>
#include <vector>

#include "engine/journal/command_codec.h"

namespace nautilus::engine {

class BatchBuilder {
 public:
  explicit BatchBuilder(std::uint32_t max_records = kMaxBatchRecords);
  // Empties it. All its commands belong to `epoch`.
  void begin(Epoch epoch);
  bool full() const { return header_.count == max_records_ || size_ + kMaxRecordBytes > buffer_.size(); }
  // How many more fit, however long they are; 0 if full().
  std::size_t room() const {
    return std::min<std::size_t>(max_records_ - header_.count, (buffer_.size() - size_) / kMaxRecordBytes);
  }
  // Needs !full(); the command's sequence follows that of the one before.
  void add(const Command& command);
  // Header and records as they go to the file.
  std::span<const std::byte> finish(std::uint32_t seed);
  const BatchHeader& header() const { return header_; }
  bool empty() const { return header_.count == 0; }

 private:
  std::vector<std::byte> buffer_;
  std::size_t size_ = kBatchHeaderBytes;
  std::uint32_t max_records_;
  BatchHeader header_;
};

// Goes through the records of one batch (bytes with its header). next() fails as decode_record does, with the
// sequence and the offset in the batch in the frame; it checks that sequences have no gap.
class BatchCursor {
 public:
  BatchCursor(const BatchHeader& header, std::span<const std::byte> batch)
      : records_(batch.subspan(kBatchHeaderBytes)), next_(header.first_sequence), left_(header.count) {}
  bool done() const { return left_ == 0; }
  Result<> next(Command& out);
  std::size_t offset() const { return kBatchHeaderBytes + at_; }  // of the next record, in the batch
  Sequence sequence() const { return next_; }
  std::span<const std::byte> record() const { return records_.subspan(at_); }

 private:
  std::span<const std::byte> records_;
  std::size_t at_ = 0;
  Sequence next_;
  std::uint32_t left_;
};

// Header and every record of a batch: CRCs, sequences, decodable, no bytes over. For what comes from a network.
Result<BatchHeader> check_batch(std::span<const std::byte> batch, std::uint32_t seed);

// The bit (counted from the beginning of `bytes`) whose change makes of them, which may go on behind it, a whole batch
// with records. Nothing: there is none; or its byte is zero as it is, so that it may also be one that was not written:
// what a power cut leaves of a batch differs from it only by zeros.
std::optional<std::size_t> flipped_bit(std::span<const std::byte> bytes, std::uint32_t seed);

// The records [from, to] of a checked batch that has them, as a batch of its own.
std::vector<std::byte> slice_batch(std::span<const std::byte> batch, Sequence from, Sequence to, std::uint32_t seed);

// Checked batches of one epoch, one behind the other, as one. Not more than fit one: the caller counts.
std::vector<std::byte> join_batches(std::span<const std::span<const std::byte>> batches, std::uint32_t seed);

}  // namespace nautilus::engine
