// The power may fail at every operation and every byte; what was acknowledged is there afterwards, exactly once.
#include "tests/unit/engine/journal/journal_run.h"

using namespace nautilus;
using namespace nautilus::engine;
using namespace nautilus::engine::test;
using Loss = SimulatedStorage::Loss;

namespace {

// Recovers the disk, holds the state against the reference, goes on to the end, recovers that again.
void check_survives(SimulatedStorage& disk, Sequence acknowledged, const RunOptions& options,
                    const std::vector<std::uint64_t>& hashes, const std::string& what) {
  INFO(what);
  auto recovery = recover(disk, make_toy_machine);
  REQUIRE_MESSAGE(recovery.ok(), recovery.error().text());
  const Sequence last = recovery->next - 1;
  REQUIRE(last >= acknowledged);
  REQUIRE(last <= options.commands);
  REQUIRE(recovery->machine->state_hash() == hashes[last]);
  Sequence again = 0;
  RunOptions rest = options;
  rest.seed += 17;
  auto run = run_journal(disk, rest, again);
  REQUIRE_MESSAGE(run.ok(), run.error().text());
  auto after = disk.power_cut(Loss::all);
  auto whole = recover(*after, make_toy_machine);
  REQUIRE_MESSAGE(whole.ok(), whole.error().text());
  REQUIRE(whole->next == options.commands + 1);
  REQUIRE(whole->machine->state_hash() == hashes[options.commands]);
}

// Stops a run before each operation that touches the disk, and cuts the power there in every way.
void cut_everywhere(const RunOptions& options, std::uint64_t seeds) {
  const auto hashes = reference_hashes(options.commands);
  std::uint64_t total = 0;
  {
    SimulatedStorage storage;
    Sequence acknowledged = 0;
    REQUIRE(run_journal(storage, options, acknowledged).ok());
    REQUIRE(acknowledged == options.commands);
    total = storage.operations();
  }
  for (std::uint64_t stop = 1; stop <= total; ++stop) {
    SimulatedStorage storage;
    Random random(stop);
    storage.set_partial_append(random.below(900));
    storage.set_hook([stop](std::uint64_t operation, std::string_view, const std::string&) -> Result<> {
      if (operation >= stop) return Error(Code::io, "the power is gone");
      return {};
    });
    Sequence acknowledged = 0;
    REQUIRE(!run_journal(storage, options, acknowledged).ok());
    check_survives(*storage.power_cut(Loss::all), acknowledged, options, hashes,
                   fmt::format("operation {}, all lost", stop));
    check_survives(*storage.power_cut(Loss::none), acknowledged, options, hashes,
                   fmt::format("operation {}, killed", stop));
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
      check_survives(*storage.power_cut(Loss::prefix, seed), acknowledged, options, hashes,
                     fmt::format("operation {}, prefix {}", stop, seed));
      check_survives(*storage.power_cut(Loss::scattered, seed), acknowledged, options, hashes,
                     fmt::format("operation {}, scattered {}", stop, seed));
    }
  }
}

}  // namespace

TEST_CASE("a power cut at any operation keeps what was acknowledged") {
  RunOptions options;
  options.commands = 220;
  cut_everywhere(options, 2);
}

TEST_CASE("a power cut at any operation, with snapshots and pruning") {
  RunOptions options;
  options.commands = 220, options.snapshot_every = 30, options.prune = true, options.close = true;
  options.writer.segment_bytes = 2048;
  cut_everywhere(options, 2);
}

