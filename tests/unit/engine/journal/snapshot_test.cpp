// Snapshots: the same state, an older one if the newest is bad, and nothing applied twice.
#include "tests/unit/engine/journal/journal_run.h"

using namespace nautilus;
using namespace nautilus::engine;
using namespace nautilus::engine::test;

namespace {

RunOptions with_snapshots(Sequence commands) {
  RunOptions options;
  options.commands = commands, options.snapshot_every = 40, options.writer.segment_bytes = 2048;
  return options;
}

void run(SimulatedStorage& storage, const RunOptions& options) {
  Sequence acknowledged = 0;
  auto done = run_journal(storage, options, acknowledged);
  REQUIRE_MESSAGE(done.ok(), done.error().text());
}

}  // namespace

TEST_CASE("a recovery from a snapshot is the recovery from the beginning") {
  SimulatedStorage storage;
  run(storage, with_snapshots(200));
  auto quick = recover(storage, make_toy_machine);
  REQUIRE(quick.ok());
  CHECK(quick->snapshot_sequence > 150);
  CHECK(quick->replayed == 200 - quick->snapshot_sequence);
  RecoveryOptions slow;
  slow.use_snapshots = false;
  auto whole = recover(storage, make_toy_machine, slow);
  REQUIRE(whole.ok());
  CHECK(whole->replayed == 200);
  CHECK(whole->machine->state_hash() == quick->machine->state_hash());
  CHECK(whole->epochs == quick->epochs);
  CHECK(whole->time == 200'000);
}

TEST_CASE("any damage of the newest snapshot makes the older one do") {
  SimulatedStorage storage;
  run(storage, with_snapshots(200));
  const auto snapshots = *list_snapshots(storage);
  REQUIRE(snapshots.size() >= 2);
  const auto good = storage.content(snapshots[0]);
  const auto hash = reference_hashes(200)[200];
  for (std::size_t at = 0; at < good.size(); ++at) {
    auto bad = good;
    bad[at] ^= static_cast<std::byte>(1u << at % 8);
    storage.set_content(snapshots[0], bad);
    auto recovery = recover(storage, make_toy_machine);
    REQUIRE_MESSAGE(recovery.ok(), recovery.error().text());
    REQUIRE(recovery->snapshot_sequence == *parse_snapshot_name(snapshots[1]));
    REQUIRE(recovery->notes.size() == 1);
    REQUIRE(recovery->machine->state_hash() == hash);
  }
  for (std::size_t length = 0; length < good.size(); length += 7) {
    storage.set_content(snapshots[0],
                        std::vector<std::byte>(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length)));
    auto recovery = recover(storage, make_toy_machine);
    REQUIRE(recovery.ok());
    REQUIRE(recovery->machine->state_hash() == hash);
  }
}

TEST_CASE("pruning keeps two good snapshots and the journal behind them, and counts no bad one") {
  SimulatedStorage storage;
  run(storage, with_snapshots(300));
  const auto before = *list_snapshots(storage);
  REQUIRE(before.size() >= 4);
  auto bad = storage.content(before[0]);
  bad.back() ^= std::byte{1};
  const auto good = storage.content(before[0]);
  storage.set_content(before[0], bad);
  auto pruned = prune(storage, 2);
  REQUIRE(pruned.ok());
  CHECK(pruned->oldest_kept == *parse_snapshot_name(before[2]));
  CHECK(!pruned->removed.empty());
  CHECK(*list_snapshots(storage) == std::vector<std::string>(before.begin(), before.begin() + 3));
  auto recovery = recover(storage, make_toy_machine);
  REQUIRE(recovery.ok());
  CHECK(recovery->snapshot_sequence == *parse_snapshot_name(before[1]));
  CHECK(recovery->machine->state_hash() == reference_hashes(300)[300]);
  // With the journal pruned and no good snapshot there is no way back, and it says so.
  const auto left = *list_snapshots(storage);
  for (const auto& name : left) REQUIRE(storage.remove(name).ok());
  auto none = recover(storage, make_toy_machine);
  REQUIRE(!none.ok());
  CHECK(none.error().text().find("no snapshot that the journal goes on from") != std::string::npos);
}

TEST_CASE("pruning with too few good snapshots removes nothing") {
  SimulatedStorage storage;
  run(storage, with_snapshots(60));
  REQUIRE(list_snapshots(storage)->size() == 1);
  const auto names = *storage.list();
  CHECK(prune(storage, 2)->removed.empty());
  CHECK(*storage.list() == names);
}

TEST_CASE("a snapshot that outlived its journal is refused, unless it stands alone") {
  SimulatedStorage storage;
  run(storage, with_snapshots(200));
  const auto snapshots = *list_snapshots(storage);
  const auto file = storage.content(snapshots[0]);
  SimulatedStorage shorter;
  RunOptions few = with_snapshots(30);
  run(shorter, few);
  shorter.set_content(snapshots[0], file);
  auto refused = recover(shorter, make_toy_machine);
  REQUIRE(!refused.ok());
  CHECK(refused.error().text().find("the journal ends at sequence 30") != std::string::npos);
  REQUIRE(publish_received_snapshot(shorter, file).ok());
  auto alone = recover(shorter, make_toy_machine);
  REQUIRE_MESSAGE(alone.ok(), alone.error().text());
  const Sequence at = *parse_snapshot_name(snapshots[0]);
  CHECK(alone->next == at + 1);
  CHECK(!alone->stale.empty());
  CHECK(alone->machine->state_hash() == reference_hashes(200)[at]);
  // And goes on behind it.
  Sequence acknowledged = 0;
  auto rest = run_journal(shorter, with_snapshots(200), acknowledged);
  REQUIRE_MESSAGE(rest.ok(), rest.error().text());
  auto end = recover(shorter, make_toy_machine);
  REQUIRE(end.ok());
  CHECK(end->machine->state_hash() == reference_hashes(200)[200]);
}

TEST_CASE("a received snapshot that is cut or damaged is not installed") {
  SimulatedStorage storage, other;
  run(storage, with_snapshots(60));
  const auto good = storage.content(list_snapshots(storage)->front());
  for (std::size_t at = 0; at < good.size(); ++at) {
    auto bad = good;
    bad[at] ^= std::byte{4};
    REQUIRE(!publish_received_snapshot(other, bad).ok());
    bad.resize(at);
    REQUIRE(!publish_received_snapshot(other, bad).ok());
  }
  CHECK(other.list()->empty());
}
