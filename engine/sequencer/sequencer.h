// One thread gives every command its sequence and time, carries it out and puts it into the open batch; another writes
// and syncs whole batches and then tells the events. While one batch is synced the next fills, so the size of a batch
// follows the load (group commit) and an idle engine has the latency of one sync.
//
// What is told (Outlet::released) is durable here, held by the followers that are waited for (Replicator), and this
// process may still acknowledge (AckGuard). The first failed write or sync, and the first refusal of the guard, end
// that for good: nothing further is released, submit() says so, status() names it. A restart recovers.
//
// Threading: submit(), request_snapshot(), drain(), status(), replication_advanced() from any thread; start(), stop()
// and step() from one. Either start() (two threads of its own, and one for snapshots) or step() (none, for tests and
// replays), never both. The Machine belongs to the sequencer until stop() has returned.
#pragma once

#include <deque>
#include <functional>
#include <thread>

#include "core/port/clock.h"
#include "engine/journal/shadow.h"
#include "engine/sequencer/command_queue.h"
#include "engine/sequencer/intake.h"
#include "engine/sequencer/status.h"
#include "engine/sequencer/waker.h"

namespace nautilus::engine {

// Sends batches to followers. Called by the committer; must not block.
class Replicator {
 public:
  virtual ~Replicator() = default;
  // Before it is synced here, so that both disks work at the same time. The bytes are valid during the call only.
  virtual void ship(const BatchHeader& header, std::span<const std::byte> batch) = 0;
  // All up to here is durable on this machine.
  virtual void durable(Sequence sequence) = 0;
  // All up to here is held by as many followers as must have it before it is told; UINT64_MAX: none must.
  virtual Sequence replicated() const = 0;
};

// Whether this process may still tell clients anything: its lease on the epoch (lease_keeper.h).
class AckGuard {
 public:
  virtual ~AckGuard() = default;
  virtual bool may_acknowledge() = 0;
};

struct SequencerOptions {
  std::size_t queue_capacity = 1u << 14;
  std::uint32_t max_batch_records = 4096;
  port::Duration silence = std::chrono::seconds(1);  // then the time moves on by itself
  std::uint64_t checkpoint_every = 1'000'000;        // commands; 0: never
  // The hash of a checkpoint takes a pass over all orders. So a checkpoint that is due waits until no command has come
  // for so long; not longer than kCheckpointPatience times checkpoint_every commands. 0: it does not wait.
  port::Duration checkpoint_quiet{};
  std::uint64_t snapshot_every = 0;  // commands; 0: only on request and at the end
  std::size_t keep_snapshots = 0;    // after a snapshot: prune() to so many; 0: keep everything
  std::uint32_t spins = 0;           // looks at the queue before the thread sleeps
  bool snapshot_at_stop = true;
  // Batches open, being synced or waiting for followers; then intake stops until one is released. Made when needed:
  // with a fast disk and a far follower a round trip has many syncs in it.
  std::size_t batches_in_flight = 64;
};

inline constexpr std::uint64_t kCheckpointPatience = 16;

// What the sequencer works on. References outlive it.
struct SequencerParts {
  Machine& machine;
  Storage& storage;
  Outlet& outlet;
  port::Clock& clock;
  Replicator* replicator = nullptr;
  AckGuard* guard = nullptr;
  // Given, and with threads: snapshots are taken by a machine of their own (engine/journal/shadow.h). Else the machine
  // above is saved on the sequencer's thread, and nothing moves meanwhile.
  MachineFactory make_shadow = {};
};

class Sequencer final : public Intake {
 public:
  // Goes on behind `recovery` (its machine may have been moved out already) as the primary of `epoch`, which is higher
  // than any in the journal. The first command is begin_epoch.
  Sequencer(SequencerParts parts, JournalWriter writer, const Recovery& recovery, Epoch epoch,
            SequencerOptions options = {});
  ~Sequencer() override;

  Submitted submit(const Command& command) override;

  Result<> start();
  // New orders are refused from now on; cancels and control commands are still taken.
  void drain();
  // Drains, carries out what was taken, flushes, waits for the followers no longer than `patience`, writes a snapshot
  // and the mark of an orderly stop. The first failure is returned; a second call does nothing.
  Result<> stop(port::Duration patience = std::chrono::seconds(5));
  // Without threads: one turn. Takes what is queued up to one batch, makes it durable, releases what may be. false:
  // there was nothing to do. Code::io or Code::conflict once it has failed or is fenced.
  Result<bool> step();

