// A journal of version 1 as it was written on the day the version was declared (tests/golden/engine/journal-v1), with
// every type of record: today's reader reads it to the same state, and today's writer, given the same commands and the
// same clock, writes the same bytes. docs/engine/journal.md says what to do when this fails.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "core/value/json.h"
#include "engine/journal/recovery.h"
#include "engine/journal/tools.h"
#include "engine/matching/engine.h"
#include "tests/support/engine/simulated_storage.h"

using namespace nautilus;
using namespace nautilus::engine;
using test::SimulatedStorage;

namespace {

const std::string kFolder = std::string(NAUTILUS_SOURCE_DIR) + "/tests/golden/engine/journal-v1/";
constexpr Sequence kSnapshotAt = 150;
constexpr std::size_t kCommands = 320, kBatch = 7;
constexpr Timestamp kBegin = 1'795'444'200'000'000'000;  // 2026-11-23T14:30:00Z
constexpr Timestamp kStep = 1'234'567;

std::unique_ptr<Engine> make_engine() {
  EngineOptions options;  // these two are part of the state
  options.remembered_names = 64;
  options.name_key = 1;
  return std::make_unique<Engine>(options);
}

// The commands of the golden journal. Never changed: another journal gets another function.
class Script {
 public:
  Command next(const Engine& engine) {
    Command c = make(++count_);
    c.sequence = count_;
    c.time = kBegin + static_cast<Timestamp>(count_) * kStep;
    if (c.type == CommandType::checkpoint) c.state_hash = engine.state_hash();
    return c;
  }

 private:
  std::uint64_t number(std::uint64_t below) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return (state_ >> 33) % below;
  }
  static Command of(CommandType type) {
    Command c;
    c.type = type;
    return c;
  }
  static ClientOrderId id(std::uint64_t n) { return ClientOrderId::from("g:" + std::to_string(n)); }

  static Command instrument(bool future) {
    Command c = of(CommandType::define_instrument);
    Instrument& i = c.instrument_definition;
    i.symbol = Symbol::from(future ? "FUT-Z6" : "ACME");
    i.tick_mantissa = future ? 25 : 1, i.tick_decimals = 2;
    i.lot_mantissa = future ? 1 : 10, i.lot_decimals = 0;
    i.min_price = future ? -4000 : 1, i.max_price = future ? 4000 : 100'000;
    i.reference_price = future ? 0 : 10'000;
    i.max_quantity = 5000, i.max_notional = future ? 0 : 90'000'000, i.collar_basis_points = future ? 0 : 2000;
    i.opening_phase = future ? Phase::opening_auction : Phase::continuous;
    return c;
  }
  static Command account(int which) {
    static constexpr const char* kNames[] = {"maker", "taker", "fund"};
    Command c = of(CommandType::define_account);
    c.account_definition.name = AccountName::from(kNames[which]);
    AccountLimits& l = c.account_definition.limits;
    if (which == 1) {
      l.max_order_quantity = 900, l.max_order_notional = 80'000'000, l.max_open_notional = 700'000'000;
      l.max_open_orders = 60, l.orders_per_second = 500, l.max_position = 20'000;
      l.self_trade = SelfTradePrevention::decrement, l.cancel_on_disconnect = false;
    }
    return c;
  }
  Command session(CommandType type, int which) const {
    Command c = of(type);
    c.session = 700 + static_cast<SessionId>(which), c.account = static_cast<AccountId>(which % 3);
    c.enabled = type == CommandType::open_session && which != 1;
    return c;
  }

