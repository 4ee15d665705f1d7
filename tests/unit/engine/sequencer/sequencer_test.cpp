// The sequencer: what is released is durable, in order, once; and every way in which it stops.
#include "engine/sequencer/sequencer.h"

#include <doctest/doctest.h>

#include <map>

#include "engine/sequencer/lease_keeper.h"
#include "tests/support/engine/collector.h"
#include "tests/support/engine/manual_clock.h"
#include "tests/unit/engine/journal/journal_run.h"

using namespace nautilus;
using namespace nautilus::engine;
using namespace nautilus::engine::test;
using namespace std::chrono_literals;
using Loss = SimulatedStorage::Loss;

namespace {

// An engine on one simulated disk, as the server puts it together.
struct Engine {
  explicit Engine(SimulatedStorage& disk, SequencerOptions options = {}, Replicator* replicator = nullptr,
                  AckGuard* guard = nullptr, WriterOptions writer_options = {1u << 16, 0})
      : storage(disk) {
    auto recovered = recover(disk, make_toy_machine);
    REQUIRE_MESSAGE(recovered.ok(), recovered.error().text());
    recovery = std::move(*recovered);
    auto writer = continue_journal(disk, recovery, test_id(), writer_options);
    REQUIRE_MESSAGE(writer.ok(), writer.error().text());
    const Epoch epoch = recovery.machine->epoch() + 1;
    sequencer =
        std::make_unique<Sequencer>(SequencerParts{*recovery.machine, disk, collector, clock, replicator, guard},
                                    std::move(*writer), recovery, epoch, options);
  }
  SimulatedStorage& storage;
  ManualClock clock;
  Collector collector;
  Recovery recovery;
  std::unique_ptr<Sequencer> sequencer;
};

// Every event once, in the order of sequences, none skipped (the toy machine makes one of every command).
void check_in_order(const std::vector<Event>& events) {
  for (std::size_t i = 1; i < events.size(); ++i) REQUIRE(events[i].sequence == events[i - 1].sequence + 1);
}

Recovery recovered(SimulatedStorage& disk) {
  auto out = recover(disk, make_toy_machine);
  REQUIRE_MESSAGE(out.ok(), out.error().text());
  return std::move(*out);
}

struct FakeReplicator final : Replicator {
  void ship(const BatchHeader& header, std::span<const std::byte>) override { shipped = header.last_sequence(); }
  void durable(Sequence sequence) override { durable_to = sequence; }
  Sequence replicated() const override { return acknowledged.load(); }
  std::atomic<Sequence> shipped{0}, durable_to{0}, acknowledged{0};
};

}  // namespace

TEST_CASE("one turn makes what was submitted durable, then releases it in order") {
  SimulatedStorage disk;
  Engine engine(disk);
  REQUIRE(engine.sequencer->submit(plain_order(1)) == Submitted::not_primary);  // not started
  REQUIRE(*engine.sequencer->step());                                           // begin_epoch
  for (std::uint64_t n = 1; n <= 5; ++n) REQUIRE(engine.sequencer->submit(plain_order(n)) == Submitted::taken);
  CHECK(engine.collector.last() == 1);
  REQUIRE(*engine.sequencer->step());
  CHECK(!*engine.sequencer->step());
  const auto events = engine.collector.events();
  REQUIRE(events.size() == 6);
  check_in_order(events);
  CHECK(events[0].type == EventType::epoch_begun);
  for (std::uint64_t n = 1; n <= 5; ++n) CHECK(events[n].client_tag == n);
  CHECK(engine.sequencer->status().durable_sequence == 6);
  CHECK(engine.sequencer->status().released_sequence == 6);
  auto after = recovered(*disk.power_cut(Loss::all));
  CHECK(after.next == 7);
  CHECK(after.machine->state_hash() == engine.recovery.machine->state_hash());
}

