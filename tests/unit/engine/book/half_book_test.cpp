#include "engine/book/half_book.h"

#include <doctest/doctest.h>

#include <map>
#include <set>

#include "engine/book/client_ids.h"
#include "engine/book/order_ids.h"
#include "engine/model/instrument.h"

using namespace nautilus::engine;

namespace {

struct Dice {
  std::uint64_t state;
  std::uint64_t next() { return mix(state += 0x9E3779B97F4A7C15); }
};

struct Range {
  Price low, high;
  bool lowest_first;
};

}  // namespace

TEST_CASE("the best and the next level are found over ranges of every size") {
  const Range ranges[] = {{1, 1, true},         {0, 63, false},         {-5, 511, true},
                          {1, 512, false},      {1, 513, true},         {-40'000, 40'000, false},
                          {1, 3'000'000, true}, {1, kMaxLadder, false}, {-kMaxLadder / 2, kMaxLadder / 2 - 1, true}};
  for (const Range& range : ranges) {
    CAPTURE(range.high);
    MemoryStats stats;
    PagePool pages(stats, 0);
    HalfBook half(stats, pages, range.low, range.high, range.lowest_first);
    std::set<HalfBook::Key> naive;
    Dice dice{static_cast<std::uint64_t>(range.high)};
    const auto ticks = static_cast<std::uint64_t>(range.high - range.low + 1);
    CHECK(half.empty());
    for (int i = 0; i < 4'000; ++i) {
      // Ends and crowded places as well as anywhere.
      const std::uint64_t kind = dice.next() % 4;
      const std::uint64_t spot = kind == 0   ? dice.next() % ticks
                                 : kind == 1 ? dice.next() % std::min<std::uint64_t>(ticks, 130)
                                 : kind == 2
                                     ? ticks - 1 - dice.next() % std::min<std::uint64_t>(ticks, 70)
                                     : ticks / 2 + dice.next() % std::min<std::uint64_t>(ticks - ticks / 2, 600);
      const auto key = static_cast<HalfBook::Key>(spot);
      REQUIRE(half.key(half.price(key)) == key);
      half.level(key);
      if (naive.insert(key).second) {
        half.occupied(key);
      } else {
        naive.erase(key);
        half.vacated(key);
      }
      REQUIRE(half.best() == (naive.empty() ? HalfBook::kNone : *naive.begin()));
      const auto from = static_cast<HalfBook::Key>(dice.next() % ticks);
      const auto at = naive.lower_bound(from);
      REQUIRE(half.next(from) == (at == naive.end() ? HalfBook::kNone : *at));
    }
    REQUIRE(half.next(static_cast<HalfBook::Key>(ticks)) == HalfBook::kNone);
  }
}