  Command make(std::uint64_t n) {
    switch (n) {
      case 1: {
        Command c = of(CommandType::begin_epoch);
        c.epoch = 1;
        return c;
      }
      case 2: return instrument(false);
      case 3: return instrument(true);
      case 4:
      case 5:
      case 6: return account(static_cast<int>(n - 4));
      case 7:
      case 8:
      case 9: return session(CommandType::open_session, static_cast<int>(n - 7));
      case 60:
      case 90: {
        Command c = of(CommandType::set_phase);
        c.phase = n == 60 ? Phase::continuous : Phase::halted;
        c.instrument = n == 60 ? 1 : kNoInstrument;
        return c;
      }
      case 95: {
        Command c = of(CommandType::set_phase);
        c.phase = Phase::continuous;
        return c;
      }
      case 110:
      case 118:
      case 124: {
        Command c = of(CommandType::set_engine_state);
        c.engine_state = n == 110 ? EngineState::reducing : n == 118 ? EngineState::halted : EngineState::active;
        return c;
      }
      case 130:
      case 140: {
        Command c = of(CommandType::set_kill_switch);
        c.account = 1, c.enabled = n == 130;
        return c;
      }
      case 149:
      case 210:
      case 300: return of(CommandType::checkpoint);
      case 170: return session(CommandType::close_session, 0);
      case 171: return session(CommandType::open_session, 3);
      case 180: {
        Command c = of(CommandType::begin_epoch);
        c.epoch = 4;
        return c;
      }
      case 200: {
        Command c = of(CommandType::set_reference_price);
        c.instrument = 0, c.price = 10'020;
        return c;
      }
      case 220:
      case 260: return of(CommandType::advance_time);
      case 240: {
        Command c = of(CommandType::end_of_day);
        c.instrument = 0;
        return c;
      }
      case 250: {
        Command c = instrument(false);
        c.instrument_definition.collar_basis_points = 1500;
        return c;
      }
      case 310: return of(CommandType::end_of_day);
      default: return n % 23 == 0 ? mass_cancel() : n % 11 == 0 ? replace(n) : n % 7 == 0 ? cancel(n) : order(n);
    }
  }
  Command order(std::uint64_t n) {
    static constexpr TimeInForce kTimes[] = {TimeInForce::good_till_cancel, TimeInForce::day,
                                             TimeInForce::good_till_date,   TimeInForce::immediate_or_cancel,
                                             TimeInForce::fill_or_kill,     TimeInForce::good_till_cancel,
                                             TimeInForce::at_the_opening,   TimeInForce::at_the_close};
    Command c = of(CommandType::new_order);
    c.account = static_cast<AccountId>(number(3)), c.instrument = static_cast<InstrumentId>(number(4) == 0);
    c.session = c.account == 0 && n > 170 ? 703 : number(3) == 0 ? 0 : 700 + c.account;
    c.side = number(2) ? Side::buy : Side::sell;
    c.order_type = static_cast<OrderType>(number(4) ? 2 : 1 + number(4));
    c.time_in_force = kTimes[number(8)];
    c.self_trade = static_cast<SelfTradePrevention>(number(5));
    const Price middle = c.instrument == 0 ? 10'000 : 0;
    const bool limited = c.order_type == OrderType::limit || c.order_type == OrderType::stop_limit;
    if (limited) c.price = middle + static_cast<Price>(number(41)) - 20;
    if (c.order_type == OrderType::stop || c.order_type == OrderType::stop_limit)
      c.stop_price = middle + static_cast<Price>(number(61)) - 30;
    c.quantity = 1 + static_cast<Quantity>(number(200));
    if (limited && number(5) == 0) c.display_quantity = 1 + c.quantity / 10;
    if (c.time_in_force == TimeInForce::good_till_date)
      c.expire_at = kBegin + static_cast<Timestamp>(n + number(60)) * kStep;
    c.post_only = c.order_type == OrderType::limit && number(6) == 0;
    c.client_id = id(n), c.client_tag = n * 3;
    return c;
  }
  Command cancel(std::uint64_t n) {
    Command c = of(CommandType::cancel_order);
    c.account = static_cast<AccountId>(number(3)), c.client_id = id(n);
    if (number(3) == 0)
      c.order_id = 1 + number(n);
    else
      c.orig_client_id = id(n - 1 - number(std::min<std::uint64_t>(n - 1, 20)));
    return c;
  }
  Command replace(std::uint64_t n) {
    Command c = cancel(n);
    c.type = CommandType::replace_order;
    c.quantity = 1 + static_cast<Quantity>(number(150));
    if (number(2)) c.price = 9'990 + static_cast<Price>(number(20));
    return c;
  }
  Command mass_cancel() {
    Command c = of(CommandType::mass_cancel);
    c.account = static_cast<AccountId>(number(3));
    if (number(2)) c.instrument = static_cast<InstrumentId>(number(2));
    c.side = static_cast<Side>(number(3));
    return c;
  }

  std::uint64_t state_ = 20261123, count_ = 0;
};

struct Written {
  std::uint64_t state_hash = 0;
  std::size_t events = 0;
};

