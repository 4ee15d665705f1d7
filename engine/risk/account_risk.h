// What stands between an order and the book: the limits of an account (RTS 6 article 15, SEC 15c3-5), checked before
// every new and every replacing order, and the figures they are checked against.
//
// Everything is integers: quantities in lots, notionals in ticks x lots and 128 bits where they are added up. Time is
// the commands' time. Pure values, no allocation. The order of the checks is part of the contract
// (docs/engine/risk.md): a refusal names the first check that fails.
#pragma once

#include <algorithm>

#include "engine/model/instrument.h"

namespace nautilus::engine {

__extension__ typedef __int128 Notional;

inline Notional notional(Price price, Quantity quantity) {
  return static_cast<Notional>(price < 0 ? -price : price) * quantity;
}

// Tokens are counted in billionths, so that a refill for any nanosecond is exact: `orders_per_second` billionths of an
// order a nanosecond. At most one second's worth is kept.
struct TokenBucket {
  static constexpr std::int64_t kSecond = 1'000'000'000;
  std::int64_t credit = 0;
  Timestamp refilled = 0;

  bool take(std::uint32_t per_second, Timestamp now) {
    if (per_second == 0) return true;
    const std::int64_t full = std::int64_t{per_second} * kSecond;
    const bool idle = now - refilled >= kSecond;
    credit = idle ? full : std::min(full, credit + (now - refilled) * per_second);
    refilled = now;
    if (credit < kSecond) return false;
    credit -= kSecond;
    return true;
  }
  // A new limit begins with a full bucket.
  void fill(std::uint32_t per_second, Timestamp now) {
    credit = std::int64_t{per_second} * kSecond;
    refilled = now;
  }
};

// Of one account in one instrument: what it holds, and what rests.
struct Position {
  AccountId account;
  InstrumentId instrument;
  Quantity net;      // bought less sold; saturates
  Quantity open[2];  // resting, bought and sold
};
static_assert(sizeof(Position) == 32);

inline std::size_t index(Side side) { return static_cast<std::size_t>(side) - 1; }
inline void add_saturating(Quantity& to, Quantity amount) {
  if (__builtin_add_overflow(to, amount, &to)) to = amount < 0 ? -INT64_MAX : INT64_MAX;
}

struct AccountRisk {
  AccountLimits limits;
  Notional open_notional;
  std::uint64_t reports;  // the last account_sequence
  TokenBucket bucket;
  std::uint32_t open_orders;
  bool killed;
  AccountName name;
};

// What an order would add if all of it rested; for a replacement, the difference, which may be negative.
struct Exposure {
  Side side;
  Quantity quantity;
  Notional notional;     // at its limit or stop price
  bool may_rest;         // else it only counts for the position
  std::uint32_t orders;  // 0: it is one of the open orders already
};

// How far a price may go: the furthest buy and the furthest sell price; no collar or no reference: no bound.
inline Price collar_bound(Side side, Price reference, std::int32_t basis_points) {
  if (basis_points == 0 || reference == kNoPrice) return side == Side::buy ? INT64_MAX : INT64_MIN;
  const Price width = static_cast<Price>(notional(reference, basis_points) / 10'000);
  return side == Side::buy ? reference + width : reference - width;
}
inline bool within_collar(Side side, Price price, Price reference, std::int32_t basis_points) {
  const Price bound = collar_bound(side, reference, basis_points);
  return side == Side::buy ? price <= bound : price >= bound;
}

// An order that shrinks the position even if everything on its side rested before it were filled first.
inline bool reduces(const Position& position, Side side, Quantity quantity) {
  const Quantity held = side == Side::buy ? -position.net : position.net;
  return held > 0 && position.open[index(side)] + quantity <= held;
}

inline Reason check_size(const AccountLimits& limits, const Instrument& instrument, Quantity quantity,
                         Notional amount) {
  if (quantity > instrument.max_quantity) return Reason::max_quantity;
  if (limits.max_order_quantity && quantity > limits.max_order_quantity) return Reason::max_quantity;
  if (amount > instrument.max_notional) return Reason::max_notional;
  if (limits.max_order_notional && amount > limits.max_order_notional) return Reason::max_notional;
  return Reason::none;
}

inline Reason check_exposure(const AccountRisk& account, const Position& position, EngineState state,
                             const Exposure& order) {
  const AccountLimits& limits = account.limits;
  if (state == EngineState::reducing && !reduces(position, order.side, order.quantity)) return Reason::engine_reducing;
  if (limits.max_position && order.quantity > 0) {
    const Quantity held = order.side == Side::buy ? position.net : -position.net;
    Quantity worst = held;
    add_saturating(worst, position.open[index(order.side)] + order.quantity);
    if (worst > limits.max_position) return Reason::position_limit;
  }
  if (!order.may_rest) return Reason::none;
  if (limits.max_open_orders && order.orders && account.open_orders >= limits.max_open_orders)
    return Reason::open_order_limit;
  if (limits.max_open_notional && order.notional > 0 &&
      account.open_notional + order.notional > limits.max_open_notional)
    return Reason::open_notional_limit;
  return Reason::none;
}

}  // namespace nautilus::engine
