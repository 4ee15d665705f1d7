// What can be traded, and the limits that belong to the instrument. Read from a file (manifests or a ConfigMap),
// journalled as a command, so that a replay needs nothing but the journal.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "engine/model/types.h"

namespace nautilus::engine {

// A short name without a terminator problem: zero-padded.
template <std::size_t N>
struct FixedText {
  std::array<char, N> text{};
  std::string_view view() const {
    std::size_t n = 0;
    while (n < N && text[n]) ++n;
    return {text.data(), n};
  }
  // Cut at N characters; the readers of files refuse longer names before.
  static FixedText from(std::string_view s) {
    FixedText out;
    for (std::size_t i = 0; i < N && i < s.size(); ++i) out.text[i] = s[i];
    return out;
  }
  bool operator==(const FixedText&) const = default;
};
using Symbol = FixedText<24>;
using AccountName = FixedText<32>;

// Prices are whole ticks inside; outside they are decimals: price = ticks * tick_size, tick_size = tick_mantissa *
// 10^-tick_decimals (2.5 cents: 25, 3). The same for lots.
struct Instrument {
  Symbol symbol;
  std::int64_t tick_mantissa = 1;
  std::int64_t lot_mantissa = 1;
  std::uint8_t tick_decimals = 2;
  std::uint8_t lot_decimals = 0;
  Phase opening_phase = Phase::continuous;  // the phase it begins in
  std::uint8_t reserved[5] = {};
  Price min_price = 1;               // the ladder of the book spans [min_price, max_price]; bounds its memory
  Price max_price = 1'000'000;       // at most kMaxLadder prices
  Price reference_price = kNoPrice;  // of the collar until the first trade; usually the last close
  Quantity max_quantity = 1'000'000;
  std::int64_t max_notional = INT64_MAX;  // price * quantity in ticks x lots
  std::int32_t collar_basis_points = 0;   // a limit may be this far through the reference price; 0 = no collar
  std::uint32_t reserved2 = 0;
};
inline constexpr std::int64_t kMaxLadder = std::int64_t{1} << 24;
inline constexpr Price kMaxPrice = Price{1} << 53;       // no price, in ticks, is further from 0
inline constexpr Quantity kMaxLots = Quantity{1} << 38;  // of one order; 2^24 orders of a level still add up
inline constexpr std::int32_t kMaxCollar = 1'000'000;    // basis points
// The first thing that is wrong with a definition, or Reason::none. The engine refuses what this refuses.
struct AccountLimits;
Reason check(const struct Instrument&);
Reason check(const struct Account&);

// Limits of one account (RTS 6 article 15, SEC 15c3-5). 0 means no limit, except where said.
struct AccountLimits {
  Quantity max_order_quantity = 0;
  std::int64_t max_order_notional = 0;  // ticks x lots
  std::int64_t max_open_notional = 0;   // of all resting orders together
  std::uint32_t max_open_orders = 0;
  std::uint32_t orders_per_second = 0;  // token bucket in the time of the commands, burst = orders_per_second
  Quantity max_position = 0;            // per instrument, long or short, counting what rests as if it were filled
  SelfTradePrevention self_trade = SelfTradePrevention::cancel_newest;
  bool cancel_on_disconnect = true;  // the default of its sessions
  std::uint8_t reserved[6] = {};
};

struct Account {
  AccountName name;
  AccountLimits limits;
};

// The two files. Errors name file, line, symbol or account and field. The formats are in docs/engine/configuration.md.
struct Definitions {
  std::vector<Instrument> instruments;
  std::vector<Account> accounts;
};
Result<Definitions> parse_definitions(std::string_view yaml, std::string_view what);

// Decimal text to ticks or lots and back, exact: no floating point. Error if it is not a whole number of ticks (lots)
// (Reason::off_tick / off_lot tells the protocol), or does not fit.
Result<std::int64_t> to_units(std::string_view decimal, std::int64_t mantissa, unsigned decimals);
std::string to_decimal(std::int64_t units, std::int64_t mantissa, unsigned decimals);

}  // namespace nautilus::engine
