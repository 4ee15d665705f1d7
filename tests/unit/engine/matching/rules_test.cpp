// The rules of docs/engine/matching.md, one small scene each.
#include <doctest/doctest.h>

#include "engine/book/memory.h"
#include "tests/support/engine/desk.h"

using namespace nautilus;
using namespace nautilus::engine;
using judges::Desk;
using judges::Tape;

TEST_CASE("the best price trades first, then the oldest order, at the price that rested") {
  Desk d;
  CHECK(d.sell("s1", 5, 101, 1) == Tape{"accepted s1", "sell 101: 5 in 1"});
  d.sell("s2", 5, 100, 1);
  d.sell("s3", 5, 100, 2);
  CHECK(d.buy("b1", 12, 101) == Tape{"accepted b1", "fill b1 5@100 left 7", "fill s2 5@100 left 0", "traded 5@100 buy",
                                     "fill b1 5@100 left 2", "fill s3 5@100 left 0", "traded 5@100 buy",
                                     "fill b1 2@101 left 0", "fill s1 2@101 left 3", "traded 2@101 buy",
                                     "sell 100: 0 in 0", "sell 101: 3 in 1"});
  CHECK(d.buy("b2", 5, 101) == Tape{"accepted b2", "fill b2 3@101 left 2", "fill s1 3@101 left 0", "traded 3@101 buy",
                                    "buy 101: 2 in 1", "sell 101: 0 in 0"});
}

TEST_CASE("market, IOC and FOK orders never rest") {
  Desk d;
  CHECK(d.buy("m1", 5, kNoPrice) == Tape{"accepted m1", "cancelled m1 no_liquidity"});
  d.sell("s1", 5, 100, 1);
  CHECK(d.buy("m2", 8, kNoPrice) == Tape{"accepted m2", "fill m2 5@100 left 3", "fill s1 5@100 left 0",
                                         "traded 5@100 buy", "cancelled m2 immediate_rest", "sell 100: 0 in 0"});
  d.sell("s2", 5, 100, 1);
  Command ioc = Desk::order("i1", Side::buy, 8, 99);
  ioc.time_in_force = TimeInForce::immediate_or_cancel;
  CHECK(d.send(ioc) == Tape{"accepted i1", "cancelled i1 no_liquidity"});
  Command fok = Desk::order("f1", Side::buy, 6, 100);
  fok.time_in_force = TimeInForce::fill_or_kill;
  CHECK(d.send(fok) == Tape{"accepted f1", "cancelled f1 no_liquidity"});
  fok.client_id = ClientOrderId::from("f2");
  fok.quantity = 5;
  CHECK(d.send(fok).back() == "sell 100: 0 in 0");
  CHECK(d.engine.open_orders() == 0);
}

TEST_CASE("a fill-or-kill order counts what icebergs hide, and does nothing if its own account is in the way") {
  Desk d;
  Command ice = Desk::order("s1", Side::sell, 30, 100, 1);
  ice.display_quantity = 10;
  d.send(ice);
  Command fok = Desk::order("f1", Side::buy, 30, 100);
  fok.time_in_force = TimeInForce::fill_or_kill;
  CHECK(d.send(fok).size() == 1 + 9 + 1);
  d.sell("s2", 5, 100, 1);
  d.sell("s3", 5, 100, 0);
  fok.client_id = ClientOrderId::from("f2");
  fok.quantity = 3;
  fok.self_trade = SelfTradePrevention::cancel_newest;
  CHECK(d.send(fok) == Tape{"accepted f2", "cancelled f2 self_trade"});
}

TEST_CASE("post-only is refused if it would trade") {
  Desk d;
  d.sell("s1", 5, 100, 1);
  Command c = Desk::order("p1", Side::buy, 5, 100);
  c.post_only = true;
  CHECK(d.send(c) == Tape{"rejected p1 would_trade"});
  c.price = 99;
  CHECK(d.send(c) == Tape{"accepted p1", "buy 99: 5 in 1"});
  CHECK(d.replace("p1", "p2", 0, 100) == Tape{"refused p1 would_trade"});
}

