// The follower's side: connects to the primary, writes every batch to its own journal, syncs, acknowledges, and carries
// it out on its own machine, so that it can take over with nothing to replay.
//
// Threading: open() recovers on the caller's thread; start() begins a thread that owns machine and journal until
// promote() or stop() has returned. status() from any thread.
// Failure: a lost connection is tried again for ever, with a growing pause. A failed disk, a damaged journal, a
// checkpoint whose hash the machine does not have, or a primary of another journal end it (StandbyState::failed): it
// acknowledges nothing further.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "core/port/clock.h"
#include "engine/journal/recovery.h"
#include "engine/replication/tls.h"

namespace nautilus::engine {

enum class StandbyState : std::uint8_t {
  idle,
  connecting,   // or waiting to try again
  catching_up,  // connected, behind
  following,    // connected, has what the primary has
  failed,
  stopped,
};
constexpr std::string_view name(StandbyState state) {
  constexpr std::string_view kNames[] = {"idle", "connecting", "catching_up", "following", "failed", "stopped"};
  return kNames[static_cast<std::size_t>(state)];
}

struct StandbyOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  TlsIdentity tls;
  bool candidate = true;                             // may take over; else it only keeps a copy, in another region
  std::string name = "standby";                      // as the primary's metrics have it; two followers have two names
  port::Duration silence = std::chrono::seconds(3);  // nothing heard for so long: connect again
  port::Duration first_pause = std::chrono::milliseconds(100), longest_pause = std::chrono::seconds(2);
  std::uint64_t snapshot_every = 0;  // records; written between two batches; 0: only by stop()
  std::uint64_t max_snapshot_bytes = std::uint64_t{4} << 30;
  WriterOptions writer;
};

struct StandbyStatus {
  std::atomic<StandbyState> state{StandbyState::idle};
  std::atomic<Sequence> durable_sequence{0};  // written, synced, acknowledged
  std::atomic<Sequence> applied_sequence{0};
  std::atomic<Sequence> primary_sequence{0};  // that the primary spoke of last
  std::atomic<Timestamp> applied_time{0}, primary_time{0};
  std::atomic<std::int64_t> in_step_at{0};  // monotonic: when everything that the primary had was here; 0: never yet
  std::atomic<Epoch> primary_epoch{0}, highest_epoch{0};  // heard of
  std::atomic<Epoch> journal_epoch{0};                    // of the last record here; 0: none
  std::atomic<bool> has_journal{false};
  std::atomic<std::uint64_t> connections{0}, discarded_records{0}, snapshots_received{0};
  std::uint64_t lag_records() const {
    const Sequence here = durable_sequence, there = primary_sequence;
    return there > here ? there - here : 0;
  }
  // How much older the last record here is than the primary's last word; 0 if nothing is missing.
  port::Duration lag_time() const {
    return port::Duration(lag_records() ? std::max<Timestamp>(primary_time - applied_time, 0) : 0);
  }
  std::string failure() const {
    const std::lock_guard guard(mutex_);
    return failure_;
  }
  void set_failure(std::string text) {
    const std::lock_guard guard(mutex_);
    failure_ = std::move(text);
  }

 private:
  mutable std::mutex mutex_;
  std::string failure_;  // the last one; of a connection, or for good
};

// What a standby has when it takes over: as after a recovery, without one.
struct Promoted {
  Recovery recovery;  // machine, next, time, epochs
  JournalWriter writer;
  Epoch highest_epoch = 0;  // the new epoch must be higher
};

class Standby {
 public:
  // Recovers its own journal. The caller holds the Storage's lock.
  static Result<std::unique_ptr<Standby>> open(Storage& storage, MachineFactory make_machine, port::Clock& clock,
                                               StandbyOptions options);
  ~Standby();
  Result<> start();
  // Ends following. With `snapshot`, a snapshot and the mark of an orderly stop are written. Does nothing twice.
  Result<> stop(bool snapshot = true);
  // Ends following and hands everything over; call it after EpochSource::acquire(status().highest_epoch) succeeded. The
  // Sequencer that is made of it writes begin_epoch. Code::refused if it has failed or has never had a journal.
  Result<Promoted> promote();
  const StandbyStatus& status() const;

 private:
  struct Impl;
  explicit Standby(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace nautilus::engine
