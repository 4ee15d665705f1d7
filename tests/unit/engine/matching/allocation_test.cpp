// After warm-up the engine allocates nothing: every operator new of this program is counted.
#include <doctest/doctest.h>

#include <cstdlib>
#include <new>

#include "engine/book/memory.h"
#include "tests/support/engine/command_stream.h"
#include "tests/support/engine/desk.h"

namespace {
std::uint64_t allocations = 0;
}

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size ? size : 1)) return memory;
  throw std::bad_alloc();
}
void* operator new[](std::size_t size) { return operator new(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

using namespace nautilus::engine;

TEST_CASE("orders, cancels, replacements, trades, stops and auctions allocate nothing") {
  EngineOptions options;
  options.orders = 4'096;
  options.remembered_names = 10'000;
  Engine engine(options);
  judges::CommandStream stream;
  std::vector<Event> events;
  events.reserve(1 << 16);
  for (const Command& command : stream.definitions()) engine.apply(command, events);
  judges::Dice dice(5);
  std::uint64_t in_engine = 0, growths = 0, made = 0;
  constexpr int kWarm = 20'000, kMeasured = 60'000;
  for (int i = 0; i < kWarm + kMeasured; ++i) {
    Command command = stream.next(dice);
    // Definitions are the one thing that builds something.
    if (command.type == CommandType::define_instrument) continue;
    events.clear();
    if (i == kWarm) growths = engine.memory().growths;
    const std::uint64_t before = allocations;
    engine.apply(command, events);
    if (i >= kWarm) in_engine += allocations - before;
    made += events.size();
    stream.saw(events);
  }
  CHECK(in_engine == 0);
  CHECK(engine.memory().growths == growths);
  CHECK(made > 60'000);
  CHECK(allocations > 0);
}

TEST_CASE("nor do they in groups, as the sequencer hands them over") {
  EngineOptions options;
  options.orders = 4'096;
  options.remembered_names = 10'000;
  Engine engine(options);
  judges::CommandStream stream;
  std::vector<Event> events;
  events.reserve(1 << 16);
  for (const Command& command : stream.definitions()) engine.apply(command, events);
  judges::Dice dice(6);
  constexpr std::size_t kGroup = 64;
  constexpr int kWarm = 400, kMeasured = 1'200;
  std::vector<Command> group;
  std::uint64_t in_engine = 0, growths = 0, made = 0;
  for (int i = 0; i < kWarm + kMeasured; ++i) {
    group.clear();
    while (group.size() < kGroup) {
      const Command command = stream.next(dice);
      if (command.type != CommandType::define_instrument) group.push_back(command);
    }
    events.clear();
    if (i == kWarm) growths = engine.memory().growths;
    const std::uint64_t before = allocations;
    engine.apply_all(group, events);
    if (i >= kWarm) in_engine += allocations - before;
    made += events.size();
    stream.saw(events);
  }
  CHECK(in_engine == 0);
  CHECK(engine.memory().growths == growths);
  CHECK(made > 60'000);
}