TEST_CASE("an iceberg shows slices, and each new one queues up behind the others") {
  Desk d;
  Command ice = Desk::order("i", Side::sell, 25, 100, 1);
  ice.display_quantity = 10;
  CHECK(d.send(ice) == Tape{"accepted i", "sell 100: 10 in 1"});
  d.sell("s", 5, 100, 2);
  CHECK(d.buy("b", 12, 100) == Tape{"accepted b", "fill b 10@100 left 2", "fill i 10@100 left 15", "traded 10@100 buy",
                                    "fill b 2@100 left 0", "fill s 2@100 left 3", "traded 2@100 buy",
                                    "sell 100: 13 in 2"});
  CHECK(d.buy("b2", 15, 100) == Tape{"accepted b2", "fill b2 3@100 left 12", "fill s 3@100 left 0", "traded 3@100 buy",
                                     "fill b2 10@100 left 2", "fill i 10@100 left 5", "traded 10@100 buy",
                                     "fill b2 2@100 left 0", "fill i 2@100 left 3", "traded 2@100 buy",
                                     "sell 100: 3 in 1"});
  ice.client_id = ClientOrderId::from("j");
  ice.quantity = 10'000;
  ice.display_quantity = 99;
  CHECK(d.send(ice) == Tape{"rejected j bad_display_quantity"});
}

TEST_CASE("a replacement keeps its place only if it shrinks where it is") {
  Desk d;
  d.buy("a", 10, 100);
  d.buy("b", 10, 100, 1);
  CHECK(d.replace("a", "a2", 6) == Tape{"replaced a by a2 kept", "buy 100: 16 in 2"});
  CHECK(d.sell("s", 2, 100, 2)[2] == "fill a2 2@100 left 4");
  CHECK(d.replace("a2", "a3", 7) == Tape{"replaced a2 by a3 lost", "buy 100: 15 in 2"});
  CHECK(d.sell("s2", 1, 100, 2)[2] == "fill b 1@100 left 9");
  CHECK(d.replace("a3", "a4", 0, 99) == Tape{"replaced a3 by a4 lost", "buy 100: 9 in 1", "buy 99: 5 in 1"});
  CHECK(d.replace("a4", "a5", 7, 99) == Tape{"refused a4 nothing_to_change"});
  CHECK(d.replace("a4", "a6", 2) == Tape{"cancelled a4 by_request", "buy 99: 0 in 0"});
  CHECK(d.replace("a4", "a7", 9) == Tape{"refused a4 unknown_order"});
}

TEST_CASE("a replacement that reaches the other side trades") {
  Desk d;
  d.sell("s", 5, 105, 1);
  d.buy("b", 8, 100);
  CHECK(d.replace("b", "b2", 0, 105) == Tape{"replaced b by b2 lost", "fill b2 5@105 left 3", "fill s 5@105 left 0",
                                             "traded 5@105 buy", "buy 105: 3 in 1", "buy 100: 0 in 0",
                                             "sell 105: 0 in 0"});
}

TEST_CASE("stops wait for the last price, and trigger the oldest first, in cascades") {
  Desk d;
  Command stop = Desk::order("t1", Side::sell, 2, kNoPrice, 2);
  stop.order_type = OrderType::stop;
  stop.stop_price = 99;
  CHECK(d.send(stop) == Tape{"accepted t1"});
  Command limit = Desk::order("t2", Side::sell, 1, 98, 2);
  limit.order_type = OrderType::stop_limit;
  limit.stop_price = 100;
  d.send(limit);
  d.buy("b1", 1, 100, 1);
  d.buy("b2", 1, 99, 1);
  d.buy("b3", 2, 98, 1);
  // 100 triggers t2, whose trade at 99 triggers t1, which trades at 98.
  CHECK(d.sell("s", 1, 100) == Tape{"accepted s", "fill s 1@100 left 0", "fill b1 1@100 left 0", "traded 1@100 sell",
                                    "triggered t2 limit", "fill t2 1@99 left 0", "fill b2 1@99 left 0",
                                    "traded 1@99 sell", "triggered t1 market", "fill t1 2@98 left 0",
                                    "fill b3 2@98 left 0", "traded 2@98 sell", "buy 100: 0 in 0", "buy 99: 0 in 0",
                                    "buy 98: 0 in 0"});
  // Reached already: at once.
  stop.client_id = ClientOrderId::from("t3");
  CHECK(d.send(stop) == Tape{"accepted t3", "triggered t3 market", "cancelled t3 no_liquidity"});
}

