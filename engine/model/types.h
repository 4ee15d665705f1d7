// The words of the engine: numbers with units, identifiers, enumerations.
//
// All engine folders share the namespace nautilus::engine. Everything here is a plain value that can be copied with
// memcpy; nothing allocates. Enumerators have fixed numbers, because journals keep them: never renumber, only append.
// Where FIX has a field for it, the number and the name are FIX's (OrdType 40, TimeInForce 59, Side 54, OrdRejReason).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace nautilus::engine {

using Price = std::int64_t;          // in ticks of the instrument; 0 is a price, negative prices are allowed (spreads)
using Quantity = std::int64_t;       // in lots of the instrument; never negative
using Timestamp = std::int64_t;      // nanoseconds since 1970-01-01T00:00:00Z
using Sequence = std::uint64_t;      // of a command in the journal; the first is 1
using OrderId = std::uint64_t;       // given by the engine, never used twice; 0 = none
using TradeId = std::uint64_t;       // of one match, never used twice
using InstrumentId = std::uint32_t;  // dense, from 0 in the order of definition
using AccountId = std::uint32_t;     // dense, from 0 in the order of definition
using SessionId = std::uint64_t;     // of one logged-on connection; 0 = none
using Epoch = std::uint64_t;         // fencing: of two primaries the higher one is the primary

inline constexpr Price kNoPrice = INT64_MIN;
inline constexpr InstrumentId kNoInstrument = UINT32_MAX;
inline constexpr AccountId kNoAccount = UINT32_MAX;

enum class Side : std::uint8_t { buy = 1, sell = 2 };
inline constexpr Side opposite(Side side) { return side == Side::buy ? Side::sell : Side::buy; }

enum class OrderType : std::uint8_t { market = 1, limit = 2, stop = 3, stop_limit = 4 };

enum class TimeInForce : std::uint8_t {
  day = 0,  // until the instrument's end of day
  good_till_cancel = 1,
  at_the_opening = 2,  // only in the opening auction
  immediate_or_cancel = 3,
  fill_or_kill = 4,
  good_till_date = 6,  // until `expire_at`
  at_the_close = 7,    // only in the closing auction
};

// What happens when an order would trade with an order of the same account (`self_trade_group` 0 means never compared).
enum class SelfTradePrevention : std::uint8_t {
  none = 0,           // they trade
  cancel_newest = 1,  // the incoming order is cancelled
  cancel_oldest = 2,  // the resting order is cancelled, matching goes on
  cancel_both = 3,
  decrement = 4,  // both shrink by the smaller quantity, without a trade; the smaller one is cancelled
};

// Of one instrument. Orders are accepted in all but `closed`; what may rest or trade follows from the phase.
enum class Phase : std::uint8_t {
  closed = 0,
  opening_auction = 1,  // call phase: orders rest, nothing trades until the uncross
  continuous = 2,
  closing_auction = 3,
  halted = 4,  // cancels only
};

// Of the whole engine.
enum class EngineState : std::uint8_t {
  active = 0,
  reducing = 1,  // only cancels, and orders that shrink the account's position
  halted = 2,    // only cancels
};

// Why something was refused or ended. One table for rejects, cancels and expiry; `name()` is the word of the protocol.
enum class Reason : std::uint8_t {
  none = 0,
  // Refused because of what it says.
  unknown_instrument = 1,
  unknown_account = 2,
  unknown_order = 3,
  duplicate_client_id = 4,
  bad_client_id = 5,
  bad_quantity = 6,
  bad_price = 7,
  bad_stop_price = 8,
  bad_display_quantity = 9,
  bad_type = 10,
  bad_time_in_force = 11,
  bad_expiry = 12,
  off_tick = 13,
  off_lot = 14,
  not_allowed_in_phase = 15,
  would_trade = 16 /* post-only */,
  no_liquidity = 17 /* market, IOC or FOK with nothing to trade with */,
  nothing_to_change = 18,
  bad_session = 19,
  // Refused by a risk check (RTS 6, 15c3-5).
  price_collar = 32,
  max_quantity = 33,
  max_notional = 34,
  rate_limit = 35,
  open_order_limit = 36,
  position_limit = 37,
  kill_switch = 38,
  engine_reducing = 39,
  engine_halted = 40,
  instrument_halted = 41,
  market_closed = 42,
  open_notional_limit = 43,
  // Ended without being refused.
  by_request = 64,
  mass_cancel = 65,
  immediate_rest = 66 /* IOC remainder */,
  self_trade = 67,
  disconnect = 68,
  day_over = 69,
  date_passed = 70,
  auction_over = 71,
  killed = 72,
  instrument_removed = 73,
  drained = 74,
  // The engine cannot take it.
  capacity = 96,
  not_primary = 97,
  stopping = 98,
  storage = 99,
};

std::string_view name(Side);
std::string_view name(OrderType);
std::string_view name(TimeInForce);
std::string_view name(SelfTradePrevention);
std::string_view name(Phase);
std::string_view name(EngineState);
std::string_view name(Reason);

// What the client calls its order: 1 to 39 characters of [A-Za-z0-9_.:-], unique within the account. Zero-padded, so
// that equality is one comparison of 40 bytes.
struct ClientOrderId {
  static constexpr std::size_t kMaxLength = 39;
  std::array<char, kMaxLength> text{};
  std::uint8_t length = 0;

  bool empty() const { return length == 0; }
  std::string_view view() const { return {text.data(), length}; }
  bool operator==(const ClientOrderId& other) const { return std::memcmp(this, &other, sizeof *this) == 0; }
  // Empty if the text is empty, too long or has other characters.
  static ClientOrderId from(std::string_view text);
};
static_assert(sizeof(ClientOrderId) == 40);

}  // namespace nautilus::engine
