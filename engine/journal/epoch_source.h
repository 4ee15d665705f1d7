// Who the primary is: a number that only grows, held by at most one at a time. A file here (engine/host), a Kubernetes
// Lease in cli.
//
// The contract that makes it safe, for every implementation:
//  1. acquire() gives an epoch higher than every epoch ever given and higher than `higher_than`, and it is durable
//     where all contenders look before it is returned.
//  2. A Lease is good until `deadline` on this machine's monotonic clock, and no longer, unless renew() moved it. The
//     deadline is counted from a reading of the clock taken BEFORE the request that got or renewed it was sent.
//  3. A contender may take over only when it has watched the holder not renew for the whole time to live plus a margin
//     on its own monotonic clock, counted from a reading taken AFTER it saw the last change. No wall clock is compared
//     between machines. So the holder stops acknowledging (deadline) before another may begin, if no clock runs more
//     than the margin faster or slower.
//  4. renew() fails with Code::conflict once a higher epoch exists or the lease was lost; then it is over for this
//     holder, for good. Any other failure (unreachable, timeout, io) leaves the deadline where it was.
//  5. observe() changes nothing.
// Threading: one thread at a time per object. Calls may block for as long as their transport allows; they are never
// made on the sequencer's or committer's thread.
#pragma once

#include "core/base/error.h"
#include "core/port/clock.h"
#include "engine/model/types.h"

namespace nautilus::engine {

struct Lease {
  Epoch epoch = 0;
  port::Monotonic deadline{};  // acknowledge only while the clock is before it
};

class EpochSource {
 public:
  virtual ~EpochSource() = default;
  // Code::locked: somebody else holds it, try again later. The hint names the holder.
  virtual Result<Lease> acquire(Epoch higher_than) = 0;
  virtual Result<Lease> renew(Epoch epoch) = 0;
  // Orderly: the next may take it at once. Only after the last acknowledgement was sent.
  virtual Result<> release(Epoch epoch) = 0;
  // The highest epoch given so far; 0: none.
  virtual Result<Epoch> observe() = 0;
  // How long a lease lives; renew well within it (a third is usual).
  virtual port::Duration time_to_live() const = 0;
};

}  // namespace nautilus::engine
