#include "engine/risk/account_risk.h"

#include <doctest/doctest.h>

using namespace nautilus::engine;

TEST_CASE("tokens come back exactly with time, and never more than a second's worth") {
  TokenBucket bucket;
  bucket.fill(3, 100);
  CHECK(bucket.take(3, 100));
  CHECK(bucket.take(3, 100));
  CHECK(bucket.take(3, 100));
  CHECK_FALSE(bucket.take(3, 100));
  // A third of a second, rounded up: in many small steps the same as in one.
  Timestamp now = 100;
  for (int i = 0; i < 333; ++i) CHECK_FALSE(bucket.take(3, now += 1'000'000));
  CHECK_FALSE(bucket.take(3, now += 333'333));
  CHECK(bucket.take(3, now += 1));
  now += 3'600 * TokenBucket::kSecond;
  for (int i = 0; i < 3; ++i) CHECK(bucket.take(3, now));
  CHECK_FALSE(bucket.take(3, now));
  CHECK(bucket.take(0, now));  // no limit
  // The largest limit and a gap of centuries do not overflow.
  TokenBucket wide;
  wide.fill(UINT32_MAX, 0);
  for (int i = 0; i < 10; ++i) CHECK(wide.take(UINT32_MAX, INT64_MAX - 10 + i));
}

TEST_CASE("the collar is exact, also for prices at and below zero") {
  struct Case {
    Side side;
    Price reference;
    std::int32_t basis_points;
    Price price;
    bool within;
  };
  const Case cases[] = {
      {Side::buy, 10'000, 100, 10'100, true},
      {Side::buy, 10'000, 100, 10'101, false},
      {Side::buy, 10'000, 100, 1, true},
      {Side::sell, 10'000, 100, 9'900, true},
      {Side::sell, 10'000, 100, 9'899, false},
      {Side::sell, 10'000, 100, 1 << 30, true},
      {Side::buy, -100, 1'000, -90, true},
      {Side::buy, -100, 1'000, -89, false},
      {Side::sell, -100, 1'000, -110, true},
      {Side::sell, -100, 1'000, -111, false},
      {Side::buy, 0, 1'000, 0, true},
      {Side::buy, 0, 1'000, 1, false},
      {Side::buy, kNoPrice, 1'000, 1 << 30, true},
      {Side::sell, 10'000, 0, 1, true},
      {Side::buy, kMaxPrice, kMaxCollar, kMaxPrice, true},
  };
  for (const Case& c : cases) {
    CAPTURE(c.reference);
    CAPTURE(c.price);
    CHECK(within_collar(c.side, c.price, c.reference, c.basis_points) == c.within);
  }
}

TEST_CASE("sizes and notionals are compared without overflow") {
  Instrument instrument;
  instrument.max_quantity = kMaxLots;
  AccountLimits limits;
  CHECK(check_size(limits, instrument, kMaxLots, notional(1, kMaxLots)) == Reason::none);
  // 2^53 * 2^38 is far beyond 64 bits.
  CHECK(check_size(limits, instrument, kMaxLots, notional(-kMaxPrice, kMaxLots)) == Reason::max_notional);
  limits.max_order_quantity = 5;
  CHECK(check_size(limits, instrument, 6, 1) == Reason::max_quantity);
  CHECK(check_size(limits, instrument, 5, 1) == Reason::none);
  limits.max_order_notional = 50;
  CHECK(check_size(limits, instrument, 5, notional(-10, 5)) == Reason::none);
  CHECK(check_size(limits, instrument, 5, notional(-11, 5)) == Reason::max_notional);
}

TEST_CASE("exposure: position, open orders, open notional, and orders that reduce") {
  AccountRisk account{};
  Position position{0, 0, 7, {2, 3}};
  const auto judged = [&](Side side, Quantity quantity, Notional amount, bool may_rest = true,
                          EngineState state = EngineState::active, std::uint32_t orders = 1) {
    return check_exposure(account, position, state, {side, quantity, amount, may_rest, orders});
  };
  CHECK(judged(Side::buy, 1'000'000, 1) == Reason::none);
  account.limits.max_position = 10;  // long 7, 2 more bid; 3 offered
  CHECK(judged(Side::buy, 1, 1) == Reason::none);
  CHECK(judged(Side::buy, 2, 1) == Reason::position_limit);
  CHECK(judged(Side::sell, 14, 1) == Reason::none);
  CHECK(judged(Side::sell, 15, 1) == Reason::position_limit);
  CHECK(judged(Side::buy, -1, -1) == Reason::none);  // a replacement that asks for less
  position.net = 11;                                 // the limit was lowered since
  CHECK(judged(Side::buy, 1, 1) == Reason::position_limit);
  CHECK(judged(Side::sell, 1, 1) == Reason::none);
  position.net = INT64_MAX;
  CHECK(judged(Side::buy, kMaxLots, 1) == Reason::position_limit);
  position.net = 7;

  CHECK(judged(Side::sell, 4, 1, true, EngineState::reducing) == Reason::none);
  CHECK(judged(Side::sell, 5, 1, true, EngineState::reducing) == Reason::engine_reducing);  // 3 offered, 7 held
  CHECK(judged(Side::buy, 1, 1, true, EngineState::reducing) == Reason::engine_reducing);
  position.net = -7;
  CHECK(judged(Side::buy, 5, 1, true, EngineState::reducing) == Reason::none);
  CHECK(judged(Side::buy, 6, 1, true, EngineState::reducing) == Reason::engine_reducing);
  position.net = 0;
  CHECK(judged(Side::buy, 1, 1, true, EngineState::reducing) == Reason::engine_reducing);

  account.limits = {};
  account.limits.max_open_orders = 3;
  account.open_orders = 3;
  CHECK(judged(Side::buy, 1, 1) == Reason::open_order_limit);
  CHECK(judged(Side::buy, 1, 1, false) == Reason::none);
  CHECK(judged(Side::buy, 1, 1, true, EngineState::active, 0) == Reason::none);
  account.limits = {};
  account.limits.max_open_notional = INT64_MAX;
  account.open_notional = INT64_MAX;
  CHECK(judged(Side::buy, 1, 1) == Reason::open_notional_limit);
  CHECK(judged(Side::buy, 1, notional(kMaxPrice, kMaxLots)) == Reason::open_notional_limit);
  CHECK(judged(Side::buy, 1, 0) == Reason::none);
}
