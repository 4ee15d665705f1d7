#include "engine/journal/reader.h"

#include <fmt/format.h>

#include <algorithm>

namespace nautilus::engine {
namespace {

constexpr std::size_t kWindowBytes = 4u << 20;
static_assert(kWindowBytes > kMaxBatchBytes + 2 * kBatchHeaderBytes);

}  // namespace

Result<std::vector<SegmentFile>> list_segments(Storage& storage) {
  ASSIGN_OR_RETURN(const auto names, storage.list());
  std::vector<SegmentFile> out;
  for (const std::string& name : names)
    if (const auto first = parse_segment_name(name)) out.push_back({name, *first});
  if (out.size() > kMaxSegments)
    return Error(Code::limit, fmt::format("{} segments, at most {}", out.size(), kMaxSegments), "prune the journal");
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.first_sequence < b.first_sequence; });
  return out;
}

Result<JournalReader> JournalReader::open(Storage& storage, Sequence from) {
  ASSIGN_OR_RETURN(auto segments, list_segments(storage));
  JournalReader reader(storage, std::move(segments), from);
  if (reader.segments_.empty()) {
    reader.ended_ = true;
    return reader;
  }
  if (from > 1 && reader.segments_.front().first_sequence > from)
    return Error(Code::gone, fmt::format("the journal begins at sequence {}, {} is asked for",
                                         reader.segments_.front().first_sequence, from));
  for (std::size_t i = 1; i < reader.segments_.size() && reader.segments_[i].first_sequence <= from; ++i)
    reader.segment_ = i;
  reader.expected_ = reader.segments_[reader.segment_].first_sequence;
  // The last segment may be one that a crash left without a header: the one before it then tells where the journal
  // ends, so it must be read too.
  if (reader.segment_ > 0 && reader.last_segment()) {
    TRY(reader.open_segment());
    if (reader.ended_) {
      JournalReader again(storage, std::move(reader.segments_), from);
      again.segment_ = reader.segment_ - 1;
      again.expected_ = again.segments_[again.segment_].first_sequence;
      TRY(again.open_segment());
      return again;
    }
    return reader;
  }
  TRY(reader.open_segment());
  return reader;
}

Error JournalReader::corrupt(std::uint64_t offset, std::string what) const {
  return Error(Code::invalid, fmt::format("the journal is damaged at sequence {}: {}", expected_, what),
               "restore the file from a copy or from a standby; nothing behind this place may be trusted")
      .at(fmt::format("{}:{}", segment(), offset));
}

Error JournalReader::at_record(Error error, std::uint64_t batch_offset, const BatchCursor& cursor) const {
  Error out(Code::invalid, fmt::format("the journal is damaged at sequence {}: {}", cursor.sequence(), error.message),
            error.hint.empty() ? "restore the file from a copy or from a standby" : error.hint);
  return std::move(out).at(fmt::format("{}:{}", segment(), batch_offset + cursor.offset()));
}

Result<std::span<const std::byte>> JournalReader::bytes_at(std::uint64_t offset, std::size_t length) {
  if (offset < window_at_ || offset + length > window_at_ + window_.size()) {
    ASSIGN_OR_RETURN(window_, file_->read(offset, kWindowBytes));
    window_at_ = offset;
  }
  const std::size_t skip = static_cast<std::size_t>(offset - window_at_);
  return window_.subspan(skip, std::min(length, window_.size() - skip));
}

Result<> JournalReader::open_segment() {
  const SegmentFile& file = segments_[segment_];
  ASSIGN_OR_RETURN(file_, storage_->open_read(file.name));
  window_ = {}, window_at_ = 0, offset_ = 0;
  ASSIGN_OR_RETURN(const auto head, bytes_at(0, kSegmentHeaderBytes));
  auto header = decode_segment_header(head);
  if (!header.ok()) {
    // A header is synced before the first batch is written, so a segment that has a batch has a header. A first batch
    // is looked for under the id of the journal, or, where no other segment tells it, the one in the bad header.
    if (journal_.empty() && head.size() == kSegmentHeaderBytes) {
      JournalId guess;
      std::copy_n(head.begin() + 16, 16, guess.bytes.begin());
      seed_ = batch_seed(guess);
    }
    bool something = false;
    ASSIGN_OR_RETURN(const auto first, bytes_at(kSegmentHeaderBytes, 4));
    if (first.size() == 4) something = fetch<std::uint32_t>(first.data()) == kBatchMagic;
    ASSIGN_OR_RETURN(const auto later, valid_batch_after(0));
    if (!last_segment() || something || later || header.error().message.starts_with("journal format version"))
      return std::move(corrupt(0, header.error().message)).with_hint(header.error().hint);
    end_.unusable.push_back(file.name);
    finish();
    return {};
  }
  if (!journal_.empty() && header->journal != journal_)
    return corrupt(
        0, fmt::format("the segment belongs to journal {}, the others to {}", header->journal.text(), journal_.text()));
  if (header->first_sequence != file.first_sequence)
    return corrupt(0, fmt::format("the segment begins at sequence {}, its name says {}", header->first_sequence,
                                  file.first_sequence));
  if (header->first_sequence != expected_)
    return corrupt(
        0, fmt::format("the segment begins at sequence {}: one is missing, or there twice", header->first_sequence));
  journal_ = header->journal;
  seed_ = batch_seed(journal_);
  offset_ = kSegmentHeaderBytes;
  end_.segment = file.name, end_.offset = offset_, end_.last_sequence = expected_ - 1;
  return {};
}

