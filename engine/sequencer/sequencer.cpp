#include "engine/sequencer/sequencer.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/journal/command_codec.h"

namespace nautilus::engine {
namespace {

Timestamp wall(const port::Clock& clock) { return clock.now().time_since_epoch().count(); }

// What opens or enlarges exposure; everything else is taken as long as the journal can be written.
bool is_new_work(CommandType type) {
  return type == CommandType::new_order || type == CommandType::replace_order || type == CommandType::open_session;
}

}  // namespace

Sequencer::Sequencer(SequencerParts parts, JournalWriter writer, const Recovery& recovery, Epoch epoch,
                     SequencerOptions options)
    : parts_(parts),
      writer_(std::move(writer)),
      options_(options),
      queue_(options.queue_capacity),
      epoch_(epoch),
      next_(recovery.next),
      time_(recovery.time),
      epochs_(recovery.epochs) {
  status_.epoch = epoch;
  status_.last_sequence = status_.durable_sequence = status_.replicated_sequence = status_.released_sequence =
      next_ - 1;
  status_.snapshot_sequence = recovery.snapshot_sequence;
  status_.low_on_space = writer_.low_on_space();
}

Sequencer::~Sequencer() {
  if (threads_) (void)stop(port::Duration(0));
}

bool Sequencer::ended() const {
  const auto state = status_.state.load(std::memory_order_acquire);
  return state == SequencerState::fenced || state == SequencerState::storage_failed;
}

void Sequencer::end(SequencerState state, const std::string& why) {
  auto now = status_.state.load();
  do {
    if (now == SequencerState::fenced || now == SequencerState::storage_failed || now == SequencerState::stopped)
      return;
  } while (!status_.state.compare_exchange_weak(now, state));
  status_.set_failure(why);
  {
    const std::lock_guard guard(mutex_);
    replication_news_ = true;
  }
  committer_wake_.notify_all(), slot_free_.notify_all(), snapshot_wake_.notify_all();
  waker_.notify();
  if (on_end_) on_end_(state);
}

bool Sequencer::takes(const Command& command, SequencerState state, Submitted& refusal) const {
  switch (state) {
    case SequencerState::running:
      refusal = Submitted::storage;
      return !(is_new_work(command.type) && status_.low_on_space.load(std::memory_order_relaxed));
    case SequencerState::draining: refusal = Submitted::stopping; return !is_new_work(command.type);
    case SequencerState::stopped: refusal = Submitted::stopping; return false;
    case SequencerState::storage_failed: refusal = Submitted::storage; return false;
    case SequencerState::idle:
    case SequencerState::fenced: break;
  }
  refusal = Submitted::not_primary;
  return false;
}

Submitted Sequencer::submit(const Command& command) {
  if (!can_be_read_back(command)) return Submitted::malformed;
  // Counted, so that stop() can wait until whoever saw the old state has pushed: what is taken is carried out.
  submitting_.fetch_add(1, std::memory_order_seq_cst);
  Submitted out = Submitted::taken;
  if (!takes(command, status_.state.load(std::memory_order_seq_cst), out)) {
    status_.refused_state.fetch_add(1, std::memory_order_relaxed);
  } else if (queue_.push(command)) {
    out = Submitted::taken;
    waker_.notify();
  } else {
    out = Submitted::full;
    status_.refused_full.fetch_add(1, std::memory_order_relaxed);
  }
  submitting_.fetch_sub(1, std::memory_order_seq_cst);
  return out;
}

// ---- sequencer thread

void Sequencer::carry_out(Slot& slot, std::span<Command> commands) {
  time_ = std::max(time_, wall(parts_.clock));
  for (Command& command : commands) command.sequence = next_++, command.time = time_;
  parts_.machine.apply_all(commands, slot.events);
  for (const Command& command : commands) slot.builder.add(command);
  since_checkpoint_ += commands.size(), since_snapshot_ += commands.size();
}

// What is queued, up to a group, the room in the batch and the next checkpoint: that has its place between two groups.
std::size_t Sequencer::take_group(const Slot& slot) {
  std::size_t most = std::min(kGroup, slot.builder.room());
  if (options_.checkpoint_every)
    most = std::min<std::size_t>(most,
                                 checkpoint_limit() > since_checkpoint_ ? checkpoint_limit() - since_checkpoint_ : 1);
  std::size_t count = 0;
  for (const Command* command = nullptr; count < most && (command = queue_.front()); ++count) {
    group_[count] = *command;
    queue_.pop();
  }
  return count;
}

void Sequencer::carry_out_own(Slot& slot, CommandType type) {
  Command command;
  command.type = type;
  if (type == CommandType::begin_epoch) command.epoch = epoch_;
  if (type == CommandType::checkpoint) command.state_hash = parts_.machine.state_hash();
  carry_out(slot, std::span(&command, 1));
}

void Sequencer::carry_out_checkpoint(Slot& slot) {
  since_checkpoint_ = 0;
  carry_out_own(slot, CommandType::checkpoint);
}

bool Sequencer::silence_over() const { return parts_.clock.monotonic() - last_command_at_ >= options_.silence; }

void Sequencer::fill(Slot& slot) {
  if (!begun_) {
    begun_ = true;
    last_command_at_ = parts_.clock.monotonic();
    note_epoch(epochs_, epoch_, next_);
    carry_out_own(slot, CommandType::begin_epoch);
  }
  bool any = false;
  while (!slot_full(slot)) {
    const std::size_t count = take_group(slot);
    if (count == 0) break;
    carry_out(slot, std::span(group_).first(count));
    any = true;
    if (checkpoint_due() && since_checkpoint_ >= checkpoint_limit() && !slot_full(slot)) carry_out_checkpoint(slot);
  }
  if (any) {
    last_command_at_ = parts_.clock.monotonic();
  } else if (slot.builder.empty() && checkpoint_due() && options_.checkpoint_quiet.count() &&
             parts_.clock.monotonic() - last_command_at_ >= options_.checkpoint_quiet) {
    carry_out_checkpoint(slot);
  } else if (slot.builder.empty() && silence_over()) {
    last_command_at_ = parts_.clock.monotonic();
    carry_out_own(slot, CommandType::advance_time);
  }
}

// The batch is complete: a snapshot, if one is due, is of the state behind its last command.
void Sequencer::finish(Slot& slot) {
  status_.last_sequence.store(next_ - 1, std::memory_order_release);
  status_.last_time.store(time_, std::memory_order_relaxed);
  const bool due = options_.snapshot_every && since_snapshot_ >= options_.snapshot_every;
  if (!snapshot_wanted_.exchange(false) && !due) return;
  since_snapshot_ = 0;
  if (threads_ && parts_.make_shadow) {
    slot.snapshot_due = true;
    return;
  }
  slot.snapshot = std::make_unique<SnapshotImage>(take_snapshot(parts_.machine, writer_.journal(), time_, epochs_));
}

Sequencer::Slot* Sequencer::take_free_slot() {
  std::unique_lock lock(mutex_);
  if (free_.empty() && slots_.size() < options_.batches_in_flight) {
    slots_.push_back(std::make_unique<Slot>(options_.max_batch_records));
    free_.push_back(slots_.back().get());
  }
  slot_free_.wait(lock, [&] { return !free_.empty() || ended(); });
  if (free_.empty()) return nullptr;
  Slot* slot = free_.back();
  free_.pop_back();
  slot->builder.begin(epoch_);
  slot->events.clear();
  slot->snapshot.reset();
  slot->snapshot_due = false;
  return slot;
}

void Sequencer::run_sequencer() {
  Slot* slot = take_free_slot();
  while (slot && !ended()) {
    fill(*slot);
    const bool empty = slot->builder.empty();
    if (!empty && (slot_full(*slot) || committer_idle())) {
      finish(*slot);
      in_commit_.fetch_add(1, std::memory_order_seq_cst);
      {
        const std::lock_guard guard(mutex_);
        ready_.push_back(slot);
      }
      committer_wake_.notify_one();
      slot = take_free_slot();
      continue;
    }
    if (empty && no_more_.load(std::memory_order_seq_cst) && !queue_.front()) break;
    for (std::uint32_t spin = 0; spin < options_.spins && !queue_.front(); ++spin) {}
    const port::Duration wanted =
        checkpoint_due() && empty ? std::min(options_.silence, options_.checkpoint_quiet) : options_.silence;
    const port::Duration at_most =
        std::clamp<port::Duration>(wanted, std::chrono::milliseconds(1), std::chrono::seconds(60));
    waker_.wait(at_most, [&] {
      return queue_.front() || ended() || (!empty && committer_idle()) ||
             (empty && no_more_.load(std::memory_order_seq_cst));
    });
  }
  {
    const std::lock_guard guard(mutex_);
    sequencer_done_ = true;
  }
  committer_wake_.notify_all();
}

// ---- committer thread

Result<> Sequencer::commit(Slot& slot) {
  const auto bytes = slot.builder.finish(writer_.seed());
  const BatchHeader& header = slot.builder.header();
  if (parts_.replicator) parts_.replicator->ship(header, bytes);
  TRY(writer_.write(header, bytes));
  const port::Monotonic before = parts_.clock.monotonic();
  TRY(writer_.sync());
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(parts_.clock.monotonic() - before);
  status_.sync_microseconds.add(static_cast<std::uint64_t>(std::max<std::int64_t>(took.count(), 0)));
  status_.batch_records.add(header.count);
  status_.journal_bytes.store(writer_.bytes_written(), std::memory_order_relaxed);
  status_.low_on_space.store(writer_.low_on_space(), std::memory_order_relaxed);
  status_.durable_sequence.store(header.last_sequence(), std::memory_order_release);
  if (parts_.replicator) parts_.replicator->durable(header.last_sequence());
  return {};
}

void Sequencer::release_ready() {
  const Sequence durable = status_.durable_sequence.load(std::memory_order_relaxed);
  const Sequence replicated = std::min(durable, parts_.replicator ? parts_.replicator->replicated() : durable);
  status_.replicated_sequence.store(replicated, std::memory_order_relaxed);
  while (!unreleased_.empty() && unreleased_.front()->builder.header().last_sequence() <= replicated) {
    if (parts_.guard && !parts_.guard->may_acknowledge()) {
      end(SequencerState::fenced, "the lease on the epoch ran out, or a higher epoch exists");
      return;
    }
    if (ended()) return;
    Slot* const slot = unreleased_.front();
    unreleased_.pop_front();
    if (!slot->events.empty()) parts_.outlet.released(slot->events);
    status_.released_sequence.store(slot->builder.header().last_sequence(), std::memory_order_release);
    {
      const std::lock_guard guard(mutex_);
      free_.push_back(slot);
    }
    slot_free_.notify_one();
  }
}

void Sequencer::run_committer() {
  for (;;) {
    Slot* slot = nullptr;
    {
      std::unique_lock lock(mutex_);
      committer_wake_.wait(lock, [&] { return !ready_.empty() || replication_news_ || sequencer_done_; });
      replication_news_ = false;
      if (ended()) break;
      if (!ready_.empty()) {
        slot = ready_.front();
        ready_.pop_front();
      } else if (sequencer_done_ && unreleased_.empty()) {
        break;
      } else if (sequencer_done_ && stopped_) {
        break;  // stop() has lost its patience with the followers
      }
    }
    if (slot) {
      if (auto done = commit(*slot); !done.ok()) {
        end(SequencerState::storage_failed, done.error().text());
        break;
      }
      if (slot->snapshot) {
        const std::lock_guard guard(mutex_);
        snapshot_pending_ = std::move(slot->snapshot);  // a newer one replaces one that was not begun
        snapshot_wake_.notify_one();
      }
      if (slot->snapshot_due) {
        const std::lock_guard guard(mutex_);
        snapshot_at_ = slot->builder.header().last_sequence();
        snapshot_wake_.notify_one();
      }
      unreleased_.push_back(slot);
      in_commit_.fetch_sub(1, std::memory_order_seq_cst);
      waker_.notify();
    }
    release_ready();
    if (ended()) break;
    if (!slot && !unreleased_.empty()) {
      // Waiting for followers: replication_advanced() wakes; sequencer_done_ must not make this a busy loop.
      std::unique_lock lock(mutex_);
      committer_wake_.wait(lock, [&] { return !ready_.empty() || replication_news_ || stopped_; });
    }
  }
  {
    const std::lock_guard guard(mutex_);
    committer_done_ = true;
  }
  snapshot_wake_.notify_all(), slot_free_.notify_all();
}

void Sequencer::replication_advanced() {
  {
    const std::lock_guard guard(mutex_);
    replication_news_ = true;
  }
  committer_wake_.notify_one();
}

// ---- snapshots

Result<> Sequencer::publish(const SnapshotImage& image) {
  TRY(publish_snapshot(parts_.storage, image));
  status_.snapshot_sequence.store(image.info.sequence, std::memory_order_release);
  if (options_.keep_snapshots) TRY(prune(parts_.storage, options_.keep_snapshots));
  return {};
}

Result<> Sequencer::publish_from(Shadow& shadow, Sequence sequence) {
  ASSIGN_OR_RETURN(const SnapshotImage image, shadow.at(sequence));
  return publish(image);
}

void Sequencer::run_snapshots() {
  Shadow shadow(parts_.storage, parts_.make_shadow);
  for (;;) {
    std::unique_ptr<SnapshotImage> image;
    Sequence at = 0;
    {
      std::unique_lock lock(mutex_);
      snapshot_wake_.wait(lock, [&] { return snapshot_pending_ || snapshot_at_ || committer_done_ || ended(); });
      if ((!snapshot_pending_ && !snapshot_at_) || ended()) return;
      image = std::move(snapshot_pending_);
      at = std::exchange(snapshot_at_, 0);
    }
    // A snapshot that cannot be written loses nothing: the journal has it all. The next one is tried again.
    const auto done = image ? publish(*image) : publish_from(shadow, at);
    if (!done.ok()) status_.snapshot_failures.fetch_add(1, std::memory_order_relaxed);
  }
}

// ---- life

Result<> Sequencer::start() {
  auto idle = SequencerState::idle;
  if (!status_.state.compare_exchange_strong(idle, SequencerState::running))
    return Error(Code::internal, fmt::format("the sequencer is {}", name(idle)));
  threads_ = true;
  snapshot_thread_ = std::thread([this] { run_snapshots(); });
  committer_thread_ = std::thread([this] { run_committer(); });
  sequencer_thread_ = std::thread([this] { run_sequencer(); });
  return {};
}

void Sequencer::drain() {
  auto running = SequencerState::running;
  status_.state.compare_exchange_strong(running, SequencerState::draining);
}

Result<bool> Sequencer::step() {
  auto idle = SequencerState::idle;
  if (threads_) return Error(Code::internal, "step() of a sequencer that has threads");
  status_.state.compare_exchange_strong(idle, SequencerState::running);
  const auto failure = [&] {
    return Error(status_.state.load() == SequencerState::fenced ? Code::conflict : Code::io, status_.failure());
  };
  if (ended()) return failure();
  bool worked = false;
  if (slot_available()) {
    Slot* const slot = take_free_slot();
    fill(*slot);
    if (slot->builder.empty()) {
      free_.push_back(slot);
    } else {
      worked = true;
      finish(*slot);
      if (auto done = commit(*slot); !done.ok()) {
        end(SequencerState::storage_failed, done.error().text());
        return failure();
      }
      if (slot->snapshot) TRY(publish(*slot->snapshot));
      unreleased_.push_back(slot);
    }
  }
  release_ready();
  if (ended()) return failure();
  return worked;
}

void Sequencer::wait_for_followers(port::Duration patience) {
  std::unique_lock lock(mutex_);
  slot_free_.wait_for(lock, patience, [&] { return committer_done_ || ended(); });
}

Result<> Sequencer::stop(port::Duration patience) {
  if (stopped_ || status_.state.load() == SequencerState::idle) return {};
  drain();
  const auto failed = [&]() -> Result<> { return Error(Code::io, status_.failure()).within("stopping the sequencer"); };
  auto now = status_.state.load();
  if (now == SequencerState::draining) status_.state.compare_exchange_strong(now, SequencerState::stopped);
  while (submitting_.load(std::memory_order_seq_cst) != 0) std::this_thread::yield();
  no_more_.store(true, std::memory_order_seq_cst);
  waker_.notify();
  if (threads_) {
    sequencer_thread_.join();
    wait_for_followers(patience);
    {
      const std::lock_guard guard(mutex_);
      stopped_ = true;
    }
    committer_wake_.notify_all();
    committer_thread_.join();
    snapshot_wake_.notify_all();
    snapshot_thread_.join();
    threads_ = false;
  } else {
    while (!ended() && (queue_.front() || !begun_) && slot_available()) TRY(step());
    stopped_ = true;
  }
  if (ended()) return failed();
  if (options_.snapshot_at_stop && status_.snapshot_sequence.load() < next_ - 1 && next_ > 1)
    TRY(publish(take_snapshot(parts_.machine, writer_.journal(), time_, epochs_)));
  return writer_.close(epoch_);
}

}  // namespace nautilus::engine