TEST_CASE("one command triggers a bounded number of stops; the rest follow with the next") {
  Desk d;
  for (int i = 0; i < kMaxTriggers + 200; ++i) {
    Command stop = Desk::order(fmt::format("t{}", i).c_str(), Side::buy, 1, kNoPrice, 2);
    stop.order_type = OrderType::stop;
    stop.stop_price = 100;
    d.send(stop);
  }
  d.sell("s", 1, 100, 1);
  const auto triggered = [&] {
    return std::count_if(d.events.begin(), d.events.end(),
                         [](const Event& e) { return e.type == EventType::order_triggered; });
  };
  d.buy("b", 1, 100);
  CHECK(triggered() == kMaxTriggers);
  CHECK(d.engine.open_orders() == 200);
  d.send(Desk::of(CommandType::advance_time));
  CHECK(triggered() == 200);
  CHECK(d.engine.open_orders() == 0);
}

TEST_CASE("self-trade prevention in each of its modes") {
  struct Case {
    SelfTradePrevention mode;
    Tape tape;
  };
  const Case cases[] = {
      {SelfTradePrevention::none,
       {"accepted b", "fill b 5@100 left 3", "fill s 5@100 left 0", "traded 5@100 buy", "fill b 3@100 left 0",
        "fill o 3@100 left 1", "traded 3@100 buy", "sell 100: 1 in 1"}},
      {SelfTradePrevention::cancel_newest, {"accepted b", "cancelled b self_trade"}},
      {SelfTradePrevention::cancel_oldest,
       {"accepted b", "cancelled s self_trade", "fill b 4@100 left 4", "fill o 4@100 left 0", "traded 4@100 buy",
        "buy 100: 4 in 1", "sell 100: 0 in 0"}},
      {SelfTradePrevention::cancel_both,
       {"accepted b", "cancelled s self_trade", "cancelled b self_trade", "sell 100: 4 in 1"}},
      {SelfTradePrevention::decrement,
       {"accepted b", "decremented b by 5 left 3", "decremented s by 5 left 0", "cancelled s self_trade",
        "fill b 3@100 left 0", "fill o 3@100 left 1", "traded 3@100 buy", "sell 100: 1 in 1"}},
  };
  for (const Case& one : cases) {
    Desk d;
    d.limits(0, {}, one.mode);
    d.sell("s", 5, 100);
    d.sell("o", 4, 100, 1);
    CAPTURE(static_cast<int>(one.mode));
    CHECK(d.buy("b", 8, 100) == one.tape);
  }
}

TEST_CASE("an opening auction collects, indicates, and uncrosses at the largest volume") {
  Desk d(Phase::opening_auction, 0, 100);
  CHECK(d.buy("b1", 10, 102) == Tape{"accepted b1", "buy 102: 10 in 1"});
  CHECK(d.sell("s1", 6, 99, 1) == Tape{"accepted s1", "sell 99: 6 in 1", "indication 6@102"});
  CHECK(d.sell("s2", 8, 101, 1) == Tape{"accepted s2", "sell 101: 8 in 1", "indication 10@101"});
  Command opening = Desk::order("o1", Side::buy, 3, 98, 2);
  opening.time_in_force = TimeInForce::at_the_opening;
  d.send(opening);
  Command market = Desk::order("m1", Side::buy, 1, kNoPrice, 2);
  CHECK(d.send(market) == Tape{"accepted m1", "indication 11@101"});
  CHECK(d.phase(Phase::continuous) == Tape{"fill m1 1@101 left 0", "fill s1 1@101 left 5", "traded 1@101 buy",
                                           "fill b1 5@101 left 5", "fill s1 5@101 left 0", "traded 5@101 buy",
                                           "fill b1 5@101 left 0", "fill s2 5@101 left 3", "traded 5@101 buy",
                                           "cancelled o1 auction_over", "phase continuous", "buy 102: 0 in 0",
                                           "buy 98: 0 in 0", "sell 99: 0 in 0", "sell 101: 3 in 1"});
}