void JournalReader::finish() {
  ended_ = true;
  cursor_.reset();
}

Result<> JournalReader::advance() {
  if (last_segment()) {
    finish();
    return {};
  }
  ++segment_;
  return open_segment();
}

Result<std::optional<std::uint64_t>> JournalReader::valid_batch_after(std::uint64_t offset) {
  for (std::uint64_t at = offset + 8;; at += 8) {
    ASSIGN_OR_RETURN(const auto bytes, bytes_at(at, kBatchHeaderBytes));
    if (bytes.size() < kBatchHeaderBytes) return std::optional<std::uint64_t>();
    if (decode_batch_header(bytes, seed_)) return std::optional<std::uint64_t>(at);
  }
}

Result<std::string> JournalReader::proof_of_damage(const BatchHeader* header) {
  ASSIGN_OR_RETURN(const auto later, valid_batch_after(offset_));
  if (later) return fmt::format("a valid batch follows at offset {}", *later);
  // A batch is written only when the one before it is durable, so anything behind a batch says that this was.
  if (header) {
    for (std::uint64_t at = offset_ + kBatchHeaderBytes + header->length;;) {
      ASSIGN_OR_RETURN(const auto bytes, bytes_at(at, kWindowBytes));
      if (bytes.empty()) break;
      const auto found = std::find_if(bytes.begin(), bytes.end(), [](std::byte b) { return b != std::byte{}; });
      if (found != bytes.end())
        return fmt::format("more was written behind it, at offset {}, so it had been durable",
                           at + static_cast<std::uint64_t>(found - bytes.begin()));
      at += bytes.size();
    }
  }
  ASSIGN_OR_RETURN(const auto bytes, bytes_at(offset_, kBatchHeaderBytes + kMaxBatchBytes));
  if (const auto bit = flipped_bit(bytes, seed_))
    return fmt::format("the batch is whole but for bit {} of the byte at offset {}", *bit % 8, offset_ + *bit / 8);
  return std::string();
}

Result<> JournalReader::bad_place(std::string what, const BatchHeader* header) {
  if (!last_segment()) return corrupt(offset_, std::move(what));
  ASSIGN_OR_RETURN(const std::string damage, proof_of_damage(header));
  if (!damage.empty()) return corrupt(offset_, fmt::format("{}; {}", what, damage));
  end_.cut_bytes = file_->size() - offset_;
  end_.cut_because = std::move(what);
  finish();
  return {};
}

Result<std::optional<RawBatch>> JournalReader::next() {
  while (!ended_) {
    ASSIGN_OR_RETURN(const auto head, bytes_at(offset_, kBatchHeaderBytes));
    if (head.empty()) {
      TRY(advance());
      continue;
    }
    const auto header = decode_batch_header(head, seed_);
    if (!header) {
      TRY(bad_place("no valid batch header"));
      continue;
    }
    if (header->first_sequence != expected_)
      return corrupt(offset_, fmt::format("a batch that begins at sequence {}", header->first_sequence));
    if (header->epoch < epoch_)
      return corrupt(offset_, fmt::format("a batch of epoch {} after one of epoch {}", header->epoch, epoch_));
    const std::size_t length = kBatchHeaderBytes + header->length;
    ASSIGN_OR_RETURN(const auto with_next, bytes_at(offset_, length + kBatchHeaderBytes));
    if (with_next.size() < length) {
      TRY(bad_place(fmt::format("a batch of {} bytes of which {} are there", length, with_next.size())));
      continue;
    }
    const auto bytes = with_next.first(length);
    if (last_segment() && !header->closes() && !decode_batch_header(with_next.subspan(length), seed_)) {
      if (auto whole = check_batch(bytes, seed_); !whole.ok()) {
        TRY(bad_place(whole.error().text(), &*header));
        continue;
      }
    }
    const RawBatch out{*header, bytes, offset_};
    offset_ += length;
    epoch_ = header->epoch;
    end_.offset = offset_, end_.closed = header->closes();
    if (header->closes()) continue;
    expected_ = header->last_sequence() + 1;
    end_.last_sequence = header->last_sequence();
    note_epoch(epochs_, header->epoch, header->first_sequence);
    if (header->last_sequence() < from_) continue;
    return std::optional<RawBatch>(out);
  }
  return std::optional<RawBatch>();
}

Result<bool> JournalReader::next(Command& out) {
  for (;;) {
    if (!cursor_ || cursor_->done()) {
      ASSIGN_OR_RETURN(const auto batch, next());
      if (!batch) return false;
      cursor_.emplace(batch->header, batch->bytes);
      cursor_offset_ = batch->offset;
    }
    if (auto read = cursor_->next(out); !read.ok()) return at_record(std::move(read).error(), cursor_offset_, *cursor_);
    if (out.sequence >= from_) return true;
  }
}

}  // namespace nautilus::engine
