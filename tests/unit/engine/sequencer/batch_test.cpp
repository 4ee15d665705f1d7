// Commands go to the matching engine in groups: nothing of that may be seen in the events, the state or the journal.
#include <doctest/doctest.h>

#include <thread>

#include "engine/journal/tools.h"
#include "engine/matching/engine.h"
#include "engine/sequencer/sequencer.h"
#include "tests/support/engine/collector.h"
#include "tests/support/engine/command_stream.h"
#include "tests/support/engine/manual_clock.h"
#include "tests/unit/engine/journal/journal_run.h"

using namespace nautilus;
using namespace nautilus::engine;
using namespace nautilus::engine::test;

namespace {

constexpr std::uint64_t kCheckpointEvery = 100;

std::unique_ptr<Machine> make_engine() {
  EngineOptions options;
  options.orders = 64, options.remembered_names = 2'000, options.level_pages = 4;
  return std::make_unique<Engine>(options);
}

// What the gateway may send: not what is the sequencer's own, nor what the journal has no place for.
bool may_be_sent(const Command& command) {
  if (command.type == CommandType::begin_epoch || command.type == CommandType::checkpoint) return false;
  std::byte record[kMaxRecordBytes];
  Command back;
  return decode_record(std::span(record).first(encode_record(command, record)), back).ok();
}

// Sends random commands in bursts of random length; returns what was released and leaves the journal on the disk.
std::vector<Event> run(SimulatedStorage& disk, std::uint64_t seed, std::uint64_t& hash) {
  auto recovery = recover(disk, make_engine);
  REQUIRE(recovery.ok());
  auto writer = continue_journal(disk, *recovery, test_id(), {1u << 20, 0});
  REQUIRE(writer.ok());
  ManualClock clock;
  Collector collector;
  SequencerOptions options;
  options.max_batch_records = 300, options.checkpoint_every = kCheckpointEvery, options.snapshot_at_stop = false;
  Sequencer sequencer({*recovery->machine, disk, collector, clock}, std::move(*writer), *recovery, 1, options);
  judges::CommandStream stream;
  judges::Dice dice(seed);
  std::vector<Command> burst = stream.definitions();
  std::size_t seen = 0;
  REQUIRE(sequencer.step().ok());  // the first turn begins the epoch; from then on commands are taken
  for (int round = 0; round < 60; ++round) {
    for (const Command& command : burst)
      if (may_be_sent(command)) REQUIRE(sequencer.submit(command) == Submitted::taken);
    for (bool worked = true; worked;) {
      auto step = sequencer.step();
      REQUIRE(step.ok());
      worked = *step;
    }
    const auto events = collector.events();
    stream.saw({events.begin() + static_cast<std::ptrdiff_t>(seen), events.end()});
    seen = events.size();
    clock.advance(std::chrono::milliseconds(3));
    burst.clear();
    for (auto count = dice.between(1, 700); count > 0; --count) burst.push_back(stream.next(dice));
  }
  REQUIRE(sequencer.stop().ok());
  hash = recovery->machine->state_hash();
  return collector.events();
}

void check_same(const std::vector<Event>& a, const std::vector<Event>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) REQUIRE(judges::difference(a[i], b[i]) == "");
}

}  // namespace