TEST_CASE("the auction's price: volume, then surplus, then pressure, then the reference") {
  struct Limit {
    Side side;
    Quantity quantity;
    Price price;
  };
  struct Case {
    const char* why;
    Price reference;
    std::vector<Limit> orders;
    const char* indication;
  };
  using enum Side;
  const Case cases[] = {
      {"only buyers are left over: the highest", kNoPrice, {{buy, 10, 105}, {sell, 6, 100}}, "indication 6@105"},
      {"only sellers are left over: the lowest", kNoPrice, {{buy, 6, 105}, {sell, 10, 100}}, "indication 6@100"},
      {"balanced: the reference inside", 103, {{buy, 6, 105}, {sell, 6, 100}}, "indication 6@103"},
      {"balanced: the nearest to a reference below", 50, {{buy, 6, 105}, {sell, 6, 100}}, "indication 6@100"},
      {"balanced: the nearest to a reference above", 500, {{buy, 6, 105}, {sell, 6, 100}}, "indication 6@105"},
      {"balanced, no reference: the lowest", kNoPrice, {{buy, 6, 105}, {sell, 6, 100}}, "indication 6@100"},
      {"the smaller surplus wins over the reference",
       100,
       {{buy, 6, 105}, {buy, 4, 102}, {sell, 6, 100}},
       "indication 6@105"},
      {"market orders alone trade at the reference", 70, {{buy, 6, kNoPrice}, {sell, 6, kNoPrice}}, "indication 6@70"},
      {"a market order left over: the highest candidate", 70, {{sell, 6, 100}, {buy, 9, kNoPrice}}, "indication 6@100"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.why);
    Desk d(Phase::opening_auction, 0, one.reference);
    Tape last;
    int n = 0;
    for (const Limit& limit : one.orders)
      last = d.send(Desk::order(fmt::format("n{}", ++n).c_str(), limit.side, limit.quantity, limit.price,
                                limit.side == buy ? 0u : 1u));
    CHECK(last.back() == one.indication);
  }
  Desk bare(Phase::opening_auction);
  bare.buy("b", 5, kNoPrice);
  CHECK(bare.sell("s", 5, kNoPrice, 1) == Tape{"accepted s"});  // no price at all
}

TEST_CASE("phases say what may be done") {
  Desk d;
  d.buy("b", 5, 100);
  CHECK(d.phase(Phase::halted) == Tape{"phase halted"});
  CHECK(d.sell("s", 5, 100, 1) == Tape{"rejected s instrument_halted"});
  CHECK(d.replace("b", "b2", 4) == Tape{"refused b instrument_halted"});
  CHECK(d.cancel("b") == Tape{"cancelled b by_request", "buy 100: 0 in 0"});
  CHECK(d.phase(Phase::closed) == Tape{"phase closed"});
  CHECK(d.sell("s", 5, 100, 1) == Tape{"rejected s market_closed"});
  CHECK(d.phase(Phase::closed) == Tape{"command rejected nothing_to_change"});
  d.phase(Phase::closing_auction);
  Command ioc = Desk::order("i", Side::buy, 8, 99);
  ioc.time_in_force = TimeInForce::immediate_or_cancel;
  CHECK(d.send(ioc) == Tape{"rejected i not_allowed_in_phase"});
  ioc.time_in_force = TimeInForce::at_the_opening;
  CHECK(d.send(ioc) == Tape{"rejected i not_allowed_in_phase"});
  ioc.time_in_force = TimeInForce::at_the_close;
  CHECK(d.send(ioc) == Tape{"accepted i", "buy 99: 8 in 1"});
  // A halt keeps what the auction collected, crossed or not; what follows uncrosses it.
  CHECK(d.sell("s2", 3, 99, 1).back() == "indication 3@99");
  CHECK(d.phase(Phase::halted) == Tape{"phase halted"});
  CHECK(d.phase(Phase::closed) == Tape{"fill i 3@99 left 5", "fill s2 3@99 left 0", "traded 3@99 buy",
                                       "cancelled i auction_over", "phase closed", "buy 99: 0 in 0",
                                       "sell 99: 0 in 0"});
}

