// Damage is found and named, never skipped and never cut away, unless it can only be a torn tail.
#include "tests/unit/engine/journal/journal_run.h"

using namespace nautilus;
using namespace nautilus::engine;
using namespace nautilus::engine::test;

namespace {

std::unique_ptr<SimulatedStorage> small_journal(bool close) {
  RunOptions options;
  options.commands = 60, options.max_batch = 5, options.writer.segment_bytes = 2048, options.close = close;
  auto storage = std::make_unique<SimulatedStorage>();
  Sequence acknowledged = 0;
  REQUIRE(run_journal(*storage, options, acknowledged).ok());
  return storage;
}

std::vector<std::string> names(SimulatedStorage& storage) { return *storage.list(); }

}  // namespace

TEST_CASE("every flipped bit of a closed journal is found and named, or changes nothing") {
  auto storage = small_journal(true);
  const auto hashes = reference_hashes(60);
  const auto files = names(*storage);
  REQUIRE(files.size() >= 3);
  std::size_t found = 0, harmless = 0;
  for (const std::string& name : files) {
    const auto good = storage->content(name);
    for (std::size_t bit = 0; bit < good.size() * 8;
         bit += 3) {  // 3 and 8 share nothing: every byte, every bit in turn
      auto bad = good;
      bad[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
      storage->set_content(name, bad);
      auto recovery = recover(*storage, make_toy_machine);
      if (recovery.ok()) {
        INFO(name << " bit " << bit);
        REQUIRE(recovery->next == 61);
        REQUIRE(recovery->machine->state_hash() == hashes[60]);
        REQUIRE(recovery->end.cut_bytes == kBatchHeaderBytes);  // the closing mark itself: all records are there
        ++harmless;
      } else {
        REQUIRE(recovery.error().code == Code::invalid);
        REQUIRE(recovery.error().where.starts_with(name + ":"));
        REQUIRE(recovery.error().message.find("sequence") != std::string::npos);
        ++found;
      }
    }
    storage->set_content(name, good);
  }
  CHECK(found > 1000);
  CHECK(harmless <= kBatchHeaderBytes * 8);
}

TEST_CASE("in the last batch of a journal that was not closed a flipped bit is named, what may be torn is cut") {
  auto storage = small_journal(false);
  const auto hashes = reference_hashes(60);
  const std::string name = names(*storage).back();
  const auto good = storage->content(name);
  auto clean = recover(*storage, make_toy_machine);
  REQUIRE(clean.ok());
  REQUIRE(clean->end.cut_bytes == 0);
  std::uint64_t last_batch = 0;
  auto reader = JournalReader::open(*storage);
  for (auto batch = reader->next(); batch.ok() && *batch; batch = reader->next()) last_batch = (*batch)->offset;
  const auto cut = [&](const std::vector<std::byte>& bad) {
    storage->set_content(name, bad);
    auto recovery = recover(*storage, make_toy_machine);
    REQUIRE(recovery.ok());
    REQUIRE(recovery->end.cut_bytes == bad.size() - last_batch);
    REQUIRE(recovery->end.offset == last_batch);
    REQUIRE(recovery->notes.size() == 1);
    REQUIRE(recovery->machine->state_hash() == hashes[recovery->next - 1]);
  };
  const auto named = [&](const std::vector<std::byte>& bad, std::string_view why) {
    storage->set_content(name, bad);
    auto recovery = recover(*storage, make_toy_machine);
    REQUIRE(!recovery.ok());
    REQUIRE(recovery.error().where == fmt::format("{}:{}", name, last_batch));
    INFO(recovery.error().text());
    REQUIRE(recovery.error().message.find(why) != std::string::npos);
  };
  int flips = 0, zeros = 0;
  for (std::size_t at = last_batch; at < good.size(); ++at) {
    INFO("byte " << at);
    for (int bit = 0; bit < 8; ++bit) {
      auto bad = good;
      bad[at] ^= static_cast<std::byte>(1 << bit);
      if (bad[at] == std::byte{}) {
        cut(bad);
        ++zeros;
      } else {
        named(bad, fmt::format("whole but for bit {} of the byte at offset {}", bit, at));
        ++flips;
      }
    }
    // A piece that did not reach the disk, whatever it had; and the same with the beginning of a next batch behind it.
    auto torn = good;
    const std::size_t end = std::min(at + 40, good.size());
    std::fill(torn.begin() + static_cast<std::ptrdiff_t>(at), torn.begin() + static_cast<std::ptrdiff_t>(end),
              std::byte{});
    if (torn == good) continue;
    cut(torn);
    torn.resize(torn.size() + 4096);
    cut(torn);
    torn[torn.size() - 2000] = std::byte{1};
    const auto head = static_cast<std::ptrdiff_t>(last_batch);
    if (std::equal(good.begin() + head, good.begin() + head + kBatchHeaderBytes, torn.begin() + head))
      named(torn, fmt::format("more was written behind it, at offset {}", torn.size() - 2000));
    else
      cut(torn);  // without a header nobody knows where it ended
    torn.resize(at);
    if (at > last_batch) cut(torn);
  }
  CHECK(flips > 1000);
  CHECK(zeros > 10);
}

TEST_CASE("a missing, swapped or foreign segment is named") {
  auto storage = small_journal(true);
  const auto files = names(*storage);
  const auto refusal = [&](SimulatedStorage& disk) {
    auto recovery = recover(disk, make_toy_machine);
    REQUIRE(!recovery.ok());
    return recovery.error().text();
  };
  const auto second = storage->content(files[1]);
  SUBCASE("missing in the middle") {
    REQUIRE(storage->remove(files[1]).ok());
    CHECK(refusal(*storage).find("one is missing") != std::string::npos);
  }
  SUBCASE("missing at the beginning") {
    REQUIRE(storage->remove(files[0]).ok());
    CHECK(refusal(*storage).find("no snapshot that the journal goes on from") != std::string::npos);
  }
  SUBCASE("under another name") {
    storage->set_content(files[1], storage->content(files[0]));
    CHECK(refusal(*storage).find("its name says") != std::string::npos);
  }
  SUBCASE("of another journal") {
    SegmentHeader header = *decode_segment_header(second);
    header.journal.bytes[0] = std::byte{99};
    auto foreign = second;
    const auto head = encode(header);
    std::copy(head.begin(), head.end(), foreign.begin());
    storage->set_content(files[1], foreign);
    CHECK(refusal(*storage).find("belongs to journal") != std::string::npos);
  }
  SUBCASE("of a version to come") {
    SegmentHeader header = *decode_segment_header(second);
    header.version = kFormatVersion + 1;
    auto newer = storage->content(files.back());
    header = *decode_segment_header(newer);
    header.version = kFormatVersion + 1;
    const auto head = encode(header);
    std::copy(head.begin(), head.end(), newer.begin());
    newer.resize(kSegmentHeaderBytes);  // even without a batch it is not a torn one
    storage->set_content(files.back(), newer);
    CHECK(refusal(*storage).find("journal format version 2") != std::string::npos);
  }
}

TEST_CASE("a checkpoint that the replay does not have is named") {
  SimulatedStorage storage;
  auto recovery = recover(storage, make_toy_machine);
  auto writer = continue_journal(storage, *recovery, test_id());
  BatchBuilder builder;
  builder.begin(1);
  builder.add(nth_command(1));
  Command checkpoint;
  checkpoint.type = CommandType::checkpoint, checkpoint.sequence = 2, checkpoint.state_hash = 12345;
  builder.add(checkpoint);
  const auto bytes = builder.finish(writer->seed());
  REQUIRE(writer->write(builder.header(), bytes).ok());
  REQUIRE(writer->sync().ok());
  auto again = recover(storage, make_toy_machine);
  REQUIRE(!again.ok());
  CHECK(again.error().text().find("checkpoint at sequence 2") != std::string::npos);
}
