// Records and batches: what is written is read back, and nothing else is.
#include <doctest/doctest.h>

#include "engine/journal/batch.h"
#include "engine/journal/command_codec.h"
#include "engine/journal/crc32c.h"
#include "tests/support/engine/random_command.h"

using namespace nautilus;
using namespace nautilus::engine;
using namespace nautilus::engine::test;

namespace {

std::vector<std::byte> encoded(const Command& command) {
  std::vector<std::byte> out(kMaxRecordBytes, std::byte{0xee});
  out.resize(encode_record(command, out.data()));
  return out;
}

// Also the bytes that are padding in the struct are the same: Commands are made from a zeroed default.
bool same(const Command& a, const Command& b) { return std::memcmp(&a, &b, sizeof a) == 0; }

void reseal(std::vector<std::byte>& record) { store(record.data(), crc32c(std::span(record).subspan(4))); }

std::string refusal(std::vector<std::byte> record) {
  Command out;
  auto result = decode_record(record, out);
  return result.ok() ? "accepted" : result.error().text();
}

}  // namespace

TEST_CASE("crc32c has the published values and both ways of counting agree") {
  const auto of = [](std::string_view text) { return crc32c(as_bytes(text)); };
  CHECK(of("123456789") == 0xe3069283u);
  CHECK(of("") == 0);
  CHECK(of(std::string(32, '\0')) == 0x8a9136aau);
  CHECK(of(std::string(32, '\xff')) == 0x62a8ab43u);
  Random random(1);
  for (std::size_t size = 0; size < 200; ++size) {
    std::vector<std::byte> bytes(size);
    for (auto& b : bytes) b = static_cast<std::byte>(random.next());
    const auto whole = crc32c(bytes);
    CHECK(crc32c_portable(bytes) == whole);
    const std::size_t cut = random.below(size + 1);
    CHECK(crc32c(std::span(bytes).subspan(cut), crc32c(std::span(bytes).first(cut))) == whole);
  }
}

TEST_CASE("a command is read back as it was written, whatever is in it") {
  Random random(4);
  Command reused;  // one object for all, as the reader has it: nothing of the last record may stay
  for (int i = 0; i < 20'000; ++i) {
    Command command = random_command(random);
    command.sequence = random.next(), command.time = static_cast<Timestamp>(random.next());
    const auto bytes = encoded(command);
    REQUIRE(bytes.size() % 8 == 0);
    REQUIRE(bytes.size() <= kMaxRecordBytes);
    auto length = decode_record(bytes, reused);
    REQUIRE_MESSAGE(length.ok(), length.error().text());
    REQUIRE(*length == bytes.size());
    REQUIRE(same(command, reused));
  }
}

TEST_CASE("what can be read back is told before it is written, for every value of every enumerator") {
  const auto check = [](const Command& command) {
    std::array<std::byte, kMaxRecordBytes> record;
    const std::size_t length = encode_record(command, record.data());
    Command back;
    CHECK(can_be_read_back(command) == decode_record(std::span(record).first(length), back).ok());
  };
  for (int type = 0; type < 256; ++type) {
    Command command;
    command.type = static_cast<CommandType>(type);
    check(command);
    command.side = Side{};
    check(command);
  }
  for (const CommandType type : {CommandType::new_order, CommandType::define_instrument, CommandType::define_account})
    for (int value = 0; value < 256; ++value) {
      Command command;
      command.type = type;
      const auto with = [&](auto Command::*field) {
        Command changed = command;
        changed.*field = static_cast<std::remove_reference_t<decltype(changed.*field)>>(value);
        check(changed);
      };
      with(&Command::side), with(&Command::order_type), with(&Command::time_in_force), with(&Command::self_trade);
      with(&Command::phase), with(&Command::engine_state);
      command.instrument_definition.opening_phase = static_cast<Phase>(value);
      command.account_definition.limits.self_trade = static_cast<SelfTradePrevention>(value);
      check(command);
    }
}

TEST_CASE("an order takes less than two cache lines") { CHECK(encoded(plain_order(123'456'789)).size() <= 104); }

TEST_CASE("no single flipped bit and no cut goes unnoticed in a record") {
  Random random(5);
  for (int i = 0; i < 40; ++i) {
    const auto good = encoded(random_command(random));
    Command out;
    for (std::size_t at = 0; at < good.size() * 8; ++at) {
      auto bad = good;
      bad[at / 8] ^= static_cast<std::byte>(1u << at % 8);
      REQUIRE(!decode_record(bad, out).ok());
    }
    for (std::size_t length = 0; length < good.size(); ++length)
      REQUIRE(!decode_record(std::span(good).first(length), out).ok());
  }
}