TEST_CASE("orders end with their day, their date, or their session") {
  Desk d;
  Command day = Desk::order("d", Side::buy, 1, 100);
  day.time_in_force = TimeInForce::day;
  d.send(day);
  d.buy("g", 1, 100);
  CHECK(d.send(Desk::of(CommandType::end_of_day)) == Tape{"cancelled d day_over", "buy 100: 1 in 1"});
  for (const char* id : {"e2", "e1"}) {
    Command dated = Desk::order(id, Side::buy, 1, 90);
    dated.time_in_force = TimeInForce::good_till_date;
    dated.expire_at = d.time + (id[1] - '0') * 1000;
    d.send(dated);
  }
  Command late = Desk::order("e3", Side::buy, 1, 90);
  late.time_in_force = TimeInForce::good_till_date;
  late.expire_at = d.time;
  CHECK(d.send(late) == Tape{"rejected e3 bad_expiry"});
  d.time += 2000;
  CHECK(d.cancel("g") == Tape{"cancelled e1 date_passed", "cancelled e2 date_passed", "cancelled g by_request",
                              "buy 100: 0 in 0", "buy 90: 0 in 0"});

  for (const bool cancels : {true, false}) {
    Command session = Desk::of(CommandType::open_session);
    session.session = 7;
    session.enabled = cancels;
    CHECK(d.send(session) == Tape{"session_opened"});
    CHECK(d.send(session) == Tape{"command rejected bad_session"});
    Command order = Desk::order(cancels ? "x1" : "x2", Side::buy, 1, 80);
    order.session = 7;
    d.send(order);
    order.account = 1;
    CHECK(d.send(order).front().ends_with("bad_session"));
    session.type = CommandType::close_session;
    if (cancels)
      CHECK(d.send(session) == Tape{"cancelled x1 disconnect", "session_closed", "buy 80: 0 in 0"});
    else
      CHECK(d.send(session) == Tape{"session_closed"});
  }
  CHECK(d.engine.open_orders() == 1);
}

TEST_CASE("a name is used once, also when its order is gone, for the last N names") {
  Desk d;  // remembers 8
  d.buy("n", 1, 100);
  CHECK(d.buy("n", 1, 100) == Tape{"rejected n duplicate_client_id"});
  CHECK(d.buy("n", 1, 100, 1).front() == "accepted n");  // of another account
  d.cancel("n");
  CHECK(d.buy("n", 1, 100) == Tape{"rejected n duplicate_client_id"});
  CHECK(d.buy("r", 0, 100) == Tape{"rejected r bad_quantity"});
  CHECK(d.buy("r", 1, 100).front() == "accepted r");  // what was refused did not use its name
  for (int i = 0; i < 8; ++i) d.buy(fmt::format("k{}", i).c_str(), 1, 100);
  CHECK(d.buy("n", 1, 100).front() == "accepted n");
  CHECK(d.buy("r", 1, 100) == Tape{"rejected r duplicate_client_id"});  // lives, so it is never forgotten
}

TEST_CASE("mass cancel, kill switch and engine states") {
  Desk d;
  d.buy("b1", 1, 100);
  d.sell("s1", 1, 110);
  d.buy("o", 1, 100, 1);
  Command mass = Desk::of(CommandType::mass_cancel);
  mass.side = Side::sell;
  CHECK(d.send(mass) == Tape{"cancelled s1 mass_cancel", "sell 110: 0 in 0"});
  CHECK(d.send(mass) == Tape{"refused  unknown_order"});
  Command kill = Desk::of(CommandType::set_kill_switch);
  kill.enabled = true;
  CHECK(d.send(kill) == Tape{"kill_switch_changed", "cancelled b1 killed", "buy 100: 1 in 1"});
  CHECK(d.buy("b2", 1, 100) == Tape{"rejected b2 kill_switch"});
  kill.enabled = false;
  d.send(kill);
  CHECK(d.sell("s2", 1, 100).back() == "buy 100: 0 in 0");  // account 0 is short 1
  Command state = Desk::of(CommandType::set_engine_state);
  state.engine_state = EngineState::reducing;
  d.send(state);
  CHECK(d.sell("s3", 1, 100) == Tape{"rejected s3 engine_reducing"});
  CHECK(d.buy("b3", 2, 100) == Tape{"rejected b3 engine_reducing"});
  CHECK(d.buy("b4", 1, 100).front() == "accepted b4");
  CHECK(d.buy("b5", 1, 100) == Tape{"rejected b5 engine_reducing"});  // b4 would close it already
  state.engine_state = EngineState::halted;
  d.send(state);
  CHECK(d.sell("s4", 1, 200, 1) == Tape{"rejected s4 engine_halted"});
  CHECK(d.cancel("b4") == Tape{"cancelled b4 by_request", "buy 100: 0 in 0"});
}

