// What operators see: looking at, checking, replaying and exporting a journal.
#include "engine/journal/tools.h"

#include "tests/support/engine/manual_clock.h"
#include "tests/unit/engine/journal/journal_run.h"

using namespace nautilus;
using namespace nautilus::engine;
using namespace nautilus::engine::test;

namespace {

struct Lines {
  std::vector<std::string> all;
  LineSink sink() {
    return [this](std::string_view line) -> Result<> { return all.emplace_back(line), Result<>(); };
  }
};

void make(SimulatedStorage& storage, Sequence commands, bool close = true) {
  RunOptions options;
  options.commands = commands, options.snapshot_every = 30, options.writer.segment_bytes = 2048, options.close = close;
  Sequence acknowledged = 0;
  REQUIRE(run_journal(storage, options, acknowledged).ok());
}

}  // namespace

TEST_CASE("times are UTC with microseconds") {
  CHECK(utc_microseconds(0) == "1970-01-01T00:00:00.000000Z");
  CHECK(utc_microseconds(1'700'000'000'123'456'789) == "2023-11-14T22:13:20.123456Z");
  CHECK(utc_microseconds(951'782'399'999'999'999) == "2000-02-28T23:59:59.999999Z");
}

TEST_CASE("inspect tells of every segment, snapshot and record, one JSON object a line") {
  SimulatedStorage storage;
  make(storage, 100);
  Lines lines;
  REQUIRE(inspect(storage, {true, 0, UINT64_MAX}, lines.sink()).ok());
  std::map<std::string, int> kinds;
  for (const auto& line : lines.all) {
    const auto parsed = nlohmann::json::parse(line, nullptr, false);
    REQUIRE(!parsed.is_discarded());
    ++kinds[parsed.at("kind").get<std::string>()];
  }
  CHECK(kinds["record"] == 100);
  CHECK(kinds["segment"] == static_cast<int>(list_segments(storage)->size()));
  CHECK(kinds["snapshot"] == static_cast<int>(list_snapshots(storage)->size()));
  CHECK(lines.all.back().find("\"closed\":true") != std::string::npos);
  Lines few;
  REQUIRE(inspect(storage, {true, 40, 44}, few.sink()).ok());
  CHECK(std::count_if(few.all.begin(), few.all.end(), [](const auto& l) { return l.find("\"record\"") != l.npos; }) ==
        5);
}

TEST_CASE("inspect ends with the damage, and verify names it") {
  SimulatedStorage storage;
  make(storage, 100);
  const std::string name = list_segments(storage)->at(1).name;
  auto bytes = storage.content(name);
  bytes[200] ^= std::byte{1};
  storage.set_content(name, bytes);
  Lines lines;
  auto looked = inspect(storage, {}, lines.sink());
  REQUIRE(!looked.ok());
  CHECK(lines.all.back().find("\"damage\"") != std::string::npos);
  auto verified = verify_journal(storage, make_toy_machine);
  REQUIRE(!verified.ok());
  CHECK(verified.error().where.starts_with(name));
}

TEST_CASE("verify counts everything and meets every snapshot; a pruned journal is checked from its oldest snapshot") {
  SimulatedStorage storage;
  make(storage, 200);
  auto report = verify_journal(storage, make_toy_machine);
  REQUIRE_MESSAGE(report.ok(), report.error().text());
  CHECK(report->records == 200);
  CHECK(report->first_sequence == 1);
  CHECK(report->state_hash == reference_hashes(200)[200]);
  CHECK(report->closed);
  CHECK(report->warnings.empty());
  REQUIRE(!prune(storage, 2)->removed.empty());
  auto later = verify_journal(storage, make_toy_machine);
  REQUIRE_MESSAGE(later.ok(), later.error().text());
  CHECK(later->first_sequence > 1);
  CHECK(later->state_hash == report->state_hash);
}

TEST_CASE("replay stops at a sequence or a time, with the state it had then") {
  SimulatedStorage storage;
  make(storage, 100);
  const auto hashes = reference_hashes(100);
  ManualClock clock;
  for (const Sequence to : {1u, 29u, 30u, 77u, 100u}) {
    for (const bool from_beginning : {true, false}) {
      auto by_sequence = replay_journal(storage, make_toy_machine, clock, {to, INT64_MAX, from_beginning});
      REQUIRE_MESSAGE(by_sequence.ok(), by_sequence.error().text());
      CHECK(by_sequence->last_sequence == to);
      CHECK(by_sequence->state_hash == hashes[to]);
    }
    auto by_time =
        replay_journal(storage, make_toy_machine, clock, {UINT64_MAX, static_cast<Timestamp>(1000 * to + 999), true});
    REQUIRE(by_time.ok());
    CHECK(by_time->last_sequence == to);
    CHECK(by_time->state_hash == hashes[to]);
  }
}

TEST_CASE("the audit export has every event, as CSV and as JSON lines") {
  SimulatedStorage storage;
  make(storage, 50);
  Lines csv, json;
  CHECK(*export_audit(storage, make_toy_machine, AuditFormat::csv, csv.sink()) == 50);
  CHECK(*export_audit(storage, make_toy_machine, AuditFormat::json_lines, json.sink(), 10, 19) == 10);
  REQUIRE(csv.all.size() == 51);
  const auto commas = std::count(csv.all[0].begin(), csv.all[0].end(), ',');
  for (const auto& line : csv.all) CHECK(std::count(line.begin(), line.end(), ',') == commas);
  CHECK(csv.all[1].starts_with("1970-01-01T00:00:00.000001Z,1,"));
  for (const auto& line : json.all) REQUIRE(!nlohmann::json::parse(line, nullptr, false).is_discarded());
  auto full = export_audit(storage, make_toy_machine, AuditFormat::csv,
                           [](std::string_view) -> Result<> { return Error(Code::io, "no space"); });
  REQUIRE(!full.ok());
  CHECK(full.error().message == "no space");
}
