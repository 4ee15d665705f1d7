// Reads a journal batch by batch, in order, and decides what a bad place means: a torn tail or corruption (format.h).
//
// Memory: one window of the file. Reads only what is asked for: a start in the middle opens the segment that has it.
// Threading: one thread. Failure: Code::invalid for corruption, with "file:offset" as the place and the sequence in the
// message; Code::gone if the journal begins after the sequence asked for; Code::limit for a bound; Code::io.
#pragma once

#include "engine/journal/batch.h"
#include "engine/journal/storage.h"

namespace nautilus::engine {

struct SegmentFile {
  std::string name;
  Sequence first_sequence = 0;
};
// In order. Code::limit above kMaxSegments.
Result<std::vector<SegmentFile>> list_segments(Storage& storage);

// Where a journal ends, and with what.
struct JournalEnd {
  Sequence last_sequence = 0;         // 0: no record
  std::string segment;                // the last one; empty: there is none
  std::uint64_t offset = 0;           // behind the last whole batch in it: where the next one goes
  std::uint64_t cut_bytes = 0;        // of a torn tail behind it; 0: none
  std::string cut_because;            // what was wrong with the tail
  std::vector<std::string> unusable;  // last segment that a crash left without a valid header: to be removed
  bool closed = false;                // the last batch is the mark of an orderly stop
};

struct RawBatch {
  BatchHeader header;
  std::span<const std::byte> bytes;  // with its header; valid until the next call
  std::uint64_t offset = 0;          // in segment()
};

class JournalReader {
 public:
  // Batches from the one that has `from` on (0 or 1: from the beginning). An empty journal is not an error. A journal
  // whose last record is before `from` is at its end at once.
  static Result<JournalReader> open(Storage& storage, Sequence from = 0);

  // The next batch; nothing at the end. Its header is checked, its length is there, and if nothing valid follows it so
  // are its records: what is returned is never a torn tail. A record that is bad nevertheless (BatchCursor) is
  // corruption: at_record() gives the error its place. Marks of orderly stops are not returned.
  Result<std::optional<RawBatch>> next();
  Error at_record(Error error, std::uint64_t batch_offset, const BatchCursor& cursor) const;

  // The simple way: the next command with sequence >= from, fully checked; false at the end.
  Result<bool> next(Command& out);

  // Known once next() returned nothing.
  const JournalEnd& end() const { return end_; }
  const JournalId& journal() const { return journal_; }              // empty if there is no usable segment
  const std::vector<EpochStart>& epochs() const { return epochs_; }  // of the batches seen
  const std::string& segment() const { return segments_[segment_].name; }

 private:
  JournalReader(Storage& storage, std::vector<SegmentFile> segments, Sequence from)
      : storage_(&storage), segments_(std::move(segments)), from_(from) {}
  bool last_segment() const { return segment_ + 1 == segments_.size(); }
  Result<> open_segment();
  Result<> advance();  // to the next segment, or to the end
  // Torn tail: the journal ends at `offset_`. Else the error. `header`: of the batch there, if that is right.
  Result<> bad_place(std::string what, const BatchHeader* header = nullptr);
  // Why what is at `offset_`, in the last segment, was written whole and has changed since; empty: it may be torn.
  Result<std::string> proof_of_damage(const BatchHeader* header);
  Result<std::optional<std::uint64_t>> valid_batch_after(std::uint64_t offset);
  Error corrupt(std::uint64_t offset, std::string what) const;
  Result<std::span<const std::byte>> bytes_at(std::uint64_t offset, std::size_t length);
  void finish();

  Storage* storage_;
  std::vector<SegmentFile> segments_;
  Sequence from_;
  std::size_t segment_ = 0;
  std::unique_ptr<ReadFile> file_;
  std::span<const std::byte> window_;  // of file_, from window_at_: small batches must not cost a read each
  std::uint64_t window_at_ = 0;
  std::uint64_t offset_ = 0;
  Sequence expected_ = 0;
  Epoch epoch_ = 0;
  std::uint32_t seed_ = 0;
  JournalId journal_;
  JournalEnd end_;
  bool ended_ = false;
  std::vector<EpochStart> epochs_;
  std::optional<BatchCursor> cursor_;  // of next(Command&)
  std::uint64_t cursor_offset_ = 0;
};

}  // namespace nautilus::engine
