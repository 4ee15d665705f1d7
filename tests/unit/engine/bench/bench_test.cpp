// What the figures are made from: the flow, the commands of it, the percentiles.
#include "engine/bench/bench.h"

#include <doctest/doctest.h>

#include <set>

#include "engine/bench/commands.h"

using namespace nautilus::engine;
using namespace nautilus::engine::bench;

TEST_CASE("percentiles are of the sorted times") {
  std::vector<double> times;
  for (int i = 1000; i >= 0; --i) times.push_back(i);
  const Spread spread = spread_of(times);
  CHECK(spread.count == 1001);
  CHECK(spread.median == 500);
  CHECK(spread.p99 == 990);
  CHECK(spread.p999 == 999);
  CHECK(spread.worst == 1000);
  std::vector<double> none, one{3};
  CHECK(spread_of(none).count == 0);
  CHECK(spread_of(one).p999 == 3);
}

TEST_CASE("one seed is one flow") {
  const auto a = make_flow(1, 5'000, 500), b = make_flow(1, 5'000, 500), other = make_flow(2, 5'000, 500);
  REQUIRE(a.size() == 5'000);
  const auto differ = [](const std::vector<Message>& x, const std::vector<Message>& y) {
    return std::memcmp(x.data(), y.data(), x.size() * sizeof(Message)) != 0;
  };
  CHECK_FALSE(differ(a, b));
  CHECK(differ(a, other));
}

TEST_CASE("the engine takes the flow: most of it is accepted, and changes find their orders") {
  Engine engine(roomy(500));
  std::vector<Event> events;
  for (const Command& command : definitions()) engine.apply(command, events);
  for (const Event& event : events) REQUIRE(event.type != EventType::command_rejected);
  events.clear();
  const auto flow = make_flow(1, 20'000, 500);
  Maker maker(flow.size());
  Sequence sequence = 0;
  std::set<std::string> names;
  for (const Message& message : flow) {
    Command command;
    command.sequence = ++sequence, command.time = static_cast<Timestamp>(sequence) * 500;
    maker.make(message, command);
    if (command.client_id.length) CHECK(names.emplace(command.client_id.view()).second);
    engine.apply(command, events);
  }
  std::size_t accepted = 0, rejected = 0, cancelled = 0, late = 0, replaced = 0, trades = 0;
  for (const Event& event : events) {
    accepted += event.type == EventType::order_accepted;
    rejected += event.type == EventType::order_rejected;
    cancelled += event.type == EventType::order_cancelled;
    replaced += event.type == EventType::order_replaced;
    late += event.type == EventType::cancel_rejected;
    trades += event.type == EventType::traded;
  }
  CHECK(accepted > 8'000);
  CHECK(rejected == 0);
  CHECK(cancelled > 5'000);
  CHECK(replaced > 1'000);
  CHECK(trades > 500);
  CHECK(late < 4'000);  // traded before the cancel came, as in life
}
