// What goes into the engine. The journal is a list of these, and nothing else changes the engine's state.
//
// A Command is a plain value. `sequence` and `time` are set by the sequencer when it takes the command; the engine
// sees no other clock. Which fields a type uses is said beside the type; the others are zero.
#pragma once

#include "engine/model/instrument.h"
#include "engine/model/types.h"

namespace nautilus::engine {

enum class CommandType : std::uint8_t {
  new_order = 1,             // account, session, instrument, client_id and all of Order
  cancel_order = 2,          // account, client_id: of the request; orig_client_id or order_id: of the order
  replace_order = 3,         // as cancel_order, and the new price, stop_price, quantity (total), display_quantity
  mass_cancel = 4,           // account; instrument or kNoInstrument for all; side 0 for both; session 0 for all
  set_engine_state = 5,      // engine_state
  set_phase = 6,             // instrument or kNoInstrument for all; phase. Leaving an auction uncrosses it
  set_kill_switch = 7,       // account or kNoAccount for all; enabled: refuses its orders and cancels what rests
  open_session = 8,          // session, account, enabled: cancel on disconnect
  close_session = 9,         // session; cancels its orders if so agreed
  advance_time = 10,         // GTD orders expire; sent by the sequencer when nothing else moves the time
  end_of_day = 11,           // instrument or kNoInstrument for all: DAY orders expire
  define_instrument = 12,    // instrument_definition: a new one, or new limits for a known symbol
  define_account = 13,       // account_definition: a new one, or new limits for a known name
  begin_epoch = 14,          // epoch: a primary takes over; must be higher than the last
  checkpoint = 15,           // state_hash: a replay must have the same, else the journal or the program is wrong
  set_reference_price = 16,  // instrument, price: of the collar
};
std::string_view name(CommandType);

struct Command {
  CommandType type = CommandType::new_order;
  Side side = Side::buy;
  OrderType order_type = OrderType::limit;
  TimeInForce time_in_force = TimeInForce::day;
  SelfTradePrevention self_trade = SelfTradePrevention::none;  // none: the account's
  Phase phase = Phase::closed;
  EngineState engine_state = EngineState::active;
  bool post_only = false;
  bool enabled = false;
  std::uint8_t reserved[3] = {};
  InstrumentId instrument = kNoInstrument;
  AccountId account = kNoAccount;
  std::uint32_t reserved2 = 0;
  Sequence sequence = 0;
  Timestamp time = 0;
  SessionId session = 0;
  Price price = kNoPrice;
  Price stop_price = kNoPrice;
  Quantity quantity = 0;
  Quantity display_quantity = 0;  // 0: all of it is shown; else an iceberg
  Timestamp expire_at = 0;
  OrderId order_id = 0;
  Epoch epoch = 0;
  std::uint64_t state_hash = 0;
  std::uint64_t client_tag = 0;  // the gateway's: comes back in the events of this command; not part of the state
  ClientOrderId client_id;
  ClientOrderId orig_client_id;
  Instrument instrument_definition;
  Account account_definition;
};

}  // namespace nautilus::engine