TEST_CASE("an append that stops at any byte of a batch loses only that batch") {
  RunOptions options;
  options.commands = 60, options.max_batch = 6, options.writer.segment_bytes = 1u << 20;
  const auto hashes = reference_hashes(options.commands);
  SimulatedStorage storage;
  Sequence acknowledged = 0;
  REQUIRE(run_journal(storage, options, acknowledged).ok());
  const std::string name = segment_name(1);
  const auto whole = storage.content(name);
  // Where each batch ends, and the sequence it brings.
  std::vector<std::pair<std::uint64_t, Sequence>> ends{{0, 0}};
  auto reader = JournalReader::open(storage);
  REQUIRE(reader.ok());
  for (;;) {
    auto batch = reader->next();
    REQUIRE(batch.ok());
    if (!*batch) break;
    ends.emplace_back((*batch)->offset + (*batch)->bytes.size(), (*batch)->header.last_sequence());
  }
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    Sequence expected = 0;
    for (const auto& [end, last] : ends)
      if (end <= length) expected = last;
    for (const std::size_t zeros :
         {std::size_t{0}, std::size_t{200}}) {  // the size may have grown before the bytes came
      SimulatedStorage cut;
      auto content = whole;
      content.resize(length);
      content.resize(length + zeros);
      cut.set_content(name, content);
      auto recovery = recover(cut, make_toy_machine);
      REQUIRE_MESSAGE(recovery.ok(), recovery.error().text());
      REQUIRE(recovery->next - 1 >= expected);  // zeros may happen to be the missing padding
      REQUIRE(recovery->machine->state_hash() == hashes[recovery->next - 1]);
      if (zeros == 0) REQUIRE(recovery->next - 1 == expected);
    }
  }
}

TEST_CASE("after a failed sync nothing more is acknowledged, and a restart has what was") {
  RunOptions options;
  options.commands = 120;
  const auto hashes = reference_hashes(options.commands);
  for (std::uint64_t nth = 1;; ++nth) {
    SimulatedStorage storage;
    std::uint64_t syncs = 0;
    storage.set_hook([&, nth](std::uint64_t, std::string_view what, const std::string&) -> Result<> {
      if (what == "sync" && ++syncs == nth) return Error(Code::io, "input/output error");
      return {};
    });
    Sequence acknowledged = 0;
    auto run = run_journal(storage, options, acknowledged);
    if (run.ok()) {
      CHECK(nth > 20);
      break;
    }
    CHECK(run.error().code == Code::io);
    // The process restarts on the living machine: what the cache shows of the failed sync must not be believed.
    storage.set_hook({});
    check_survives(*storage.power_cut(Loss::none), acknowledged, options, hashes,
                   fmt::format("failed sync {}, restart", nth));
    check_survives(*storage.power_cut(Loss::scattered, nth), acknowledged, options, hashes,
                   fmt::format("failed sync {}, cut", nth));
  }
}

TEST_CASE("a writer that failed once fails for good, also when the disk is well again") {
  SimulatedStorage storage;
  auto recovery = recover(storage, make_toy_machine);
  REQUIRE(recovery.ok());
  auto writer = continue_journal(storage, *recovery, test_id());
  REQUIRE(writer.ok());
  bool fail = true;
  storage.set_hook([&](std::uint64_t, std::string_view what, const std::string&) -> Result<> {
    if (fail && what == "append") return Error(Code::io, "no space left on device");
    return {};
  });
  BatchBuilder builder;
  builder.begin(1);
  builder.add(nth_command(1));
  const auto bytes = builder.finish(writer->seed());
  CHECK(!writer->write(builder.header(), bytes).ok());
  fail = false;
  auto again = writer->write(builder.header(), bytes);
  REQUIRE(!again.ok());
  CHECK(again.error().text().find("no space left on device") != std::string::npos);
  CHECK(!writer->sync().ok());
  CHECK(!writer->close(1).ok());
}

TEST_CASE("little free space is said before the disk is full") {
  SimulatedStorage storage;
  auto recovery = recover(storage, make_toy_machine);
  WriterOptions options;
  options.free_floor = 1000;
  storage.set_free_bytes(1000);
  auto writer = continue_journal(storage, *recovery, test_id(), options);
  REQUIRE(writer.ok());
  CHECK(!writer->low_on_space());
  storage.set_free_bytes(999);
  auto second = continue_journal(storage, *recovery, test_id(), options);
  CHECK(second->low_on_space());
}
