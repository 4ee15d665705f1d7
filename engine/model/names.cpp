// The words for the enumerations, as the protocol, the logs and the audit export spell them.
#include "engine/model/event.h"

namespace nautilus::engine {

std::string_view name(Side side) {
  switch (side) {
    case Side::buy: return "buy";
    case Side::sell: return "sell";
  }
  return "unknown";
}

std::string_view name(OrderType type) {
  switch (type) {
    case OrderType::market: return "market";
    case OrderType::limit: return "limit";
    case OrderType::stop: return "stop";
    case OrderType::stop_limit: return "stop_limit";
  }
  return "unknown";
}

std::string_view name(TimeInForce time_in_force) {
  switch (time_in_force) {
    case TimeInForce::day: return "day";
    case TimeInForce::good_till_cancel: return "good_till_cancel";
    case TimeInForce::at_the_opening: return "at_the_opening";
    case TimeInForce::immediate_or_cancel: return "immediate_or_cancel";
    case TimeInForce::fill_or_kill: return "fill_or_kill";
    case TimeInForce::good_till_date: return "good_till_date";
    case TimeInForce::at_the_close: return "at_the_close";
  }
  return "unknown";
}

std::string_view name(SelfTradePrevention mode) {
  switch (mode) {
    case SelfTradePrevention::none: return "none";
    case SelfTradePrevention::cancel_newest: return "cancel_newest";
    case SelfTradePrevention::cancel_oldest: return "cancel_oldest";
    case SelfTradePrevention::cancel_both: return "cancel_both";
    case SelfTradePrevention::decrement: return "decrement";
  }
  return "unknown";
}

std::string_view name(Phase phase) {
  switch (phase) {
    case Phase::closed: return "closed";
    case Phase::opening_auction: return "opening_auction";
    case Phase::continuous: return "continuous";
    case Phase::closing_auction: return "closing_auction";
    case Phase::halted: return "halted";
  }
  return "unknown";
}

std::string_view name(EngineState state) {
  switch (state) {
    case EngineState::active: return "active";
    case EngineState::reducing: return "reducing";
    case EngineState::halted: return "halted";
  }
  return "unknown";
}

std::string_view name(Reason reason) {
  switch (reason) {
    case Reason::none: return "none";
    case Reason::unknown_instrument: return "unknown_instrument";
    case Reason::unknown_account: return "unknown_account";
    case Reason::unknown_order: return "unknown_order";
    case Reason::duplicate_client_id: return "duplicate_client_id";
    case Reason::bad_client_id: return "bad_client_id";
    case Reason::bad_quantity: return "bad_quantity";
    case Reason::bad_price: return "bad_price";
    case Reason::bad_stop_price: return "bad_stop_price";
    case Reason::bad_display_quantity: return "bad_display_quantity";
    case Reason::bad_type: return "bad_type";
    case Reason::bad_time_in_force: return "bad_time_in_force";
    case Reason::bad_expiry: return "bad_expiry";
    case Reason::off_tick: return "off_tick";
    case Reason::off_lot: return "off_lot";
    case Reason::not_allowed_in_phase: return "not_allowed_in_phase";
    case Reason::would_trade: return "would_trade";
    case Reason::no_liquidity: return "no_liquidity";
    case Reason::nothing_to_change: return "nothing_to_change";
    case Reason::bad_session: return "bad_session";
    case Reason::price_collar: return "price_collar";
    case Reason::max_quantity: return "max_quantity";
    case Reason::max_notional: return "max_notional";
    case Reason::rate_limit: return "rate_limit";
    case Reason::open_order_limit: return "open_order_limit";
    case Reason::position_limit: return "position_limit";
    case Reason::kill_switch: return "kill_switch";
    case Reason::engine_reducing: return "engine_reducing";
    case Reason::engine_halted: return "engine_halted";
    case Reason::instrument_halted: return "instrument_halted";
    case Reason::market_closed: return "market_closed";
    case Reason::open_notional_limit: return "open_notional_limit";
    case Reason::by_request: return "by_request";
    case Reason::mass_cancel: return "mass_cancel";
    case Reason::immediate_rest: return "immediate_rest";
    case Reason::self_trade: return "self_trade";
    case Reason::disconnect: return "disconnect";
    case Reason::day_over: return "day_over";
    case Reason::date_passed: return "date_passed";
    case Reason::auction_over: return "auction_over";
    case Reason::killed: return "killed";
    case Reason::instrument_removed: return "instrument_removed";
    case Reason::drained: return "drained";
    case Reason::capacity: return "capacity";
    case Reason::not_primary: return "not_primary";
    case Reason::stopping: return "stopping";
    case Reason::storage: return "storage";
  }
  return "unknown";
}

std::string_view name(CommandType type) {
  switch (type) {
    case CommandType::new_order: return "new_order";
    case CommandType::cancel_order: return "cancel_order";
    case CommandType::replace_order: return "replace_order";
    case CommandType::mass_cancel: return "mass_cancel";
    case CommandType::set_engine_state: return "set_engine_state";
    case CommandType::set_phase: return "set_phase";
    case CommandType::set_kill_switch: return "set_kill_switch";
    case CommandType::open_session: return "open_session";
    case CommandType::close_session: return "close_session";
    case CommandType::advance_time: return "advance_time";
    case CommandType::end_of_day: return "end_of_day";
    case CommandType::define_instrument: return "define_instrument";
    case CommandType::define_account: return "define_account";
    case CommandType::begin_epoch: return "begin_epoch";
    case CommandType::checkpoint: return "checkpoint";
    case CommandType::set_reference_price: return "set_reference_price";
  }
  return "unknown";
}

std::string_view name(EventType type) {
  switch (type) {
    case EventType::order_accepted: return "order_accepted";
    case EventType::order_rejected: return "order_rejected";
    case EventType::order_filled: return "order_filled";
    case EventType::order_cancelled: return "order_cancelled";
    case EventType::order_replaced: return "order_replaced";
    case EventType::order_triggered: return "order_triggered";
    case EventType::cancel_rejected: return "cancel_rejected";
    case EventType::order_status: return "order_status";
    case EventType::order_decremented: return "order_decremented";
    case EventType::position_status: return "position_status";
    case EventType::level_changed: return "level_changed";
    case EventType::traded: return "traded";
    case EventType::auction_indication: return "auction_indication";
    case EventType::phase_changed: return "phase_changed";
    case EventType::engine_state_changed: return "engine_state_changed";
    case EventType::kill_switch_changed: return "kill_switch_changed";
    case EventType::session_opened: return "session_opened";
    case EventType::session_closed: return "session_closed";
    case EventType::instrument_defined: return "instrument_defined";
    case EventType::account_defined: return "account_defined";
    case EventType::epoch_begun: return "epoch_begun";
    case EventType::command_rejected: return "command_rejected";
  }
  return "unknown";
}

ClientOrderId ClientOrderId::from(std::string_view text) {
  ClientOrderId id;
  if (text.empty() || text.size() > kMaxLength) return id;
  for (const char c : text) {
    const bool ok = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
                    c == '.' || c == ':' || c == '-';
    if (!ok) return id;
  }
  std::memcpy(id.text.data(), text.data(), text.size());
  id.length = static_cast<std::uint8_t>(text.size());
  return id;
}

}  // namespace nautilus::engine
