// What comes out of the engine: execution reports and market data, in the order in which they happened.
//
// The same commands give the same events, byte for byte. Events are never journalled; a replay makes them again.
#pragma once

#include "engine/model/command.h"

namespace nautilus::engine {

enum class EventType : std::uint8_t {
  // Execution reports: account, account_sequence, order_id, client_id and the order's state after the event.
  order_accepted = 1,
  order_rejected = 2,     // reason; no order_id
  order_filled = 3,       // last_price, last_quantity, trade_id, aggressor; twice a match: the aggressor's first
  order_cancelled = 4,    // reason
  order_replaced = 5,     // client_id: of the replacing request, from now on the order's name; kept_priority
  order_triggered = 6,    // a stop became a market or limit order
  cancel_rejected = 7,    // reason; client_id of the request, orig_client_id of the order
  order_status = 8,       // an order that was there already: after a restart, or when asked
  order_decremented = 9,  // self-trade prevention took last_quantity off; no trade
  position_status = 10,   // account, instrument, last_quantity: net lots, short is negative. Of describe(); no sequence
  // Market data: instrument.
  level_changed = 32,       // side, price, quantity (shown), orders: the level after the command, quantity 0 = gone
  traded = 33,              // last_price, last_quantity, trade_id, side of the aggressor
  auction_indication = 34,  // price and quantity an uncross would give now; price kNoPrice = none
  phase_changed = 35,       // phase
  // Control.
  engine_state_changed = 64,
  kill_switch_changed = 65,
  session_opened = 66,
  session_closed = 67,
  instrument_defined = 68,  // client_id: the symbol; the rest of the definition as docs/engine/matching.md says
  account_defined = 69,     // client_id: the name; account_sequence: its last
  epoch_begun = 70,
  command_rejected = 71,  // a control command was refused: reason
};
std::string_view name(EventType);

struct Event {
  EventType type = EventType::order_accepted;
  Reason reason = Reason::none;
  Side side = Side::buy;
  OrderType order_type = OrderType::limit;
  TimeInForce time_in_force = TimeInForce::day;
  Phase phase = Phase::closed;
  EngineState engine_state = EngineState::active;
  bool aggressor = false;
  bool kept_priority = false;
  bool enabled = false;
  bool post_only = false;
  bool last_of_command = false;  // no further event of this sequence follows
  InstrumentId instrument = kNoInstrument;
  AccountId account = kNoAccount;
  std::uint32_t orders = 0;            // level_changed: how many orders make the level
  Sequence sequence = 0;               // of the command that caused it
  Timestamp time = 0;                  // of that command
  std::uint64_t account_sequence = 0;  // 1, 2, 3 ... of the execution reports of this account, without a gap
  SessionId session = 0;               // of the order; 0 if it has outlived it
  OrderId order_id = 0;
  TradeId trade_id = 0;
  Price price = kNoPrice;
  Price stop_price = kNoPrice;
  Price last_price = kNoPrice;
  Quantity quantity = 0;  // total, as asked
  Quantity leaves = 0;    // still open
  Quantity filled = 0;    // cumulative
  Quantity last_quantity = 0;
  Quantity display_quantity = 0;
  Timestamp expire_at = 0;
  Epoch epoch = 0;
  std::uint64_t client_tag = 0;  // of the command, in events that answer it; else 0
  ClientOrderId client_id;
  ClientOrderId orig_client_id;
};

}  // namespace nautilus::engine