TEST_CASE("a record that a newer program wrote is refused by name, not skipped") {
  auto record = encoded(plain_order(1));
  record[7] = std::byte{2}, reseal(record);
  CHECK(refusal(record).find("record encoding 2") != std::string::npos);
  record = encoded(plain_order(1));
  record[6] = std::byte{17}, reseal(record);
  CHECK(refusal(record).find("command type 17") != std::string::npos);
  record = encoded(plain_order(1));
  record[kRecordHeaderBytes + 3] |= std::byte{1}, reseal(record);
  CHECK(refusal(record).find("fields 01000000") != std::string::npos);
}

TEST_CASE("a value no enumerator has is refused even with a good CRC") {
  Command command = plain_order(2);
  command.order_type = static_cast<OrderType>(9);
  CHECK(refusal(encoded(command)).find("does not exist") != std::string::npos);
  command = plain_order(2);
  command.time_in_force = static_cast<TimeInForce>(5);
  CHECK(refusal(encoded(command)).find("does not exist") != std::string::npos);
  // No side is both sides, for a mass cancel; an order has one.
  for (const int side : {0, 3}) {
    command = plain_order(2);
    command.side = static_cast<Side>(side);
    CHECK(refusal(encoded(command)).find("does not exist") != std::string::npos);
    command.type = CommandType::mass_cancel;
    CHECK((refusal(encoded(command)) == "accepted") == (side == 0));
  }
}

TEST_CASE("a definition that an older program wrote shorter has defaults for the rest") {
  Command command;
  command.type = CommandType::define_account;
  command.account_definition.name = AccountName::from("ab");
  command.account_definition.limits.max_order_quantity = 5;
  std::vector<std::byte> record(kRecordHeaderBytes);
  append(record, std::uint32_t{1u << 23});
  append(record, std::uint16_t{11});  // the name and the first limit only
  append(record, std::uint8_t{2});
  append_bytes(record, as_bytes("ab"));
  append(record, std::int64_t{5});
  while (record.size() % 8) record.push_back({});
  store(&record[4], static_cast<std::uint16_t>(record.size()));
  record[6] = static_cast<std::byte>(CommandType::define_account), record[7] = std::byte{1};
  reseal(record);
  Command out;
  auto length = decode_record(record, out);
  REQUIRE_MESSAGE(length.ok(), length.error().text());
  CHECK(same(command, out));
}

TEST_CASE("random bytes are never a record unless the CRC says so") {
  Random random(6);
  Command out;
  for (int i = 0; i < 20'000; ++i) {
    std::vector<std::byte> bytes(28 + 8 * random.below(60));
    for (auto& b : bytes) b = static_cast<std::byte>(random.next());
    store(&bytes[4], static_cast<std::uint16_t>(bytes.size() / 8 * 8));
    bytes[6] = static_cast<std::byte>(1 + random.below(16)), bytes[7] = std::byte{1};
    if (random.coin()) store(&bytes[24], static_cast<std::uint32_t>(random.next() & 0xffffff));
    bytes.resize(bytes.size() / 8 * 8);
    reseal(bytes);
    (void)decode_record(bytes, out);  // under the sanitizers: any content ends with a value or an error
  }
}

TEST_CASE("a batch is read back, and a batch of another journal is none") {
  const std::uint32_t seed = 77;
  BatchBuilder builder(100);
  builder.begin(3);
  for (std::uint64_t n = 0; !builder.full(); ++n) {
    Command command = plain_order(n);
    command.sequence = 500 + n, command.time = static_cast<Timestamp>(n);
    builder.add(command);
  }
  const auto bytes = builder.finish(seed);
  CHECK(builder.header().count == 100);
  auto header = check_batch(bytes, seed);
  REQUIRE_MESSAGE(header.ok(), header.error().text());
  CHECK(header->first_sequence == 500);
  CHECK(header->last_sequence() == 599);
  CHECK(header->epoch == 3);
  CHECK(!check_batch(bytes, seed + 1).ok());
  CHECK(!check_batch(bytes.first(bytes.size() - 8), seed).ok());
  std::vector<std::byte> bad(bytes.begin(), bytes.end());
  for (std::size_t at = 0; at < bad.size(); ++at) {
    bad[at] ^= std::byte{0x10};
    REQUIRE(!check_batch(bad, seed).ok());
    bad[at] ^= std::byte{0x10};
  }
}

TEST_CASE("names of files sort by sequence and are read back") {
  CHECK(segment_name(1) < segment_name(9));
  CHECK(segment_name(99) < segment_name(100));
  CHECK(parse_segment_name(segment_name(UINT64_MAX)) == UINT64_MAX);
  CHECK(parse_snapshot_name(snapshot_name(42)) == 42);
  for (const char* bad :
       {"journal-1.log", "journal-99999999999999999999.log", "journal-0000000000000000000x.log", "x", ""})
    CHECK(!parse_segment_name(bad));
}