TEST_CASE("warming makes the pages around a price and no other") {
  MemoryStats stats;
  PagePool pages(stats, 64);
  HalfBook half(stats, pages, 1, 1'000'000, false);
  half.warm(500'000, 2'000);
  const std::uint64_t growths = stats.growths;
  for (Price price = 498'000; price <= 502'000; ++price) CHECK(half.find(half.key(price)) != nullptr);
  CHECK(half.find(half.key(100)) == nullptr);
  CHECK(stats.growths == growths);
  half.warm(1, 1'000'000'000);  // cut at the ends of the range
  CHECK(half.find(half.key(1)) != nullptr);
}

TEST_CASE("the queue of a level keeps its order whoever leaves") {
  MemoryStats stats;
  OrderPool pool(stats, 4);
  Level level{};
  std::vector<Slot> naive;
  Dice dice{7};
  for (int i = 0; i < 3'000; ++i) {
    if (naive.empty() || dice.next() % 2) {
      const Slot slot = pool.take(1);
      OrderNode& node = pool.node(slot);
      node = {};
      node.order_id = static_cast<OrderId>(i + 1);
      node.shown = static_cast<Quantity>(dice.next() % 10 + 1);
      node.leaves = node.shown + 3;
      append(pool, level, slot, node.shown, node.leaves);
      naive.push_back(slot);
    } else {
      const std::size_t at = dice.next() % naive.size();
      take_out(pool, level, naive[at]);
      pool.give_back(naive[at]);
      naive.erase(naive.begin() + static_cast<std::ptrdiff_t>(at));
    }
    REQUIRE(level.orders == naive.size());
    REQUIRE(pool.alive() == naive.size());
    Quantity shown = 0;
    Slot walk = level.head, before = kNoSlot;
    for (const Slot slot : naive) {
      REQUIRE(walk == slot);
      REQUIRE(pool.node(walk).prev == before);
      shown += pool.node(walk).shown;
      before = walk;
      walk = pool.node(walk).next;
    }
    REQUIRE(level.shown == shown);
    REQUIRE(level.total == shown + 3 * static_cast<Quantity>(naive.size()));
    if (!naive.empty()) REQUIRE(level.tail == naive.back());
  }
}

TEST_CASE("an index finds what it holds through growth, collisions and deletion") {
  MemoryStats stats;
  IndexTable table(stats, 1);
  std::map<std::uint32_t, std::uint32_t> naive;  // value to tag
  Dice dice{11};
  std::uint32_t next = 0;
  for (int i = 0; i < 20'000; ++i) {
    if (naive.empty() || dice.next() % 5 < 3) {
      // Few tags for many values: long runs of cells.
      const auto tag = static_cast<std::uint32_t>(dice.next() % 3 ? dice.next() % 40 : dice.next());
      table.insert(tag, next);
      naive[next++] = tag;
    } else {
      auto at = naive.lower_bound(static_cast<std::uint32_t>(dice.next() % next));
      if (at == naive.end()) at = naive.begin();
      table.erase(at->second, at->first);
      const std::uint32_t gone = at->first;
      CHECK(table.find(at->second, [&](std::uint32_t value) { return value == gone; }) == IndexTable::kNone);
      naive.erase(at);
    }
    REQUIRE(table.size() == naive.size());
    if (i % 500 == 0)
      for (const auto& [value, tag] : naive) {
        const std::uint32_t wanted = value;
        REQUIRE(table.find(tag, [&](std::uint32_t candidate) { return candidate == wanted; }) == value);
      }
  }
  CHECK(stats.growths > 3);
}

TEST_CASE("names are remembered by account and text, the last N of them") {
  MemoryStats stats;
  const NameHasher hash(1), other_key(2);
  const auto id = [](int n) { return ClientOrderId::from("order-" + std::to_string(n)); };
  CHECK(hash(1, id(1)) == hash(1, id(1)));
  CHECK_FALSE(hash(1, id(1)) == hash(2, id(1)));
  CHECK_FALSE(hash(1, id(1)) == hash(1, id(2)));
  CHECK_FALSE(hash(1, id(1)) == other_key(1, id(1)));
  std::set<std::uint64_t> low, high;
  std::set<std::uint32_t> tags;
  for (int i = 0; i < 20'000; ++i) {
    low.insert(hash(static_cast<AccountId>(i % 7), id(i)).low);
    high.insert(hash(static_cast<AccountId>(i % 7), id(i)).high);
    tags.insert(hash(static_cast<AccountId>(i % 7), id(i)).tag() & 0xFFFF);
  }
  CHECK(low.size() == 20'000);
  CHECK(high.size() == 20'000);
  CHECK(tags.size() > 16'500);  // spread as chance would: 65536 (1 - e^(-20000/65536)) = 17244

  RememberedNames names(stats, 100, 10);
  for (int i = 0; i < 1'000; ++i) {
    REQUIRE_FALSE(names.contains(hash(0, id(i))));
    names.add(hash(0, id(i)));
    REQUIRE(names.contains(hash(0, id(i))));
    REQUIRE(names.contains(hash(0, id(std::max(0, i - 99)))));
    if (i >= 100) REQUIRE_FALSE(names.contains(hash(0, id(i - 100))));
    REQUIRE(names.at(0) == hash(0, id(std::max(0, i - 99))));
  }
  CHECK(names.size() == 100);
  RememberedNames none(stats, 0, 0);
  none.add(hash(0, id(1)));
  CHECK_FALSE(none.contains(hash(0, id(1))));
}

TEST_CASE("order ids are found while they live, however old") {
  MemoryStats stats;
  OrderIds ids(stats, 4);
  std::vector<OrderId> slots(500, 0);  // what is where
  const auto id_of = [&](std::uint32_t slot) { return slots[slot]; };
  Dice dice{5};
  OrderId next = 1;
  for (int i = 0; i < 30'000; ++i) {
    const auto slot = static_cast<std::uint32_t>(dice.next() % 500);
    if (slots[slot]) {
      // Some stay for ever.
      if (slot % 50 == 0) continue;
      ids.erase(slots[slot], slot);
      const OrderId gone = std::exchange(slots[slot], 0);
      REQUIRE(ids.find(gone, id_of) == OrderIds::kNone);
    } else {
      slots[slot] = next;
      ids.insert(next++, slot, id_of);
    }
    const auto other = static_cast<std::uint32_t>(dice.next() % 500);
    if (slots[other]) REQUIRE(ids.find(slots[other], id_of) == other);
  }
  CHECK(ids.find(next, id_of) == OrderIds::kNone);
}
