// Commands go to the matching engine in groups: nothing of that may be seen in the events, the state or the journal.
#include <doctest/doctest.h>

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