TEST_CASE("time never goes back, and moves on in silence") {
  SimulatedStorage disk;
  SequencerOptions options;
  options.silence = 1s;
  Engine engine(disk, options);
  REQUIRE(*engine.sequencer->step());
  CHECK(!*engine.sequencer->step());
  engine.clock.advance(999ms);
  CHECK(!*engine.sequencer->step());
  engine.clock.advance(1ms);
  CHECK(*engine.sequencer->step());
  CHECK(!*engine.sequencer->step());
  engine.clock.advance(-500ms);  // the wall clock was set back
  REQUIRE(engine.sequencer->submit(plain_order(1)) == Submitted::taken);
  REQUIRE(*engine.sequencer->step());
  const auto events = engine.collector.events();
  REQUIRE(events.size() == 3);
  CHECK(events[2].time == events[1].time);
  CHECK(events[1].time == events[0].time + 1'000'000'000);
}

TEST_CASE("a full queue refuses and loses nothing it took") {
  SimulatedStorage disk;
  SequencerOptions options;
  options.queue_capacity = 8;
  Engine engine(disk, options);
  REQUIRE(*engine.sequencer->step());
  int taken = 0, full = 0;
  for (std::uint64_t n = 1; n <= 20; ++n) {
    const auto answer = engine.sequencer->submit(plain_order(n));
    taken += answer == Submitted::taken, full += answer == Submitted::full;
  }
  CHECK(taken == 8);
  CHECK(full == 12);
  CHECK(engine.sequencer->status().refused_full == 12);
  REQUIRE(*engine.sequencer->step());
  CHECK(engine.collector.last() == 9);
}

TEST_CASE("every operation may fail: what was released is there after a power cut") {
  std::uint64_t total = 0;
  for (std::uint64_t stop = 0; stop <= total; ++stop) {
    SimulatedStorage disk;
    SequencerOptions options;
    options.snapshot_every = 20, options.keep_snapshots = 2, options.checkpoint_every = 7,
    options.max_batch_records = 5;
    std::unique_ptr<Engine> engine;
    Sequence released = 0;
    {
      engine = std::make_unique<Engine>(disk, options, nullptr, nullptr, WriterOptions{2048, 0});
      const std::uint64_t base = disk.operations();
      if (stop) {
        disk.set_partial_append(stop * 37 % 500);
        disk.set_hook([=](std::uint64_t operation, std::string_view, const std::string&) -> Result<> {
          if (operation >= base + stop) return Error(Code::io, "the power is gone");
          return {};
        });
      }
      bool failed = !engine->sequencer->step().ok();
      for (std::uint64_t n = 1; n <= 60 && !failed; ++n) {
        const auto answer = engine->sequencer->submit(plain_order(n));
        REQUIRE(answer == Submitted::taken);
        if (n % 4 == 0) failed = !engine->sequencer->step().ok();
      }
      if (!failed) failed = !engine->sequencer->stop().ok();
      if (stop == 0) REQUIRE(!failed);
      if (stop == 0) total = disk.operations() - base;
      released = engine->collector.last();
      check_in_order(engine->collector.events());
      if (failed && engine->sequencer->status().state == SequencerState::storage_failed) {
        CHECK(engine->sequencer->submit(plain_order(99)) == Submitted::storage);
        CHECK(engine->sequencer->status().failure().find("the power is gone") != std::string::npos);
        CHECK(!engine->sequencer->step().ok());
        CHECK(engine->collector.last() == released);
      }
    }
    for (const Loss loss : {Loss::all, Loss::none, Loss::scattered}) {
      auto after = recovered(*disk.power_cut(loss, stop + 1));
      REQUIRE(after.next - 1 >= released);
    }
  }
  CHECK(total > 50);
}

TEST_CASE("little room refuses new orders and takes cancels") {
  SimulatedStorage disk;
  disk.set_free_bytes(100);
  Engine engine(disk, {}, nullptr, nullptr, WriterOptions{1u << 16, 1000});
  REQUIRE(engine.sequencer->step().ok());
  CHECK(engine.sequencer->submit(plain_order(1)) == Submitted::storage);
  Command cancel = plain_order(1);
  cancel.type = CommandType::cancel_order;
  CHECK(engine.sequencer->submit(cancel) == Submitted::taken);
  REQUIRE(*engine.sequencer->step());
  CHECK(engine.collector.last() == 2);
}

TEST_CASE("draining refuses new orders, takes cancels; stopped takes nothing, with a snapshot and the mark") {
  SimulatedStorage disk;
  Engine engine(disk);
  REQUIRE(engine.sequencer->step().ok());
  engine.sequencer->drain();
  CHECK(engine.sequencer->submit(plain_order(1)) == Submitted::stopping);
  Command cancel = plain_order(1);
  cancel.type = CommandType::cancel_order;
  CHECK(engine.sequencer->submit(cancel) == Submitted::taken);
  REQUIRE(engine.sequencer->stop().ok());
  CHECK(engine.collector.last() == 2);
  CHECK(engine.sequencer->submit(cancel) == Submitted::stopping);
  auto after = recovered(*disk.power_cut(Loss::all));
  CHECK(after.end.closed);
  CHECK(after.snapshot_sequence == 2);
  CHECK(after.replayed == 0);
  Engine second(disk);
  REQUIRE(second.sequencer->step().ok());
  CHECK(second.collector.last() == 3);
}

TEST_CASE("what followers must hold is released only when they do") {
  SimulatedStorage disk;
  FakeReplicator replicator;
  Engine engine(disk, {}, &replicator);
  REQUIRE(engine.sequencer->step().ok());
  for (std::uint64_t n = 1; n <= 3; ++n) {
    REQUIRE(engine.sequencer->submit(plain_order(n)) == Submitted::taken);
    REQUIRE(*engine.sequencer->step());
  }
  CHECK(replicator.shipped == 4);
  CHECK(replicator.durable_to == 4);
  CHECK(engine.collector.events().empty());
  replicator.acknowledged = 2;
  CHECK(!*engine.sequencer->step());
  CHECK(engine.collector.last() == 2);
  replicator.acknowledged = UINT64_MAX;
  CHECK(!*engine.sequencer->step());
  CHECK(engine.collector.last() == 4);
  CHECK(engine.sequencer->status().replicated_sequence == 4);
}

TEST_CASE("a value that does not exist never reaches the journal") {
  SimulatedStorage disk;
  Engine engine(disk);
  REQUIRE(engine.sequencer->step().ok());
  Command command = plain_order(1);
  command.side = Side{};
  CHECK(engine.sequencer->submit(command) == Submitted::malformed);
  command.type = CommandType::mass_cancel;  // here it means both
  CHECK(engine.sequencer->submit(command) == Submitted::taken);
}

TEST_CASE("followers that never answer hold back a bounded number of batches, then the intake is full") {
  SimulatedStorage disk;
  FakeReplicator replicator;
  SequencerOptions options;
  options.queue_capacity = 4, options.batches_in_flight = 8;
  Engine engine(disk, options, &replicator);
  int full = 0;
  for (std::uint64_t n = 0; n < 100; ++n) {
    REQUIRE(engine.sequencer->step().ok());
    full += engine.sequencer->submit(plain_order(n)) == Submitted::full;
  }
  CHECK(full == 100 - 7 - 4);  // the first batch is begin_epoch alone; four wait in the queue
  CHECK(engine.collector.events().empty());
}

TEST_CASE("a lease that ran out, or a higher epoch, ends all acknowledgement for good") {
  struct Source final : EpochSource {
    Result<Lease> acquire(Epoch) override { return Error(Code::locked, ""); }
    Result<Lease> renew(Epoch epoch) override {
      if (failure) return *failure;
      return Lease{epoch, clock->monotonic() + 3s};
    }
    Result<> release(Epoch) override { return released = true, Result<>(); }
    Result<Epoch> observe() override { return Epoch{1}; }
    port::Duration time_to_live() const override { return 3s; }
    ManualClock* clock = nullptr;
    std::optional<Error> failure;
    bool released = false;
  } source;
  ManualClock clock;
  source.clock = &clock;
  LeaseKeeper keeper(source, clock, {1, 3s});
  int lost = 0;
  keeper.on_lost([&] { ++lost; });
  SimulatedStorage disk;
  Engine engine(disk, {}, nullptr, &keeper);
  REQUIRE(engine.sequencer->step().ok());
  clock.advance(2s);
  CHECK(keeper.renew_if_due());
  clock.advance(2s);
  CHECK(keeper.may_acknowledge());  // by the renewal
  SUBCASE("unreachable until the deadline") {
    source.failure = Error(Code::unreachable, "no route");
    CHECK(keeper.renew_if_due());
    CHECK(keeper.may_acknowledge());
    clock.advance(1s);
  }
  SUBCASE("a higher epoch") {
    source.failure = Error(Code::conflict, "epoch 2");
    CHECK(!keeper.renew_if_due());
    CHECK(!keeper.renew_if_due());
    CHECK(lost == 1);
  }
  REQUIRE(engine.sequencer->submit(plain_order(1)) == Submitted::taken);
  auto step = engine.sequencer->step();
  REQUIRE(!step.ok());
  CHECK(step.error().code == Code::conflict);
  CHECK(engine.collector.last() == 1);
  CHECK(engine.sequencer->submit(plain_order(2)) == Submitted::not_primary);
  source.failure.reset();
  CHECK(!keeper.may_acknowledge());
  CHECK(!keeper.renew_if_due());
  keeper.stop(true);
  CHECK(!source.released);  // it was not ours any more
  CHECK(engine.collector.last() == 1);
}

TEST_CASE("many threads submit: all that was taken is released once, each thread's in its order, and recovered") {
  constexpr std::uint64_t kThreads = 4, kEach = 3000;
  SimulatedStorage disk;
  SequencerOptions options;
  options.queue_capacity = 256, options.max_batch_records = 64, options.snapshot_every = 2000,
  options.keep_snapshots = 2, options.checkpoint_every = 500;
  Engine engine(disk, options);
  REQUIRE(engine.sequencer->start().ok());
  std::vector<std::thread> threads;
  std::array<std::uint64_t, kThreads> taken{};
  for (std::uint64_t t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (std::uint64_t n = 0; n < kEach; ++n) {
        const Command command = plain_order(t * kEach + n);
        for (;;) {
          const auto answer = engine.sequencer->submit(command);
          if (answer == Submitted::taken) break;
          if (answer != Submitted::full) return;
          std::this_thread::yield();
        }
        ++taken[t];
      }
    });
  for (auto& thread : threads) thread.join();
  engine.sequencer->request_snapshot();
  auto stopped = engine.sequencer->stop(60s);
  REQUIRE_MESSAGE(stopped.ok(), stopped.error().text());
  const auto events = engine.collector.events();
  check_in_order(events);
  std::array<std::uint64_t, kThreads> next{};
  std::uint64_t orders = 0;
  for (const Event& event : events) {
    if (event.client_id.empty()) continue;
    const std::uint64_t t = event.client_tag / kEach;
    REQUIRE(event.client_tag == t * kEach + next[t]++);
    ++orders;
  }
  CHECK(orders == kThreads * kEach);
  for (std::uint64_t t = 0; t < kThreads; ++t) CHECK(taken[t] == next[t]);
  auto after = recovered(*disk.power_cut(Loss::all));
  CHECK(after.next == events.back().sequence + 1);
  CHECK(after.machine->state_hash() == engine.recovery.machine->state_hash());
  RecoveryOptions all;
  all.use_snapshots = false;
  CHECK(engine.sequencer->status().released_sequence == events.back().sequence);
}

