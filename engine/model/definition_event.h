// How a definition rides in an event, so that whoever only sees events (gateway, audit) knows symbols, ticks and names.
//
// instrument_defined: client_id symbol, leaves tick_mantissa, filled lot_mantissa, orders tick_decimals |
// lot_decimals
//   << 8, price min_price, stop_price max_price, last_price reference_price, quantity max_quantity, phase
//   opening_phase.
// account_defined: client_id name, enabled cancel_on_disconnect, quantity max_order_quantity, orders orders_per_second.
// In describe() account_sequence of an account_defined is the account's last one, so that a gateway knows where its
// reports go on. The text is put there as it is, also where it has characters that a client order id may not have.
#pragma once

#include "engine/model/event.h"

namespace nautilus::engine {

// Fills the fields above and the type; `instrument`, `account`, sequence and time are the caller's.
void describe_instrument(const Instrument& instrument, Event& event);
void describe_account(const Account& account, Event& event);
// What of the definition the event carries; the rest has its defaults.
Instrument instrument_of(const Event& event);
Account account_of(const Event& event);

}  // namespace nautilus::engine
