// The loop of every machine: observe, decide, record, act, and again, until there is nothing left to do.
//
// A machine's tick does one round and says when it wants the next. What may pass (an API server that is away for a
// moment, a write that lost a race) is tried again, kMaxTrouble rounds in a row at most; every other error ends the loop.
// Threading: the client's thread; while waiting the client is pumped, so that locks are renewed.
#pragma once

#include <functional>

#include "core/kube/client.h"

namespace nautilus::flow {

inline constexpr int kMaxTrouble = 60;
inline constexpr port::Duration kAfterTrouble = std::chrono::seconds(2);

struct Tick {
  bool done = false;
  port::Duration again{};  // how long until the next round, if not done
};

// True for what may pass by itself: unreachable, timeout, conflict, io, gone.
bool may_pass(const Error& error);

// `trouble` is told of each error that is tried again; may be empty.
Result<> drive(kube::Client& client, const std::function<Result<Tick>()>& tick,
               const std::function<void(const Error&)>& trouble = {});

// Pumps the client for that long. Code::interrupted if asked to stop.
Result<> pause(kube::Client& client, port::Duration duration);

}  // namespace nautilus::flow
