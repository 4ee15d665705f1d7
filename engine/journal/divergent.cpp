#include "engine/journal/divergent.h"

#include <fmt/format.h>

#include <algorithm>

namespace nautilus::engine {
namespace {

Sequence end_of(std::span<const EpochStart> starts, std::size_t i, Sequence last) {
  return i + 1 < starts.size() ? starts[i + 1].first_sequence - 1 : last;
}

struct Place {
  std::string segment;  // the one that keeps its beginning; empty: none does
  std::uint64_t offset = 0;
  std::vector<std::byte> rest;  // of a batch that `keep` is inside of: what stays of it
};

// Copies what is to go; finds where the cut is.
Result<CutBack> save_tail(Storage& storage, Sequence keep, Place& place) {
  CutBack out;
  ASSIGN_OR_RETURN(auto reader, JournalReader::open(storage));
  std::unique_ptr<AppendFile> file;
  std::string temporary;
  for (;;) {
    ASSIGN_OR_RETURN(const auto batch, reader.next());
    if (!batch) break;
    if (batch->header.last_sequence() <= keep) {
      place = {reader.segment(), batch->offset + batch->bytes.size(), {}};
      continue;
    }
    std::vector<std::byte> tail;
    std::span<const std::byte> gone = batch->bytes;
    Sequence first = batch->header.first_sequence;
    if (first <= keep) {
      const std::uint32_t seed = batch_seed(reader.journal());
      TRY(check_batch(batch->bytes, seed).within(reader.segment()));
      place = {reader.segment(), batch->offset, slice_batch(batch->bytes, first, keep, seed)};
      tail = slice_batch(batch->bytes, keep + 1, batch->header.last_sequence(), seed);
      gone = tail, first = keep + 1;
    }
    if (!file) {
      out.kept_as = fmt::format("discarded-{:020}-{:020}.log", first, batch->header.epoch);
      temporary = out.kept_as + ".tmp";
      ASSIGN_OR_RETURN(const auto names, storage.list());
      if (std::find(names.begin(), names.end(), temporary) != names.end()) TRY(storage.remove(temporary));
      ASSIGN_OR_RETURN(file, storage.create(temporary));
      SegmentHeader header;
      header.journal = reader.journal(), header.first_sequence = first, header.epoch = batch->header.epoch;
      TRY(file->append(encode(header)));
    }
    TRY(file->append(gone));
    out.records += batch->header.last_sequence() - first + 1;
  }
  if (!file) return out;
  TRY(file->sync());
  TRY(storage.rename(temporary, out.kept_as));
  TRY(storage.sync_directory());
  return out;
}

// Cutting inside a batch must not lose the part that stays, not even for a moment: the segment is written anew.
Result<> replace_segment(Storage& storage, const Place& place) {
  const std::string temporary = place.segment + ".tmp";
  ASSIGN_OR_RETURN(const auto names, storage.list());
  if (std::find(names.begin(), names.end(), temporary) != names.end()) TRY(storage.remove(temporary));
  ASSIGN_OR_RETURN(auto from, storage.open_read(place.segment));
  ASSIGN_OR_RETURN(auto to, storage.create(temporary));
  constexpr std::size_t kPieceBytes = 1u << 20;
  for (std::uint64_t at = 0; at < place.offset;) {
    ASSIGN_OR_RETURN(const auto piece,
                     from->read(at, static_cast<std::size_t>(std::min<std::uint64_t>(kPieceBytes, place.offset - at))));
    if (piece.empty()) return Error(Code::io, "the segment became shorter while it was read");
    TRY(to->append(piece));
    at += piece.size();
  }
  TRY(to->append(place.rest));
  TRY(to->sync());
  TRY(storage.rename(temporary, place.segment));
  return storage.sync_directory();
}

}  // namespace

Sequence common_prefix(std::span<const EpochStart> a, Sequence last_a, std::span<const EpochStart> b, Sequence last_b) {
  for (std::size_t i = a.size(); i-- > 0;) {
    const auto same = std::find(b.begin(), b.end(), a[i]);
    if (same == b.end()) continue;
    return std::min(end_of(a, i, last_a), end_of(b, static_cast<std::size_t>(same - b.begin()), last_b));
  }
  return 0;
}

Result<CutBack> cut_back(Storage& storage, Sequence keep) {
  Place place;
  ASSIGN_OR_RETURN(const CutBack out, save_tail(storage, keep, place).within("keeping what is discarded"));
  // Snapshots first: one that is ahead of its journal would refuse to recover.
  ASSIGN_OR_RETURN(const auto names, storage.list());
  for (const std::string& name : names)
    if (const auto sequence = parse_snapshot_name(name); sequence && *sequence > keep) TRY(storage.remove(name));
  TRY(storage.sync_directory());
  ASSIGN_OR_RETURN(const auto segments, list_segments(storage));
  for (std::size_t i = segments.size(); i-- > 0 && segments[i].first_sequence > keep;) {
    TRY(storage.remove(segments[i].name));
    TRY(storage.sync_directory());  // one by one from the end: never a hole
  }
  if (place.segment.empty()) return out;
  if (!place.rest.empty()) {
    TRY(replace_segment(storage, place).within(fmt::format("shortening {}", place.segment)));
    return out;
  }
  ASSIGN_OR_RETURN(auto file, storage.open_append(place.segment, place.offset));
  TRY(file->sync());
  return out;
}

}  // namespace nautilus::engine
