// A second machine that follows a journal from its files, so that the first need not stand still to be saved.
//
// Saving a machine takes a pass over everything in it: a tenth of a second with a quarter of a million orders. The
// shadow does it on another thread and is, command by command, what a recovery would be: each of its snapshots has met
// every checkpoint on the way. The price is the memory of a second machine, from the first snapshot on. Threading: one
// thread; the journal may grow meanwhile. Failure: as recovery.h; the next call begins anew.
#pragma once

#include "engine/journal/recovery.h"

namespace nautilus::engine {

class Shadow {
 public:
  Shadow(Storage& storage, MachineFactory make_machine) : storage_(storage), make_machine_(std::move(make_machine)) {}
  // The state behind `sequence`: durable, and not before that of the last call.
  Result<SnapshotImage> at(Sequence sequence);

 private:
  Result<> follow(Sequence sequence);

  Storage& storage_;
  MachineFactory make_machine_;
  std::optional<Recovery> recovery_;
};

}  // namespace nautilus::engine
