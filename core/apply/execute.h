// Executes a plan: waves in order, objects of a wave in parallel, each wave healthy before the next begins.
//
// Before the first write the cluster is read again and compared with what the plan saw (UIDs and digests): if somebody
// changed one of the objects since, nothing is written and the plan is refused.
// Ends early, leaving the cluster resumable, on: a server's refusal (the rest of the wave is still sent, later waves
// are not), a workload that fails, a timeout, a lost lock, an interrupt (what is in flight is waited for). Threading:
// the client's thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/apply/cluster.h"
#include "core/apply/plan.h"
#include "core/port/entropy.h"

namespace nautilus::apply {

struct ExecuteOptions {
  bool wait = true;
  port::Duration wave_timeout = std::chrono::minutes(10);
  port::Duration total_timeout = std::chrono::minutes(45);
  std::function<Result<>()> guard;  // asked before every wave, batch and while waiting: is the lock still ours?
};

struct WaveReport {
  Wave wave = Wave::namespaces;
  int created = 0, updated = 0, unchanged = 0, removed = 0;
  port::WallTime started{}, applied{}, healthy{};  // healthy = started of what comes next
};

struct Execution {
  std::vector<WaveReport> waves;
  int writes = 0;  // requests that changed something
};

// `execution` is filled as far as the run came, also when it fails.
Result<> execute(Cluster& cluster, const Plan& plan, const ExecuteOptions& options, port::Entropy& entropy,
                 Execution& execution);

// Only the namespaces wave up to and including the release's own namespace: the lock lives there. Does nothing if the
// namespace exists or the plan does not make it.
Result<> ensure_namespace(Cluster& cluster, const Plan& plan);

}  // namespace nautilus::apply
