#include "engine/gateway/order_entry.h"

namespace nautilus::engine {

Denial deny(Fault fault, std::string_view field) { return {name(fault), field, fault}; }
Denial deny(Reason reason, std::string_view field) { return {name(reason), field, Fault::bad_value}; }

Denial denial_of(Submitted submitted) {
  switch (submitted) {
    case Submitted::taken: return {};
    case Submitted::full: return deny(Fault::overloaded);
    case Submitted::not_primary: return {name(Reason::not_primary), {}, Fault::unavailable};
    case Submitted::malformed: return deny(Fault::bad_value);
    case Submitted::stopping: return {name(Reason::stopping), {}, Fault::unavailable};
    case Submitted::storage: return {name(Reason::storage), {}, Fault::unavailable};
  }
  return deny(Fault::unavailable);
}

Denial choose_account(const Request& request, const Reference& known, const Principal& principal, AccountId& out) {
  std::string_view name = request.text(Field::account);
  if (name.empty()) {
    if (principal.accounts.size() != 1 || principal.accounts[0] == "*")
      return deny(Fault::unknown_account, engine::name(Field::account));
    name = principal.accounts[0];
  }
  // An account that is not the principal's and one that does not exist look the same.
  if (principal.may_use(name)) out = known.find_account(name);
  return out == kNoAccount ? deny(Fault::unknown_account, engine::name(Field::account)) : Denial{};
}

namespace {

Denial units(const Request& request, Field field, std::int64_t mantissa, unsigned decimals, Reason bad, Reason off,
             std::int64_t& out) {
  if (!request.has(field)) return {};
  const auto value = to_units(request.text(field), mantissa, decimals);
  if (!value.ok()) return deny(value.error().code == Code::refused ? off : bad, name(field));
  out = *value;
  return {};
}

Denial amounts(const Request& request, const Instrument& instrument, Command& out) {
  const auto price = [&](Field field, Reason bad, Price& ticks) {
    return units(request, field, instrument.tick_mantissa, instrument.tick_decimals, bad, Reason::off_tick, ticks);
  };
  const auto lots = [&](Field field, Reason bad, Quantity& quantity) {
    Denial denial =
        units(request, field, instrument.lot_mantissa, instrument.lot_decimals, bad, Reason::off_lot, quantity);
    return !denial.denied() && quantity < 0 ? deny(bad, name(field)) : denial;
  };
  if (auto bad = price(Field::price, Reason::bad_price, out.price); bad.denied()) return bad;
  if (auto bad = price(Field::stop_price, Reason::bad_stop_price, out.stop_price); bad.denied()) return bad;
  if (auto bad = lots(Field::quantity, Reason::bad_quantity, out.quantity); bad.denied()) return bad;
  return lots(Field::display_quantity, Reason::bad_display_quantity, out.display_quantity);
}

Denial choose_instrument(const Request& request, const Reference& known, Command& out) {
  if (!request.has(Field::symbol)) return {};
  out.instrument = known.find_symbol(request.text(Field::symbol));
  return out.instrument == kNoInstrument ? deny(Fault::unknown_symbol, name(Field::symbol)) : Denial{};
}

Denial make_admin(const Request& request, const Reference& known, const Principal& principal, Command& out) {
  if (!principal.admin) return deny(Fault::forbidden);
  out.phase = request.phase;
  out.engine_state = request.engine_state;
  out.enabled = request.enabled;
  if (request.has(Field::account)) {
    out.account = known.find_account(request.text(Field::account));
    if (out.account == kNoAccount) return deny(Fault::unknown_account, name(Field::account));
  }
  switch (request.type) {
    case MessageType::set_engine_state: out.type = CommandType::set_engine_state; break;
    case MessageType::set_phase: out.type = CommandType::set_phase; break;
    case MessageType::set_kill_switch: out.type = CommandType::set_kill_switch; break;
    default: out.type = CommandType::end_of_day; break;
  }
  return choose_instrument(request, known, out);
}

}  // namespace

Denial make_command(const Request& request, const Reference& known, const Principal& principal, Command& out) {
  if (request.type >= MessageType::set_engine_state) return make_admin(request, known, principal, out);
  if (!principal.trade) return deny(Fault::forbidden);
  if (auto bad = choose_account(request, known, principal, out.account); bad.denied()) return bad;
  if (auto bad = choose_instrument(request, known, out); bad.denied()) return bad;
  out.client_id = ClientOrderId::from(request.text(Field::client_id));
  out.orig_client_id = ClientOrderId::from(request.text(Field::orig_client_id));
  out.order_id = request.order_id;
  switch (request.type) {
    case MessageType::new_order:
      out.type = CommandType::new_order;
      out.side = request.side;
      out.order_type = request.order_type;
      out.time_in_force = request.time_in_force;
      out.self_trade = request.self_trade;
      out.post_only = request.post_only;
      out.expire_at = request.expire_at;
      return amounts(request, *known.instrument(out.instrument), out);
    case MessageType::replace_order:
      out.type = CommandType::replace_order;
      return amounts(request, *known.instrument(out.instrument), out);
    case MessageType::cancel_order: out.type = CommandType::cancel_order; return {};
    default:
      out.type = CommandType::mass_cancel;
      out.side = request.has(Field::side) ? request.side : Side{0};
      return {};
  }
}

}  // namespace nautilus::engine
