// Whether this process may become the primary, from what it knows: pure, so that every case is a line of a table.
//
// Who takes over with a journal that lacks what the last primary told its clients loses orders. So it may only
//  - who was the primary itself (its own disk says so), or the first of all;
//  - in synchronous mode: whose journal has a record of the newest epoch. That primary told nothing that this follower,
//    the one it waited for, did not hold;
//  - in asynchronous mode: who had everything the primary had, not longer ago than the lag that is accepted, counted
//    from when the primary's lease may have ended.
// Everyone else waits for a person: `nautilusctl engine serve --take-over` says that what is here is all there is.
#pragma once

#include <optional>
#include <string>

#include "core/port/clock.h"
#include "engine/journal/storage.h"
#include "engine/model/types.h"

namespace nautilus::engine {

struct TakeoverFacts {
  Epoch newest = 0;   // that the EpochSource has given to anybody
  Epoch journal = 0;  // of the last record here; 0: the journal is empty
  Epoch held = 0;     // the newest that this journal's owner was the primary of
  bool synchronous = false;
  std::optional<port::Duration> in_step;   // how long ago everything the primary had was here; nothing: never
  port::Duration lease{}, accepted_lag{};  // how long a dead primary's lease lives; what may be lost
};
// Nothing: it may. Else why not, in words.
std::optional<std::string> why_not_take_over(const TakeoverFacts& facts);

// The epoch that this journal's owner was the primary of, kept beside the journal. 0: none. Code::invalid: damaged.
Result<Epoch> read_held_epoch(Storage& storage);
Result<> write_held_epoch(Storage& storage, Epoch epoch);

}  // namespace nautilus::engine
