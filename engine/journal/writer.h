// Appends batches to a journal. One fdatasync makes everything written before it durable.
//
// Threading: one thread at a time. Failure: the first failed write or sync is the last: every later call fails with the
// same error, because what the disk holds is in doubt until a restart has read it (fsync semantics, ATC 2020).
#pragma once

#include "engine/journal/reader.h"

namespace nautilus::engine {

struct WriterOptions {
  std::uint64_t segment_bytes = 256u << 20;  // a new segment begins rather than exceed this
  std::uint64_t free_floor = 512u << 20;     // below this much free space low_on_space() is true
};
inline constexpr std::uint64_t kSpaceCheckBytes = 16u << 20;  // free space is looked at once per this much written

class JournalWriter {
 public:
  // Continues where a reader found the end: removes what is unusable and *.tmp, cuts the torn tail, syncs. The caller
  // holds the Storage's lock. `next` is the sequence of the first record to come (end.last_sequence + 1, or behind a
  // snapshot that stands alone; then `end.segment` is empty).
  static Result<JournalWriter> open(Storage& storage, const JournalId& journal, const JournalEnd& end, Sequence next,
                                    WriterOptions options = {});

  // A whole batch (BatchBuilder::finish, or one that check_batch accepted) that begins at next_sequence(). The one
  // before it must have been synced: the torn-tail rule knows that at most the last batch can be in doubt.
  Result<> write(const BatchHeader& header, std::span<const std::byte> batch);
  // All that was written is durable once this returns.
  Result<> sync();
  // Writes the mark of an orderly stop, and syncs. Damage in the last batch is then found to be damage and not taken
  // for a torn tail. Nothing can be written afterwards.
  Result<> close(Epoch epoch);

  Sequence next_sequence() const { return next_; }
  const JournalId& journal() const { return journal_; }
  std::uint32_t seed() const { return seed_; }
  // Less than free_floor is left: new work should be refused while there is room for cancels and a snapshot.
  bool low_on_space() const { return low_on_space_; }
  std::uint64_t bytes_written() const { return bytes_written_; }
  const std::string& segment() const { return segment_; }

 private:
  JournalWriter(Storage& storage, const JournalId& journal, Sequence next, WriterOptions options)
      : storage_(&storage), journal_(journal), seed_(batch_seed(journal)), next_(next), options_(options) {}
  Result<> roll(Epoch epoch, Timestamp created);
  Result<> append(std::span<const std::byte> bytes);
  void look_at_space();
  Error fail(Error error);

  Storage* storage_;
  JournalId journal_;
  std::uint32_t seed_;
  Sequence next_;
  WriterOptions options_;
  std::unique_ptr<AppendFile> file_;
  std::string segment_;
  bool dirty_ = false, has_records_ = false, closed_ = false, low_on_space_ = false;
  std::uint64_t bytes_written_ = 0, next_space_check_ = 0;
  std::optional<Error> failure_;
};

}  // namespace nautilus::engine
