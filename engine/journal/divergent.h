// Two journals of one name that parted: which part they share, and how the one that follows goes back to it.
//
// The truncation rule: an epoch has one writer, so journals with the same epoch at the same first sequence are equal up
// to the shorter end of that epoch. A follower cuts what it has behind the newest such place: records that a former
// primary wrote and no successor has. In synchronous mode none of them was ever acknowledged; in asynchronous mode they
// are the loss that mode allows. They are kept, as `discarded-<first>-<epoch>.log`, a segment like any other.
#pragma once

#include "engine/journal/reader.h"

namespace nautilus::engine {

// The last sequence that both have for certain; 0: none.
Sequence common_prefix(std::span<const EpochStart> a, Sequence last_a, std::span<const EpochStart> b, Sequence last_b);

struct CutBack {
  std::uint64_t records = 0;  // that were discarded
  std::string kept_as;        // empty: nothing was there to keep
};
// Discards all behind `keep`, and snapshots of it. A crash anywhere in between leaves a journal that recovers and ends
// at or behind `keep`. If `keep` is before the first record that is there, all goes; if it is inside a batch, the part
// of it that stays is written anew. Nobody may have the journal open.
Result<CutBack> cut_back(Storage& storage, Sequence keep);

}  // namespace nautilus::engine
