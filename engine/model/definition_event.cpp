#include "engine/model/definition_event.h"

namespace nautilus::engine {
namespace {

// Symbols and names are shorter than the field (24 and 32 of 39 characters).
ClientOrderId carry(std::string_view text) {
  ClientOrderId out;
  out.length = static_cast<std::uint8_t>(std::min(text.size(), ClientOrderId::kMaxLength));
  std::copy_n(text.begin(), out.length, out.text.begin());
  return out;
}

}  // namespace

void describe_instrument(const Instrument& instrument, Event& event) {
  event.type = EventType::instrument_defined;
  event.client_id = carry(instrument.symbol.view());
  event.leaves = instrument.tick_mantissa;
  event.filled = instrument.lot_mantissa;
  event.orders = instrument.tick_decimals | static_cast<std::uint32_t>(instrument.lot_decimals) << 8;
  event.price = instrument.min_price;
  event.stop_price = instrument.max_price;
  event.last_price = instrument.reference_price;
  event.quantity = instrument.max_quantity;
  event.phase = instrument.opening_phase;
}

void describe_account(const Account& account, Event& event) {
  event.type = EventType::account_defined;
  event.client_id = carry(account.name.view());
  event.enabled = account.limits.cancel_on_disconnect;
  event.quantity = account.limits.max_order_quantity;
  event.orders = account.limits.orders_per_second;
}

Instrument instrument_of(const Event& event) {
  Instrument out;
  out.symbol = Symbol::from(event.client_id.view());
  out.tick_mantissa = event.leaves;
  out.lot_mantissa = event.filled;
  out.tick_decimals = static_cast<std::uint8_t>(event.orders & 0xff);
  out.lot_decimals = static_cast<std::uint8_t>(event.orders >> 8 & 0xff);
  out.min_price = event.price;
  out.max_price = event.stop_price;
  out.reference_price = event.last_price;
  out.max_quantity = event.quantity;
  out.opening_phase = event.phase;
  return out;
}

Account account_of(const Event& event) {
  Account out;
  out.name = AccountName::from(event.client_id.view());
  out.limits.cancel_on_disconnect = event.enabled;
  out.limits.max_order_quantity = event.quantity;
  out.limits.orders_per_second = event.orders;
  return out;
}

}  // namespace nautilus::engine
