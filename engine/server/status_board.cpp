#include "engine/server/status_board.h"

namespace nautilus::engine {

double StatusBoard::lag(Lag& lag, Sequence behind, Sequence last) const {
  const auto now = clock_.monotonic().count();
  if (behind >= last || lag.seen.exchange(behind) != behind) {
    lag.since.store(now);
    return 0;
  }
  return static_cast<double>(now - lag.since.load()) / 1e9;
}

EngineStatus StatusBoard::status() const {
  EngineStatus out;
  out.state = state_.load();
  out.replay_progress = out.state == ServingState::replaying ? replay_progress_.load() : 1;
  const SequencerStatus* sequencer = sequencer_.load();
  if (!sequencer) {
    tell_standby(out);
    return out;
  }
  switch (sequencer->state.load()) {
    case SequencerState::fenced: out.state = ServingState::fenced; break;
    case SequencerState::storage_failed: out.state = ServingState::halted_storage; break;
    case SequencerState::draining: out.state = ServingState::draining; break;
    case SequencerState::idle:
    case SequencerState::running:
    case SequencerState::stopped: break;
  }
  out.epoch = sequencer->epoch.load();
  out.released = sequencer->released_sequence.load();
  out.durable = sequencer->durable_sequence.load();
  out.submitted = std::max(sequencer->last_sequence.load(), out.durable);
  out.journal_bytes = sequencer->journal_bytes.load();
  out.journal_lag_seconds = lag(journal_, out.durable, out.submitted);
  tell_followers(out);
  return out;
}

void StatusBoard::tell_standby(EngineStatus& out) const {
  const StandbyStatus* standby = standby_.load();
  if (!standby) return;
  out.epoch = standby->primary_epoch.load();
  out.durable = standby->durable_sequence.load();
  out.submitted = std::max(standby->primary_sequence.load(), out.durable);
  out.in_step = standby->state == StandbyState::following;
  out.replication_lag_commands = standby->lag_records();
  out.replication_lag_seconds = std::chrono::duration<double>(standby->lag_time()).count();
}

void StatusBoard::tell_followers(EngineStatus& out) const {
  const ReplicationPrimary* replication = replication_.load();
  if (!replication) return;
  for (FollowerStatus& one : replication->followers()) {
    FollowerLag lag{std::move(one.name), one.connected, one.lag_records,
                    std::chrono::duration<double>(one.lag_time).count()};
    out.in_step |= lag.connected;
    out.replication_lag_commands = std::max(out.replication_lag_commands, lag.commands);
    out.replication_lag_seconds = std::max(out.replication_lag_seconds, lag.seconds);
    out.followers.push_back(std::move(lag));
  }
}

}  // namespace nautilus::engine
