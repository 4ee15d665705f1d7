#include <doctest/doctest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "engine/model/event.h"

using namespace nautilus;
using namespace nautilus::engine;

namespace {

struct DecimalCase {
  const char* text;
  std::int64_t mantissa;
  unsigned decimals;
  std::int64_t units;
  const char* back;  // nullptr: an error
};

std::string file(const std::string& path) {
  std::ifstream in(std::string(NAUTILUS_SOURCE_DIR) + "/" + path);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

struct BadFile {
  const char* yaml;
  const char* where;
  const char* message;
};

}  // namespace

TEST_CASE("decimals become whole units and come back") {
  const DecimalCase cases[] = {
      {"187.35", 1, 2, 18735, "187.35"},
      {"187.3500000", 1, 2, 18735, "187.35"},
      {"187.25", 25, 2, 749, "187.25"},
      {"0", 1, 2, 0, "0.00"},
      {"-0.05", 1, 2, -5, "-0.05"},
      {"42", 1, 0, 42, "42"},
      {"42.000", 1, 0, 42, "42"},
      {"1000", 100, 0, 10, "1000"},
      {"92233720368547758.07", 1, 2, INT64_MAX, "92233720368547758.07"},
      {"0.000000000001", 1, 12, 1, "0.000000000001"},
      {"92233720368547758.08", 1, 2, 0, nullptr},
      {"99999999999999999999999999999999999999999", 1, 0, 0, nullptr},
      {"187.355", 1, 2, 0, nullptr},
      {"187.30", 25, 2, 0, nullptr},
      {"", 1, 2, 0, nullptr},
      {"-", 1, 2, 0, nullptr},
      {".5", 1, 2, 0, nullptr},
      {"1.", 1, 2, 0, nullptr},
      {"1.", 1, 0, 0, nullptr},
      {"1e3", 1, 2, 0, nullptr},
      {"+1", 1, 2, 0, nullptr},
      {" 1", 1, 2, 0, nullptr},
      {"1.2.3", 1, 2, 0, nullptr},
      {"0x10", 1, 2, 0, nullptr},
  };
  for (const auto& c : cases) {
    CAPTURE(c.text);
    const auto units = to_units(c.text, c.mantissa, c.decimals);
    REQUIRE(units.ok() == (c.back != nullptr));
    if (!c.back) continue;
    CHECK(*units == c.units);
    CHECK(to_decimal(*units, c.mantissa, c.decimals) == c.back);
  }
  CHECK(to_units("0.015", 1, 2).error().code == Code::refused);
  CHECK(to_decimal(INT64_MIN, 1, 2) == "-92233720368547758.08");
}

TEST_CASE("client order ids are checked and padded") {
  CHECK(ClientOrderId::from("A-1_b.c:9").view() == "A-1_b.c:9");
  CHECK(ClientOrderId::from(std::string(39, 'x')).length == 39);
  for (const std::string& bad : {std::string(), std::string(40, 'x'), std::string("a b"), std::string("a\n"),
                                 std::string("ä"), std::string("a\0b", 3)})
    CHECK(ClientOrderId::from(bad).empty());
  CHECK(ClientOrderId::from("a") == ClientOrderId::from("a"));
  CHECK_FALSE(ClientOrderId::from("a") == ClientOrderId::from("b"));
}

TEST_CASE("every enumerator has a word of its own") {
  std::set<std::string_view> words;
  for (int i = 0; i < 256; ++i) {
    const auto word = name(static_cast<Reason>(i));
    if (word != "unknown") CHECK(words.insert(word).second);
  }
  CHECK(words.size() == 47);
  words.clear();
  for (int i = 0; i < 256; ++i) {
    const auto word = name(static_cast<EventType>(i));
    if (word != "unknown") CHECK(words.insert(word).second);
  }
  CHECK(words.size() == 22);
  for (int i = 1; i <= 16; ++i) CHECK(name(static_cast<CommandType>(i)) != "unknown");
  CHECK(name(Phase::halted) == "halted");
  CHECK(name(TimeInForce::good_till_date) == "good_till_date");
  CHECK(name(SelfTradePrevention::decrement) == "decrement");
  CHECK(name(OrderType::stop_limit) == "stop_limit");
  CHECK(name(EngineState::reducing) == "reducing");
  CHECK(name(Side::sell) == "sell");
}

TEST_CASE("the example files are read") {
  const auto instruments = parse_definitions(file("manifests/engine/instruments.yaml"), "instruments.yaml");
  REQUIRE_MESSAGE(instruments.ok(), (instruments.ok() ? "" : instruments.error().text()));
  REQUIRE(instruments->instruments.size() == 4);
  const Instrument& bitcoin = instruments->instruments[2];
  CHECK(bitcoin.symbol.view() == "BTC-USD");
  CHECK(bitcoin.tick_mantissa == 5);
  CHECK(bitcoin.tick_decimals == 1);
  CHECK(bitcoin.lot_decimals == 4);
  CHECK(bitcoin.max_quantity == 2'500'000);
  CHECK(bitcoin.reference_price == 128'501);
  CHECK(instruments->instruments[0].max_notional == 500'000'000);
  CHECK(instruments->instruments[3].min_price == -10'000);
  CHECK(instruments->instruments[3].reference_price == kNoPrice);
  CHECK(instruments->instruments[3].opening_phase == Phase::opening_auction);
  const auto accounts = parse_definitions(file("manifests/engine/accounts.yaml"), "accounts.yaml");
  REQUIRE(accounts.ok());
  REQUIRE(accounts->accounts.size() == 3);
  CHECK(accounts->accounts[1].limits.max_open_orders == 500);
  CHECK(accounts->accounts[0].limits.self_trade == SelfTradePrevention::cancel_oldest);
  CHECK_FALSE(accounts->accounts[2].limits.cancel_on_disconnect);
}

TEST_CASE("what is wrong in a file is named with its line, its symbol and its field") {
  const std::string head = "instruments:\n  - symbol: A\n    tick_size: 0.01\n    min_price: 0.01\n    max_price: 10\n";
  const std::string second = head + "  # the second\n  - symbol: B\n    tick_size: 0.25\n    min_price: 1\n";
  const BadFile cases[] = {
      {"[]", "f:1", "must be a map"},
      {"instrument: []\n", "f:1", "unknown field instrument"},
      {"instruments: 3\n", "f:1", "instruments must be a list"},
      {"instruments:\n  - 3\n", "f:2", "instrument 1: must be a map"},
      {"instruments:\n  - tick_size: 1\n", "f:2", "instrument 1: symbol is missing"},
      {"instruments:\n  - symbol: a b\n", "f:2", "instrument 1: symbol: must be"},
      {"instruments:\n  - symbol: A\n", "f:2", "instrument A: tick_size is missing"},
      {"instruments:\n  - symbol: A\n    tick_size: x\n", "f:3", "instrument A: tick_size: \"x\" is not a decimal"},
      {"instruments:\n  - symbol: A\n    tick_size: 0\n", "f:3", "instrument A: tick_size: must be above 0"},
      {"accounts:\n  - name: a\n  - name: a\n", "f:3", "account a: is defined twice"},
      {"accounts:\n  - name: a\n    max_open_orders: -1\n", "f:3", "account a: max_open_orders: must be between"},
      {"accounts:\n  - name: a\n    self_trade: maybe\n", "f:3", "account a: self_trade: \"maybe\" is not known"},
      {"accounts:\n  - name: a\n    max_positon: 1\n", "f:3", "account a: max_positon: unknown field"},
      {"accounts:\n  - name: a\n    cancel_on_disconnect: 1\n", "f:3", "must be true or false"},
      {"accounts:\n  - name: a\n    max_position: 1.5\n", "f:3", "must be a whole number"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.yaml);
    const auto read = parse_definitions(c.yaml, "f");
    REQUIRE_FALSE(read.ok());
    CHECK(read.error().where == c.where);
    CHECK_MESSAGE(read.error().message.find(c.message) != std::string::npos, read.error().message);
    CHECK(read.error().code == Code::invalid);
  }
  const std::pair<const char*, const char*> tails[] = {
      {"    max_price: 10.1\n", "instrument B: max_price: 10.1 is not a whole number of units of 0.25"},
      {"    max_price: 0.5\n", "instrument B: max_price: must not be below min_price"},
      {"    max_price: 99999999\n", "instrument B: max_price: the range"},
      {"    max_price: '9' \n    reference_price: 10\n", "instrument B: reference_price: must be between"},
      {"    max_price: 9\n    max_quantity: 0\n", "instrument B: max_quantity: must be at least one lot"},
      {"    max_price: 9\n    max_notional: 0\n", "instrument B: max_notional: must be above 0"},
      {"    max_price: 9\n    collar_basis_points: -1\n", "instrument B: collar_basis_points: must be between"},
      {"    max_price: 9\n    opening_phase: lunch\n", "instrument B: opening_phase: \"lunch\""},
      {"    max_price: 1.00000000000000001\n", nullptr},
      {"    max_price: 123456789012345.678\n", "put it in quotes"},
  };
  for (const auto& [tail, message] : tails) {
    CAPTURE(tail);
    const auto read = parse_definitions(second + tail, "f");
    REQUIRE(read.ok() == (message == nullptr));
    if (!message) continue;
    const std::string told = read.error().message + " " + read.error().hint;
    CHECK_MESSAGE(told.find(message) != std::string::npos, told);
    CHECK(read.error().where.starts_with("f:1"));
  }
}
