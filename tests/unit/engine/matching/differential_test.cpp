// The engine against the naive reference, event for event, on random commands; and against itself through snapshots.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <rapidcheck.h>

#include <cstdlib>

#include "engine/matching/engine.h"
#include "tests/support/engine/command_stream.h"
#include "tests/support/engine/ledger.h"
#include "tests/support/engine/reference_engine.h"
#include "tests/support/engine/snapshot_buffer.h"

using namespace nautilus;
using namespace nautilus::engine;
using judges::CommandStream;
using judges::Dice;
using judges::SnapshotBuffer;

namespace {

constexpr std::size_t kRemembered = 300;

EngineOptions small(bool tiny) {
  EngineOptions options;
  options.orders = tiny ? 1 : 512;
  options.level_pages = tiny ? 0 : 16;
  options.positions = tiny ? 1 : 64;
  options.sessions = tiny ? 1 : 16;
  options.remembered_names = kRemembered;
  return options;
}

// "" or the first thing that is wrong.
class Court {
 public:
  std::string judge(const Command& command) {
    events_.clear();
    engine_.apply(command, events_);
    const auto expected = reference_.apply(command);
    for (std::size_t i = 0; i < std::max(events_.size(), expected.size()); ++i) {
      if (i >= events_.size()) return trouble(command, "missing: " + judges::text(expected[i]));
      if (i >= expected.size()) return trouble(command, "too much: " + judges::text(events_[i]));
      if (const auto d = judges::difference(events_[i], expected[i]); !d.empty()) return trouble(command, d);
    }
    if (const auto wrong = ledger_.take(events_); !wrong.empty()) return trouble(command, wrong);
    return {};
  }
  // The state, seen from outside, is what the ledger and the reference say.
  std::string audit() {
    std::vector<Event> told;
    engine_.describe(told);
    if (const auto wrong = ledger_.compare(told); !wrong.empty()) return wrong;
    for (InstrumentId id = 0; id < reference_.markets().size(); ++id) {
      Quantity sum = 0;
      for (AccountId account = 0; account < 5; ++account) sum += reference_.net(account, id);
      if (sum != 0) return "positions do not add up to zero";
      const Price bid = engine_.best(id, Side::buy), ask = engine_.best(id, Side::sell);
      if (reference_.markets()[id].phase == Phase::continuous && bid != kNoPrice && ask != kNoPrice && bid >= ask)
        return "the book is crossed";
    }
    if (engine_.open_orders() != reference_.orders().size()) return "an order is lost or doubled";
    return {};
  }
  // Goes on with an engine loaded from what this one saves.
  std::string reborn(bool tiny) {
    SnapshotBuffer first, second;
    engine_.save(first);
    Engine other(small(tiny));
    if (const auto loaded = other.load(first); !loaded.ok()) return loaded.error().text();
    other.save(second);
    if (first.bytes != second.bytes) return "save, load, save gives other bytes";
    if (other.state_hash() != engine_.state_hash()) return "another hash after load";
    std::vector<Event> before, after;
    engine_.describe(before);
    other.describe(after);
    if (before.size() != after.size()) return "described otherwise after load";
    for (std::size_t i = 0; i < before.size(); ++i)
      if (const auto d = judges::difference(before[i], after[i]); !d.empty()) return d;
    engine_ = std::move(other);
    return {};
  }
  const std::vector<Event>& events() const { return events_; }
  Engine& engine() { return engine_; }
  std::size_t kinds() const { return ledger_.kinds(); }

 private:
  static std::string trouble(const Command& command, const std::string& what) {
    return judges::text(command) + "\n" + what;
  }
  Engine engine_{small(true)};
  reference::ReferenceEngine reference_{kRemembered, kMaxTriggers, kMaxSlices};
  judges::Ledger ledger_;
  std::vector<Event> events_;
};

// How many commands the long run has; the default suits a unit test.
std::size_t wanted_commands() {
  const char* set = std::getenv("NAUTILUS_ENGINE_COMMANDS");
  return set ? static_cast<std::size_t>(std::strtoull(set, nullptr, 10)) : 300'000;
}

}  // namespace

TEST_CASE("the engine and the reference give the same events over a long random run") {
  constexpr std::size_t kPerSeed = 10'000;
  const std::size_t seeds = std::max<std::size_t>(wanted_commands() / kPerSeed, 1);
  std::size_t events = 0;
  for (std::size_t seed = 1; seed <= seeds; ++seed) {
    Court court;
    CommandStream stream;
    Dice dice(seed * 7919);
    CAPTURE(seed);
    for (const Command& command : stream.definitions()) REQUIRE(court.judge(command) == "");
    for (std::size_t i = 0; i < kPerSeed; ++i) {
      const Command command = stream.next(dice);
      const std::string wrong = court.judge(command);
      if (!wrong.empty()) FAIL("command ", i, ": ", wrong);
      stream.saw(court.events());
      events += court.events().size();
      if (i % 97 == 0) {
        const std::string audit = court.audit();
        if (!audit.empty()) FAIL("after command ", i, ": ", audit);
      }
      if (i % 1013 == 0) {
        const std::string reborn = court.reborn(dice.chance(50));
        if (!reborn.empty()) FAIL("after command ", i, ": ", reborn);
      }
    }
    if (seed == 1) CHECK(court.kinds() >= 18);
  }
  CHECK(events > seeds * kPerSeed);
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
