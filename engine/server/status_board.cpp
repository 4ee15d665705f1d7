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
  if (!sequencer) return out;
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
  const Sequence replicated = sequencer->replicated_sequence.load();
  out.durable = sequencer->durable_sequence.load();
  out.submitted = std::max(sequencer->last_sequence.load(), out.durable);
  out.journal_bytes = sequencer->journal_bytes.load();
  out.journal_lag_seconds = lag(journal_, out.durable, out.submitted);
  out.replication_lag_commands = out.durable > replicated ? out.durable - replicated : 0;
  out.replication_lag_seconds = lag(replication_, replicated, out.durable);
  return out;
}

}  // namespace nautilus::engine