TEST_CASE("a disk that fails under load: nothing that was released is lost, and everybody is told") {
  for (std::uint64_t fail_at : {30u, 57u, 111u}) {
    SimulatedStorage disk;
    SequencerOptions options;
    options.queue_capacity = 64, options.max_batch_records = 16;
    Engine engine(disk, options);
    std::atomic<int> ended{0};
    engine.sequencer->on_end([&](SequencerState state) {
      if (state == SequencerState::storage_failed) ++ended;
    });
    disk.set_hook([=](std::uint64_t operation, std::string_view what, const std::string&) -> Result<> {
      if (operation >= fail_at && what == "sync") return Error(Code::io, "input/output error");
      return {};
    });
    REQUIRE(engine.sequencer->start().ok());
    std::thread submitter([&] {
      for (std::uint64_t n = 0;; ++n) {
        const auto answer = engine.sequencer->submit(plain_order(n));
        if (answer == Submitted::storage) return;
        if (answer == Submitted::full) std::this_thread::yield();
      }
    });
    submitter.join();
    CHECK(!engine.sequencer->stop(60s).ok());
    CHECK(ended == 1);
    check_in_order(engine.collector.events());
    disk.set_hook({});
    for (const Loss loss : {Loss::all, Loss::none, Loss::scattered})
      CHECK(recovered(*disk.power_cut(loss, fail_at)).next - 1 >= engine.collector.last());
  }
}

TEST_CASE("an idle engine sleeps, and wakes for one command after another") {
  SimulatedStorage disk;
  Engine engine(disk);
  REQUIRE(engine.sequencer->start().ok());
  for (std::uint64_t n = 0; n < 200; ++n) {
    REQUIRE(engine.sequencer->submit(plain_order(n)) == Submitted::taken);
    REQUIRE(engine.collector.wait_for_sequence(2 + n));
  }
  CHECK(engine.sequencer->stop(60s).ok());
}

TEST_CASE("synchronous replication with threads: the acknowledgement releases, stop does not wait for ever") {
  SimulatedStorage disk;
  FakeReplicator replicator;
  Engine engine(disk, {}, &replicator);
  REQUIRE(engine.sequencer->start().ok());
  REQUIRE(engine.sequencer->submit(plain_order(1)) == Submitted::taken);
  replicator.acknowledged = 2;
  engine.sequencer->replication_advanced();
  REQUIRE(engine.collector.wait_for_sequence(2));
  REQUIRE(engine.sequencer->submit(plain_order(2)) == Submitted::taken);
  (void)engine.sequencer->stop(0s);
  CHECK(engine.collector.last() == 2);
  CHECK(recovered(*disk.power_cut(Loss::all)).next == 4);
}
