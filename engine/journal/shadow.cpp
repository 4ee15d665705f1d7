#include "engine/journal/shadow.h"

#include <fmt/format.h>

namespace nautilus::engine {

Result<> Shadow::follow(Sequence sequence) {
  RecoveryOptions options;
  options.stop_after = sequence, options.settle = false, options.live = true;
  // Already there: the segment that would be opened for what follows may just be in the making.
  if (recovery_ && recovery_->next == sequence + 1) return {};
  if (recovery_) {
    TRY(catch_up(storage_, *recovery_, options));
  } else {
    ASSIGN_OR_RETURN(recovery_, recover(storage_, make_machine_, options));
  }
  if (recovery_->next == sequence + 1) return {};
  return Error(Code::internal,
               fmt::format("the journal was read to {} and should have {}", recovery_->next - 1, sequence));
}

Result<SnapshotImage> Shadow::at(Sequence sequence) {
  if (auto followed = follow(sequence); !followed.ok()) {
    recovery_.reset();
    return std::move(followed).error().within(fmt::format("following the journal to {} for a snapshot", sequence));
  }
  return take_snapshot(*recovery_->machine, recovery_->journal, recovery_->time, recovery_->epochs);
}

}  // namespace nautilus::engine
