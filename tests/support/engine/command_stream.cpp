#include "tests/support/engine/command_stream.h"

#include <fmt/format.h>

namespace nautilus::engine::judges {
namespace {

constexpr std::size_t kKnown = 90;
constexpr AccountId kAccounts = 5;
constexpr InstrumentId kInstruments = 3;
constexpr Price kMiddle[kInstruments] = {1000, 0, 300};

Price near(Dice& dice, InstrumentId instrument, std::int64_t width) {
  return kMiddle[instrument % kInstruments] + dice.between(-width, width);
}

}  // namespace

std::vector<Command> CommandStream::definitions() {
  std::vector<Command> out;
  const auto add = [&](CommandType type) -> Command& {
    Command& command = out.emplace_back();
    command.type = type;
    command.sequence = ++sequence_;
    command.time = ++time_;
    return command;
  };
  for (InstrumentId i = 0; i < kInstruments; ++i) {
    Instrument& what = add(CommandType::define_instrument).instrument_definition;
    what.symbol = Symbol::from(fmt::format("SYM{}", i));
    what.min_price = kMiddle[i] - 600;
    what.max_price = kMiddle[i] + 600;
    what.max_quantity = 5'000;
    if (i == 0) what.reference_price = 1000;
    if (i == 0) what.collar_basis_points = 100;
    if (i == 1) what.opening_phase = Phase::opening_auction;
    if (i == 2) what.max_notional = 100'000;
  }
  const SelfTradePrevention modes[] = {SelfTradePrevention::none, SelfTradePrevention::cancel_newest,
                                       SelfTradePrevention::cancel_oldest, SelfTradePrevention::cancel_both,
                                       SelfTradePrevention::decrement};
  for (AccountId i = 0; i < kAccounts; ++i) {
    Account& what = add(CommandType::define_account).account_definition;
    what.name = AccountName::from(fmt::format("acc{}", i));
    what.limits.self_trade = modes[i];
    if (i == 1) what.limits.max_open_orders = 12;
    if (i == 2) what.limits.max_position = 400;
    if (i == 3) what.limits.orders_per_second = 40;
    if (i == 4) what.limits.max_open_notional = 300'000;
    if (i == 4) what.limits.max_order_quantity = 300;
  }
  return out;
}

void CommandStream::common(Dice& dice, Command& command) {
  command.sequence = ++sequence_;
  time_ += dice.chance(2) ? dice.between(0, 2'000'000'000) : dice.between(0, 3'000'000);
  command.time = dice.rarely() ? time_ - dice.between(0, 1'000'000'000) : time_;
  command.client_tag = dice.next();
}

// Usually one that is open and the account's.
SessionId CommandStream::session(Dice& dice, AccountId account) const {
  if (dice.rarely()) return static_cast<SessionId>(dice.between(1, 6));
  for (const auto& [id, owner] : sessions_)
    if (owner == account && dice.chance(60)) return id;
  return 0;
}

Command CommandStream::order(Dice& dice) {
  Command c;
  c.type = CommandType::new_order;
  common(dice, c);
  c.account = static_cast<AccountId>(dice.between(0, dice.rarely() ? kAccounts : kAccounts - 1));
  c.instrument = static_cast<InstrumentId>(dice.between(0, dice.rarely() ? kInstruments : kInstruments - 1));
  c.side = dice.chance(50) ? Side::buy : Side::sell;
  if (dice.chance(40)) c.session = session(dice, c.account);
  const auto kind = dice.between(0, 99);
  c.order_type = kind < 72   ? OrderType::limit
                 : kind < 82 ? OrderType::market
                 : kind < 92 ? OrderType::stop
                             : OrderType::stop_limit;
  constexpr TimeInForce kTimes[] = {TimeInForce::day,
                                    TimeInForce::good_till_cancel,
                                    TimeInForce::good_till_cancel,
                                    TimeInForce::immediate_or_cancel,
                                    TimeInForce::fill_or_kill,
                                    TimeInForce::good_till_date,
                                    TimeInForce::at_the_opening,
                                    TimeInForce::at_the_close};
  c.time_in_force = dice.chance(50) ? TimeInForce::day : kTimes[dice.between(0, 7)];
  const std::int64_t width = dice.chance(90) ? 8 : 40;
  if (c.order_type == OrderType::limit || c.order_type == OrderType::stop_limit)
    c.price = near(dice, c.instrument, width);
  if (c.order_type == OrderType::stop || c.order_type == OrderType::stop_limit)
    c.stop_price = near(dice, c.instrument, width);
  c.quantity = dice.chance(80) ? dice.between(1, 60) : dice.between(1, 400);
  if (dice.chance(12)) c.display_quantity = dice.between(1, c.quantity);
  if (c.time_in_force == TimeInForce::good_till_date)
    c.expire_at = time_ + (dice.chance(5) ? 0 : dice.between(1, 3'000'000'000));
  c.post_only = dice.chance(8);
  if (dice.chance(15)) c.self_trade = static_cast<SelfTradePrevention>(dice.between(1, 4));
  c.client_id = ClientOrderId::from(fmt::format(
      "n{}", dice.chance(3) && names_ ? names_ - dice.next() % std::min<std::uint64_t>(names_, 400) : ++names_));
  // Nonsense of every kind.
  if (dice.rarely()) c.price = dice.chance(50) ? kNoPrice : INT64_MAX;
  if (dice.rarely()) c.stop_price = dice.chance(50) ? kNoPrice : 5;
  if (dice.rarely()) c.quantity = dice.chance(50) ? -1 : INT64_MAX;
  if (dice.rarely()) c.quantity = 0;
  if (dice.rarely()) c.display_quantity = dice.between(-3, 100);
  if (dice.rarely()) c.side = static_cast<Side>(dice.between(0, 255));
  if (dice.rarely()) c.order_type = static_cast<OrderType>(dice.between(0, 255));
  if (dice.rarely()) c.time_in_force = static_cast<TimeInForce>(dice.between(0, 255));
  if (dice.rarely()) c.self_trade = static_cast<SelfTradePrevention>(dice.between(0, 255));
  if (dice.rarely()) c.client_id = {};
  if (dice.rarely()) c.client_id.length = 200;
  if (dice.rarely()) c.expire_at = time_ + 5;
  return c;
}

Command CommandStream::change(Dice& dice, CommandType type) {
  Command c;
  c.type = type;
  common(dice, c);
  if (known_.empty()) return c;
  const Known& known = known_[dice.next() % known_.size()];
  c.account = dice.rarely() ? static_cast<AccountId>(dice.between(0, kAccounts)) : known.account;
  if (dice.chance(70)) c.orig_client_id = known.name;
  if (dice.chance(40)) c.order_id = known.id;
  if (type == CommandType::cancel_order) {
    if (dice.chance(50)) c.client_id = ClientOrderId::from(fmt::format("c{}", ++names_));
    return c;
  }
  if (dice.chance(80)) c.client_id = ClientOrderId::from(fmt::format("n{}", dice.chance(3) ? names_ : ++names_));
  const auto instrument = static_cast<InstrumentId>(dice.between(0, kInstruments - 1));
  if (dice.chance(50)) c.price = near(dice, instrument, 8);
  if (dice.chance(8)) c.stop_price = near(dice, instrument, 8);
  if (dice.chance(60)) c.quantity = dice.chance(70) ? dice.between(1, 60) : dice.between(1, 500);
  if (dice.chance(10)) c.display_quantity = dice.between(1, 60);
  if (dice.chance(20)) c.session = session(dice, c.account);
  if (dice.rarely()) c.quantity = -5;
  if (dice.rarely()) c.display_quantity = -5;
  if (dice.rarely()) c.client_id.length = 77;
  return c;
}

Command CommandStream::control(Dice& dice) {
  Command c;
  common(dice, c);
  if (!killed_.empty() && dice.chance(25)) {
    c.type = CommandType::set_kill_switch;
    c.account = kNoAccount;
    return c;
  }
  const auto kind = dice.between(0, 99);
  const auto instrument = [&] {
    return dice.chance(20) ? kNoInstrument : static_cast<InstrumentId>(dice.between(0, dice.rarely() ? 9 : 2));
  };
  const auto account = [&] {
    return static_cast<AccountId>(dice.between(0, dice.rarely() ? kAccounts : kAccounts - 1));
  };
  if (kind < 36) {
    c.type = CommandType::set_phase;
    c.instrument = instrument();
    c.phase = dice.chance(65) ? Phase::continuous : static_cast<Phase>(dice.between(0, dice.rarely() ? 7 : 4));
  } else if (kind < 45) {
    c.type = CommandType::mass_cancel;
    c.account = account();
    c.instrument = instrument();
    c.side = static_cast<Side>(dice.between(0, 2));
    c.session = dice.chance(70) ? 0 : static_cast<SessionId>(dice.between(1, 6));
  } else if (kind < 60) {
    c.type = CommandType::open_session;
    c.session = static_cast<SessionId>(dice.between(0, 6));
    c.account = account();
    c.enabled = dice.chance(60);
  } else if (kind < 70) {
    c.type = CommandType::close_session;
    c.session = static_cast<SessionId>(dice.between(0, 6));
  } else if (kind < 73) {
    c.type = CommandType::set_kill_switch;
    c.account = dice.chance(10) ? kNoAccount : account();
    c.enabled = dice.chance(30);
  } else if (kind < 78) {
    c.type = CommandType::set_engine_state;
    c.engine_state =
        dice.chance(60) ? EngineState::active : static_cast<EngineState>(dice.between(0, dice.rarely() ? 9 : 2));
  } else if (kind < 84) {
    c.type = CommandType::advance_time;
  } else if (kind < 88) {
    c.type = CommandType::end_of_day;
    c.instrument = instrument();
  } else if (kind < 92) {
    c.type = CommandType::set_reference_price;
    c.instrument = instrument();
    c.price = near(dice, c.instrument, 30);
  } else if (kind < 95) {
    CommandStream again;
    const auto known = again.definitions();
    const Command& one = known[dice.next() % known.size()];
    c.type = one.type;
    c.instrument_definition = one.instrument_definition;
    c.account_definition = one.account_definition;
    Instrument& what = c.instrument_definition;
    if (dice.chance(50)) what.min_price += dice.between(-100, 200);
    if (dice.chance(30)) what.max_price += dice.between(-200, 100);
    if (dice.chance(10)) what.tick_mantissa = 5;
    if (dice.chance(10)) what.max_price = what.min_price - 1;
    if (dice.chance(30)) what.reference_price = what.max_price - 300;
    if (dice.chance(20)) c.account_definition.limits.orders_per_second = 100;
  } else if (kind < 97) {
    c.type = CommandType::begin_epoch;
    c.epoch = dice.chance(70) ? ++epoch_ : epoch_;
  } else if (dice.rarely()) {
    c.type = static_cast<CommandType>(dice.between(17, 255));
  } else {
    c.type = CommandType::set_engine_state;
    c.engine_state = EngineState::active;
  }
  return c;
}

Command CommandStream::next(Dice& dice) {
  const auto kind = dice.between(0, 99);
  if (kind < 56) return order(dice);
  if (kind < 72) return change(dice, CommandType::cancel_order);
  if (kind < 96) return change(dice, CommandType::replace_order);
  return control(dice);
}

void CommandStream::saw(const std::vector<Event>& events) {
  for (const Event& event : events) {
    if (event.type == EventType::session_opened) sessions_[event.session] = event.account;
    if (event.type == EventType::session_closed) sessions_.erase(event.session);
    if (event.type == EventType::kill_switch_changed) {
      if (event.enabled)
        killed_.insert(event.account);
      else
        killed_.erase(event.account);
    }
    // An order that is over is named now and then all the same.
    const bool over =
        event.type == EventType::order_cancelled || (event.type == EventType::order_filled && event.leaves == 0);
    for (Known& known : known_)
      if (over && known.id == event.order_id && event.order_id % 8 != 0) known = known_[event.sequence % known_.size()];
    if (event.type != EventType::order_accepted && event.type != EventType::order_replaced) continue;
    const Known known{event.account, event.client_id, event.order_id};
    if (known_.size() < kKnown)
      known_.push_back(known);
    else
      known_[next_known_++ % kKnown] = known;
  }
}

std::string text(const Event& e) {
  return fmt::format(
      "{} reason={} side={} type={} tif={} phase={} state={} aggressor={} kept={} enabled={} post={} last={} "
      "instrument={} account={} orders={} seq={} time={} aseq={} session={} order={} trade={} price={} stop={} "
      "last_price={} qty={} leaves={} filled={} last_qty={} display={} expire={} epoch={} tag={} id={} orig={}",
      name(e.type), name(e.reason), static_cast<int>(e.side), static_cast<int>(e.order_type),
      static_cast<int>(e.time_in_force), name(e.phase), name(e.engine_state), e.aggressor, e.kept_priority, e.enabled,
      e.post_only, e.last_of_command, static_cast<std::int32_t>(e.instrument), static_cast<std::int32_t>(e.account),
      e.orders, e.sequence, e.time, e.account_sequence, e.session, e.order_id, e.trade_id, e.price, e.stop_price,
      e.last_price, e.quantity, e.leaves, e.filled, e.last_quantity, e.display_quantity, e.expire_at, e.epoch,
      e.client_tag, e.client_id.length > 39 ? "?" : e.client_id.view(),
      e.orig_client_id.length > 39 ? "?" : e.orig_client_id.view());
}

std::string text(const Command& c) {
  return fmt::format(
      "{} side={} type={} tif={} stp={} phase={} state={} post={} enabled={} instrument={} account={} seq={} time={} "
      "session={} price={} stop={} qty={} display={} expire={} order={} id={} orig={}",
      name(c.type), static_cast<int>(c.side), static_cast<int>(c.order_type), static_cast<int>(c.time_in_force),
      static_cast<int>(c.self_trade), name(c.phase), name(c.engine_state), c.post_only, c.enabled,
      static_cast<std::int32_t>(c.instrument), static_cast<std::int32_t>(c.account), c.sequence, c.time, c.session,
      c.price, c.stop_price, c.quantity, c.display_quantity, c.expire_at, c.order_id,
      c.client_id.length > 39 ? "?" : c.client_id.view(), c.orig_client_id.length > 39 ? "?" : c.orig_client_id.view());
}

std::string difference(const Event& a, const Event& b) {
  // Every field is a plain value and there is no padding between them but what is zero: compare field by field anyway.
  const bool same =
      a.type == b.type && a.reason == b.reason && a.side == b.side && a.order_type == b.order_type &&
      a.time_in_force == b.time_in_force && a.phase == b.phase && a.engine_state == b.engine_state &&
      a.aggressor == b.aggressor && a.kept_priority == b.kept_priority && a.enabled == b.enabled &&
      a.post_only == b.post_only && a.last_of_command == b.last_of_command && a.instrument == b.instrument &&
      a.account == b.account && a.orders == b.orders && a.sequence == b.sequence && a.time == b.time &&
      a.account_sequence == b.account_sequence && a.session == b.session && a.order_id == b.order_id &&
      a.trade_id == b.trade_id && a.price == b.price && a.stop_price == b.stop_price && a.last_price == b.last_price &&
      a.quantity == b.quantity && a.leaves == b.leaves && a.filled == b.filled && a.last_quantity == b.last_quantity &&
      a.display_quantity == b.display_quantity && a.expire_at == b.expire_at && a.epoch == b.epoch &&
      a.client_tag == b.client_tag && a.client_id == b.client_id && a.orig_client_id == b.orig_client_id;
  return same ? std::string() : text(a) + "\n" + text(b);
}

}  // namespace nautilus::engine::judges