TEST_CASE("in groups or one by one: the same events, marks, hash and checkpoints") {
  for (std::uint64_t seed : {1u, 2u, 3u}) {
    SimulatedStorage disk;
    std::uint64_t hash = 0;
    const auto released = run(disk, seed, hash);
    REQUIRE(released.size() > 10'000);

    auto reader = JournalReader::open(disk);
    REQUIRE(reader.ok());
    const auto single = make_engine();
    std::vector<Event> events;
    Command command;
    std::uint64_t since_checkpoint = 0, checkpoints = 0, commands = 0;
    for (;; ++commands) {
      auto more = reader->next(command);
      REQUIRE_MESSAGE(more.ok(), more.error().text());
      if (!*more) break;
      if (command.type == CommandType::checkpoint) {
        // Between two commands, as near to its place as the batch's end allows.
        CHECK(since_checkpoint >= kCheckpointEvery);
        CHECK(since_checkpoint <= kCheckpointEvery + 1);
        CHECK(command.state_hash == single->state_hash());
        since_checkpoint = 0, ++checkpoints;
      }
      ++since_checkpoint;
      single->apply(command, events);
    }
    CHECK(commands > 15'000);
    CHECK(checkpoints >= commands / kCheckpointEvery - commands / 300);
    CHECK(single->state_hash() == hash);
    check_same(released, events);

    std::vector<Event> told;
    RecoveryOptions options;
    Sequence last = 0;
    options.on_events = [&](const Command& of, std::span<const Event> some) {
      REQUIRE(of.sequence == ++last);
      for (const Event& event : some) REQUIRE(event.sequence == of.sequence);
      if (!some.empty()) REQUIRE(some.back().last_of_command);
      told.insert(told.end(), some.begin(), some.end());
    };
    auto replayed = recover(disk, make_engine, options);
    REQUIRE(replayed.ok());
    CHECK(replayed->machine->state_hash() == hash);
    CHECK(replayed->replayed == commands);
    check_same(told, released);
  }
}

TEST_CASE("a replay that is to stop in the middle of a group stops there") {
  SimulatedStorage disk;
  std::uint64_t hash = 0;
  (void)run(disk, 7, hash);
  const auto single = make_engine();
  auto reader = JournalReader::open(disk);
  REQUIRE(reader.ok());
  Command command;
  std::vector<Event> events;
  for (Sequence stop : {1u, 63u, 64u, 65u, 1'000u, 1'001u}) {
    while (single->sequence() < stop) {
      auto more = reader->next(command);
      REQUIRE_MESSAGE(more.ok(), more.error().text());
      REQUIRE(*more);
      single->apply(command, events);
    }
    RecoveryOptions options;
    options.stop_after = stop;
    auto replayed = recover(disk, make_engine, options);
    REQUIRE(replayed.ok());
    CHECK(replayed->stopped_early);
    CHECK(replayed->next == stop + 1);
    CHECK(replayed->machine->state_hash() == single->state_hash());
  }
}

TEST_CASE("snapshots of a shadow are what a replay has at their sequence, while the engine goes on") {
  SimulatedStorage disk;
  auto recovery = recover(disk, make_engine);
  REQUIRE(recovery.ok());
  auto writer = continue_journal(disk, *recovery, test_id(), {1u << 16, 0});
  REQUIRE(writer.ok());
  // The first two cannot be written; the next ones must not suffer from it.
  std::atomic<int> refused{0};
  disk.set_hook([&](std::uint64_t, std::string_view what, const std::string& name) -> Result<> {
    if (what != "create" || !name.starts_with("snapshot-") || refused >= 2) return {};
    ++refused;
    return Error(Code::io, "no more inodes");
  });
  ManualClock clock;
  Collector collector;
  SequencerOptions options;
  options.max_batch_records = 100, options.checkpoint_every = 450, options.snapshot_at_stop = false;
  Sequencer sequencer({*recovery->machine, disk, collector, clock, nullptr, nullptr, make_engine}, std::move(*writer),
                      *recovery, 1, options);
  REQUIRE(sequencer.start().ok());
  judges::CommandStream stream;
  judges::Dice dice(11);
  std::vector<Command> burst = stream.definitions();
  std::size_t seen = 0;
  const SequencerStatus& status = sequencer.status();
  int published = 0;
  for (int round = 0; round < 8; ++round) {
    for (const Command& command : burst)
      if (may_be_sent(command)) REQUIRE(sequencer.submit(command) == Submitted::taken);
    const Sequence before = status.snapshot_sequence;
    const auto failures = status.snapshot_failures.load();
    sequencer.request_snapshot();
    Command more;  // so that there is a batch behind the request
    more.type = CommandType::advance_time;
    REQUIRE(sequencer.submit(more) == Submitted::taken);
    while (status.snapshot_sequence == before && status.snapshot_failures == failures) std::this_thread::yield();
    published += status.snapshot_sequence != before;
    const auto events = collector.events();
    stream.saw({events.begin() + static_cast<std::ptrdiff_t>(seen), events.end()});
    seen = events.size();
    burst.clear();
    for (auto count = dice.between(200, 900); count > 0; --count) burst.push_back(stream.next(dice));
  }
  REQUIRE(sequencer.stop(std::chrono::seconds(60)).ok());
  CHECK(refused == 2);
  CHECK(status.snapshot_failures == 2);
  CHECK(published == 6);
  CHECK(list_snapshots(disk)->size() == 6);
  CHECK(list_segments(disk)->size() > 3);
  const auto verified = verify_journal(disk, make_engine);  // meets every snapshot's hash
  REQUIRE_MESSAGE(verified.ok(), verified.error().text());
  CHECK(verified->warnings.empty());
  CHECK(verified->snapshots == 6);
  CHECK(verified->checkpoints > 3);
  CHECK(verified->state_hash == recovery->machine->state_hash());
}

TEST_CASE("a shadow follows a journal; what it cannot have is an error, and it begins anew") {
  SimulatedStorage disk;
  Sequence acknowledged = 0;
  RunOptions options;
  options.commands = 200;
  REQUIRE(run_journal(disk, options, acknowledged).ok());
  const auto hashes = reference_hashes(200);
  Shadow shadow(disk, make_toy_machine);
  for (const Sequence at : {1u, 1u, 2u, 63u, 64u, 65u, 150u, 200u}) {
    const auto image = shadow.at(at);
    REQUIRE_MESSAGE(image.ok(), image.error().text());
    CHECK(image->info.sequence == at);
    CHECK(image->info.state_hash == hashes[at]);
    CHECK(image->info.epochs.size() == 1);
  }
  CHECK_FALSE(shadow.at(201).ok());
  CHECK(shadow.at(77)->info.state_hash == hashes[77]);
}

TEST_CASE("a checkpoint that is due waits for a quiet moment, but not for ever") {
  SimulatedStorage disk;
  auto recovery = recover(disk, make_toy_machine);
  auto writer = continue_journal(disk, *recovery, test_id());
  REQUIRE(writer.ok());
  ManualClock clock;
  Collector collector;
  SequencerOptions options;
  options.checkpoint_every = 10, options.checkpoint_quiet = std::chrono::milliseconds(10);
  options.silence = std::chrono::hours(1);
  Sequencer sequencer({*recovery->machine, disk, collector, clock}, std::move(*writer), *recovery, 1, options);
  REQUIRE(sequencer.step().ok());
  const auto checkpoints = [&] {
    auto reader = JournalReader::open(disk);
    Command command;
    std::vector<Sequence> out;
    while (*reader->next(command))
      if (command.type == CommandType::checkpoint) out.push_back(command.sequence);
    return out;
  };
  const auto send = [&](Sequence count) {
    for (Sequence n = 0; n < count; ++n) REQUIRE(sequencer.submit(plain_order(n)) == Submitted::taken);
    while (*sequencer.step()) {}
  };
  send(50);
  CHECK(checkpoints().empty());
  clock.advance(std::chrono::milliseconds(9));
  while (*sequencer.step()) {}
  CHECK(checkpoints().empty());
  clock.advance(std::chrono::milliseconds(1));
  while (*sequencer.step()) {}
  CHECK(checkpoints() == std::vector<Sequence>{52});  // begin_epoch, 50 orders, and it
  clock.advance(std::chrono::milliseconds(100));
  CHECK_FALSE(*sequencer.step());  // nothing has come since: none is due
  send(10 * kCheckpointPatience - 1);
  CHECK(checkpoints() == std::vector<Sequence>{52, 52 + 10 * kCheckpointPatience});
}