TEST_CASE("limits of an account and of the instrument") {
  Desk d;
  const auto with = [&](AccountLimits limits, Command order) {
    d.limits(3, limits);
    order.account = 3;
    static int n = 0;
    order.client_id = ClientOrderId::from(fmt::format("L{}", ++n));
    std::string first = d.send(order).front();
    return first.substr(first.rfind(' ') + 1);
  };
  const Command ten = Desk::order("", Side::buy, 10, 100);
  AccountLimits limits;
  limits.max_order_quantity = 9;
  CHECK(with(limits, ten) == "max_quantity");
  limits = {};
  limits.max_order_notional = 999;
  CHECK(with(limits, ten) == "max_notional");
  limits = {};
  limits.max_position = 9;
  CHECK(with(limits, ten) == "position_limit");
  limits.max_position = 10;
  CHECK(with(limits, ten).starts_with("L"));
  CHECK(with(limits, Desk::order("", Side::buy, 1, 100)) == "position_limit");
  CHECK(with(limits, Desk::order("", Side::sell, 10, 300)).starts_with("L"));
  limits = {};
  limits.max_open_orders = 2;
  CHECK(with(limits, ten) == "open_order_limit");
  limits = {};
  limits.max_open_notional = 4999;  // 1000 and 3000 rest
  CHECK(with(limits, ten) == "open_notional_limit");
  limits.max_open_notional = 5000;
  CHECK(with(limits, ten).starts_with("L"));
  limits = {};
  limits.orders_per_second = 2;
  CHECK(with(limits, Desk::order("", Side::buy, 0, 100)) == "bad_quantity");  // counts all the same
  CHECK(with(limits, ten).starts_with("L"));
  CHECK(with(limits, ten) == "rate_limit");
  d.time += 499'999'999;
  CHECK(with(limits, ten) == "rate_limit");
  d.time += 1;
  CHECK(with(limits, ten).starts_with("L"));
  CHECK(with(limits, ten) == "rate_limit");
  CHECK(with({}, Desk::order("", Side::buy, 10, 1001)) == "bad_price");
  CHECK(with({}, Desk::order("", Side::buy, 1'000'001, 10)) == "max_quantity");
}

TEST_CASE("the collar refuses limits through it and stops market orders at it") {
  Desk d(Phase::continuous, 1000, 100);  // 10 %
  CHECK(d.buy("b1", 1, 111) == Tape{"rejected b1 price_collar"});
  CHECK(d.sell("s1", 1, 89) == Tape{"rejected s1 price_collar"});
  d.sell("s2", 1, 110, 1);
  d.sell("s3", 1, 112, 1);
  CHECK(d.buy("m", 2, kNoPrice) == Tape{"accepted m", "fill m 1@110 left 1", "fill s2 1@110 left 0", "traded 1@110 buy",
                                        "cancelled m price_collar", "sell 110: 0 in 0"});
  CHECK(d.buy("b2", 1, 112).front() == "accepted b2");  // the last trade is the reference now
}

TEST_CASE("new limits for an instrument must hold what rests") {
  Desk d;
  d.buy("b", 5, 500);
  Command c = Desk::of(CommandType::define_instrument);
  c.instrument_definition = *d.engine.instrument(0);
  c.instrument_definition.max_price = 499;
  CHECK(d.send(c) == Tape{"command rejected bad_price"});
  c.instrument_definition.max_price = 70'000;
  c.instrument_definition.min_price = -70'000;
  CHECK(d.send(c) == Tape{"instrument_defined"});
  CHECK(d.sell("s", 5, -60'000, 1)[1] == "fill s 5@500 left 0");
  c.instrument_definition.tick_mantissa = 2;
  CHECK(d.send(c) == Tape{"command rejected off_tick"});
}
