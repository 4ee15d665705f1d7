// Where the parts of the server write what they know, for the probes and the metrics.
#pragma once

#include <atomic>
#include <functional>

#include "core/port/clock.h"
#include "engine/gateway/status.h"
#include "engine/replication/primary.h"
#include "engine/replication/standby.h"
#include "engine/sequencer/sequencer.h"

namespace nautilus::engine {

class StatusBoard final : public StatusProvider {
 public:
  StatusBoard(const port::Clock& clock, std::function<void()> on_drain)
      : clock_(clock), on_drain_(std::move(on_drain)) {}

  EngineStatus status() const override;
  void drain() override { on_drain_(); }

  void set(ServingState state) { state_.store(state); }
  void replayed(double part) { replay_progress_.store(part); }
  // Null before the sequencer exists and after it is gone.
  void watch(const SequencerStatus* sequencer) { sequencer_.store(sequencer); }
  // The same, while this is a standby, and for the followers of a primary.
  void watch(const StandbyStatus* standby) { standby_.store(standby); }
  void watch(const ReplicationPrimary* replication) { replication_.store(replication); }

 private:
  // How long a sequence has been behind the last one: since when it has not moved while there was something to do.
  struct Lag {
    std::atomic<Sequence> seen{0};
    std::atomic<std::int64_t> since{0};
  };
  double lag(Lag& lag, Sequence behind, Sequence last) const;
  void tell_standby(EngineStatus& out) const;
  void tell_followers(EngineStatus& out) const;

  const port::Clock& clock_;
  std::function<void()> on_drain_;
  std::atomic<ServingState> state_{ServingState::starting};
  std::atomic<double> replay_progress_{0};
  std::atomic<const SequencerStatus*> sequencer_{nullptr};
  std::atomic<const StandbyStatus*> standby_{nullptr};
  std::atomic<const ReplicationPrimary*> replication_{nullptr};
  mutable Lag journal_;
};

}  // namespace nautilus::engine
