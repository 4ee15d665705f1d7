// The engine against the naive reference, event for event, on random commands; and against itself through snapshots.
#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "tests/support/engine/court.h"

using namespace nautilus;
using namespace nautilus::engine;
using judges::CommandStream;
using judges::Court;
using judges::Dice;
using judges::small;
using judges::SnapshotBuffer;

TEST_CASE("the engine and the reference give the same events over a long random run") {
  constexpr std::size_t kPerSeed = 10'000, kSeeds = 30;  // millions: the program engine_soak
  std::size_t events = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const judges::RunResult run = judges::run_court(seed, kPerSeed);
    REQUIRE(run.wrong == "");
    if (seed == 1) CHECK(run.kinds >= 18);
    events += run.events;
  }
  CHECK(events > kSeeds * kPerSeed);
}

TEST_CASE("rapidcheck finds no sequence of commands on which they differ") {
  const bool held = rc::check("same events", [](const std::vector<std::uint32_t>& seeds) {
    Court court;
    CommandStream stream;
    for (const Command& command : stream.definitions()) RC_ASSERT(court.judge(command) == "");
    // One number a command, so that a failing sequence shrinks command by command.
    for (const std::uint32_t seed : seeds) {
      for (std::uint64_t burst = 0; burst < 8; ++burst) {
        Dice dice(seed * std::uint64_t{8} + burst);
        RC_ASSERT(court.judge(stream.next(dice)) == "");
        stream.saw(court.events());
      }
    }
    RC_ASSERT(court.audit() == "");
    RC_ASSERT(court.reborn(true) == "");
  });
  CHECK(held);
}

TEST_CASE("capacity, restarts and the order of tables leave no trace") {
  Engine plain(small(false)), restarted(small(true));
  CommandStream stream;
  Dice dice(4711), restarts(42);
  std::vector<Event> a, b;
  const auto both = [&](const Command& command) {
    a.clear();
    b.clear();
    plain.apply(command, a);
    restarted.apply(command, b);
    REQUIRE(a.size() == b.size());
    for (std::size_t i = 0; i < a.size(); ++i) REQUIRE(judges::difference(a[i], b[i]) == "");
    stream.saw(a);
  };
  for (const Command& command : stream.definitions()) both(command);
  for (int i = 0; i < 20'000; ++i) {
    both(stream.next(dice));
    if (restarts.next() % 500 != 0) continue;
    SnapshotBuffer bytes;
    restarted.save(bytes);
    restarted = Engine(small(restarts.chance(50)));
    REQUIRE(restarted.load(bytes).ok());
    REQUIRE(restarted.state_hash() == plain.state_hash());
  }
  CHECK(plain.state_hash() == restarted.state_hash());
}

TEST_CASE("a batch gives what its commands give one by one") {
  Engine single(small(true)), batched(small(true));
  CommandStream stream;
  Dice dice(77);
  std::vector<Event> a, b;
  std::vector<Command> batch = stream.definitions();
  for (int round = 0; round < 1'500; ++round) {
    a.clear();
    b.clear();
    for (const Command& command : batch) single.apply(command, a);
    std::size_t called = 0;
    batched.apply_all(
        batch, b, [](void* count) { ++*static_cast<std::size_t*>(count); }, &called);
    REQUIRE(called == batch.size());
    REQUIRE(a.size() == b.size());
    for (std::size_t i = 0; i < a.size(); ++i) REQUIRE(judges::difference(a[i], b[i]) == "");
    stream.saw(a);
    batch.clear();
    for (auto count = dice.between(0, 40); count > 0; --count) batch.push_back(stream.next(dice));
  }
  CHECK(single.state_hash() == batched.state_hash());
}

TEST_CASE("a checkpoint tells a state that is another") {
  Engine engine(small(false));
  CommandStream stream;
  Dice dice(3);
  std::vector<Event> events;
  for (const Command& command : stream.definitions()) engine.apply(command, events);
  for (int i = 0; i < 500; ++i) engine.apply(stream.next(dice), events);
  Command checkpoint;
  checkpoint.type = CommandType::checkpoint;
  checkpoint.time = 2'000'000'000;
  checkpoint.state_hash = engine.state_hash();
  events.clear();
  engine.apply(checkpoint, events);
  for (const Event& event : events) CHECK(event.type != EventType::command_rejected);
  checkpoint.state_hash ^= 1;
  events.clear();
  engine.apply(checkpoint, events);
  REQUIRE(!events.empty());
  CHECK(events.back().type == EventType::command_rejected);
  CHECK(events.back().reason == Reason::storage);
}

TEST_CASE("a damaged snapshot is refused, wherever it is damaged") {
  Engine engine(small(false));
  CommandStream stream;
  Dice dice(99);
  std::vector<Event> events;
  for (const Command& command : stream.definitions()) engine.apply(command, events);
  for (int i = 0; i < 2'000; ++i) {
    events.clear();
    engine.apply(stream.next(dice), events);
    stream.saw(events);
  }
  SnapshotBuffer good;
  engine.save(good);
  for (int i = 0; i < 1'500; ++i) {
    SnapshotBuffer bad;
    bad.bytes = good.bytes;
    if (i % 3 == 0)
      bad.bytes.resize(dice.next() % bad.bytes.size());
    else
      bad.bytes[dice.next() % (i % 3 == 1 ? bad.bytes.size() : bad.bytes.size() / 4)] ^=
          static_cast<std::byte>(1u << dice.next() % 8);
    Engine other(small(true));
    const auto loaded = other.load(bad);
    REQUIRE_FALSE(loaded.ok());
    CHECK(loaded.error().code == Code::invalid);
    CHECK(other.sequence() == 0);
    CHECK(other.open_orders() == 0);
  }
}
