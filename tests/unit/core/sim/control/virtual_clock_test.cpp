#include "core/sim/virtual_clock.h"

#include <doctest/doctest.h>

#include <string>

#include "core/sim/random.h"

using namespace nautilus;
using namespace std::chrono_literals;

TEST_CASE("events run in order of time, and of scheduling within one instant") {
  sim::VirtualClock clock(port::WallTime{});
  sim::EventQueue queue(clock);
  std::string ran;
  queue.after(2s, [&] { ran += 'c'; });
  queue.after(1s, [&] { ran += 'a'; });
  queue.after(1s, [&] { ran += 'b'; });
  const auto cancelled = queue.after(1500ms, [&] { ran += 'x'; });
  queue.cancel(cancelled);
  queue.run_until(1s);
  CHECK(ran == "ab");
  CHECK(clock.monotonic() == port::Monotonic(1s));
  queue.run_until(10s);
  CHECK(ran == "abc");
  CHECK(clock.monotonic() == port::Monotonic(10s));
}

TEST_CASE("time moves only as far as the next event") {
  sim::VirtualClock clock(port::WallTime(1000s));
  sim::EventQueue queue(clock);
  port::WallTime seen{};
  queue.after(5s, [&] { seen = clock.now(); });
  CHECK_FALSE(queue.run_next(4s));
  CHECK(clock.monotonic() == port::Monotonic(0s));
  CHECK(queue.run_next(60s));
  CHECK(seen == port::WallTime(1005s));
  CHECK(clock.monotonic() == port::Monotonic(5s));
}

TEST_CASE("an event scheduled in the past runs now") {
  sim::VirtualClock clock(port::WallTime{});
  sim::EventQueue queue(clock);
  queue.run_until(10s);
  bool ran = false;
  queue.at(1s, [&] { ran = true; });
  CHECK(queue.run_next(10s));
  CHECK(ran);
  CHECK(clock.monotonic() == port::Monotonic(10s));
}

TEST_CASE("the same seed draws the same numbers, forks are independent of each other") {
  sim::Random one(7), two(7), other(8);
  std::string first, second, third;
  for (int i = 0; i < 16; ++i) {
    first += std::to_string(one.below(1000)) + " ";
    second += std::to_string(two.below(1000)) + " ";
    third += std::to_string(other.below(1000)) + " ";
  }
  CHECK(first == second);
  CHECK(first != third);
  sim::Random parent(7);
  auto before = parent.fork("kubelet").next();
  parent.next();
  CHECK(parent.fork("kubelet").next() == before);
  CHECK(parent.fork("server").next() != before);
}

TEST_CASE("numbers stay within their bounds and reach both ends") {
  sim::Random random(3);
  bool low = false, high = false;
  for (int i = 0; i < 2000; ++i) {
    const auto drawn = random.below(5);
    REQUIRE(drawn < 5);
    low = low || drawn == 0;
    high = high || drawn == 4;
    const auto time = random.between(1ms, 2ms);
    REQUIRE(time >= 1ms);
    REQUIRE(time <= 2ms);
  }
  CHECK(low);
  CHECK(high);
  CHECK(random.below(0) == 0);
}