// What a primary would write: batches of seven, small segments, a snapshot in the middle, an orderly end.
Written write_journal(SimulatedStorage& storage) {
  const auto engine = make_engine();
  JournalId id;
  for (std::size_t i = 0; i < id.bytes.size(); ++i) id.bytes[i] = static_cast<std::byte>(0xa0 + i);
  Recovery nothing;
  auto writer = continue_journal(storage, nothing, id, {8192, 0});
  REQUIRE(writer.ok());
  Script script;
  BatchBuilder builder;
  std::vector<Event> events;
  std::vector<EpochStart> epochs;
  Written out;
  Epoch epoch = 1;
  for (std::size_t done = 0; done < kCommands;) {
    builder.begin(epoch);
    Command command;
    for (std::size_t i = 0; i < kBatch && done < kCommands; ++i, ++done) {
      command = script.next(*engine);
      if (command.type == CommandType::begin_epoch && command.epoch != epoch) {
        // An epoch begins its own batch.
        const auto bytes = builder.finish(writer->seed());
        if (!builder.empty()) REQUIRE((writer->write(builder.header(), bytes).ok() && writer->sync().ok()));
        epoch = command.epoch;
        builder.begin(epoch);
      }
      if (command.type == CommandType::begin_epoch) note_epoch(epochs, epoch, command.sequence);
      events.clear();
      engine->apply(command, events);
      out.events += events.size();
      builder.add(command);
      if (command.sequence == kSnapshotAt) i = kBatch;  // a snapshot is between two batches
    }
    const auto bytes = builder.finish(writer->seed());
    REQUIRE(writer->write(builder.header(), bytes).ok());
    REQUIRE(writer->sync().ok());
    if (command.sequence == kSnapshotAt)
      REQUIRE(publish_snapshot(storage, take_snapshot(*engine, id, command.time, epochs)).ok());
  }
  REQUIRE(writer->close(epoch).ok());
  out.state_hash = engine->state_hash();
  return out;
}

std::string hex(std::uint64_t number) { return fmt::format("{:016x}", number); }

std::vector<std::byte> file_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  REQUIRE_MESSAGE(in.good(), path);
  std::stringstream text;
  text << in.rdbuf();
  const std::string all = text.str();
  const auto bytes = as_bytes(all);
  return {bytes.begin(), bytes.end()};
}

Json expected() {
  const auto bytes = file_bytes(kFolder + "expected.json");
  return Json::parse(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

void load(SimulatedStorage& storage, const Json& about) {
  for (const Json& name : about["files"])
    storage.set_content(name.get<std::string>(), file_bytes(kFolder + name.get<std::string>()));
}

// Once, when a version is declared: unit_engine_server with NAUTILUS_GOLDEN_JOURNAL=write makes the files.
void make_files() {
  SimulatedStorage storage;
  const Written written = write_journal(storage);
  Json about = {{"records", kCommands},
                {"events", written.events},
                {"state_hash", hex(written.state_hash)},
                {"files", Json::array()}};
  const std::vector<std::string> names = storage.list().value();
  for (const std::string& name : names) {
    const auto bytes = storage.content(name);
    std::ofstream(kFolder + name, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    about["files"].push_back(name);
  }
  std::ofstream(kFolder + "expected.json") << about.dump(2) << "\n";
}

}  // namespace

TEST_CASE("a journal of version 1 is read to the state it was written with") {
  if (const char* told = std::getenv("NAUTILUS_GOLDEN_JOURNAL"); told && std::string_view(told) == "write")
    make_files();
  const Json about = expected();
  SimulatedStorage storage;
  load(storage, about);
  for (const bool use_snapshots : {false, true}) {
    CAPTURE(use_snapshots);
    std::size_t events = 0;
    std::set<CommandType> types;
    RecoveryOptions options;
    options.use_snapshots = use_snapshots;
    options.on_events = [&](const Command& command, std::span<const Event> made) {
      events += made.size();
      types.insert(command.type);
    };
    auto recovery = recover(storage, make_engine, options);
    REQUIRE_MESSAGE(recovery.ok(), recovery.error().text());
    CHECK(hex(recovery->machine->state_hash()) == about["state_hash"]);
    CHECK(recovery->next == about["records"].get<Sequence>() + 1);
    CHECK(recovery->end.closed);
    CHECK(recovery->notes.empty());
    CHECK(recovery->snapshot_sequence == (use_snapshots ? kSnapshotAt : 0));
    if (use_snapshots) continue;
    CHECK(events == about["events"].get<std::size_t>());
    for (int type = 1; type <= static_cast<int>(CommandType::set_reference_price); ++type)
      CHECK_MESSAGE(types.contains(static_cast<CommandType>(type)), name(static_cast<CommandType>(type)));
  }
  REQUIRE(verify_journal(storage, make_engine).ok());
}

TEST_CASE("today's writer writes version 1 byte for byte") {
  const Json about = expected();
  SimulatedStorage golden, today;
  load(golden, about);
  const Written written = write_journal(today);
  CHECK(hex(written.state_hash) == about["state_hash"]);
  CHECK(written.events == about["events"].get<std::size_t>());
  const std::vector<std::string> names = today.list().value();
  REQUIRE(names == golden.list().value());
  for (const std::string& name : names) CHECK_MESSAGE(today.content(name) == golden.content(name), name);
}