  // A snapshot after the open batch. With threads it is written in the background.
  void request_snapshot() {
    snapshot_wanted_.store(true, std::memory_order_seq_cst);
    waker_.notify();
  }
  // The replicator has news: replicated() has grown.
  void replication_advanced();
  // Another primary exists. Nothing further is released.
  void fence(const std::string& why) { end(SequencerState::fenced, why); }
  // Called once, on the thread that found out, when the state becomes fenced or storage_failed; it must not call
  // stop(). Set before start().
  void on_end(std::function<void(SequencerState)> callback) { on_end_ = std::move(callback); }

  const SequencerStatus& status() const { return status_; }
  SequencerStatus& mutable_status() { return status_; }

 private:
  struct Slot {
    explicit Slot(std::uint32_t max_records) : builder(max_records) {}
    BatchBuilder builder;
    std::vector<Event> events;
    std::unique_ptr<SnapshotImage> snapshot;
    bool snapshot_due = false;  // by the shadow
  };
  static constexpr std::size_t kMaxBatchEvents = 1u << 16;  // a batch with more is handed on
  // Commands carried out together: the machine looks ahead among them, and they get one time, a few microseconds wide.
  static constexpr std::size_t kGroup = 64;

  bool ended() const;
  void end(SequencerState state, const std::string& why);
  bool takes(const Command& command, SequencerState state, Submitted& refusal) const;
  // Sequencer thread.
  void run_sequencer();
  void fill(Slot& slot);
  std::size_t take_group(const Slot& slot);
  void carry_out(Slot& slot, std::span<Command> commands);
  void carry_out_own(Slot& slot, CommandType type);
  bool slot_full(const Slot& slot) const { return slot.builder.full() || slot.events.size() >= kMaxBatchEvents; }
  bool silence_over() const;
  bool checkpoint_due() const { return options_.checkpoint_every && since_checkpoint_ >= options_.checkpoint_every; }
  // How many commands may come before a checkpoint must.
  std::uint64_t checkpoint_limit() const {
    return options_.checkpoint_every * (options_.checkpoint_quiet.count() ? kCheckpointPatience : 1);
  }
  void carry_out_checkpoint(Slot& slot);
  void finish(Slot& slot);
  Slot* take_free_slot();
  bool slot_available() const { return !free_.empty() || slots_.size() < options_.batches_in_flight; }
  bool committer_idle() const { return in_commit_.load(std::memory_order_seq_cst) == 0; }
  // Committer thread.
  void run_committer();
  Result<> commit(Slot& slot);
  void release_ready();
  Result<> publish(const SnapshotImage& image);
  Result<> publish_from(Shadow& shadow, Sequence sequence);
  void run_snapshots();
  void wait_for_followers(port::Duration patience);

  SequencerParts parts_;
  JournalWriter writer_;
  SequencerOptions options_;
  SequencerStatus status_;
  CommandQueue queue_;
  std::atomic<std::uint32_t> submitting_{0};
  std::atomic<bool> snapshot_wanted_{false}, no_more_{false};
  Epoch epoch_;
  Waker waker_;
  std::function<void(SequencerState)> on_end_;

  // Sequencer thread only.
  std::vector<Command> group_ = std::vector<Command>(kGroup);
  Sequence next_;
  Timestamp time_;
  port::Monotonic last_command_at_{};
  std::vector<EpochStart> epochs_;
  std::uint64_t since_checkpoint_ = 0, since_snapshot_ = 0;
  bool begun_ = false;

  std::mutex mutex_;  // of the following
  std::condition_variable committer_wake_, slot_free_, snapshot_wake_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<Slot*> free_;
  std::deque<Slot*> ready_;  // to be committed
  std::unique_ptr<SnapshotImage> snapshot_pending_;
  Sequence snapshot_at_ = 0;  // for the shadow; 0: none
  bool sequencer_done_ = false, committer_done_ = false, replication_news_ = false;
  std::atomic<std::uint32_t> in_commit_{0};  // handed over and not yet durable
  std::deque<Slot*> unreleased_;             // committer thread only
  std::thread sequencer_thread_, committer_thread_, snapshot_thread_;
  bool threads_ = false, stopped_ = false;
};

}  // namespace nautilus::engine
