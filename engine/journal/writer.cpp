#include "engine/journal/writer.h"

#include <fmt/format.h>

namespace nautilus::engine {

Result<JournalWriter> JournalWriter::open(Storage& storage, const JournalId& journal, const JournalEnd& end,
                                          Sequence next, WriterOptions options) {
  ASSIGN_OR_RETURN(const auto names, storage.list());
  bool removed = false;
  for (const std::string& name : names) {
    const bool unusable = std::find(end.unusable.begin(), end.unusable.end(), name) != end.unusable.end();
    if (!unusable && !name.ends_with(".tmp")) continue;
    TRY(storage.remove(name).within(fmt::format("removing {}", name)));
    removed = true;
  }
  if (removed) TRY(storage.sync_directory());
  JournalWriter writer(storage, journal, next, options);
  if (!end.segment.empty()) {
    ASSIGN_OR_RETURN(writer.file_, storage.open_append(end.segment, end.offset));
    // The cut must be durable before something is written over what was cut.
    TRY(writer.file_->sync().within(fmt::format("syncing {}", end.segment)));
    writer.segment_ = end.segment;
    writer.has_records_ = end.offset > kSegmentHeaderBytes;
    if (end.offset < options.segment_bytes) (void)writer.file_->reserve(options.segment_bytes - end.offset);
  }
  TRY(storage.sync_directory());
  writer.look_at_space();
  return writer;
}

Error JournalWriter::fail(Error error) {
  if (!failure_) {
    failure_ = std::move(error)
                   .within(fmt::format("writing {}", segment_.empty() ? "the journal" : segment_))
                   .with_hint("the journal takes nothing more; restart to recover from what the disk holds");
  }
  return *failure_;
}

void JournalWriter::look_at_space() {
  next_space_check_ = bytes_written_ + kSpaceCheckBytes;
  const auto free = storage_->free_bytes();
  low_on_space_ = free.ok() && *free < options_.free_floor;
}

Result<> JournalWriter::roll(Epoch epoch, Timestamp created) {
  TRY(sync());  // what the old segment has must be durable before the new one can be seen
  const std::string name = segment_name(next_);
  auto file = storage_->create(name);
  if (!file.ok()) return fail(std::move(file).error());
  file_ = std::move(*file);
  segment_ = name;
  SegmentHeader header;
  header.journal = journal_, header.first_sequence = next_, header.epoch = epoch, header.created = created;
  const auto bytes = encode(header);
  if (auto done = file_->append(bytes); !done.ok()) return fail(std::move(done).error());
  if (auto done = file_->sync(); !done.ok()) return fail(std::move(done).error());
  if (auto done = storage_->sync_directory(); !done.ok()) return fail(std::move(done).error());
  has_records_ = false, dirty_ = false;
  bytes_written_ += bytes.size();
  look_at_space();
  // Room for the whole segment. If there is none, appending may still succeed; the floor says so in time.
  if (!file_->reserve(options_.segment_bytes).ok()) low_on_space_ = true;
  return {};
}

Result<> JournalWriter::append(std::span<const std::byte> bytes) {
  if (auto done = file_->append(bytes); !done.ok()) return fail(std::move(done).error());
  dirty_ = true;
  bytes_written_ += bytes.size();
  if (bytes_written_ >= next_space_check_) look_at_space();
  return {};
}

Result<> JournalWriter::write(const BatchHeader& header, std::span<const std::byte> batch) {
  if (failure_) return *failure_;
  if (closed_) return Error(Code::internal, "the journal is closed");
  if (header.closes() || header.first_sequence != next_)
    return Error(Code::internal,
                 fmt::format("a batch from sequence {} where {} belongs", header.first_sequence, next_));
  if (dirty_) return Error(Code::internal, "a batch is written before the one before it was synced");
  if (!file_ || (has_records_ && file_->size() + batch.size() > options_.segment_bytes)) {
    const auto first = peek_record(batch.subspan(kBatchHeaderBytes));
    TRY(roll(header.epoch, first ? first->time : 0));
  }
  TRY(append(batch));
  has_records_ = true;
  next_ = header.last_sequence() + 1;
  return {};
}

Result<> JournalWriter::sync() {
  if (failure_) return *failure_;
  if (!dirty_) return {};
  if (auto done = file_->sync(); !done.ok()) return fail(std::move(done).error());
  dirty_ = false;
  return {};
}

Result<> JournalWriter::close(Epoch epoch) {
  if (failure_) return *failure_;
  if (closed_ || !file_) return {};
  TRY(sync());  // one batch at a time may be in doubt
  BatchHeader header;
  header.first_sequence = next_, header.epoch = epoch;
  std::array<std::byte, kBatchHeaderBytes> bytes;
  encode(header, seed_, bytes);
  TRY(append(bytes));
  TRY(sync());
  closed_ = true;
  return {};
}

}  // namespace nautilus::engine
