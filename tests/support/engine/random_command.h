// Commands with every field in play, from a seed: the same on every machine.
#pragma once

#include "engine/model/command.h"

namespace nautilus::engine::test {

// xorshift64*: a few lines are enough for tests, and the same everywhere.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}
  std::uint64_t next() {
    state_ ^= state_ >> 12, state_ ^= state_ << 25, state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1du;
  }
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  bool coin() { return next() >> 63; }

 private:
  std::uint64_t state_;
};

// What an id may consist of, `length` of it.
inline ClientOrderId random_id(Random& random, std::size_t length) {
  static constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-";
  ClientOrderId id;
  for (std::size_t i = 0; i < length; ++i) id.text[i] = kLetters[random.below(kLetters.size())];
  id.length = static_cast<std::uint8_t>(length);
  return id;
}

// Any command the types allow, also ones that make no sense; sequence and time are the caller's.
inline Command random_command(Random& random) {
  const auto number = [&]() -> std::int64_t {
    switch (random.below(5)) {
      case 0: return 0;
      case 1: return INT64_MIN;
      case 2: return INT64_MAX;
      case 3: return static_cast<std::int64_t>(random.below(1000));
      default: return static_cast<std::int64_t>(random.next());
    }
  };
  const auto word = [&] { return static_cast<std::uint64_t>(number()); };
  static constexpr TimeInForce kTimes[] = {TimeInForce::day,
                                           TimeInForce::good_till_cancel,
                                           TimeInForce::at_the_opening,
                                           TimeInForce::immediate_or_cancel,
                                           TimeInForce::fill_or_kill,
                                           TimeInForce::good_till_date,
                                           TimeInForce::at_the_close};
  Command c;
  c.type = static_cast<CommandType>(1 + random.below(16));
  c.side = random.coin() ? Side::buy : Side::sell;
  if (c.type == CommandType::mass_cancel && random.coin()) c.side = Side{};  // both
  c.order_type = static_cast<OrderType>(1 + random.below(4));
  c.time_in_force = kTimes[random.below(7)];
  c.self_trade = static_cast<SelfTradePrevention>(random.below(5));
  c.phase = static_cast<Phase>(random.below(5));
  c.engine_state = static_cast<EngineState>(random.below(3));
  c.post_only = random.coin(), c.enabled = random.coin();
  c.instrument = random.coin() ? kNoInstrument : static_cast<InstrumentId>(random.below(100));
  c.account = random.coin() ? kNoAccount : static_cast<AccountId>(random.next());
  c.session = word(), c.price = number(), c.stop_price = number(), c.quantity = number();
  c.display_quantity = number(), c.expire_at = number(), c.order_id = word(), c.epoch = word();
  c.state_hash = word(), c.client_tag = word();
  c.client_id = random_id(random, random.below(40));
  c.orig_client_id = random_id(random, random.coin() ? 0 : random.below(40));
  if (c.type == CommandType::define_instrument) {
    Instrument& i = c.instrument_definition;
    i.symbol = Symbol::from(random_id(random, random.below(25)).view());
    i.tick_mantissa = number(), i.lot_mantissa = number();
    i.tick_decimals = static_cast<std::uint8_t>(random.next()),
    i.lot_decimals = static_cast<std::uint8_t>(random.next());
    i.opening_phase = static_cast<Phase>(random.below(5));
    i.min_price = number(), i.max_price = number(), i.reference_price = number(), i.max_quantity = number();
    i.max_notional = number(), i.collar_basis_points = static_cast<std::int32_t>(random.next());
  }
  if (c.type == CommandType::define_account) {
    AccountLimits& l = c.account_definition.limits;
    c.account_definition.name = AccountName::from(random_id(random, random.below(33)).view());
    l.max_order_quantity = number(), l.max_order_notional = number(), l.max_open_notional = number();
    l.max_open_orders = static_cast<std::uint32_t>(random.next());
    l.orders_per_second = static_cast<std::uint32_t>(random.next()), l.max_position = number();
    l.self_trade = static_cast<SelfTradePrevention>(random.below(5)), l.cancel_on_disconnect = random.coin();
  }
  return c;
}

// A limit order as a client would send it.
inline Command plain_order(std::uint64_t n) {
  Command c;
  c.type = CommandType::new_order;
  c.instrument = 0, c.account = 1, c.session = 7;
  c.side = n % 2 ? Side::buy : Side::sell;
  c.price = static_cast<Price>(10'000 + n % 17), c.quantity = static_cast<Quantity>(1 + n % 100);
  c.client_tag = n;
  char text[21];
  std::size_t length = 0;
  for (std::uint64_t rest = n; length < 20 && (rest || !length); rest /= 10)
    text[length++] = static_cast<char>('0' + rest % 10);
  std::memcpy(c.client_id.text.data(), text, length);
  c.client_id.length = static_cast<std::uint8_t>(length);
  return c;
}

}  // namespace nautilus::engine::test
