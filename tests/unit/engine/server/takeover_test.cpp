#include "engine/server/takeover.h"

#include <doctest/doctest.h>

#include "tests/support/engine/simulated_storage.h"

using namespace std::chrono_literals;

namespace nautilus::engine {

TEST_CASE("who may take over") {
  struct Row {
    const char* what;
    TakeoverFacts facts;
    const char* refusal;  // null: it may
  };
  const auto sync = [](Epoch newest, Epoch journal, Epoch held) {
    return TakeoverFacts{newest, journal, held, true, std::nullopt, 15s, 60s};
  };
  const auto async = [](Epoch newest, Epoch journal, Epoch held, std::optional<port::Duration> in_step) {
    return TakeoverFacts{newest, journal, held, false, in_step, 15s, 60s};
  };
  for (const Row& row : std::vector<Row>{
           {"the first of all", sync(0, 0, 0), nullptr},
           {"the first of all", async(0, 0, 0, std::nullopt), nullptr},
           {"the last primary again", sync(5, 5, 5), nullptr},
           {"the last primary again", async(5, 5, 5, std::nullopt), nullptr},
           {"the last primary, before its first record of that epoch", async(5, 4, 5, std::nullopt), nullptr},
           {"a new disk", sync(5, 0, 0), "epoch 5 exists"},
           {"a new disk", async(5, 0, 0, std::nullopt), "not been in step"},
           {"the standby of the newest epoch", sync(5, 5, 0), nullptr},
           {"a standby that missed an epoch", sync(6, 5, 0), "ends in epoch 5, and epoch 6 exists"},
           {"a former primary that missed an epoch", sync(6, 5, 5), "ends in epoch 5"},
           {"a former primary that follows the new one", sync(6, 6, 5), nullptr},
           {"a former primary that was overtaken", async(6, 5, 5, std::nullopt), "not been in step"},
           {"just in step", async(5, 5, 0, 2s), nullptr},
           {"at the edge", async(5, 5, 0, 75s), nullptr},
           {"behind the edge", async(5, 5, 0, 76s), "1m16s ago, more than the accepted 1m15s"},
           {"has a record of the epoch, but who knows what it lacks", async(5, 5, 0, std::nullopt), "not been in step"},
       }) {
    CAPTURE(row.what);
    const auto why = why_not_take_over(row.facts);
    REQUIRE(why.has_value() == (row.refusal != nullptr));
    if (why) CHECK_MESSAGE(why->find(row.refusal) != std::string::npos, *why);
  }
}

TEST_CASE("the held epoch stands beside the journal, whole or not at all") {
  test::SimulatedStorage disk;
  REQUIRE(read_held_epoch(disk).ok());
  CHECK(*read_held_epoch(disk) == 0);
  REQUIRE(write_held_epoch(disk, 7).ok());
  CHECK(*read_held_epoch(disk) == 7);
  for (std::uint64_t stop = 1; stop < 20; ++stop) {
    auto copy = disk.power_cut(test::SimulatedStorage::Loss::none);
    copy->set_hook([stop](std::uint64_t operation, std::string_view, const std::string&) -> Result<> {
      if (operation >= stop) return Error(Code::io, "the power is gone");
      return {};
    });
    const bool done = write_held_epoch(*copy, 8).ok();
    for (const auto loss : {test::SimulatedStorage::Loss::all, test::SimulatedStorage::Loss::none}) {
      auto after = copy->power_cut(loss, stop);
      auto read = read_held_epoch(*after);
      REQUIRE_MESSAGE(read.ok(), read.error().text());
      CHECK((*read == 8 || (!done && *read == 7)));
      CHECK(write_held_epoch(*after, 9).ok());
      CHECK(*read_held_epoch(*after) == 9);
    }
  }
}

TEST_CASE("a damaged held epoch is named") {
  for (const char* text : {"", "7", "7x\n", "-1\n", "99999999999999999999\n"}) {
    test::SimulatedStorage disk;
    auto file = disk.create("held-epoch");
    REQUIRE((*file)->append(std::as_bytes(std::span(std::string_view(text)))).ok());
    auto read = read_held_epoch(disk);
    REQUIRE(!read.ok());
    CHECK(read.error().text().find("held-epoch") != std::string::npos);
  }
}

}  // namespace nautilus::engine
