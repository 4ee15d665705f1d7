// Orders in few words, and what came of them in few words: for tests that read like a tape.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "engine/matching/engine.h"

namespace nautilus::engine::judges {

using Tape = std::vector<std::string>;

inline std::string told(const Event& e) {
  const auto id = e.client_id.view();
  switch (e.type) {
    case EventType::order_accepted: return fmt::format("accepted {}", id);
    case EventType::order_rejected: return fmt::format("rejected {} {}", id, name(e.reason));
    case EventType::order_filled:
      return fmt::format("fill {} {}@{} left {}", id, e.last_quantity, e.last_price, e.leaves);
    case EventType::order_cancelled: return fmt::format("cancelled {} {}", id, name(e.reason));
    case EventType::order_replaced:
      return fmt::format("replaced {} by {} {}", e.orig_client_id.view(), id, e.kept_priority ? "kept" : "lost");
    case EventType::order_triggered: return fmt::format("triggered {} {}", id, name(e.order_type));
    case EventType::cancel_rejected: return fmt::format("refused {} {}", e.orig_client_id.view(), name(e.reason));
    case EventType::order_decremented:
      return fmt::format("decremented {} by {} left {}", id, e.last_quantity, e.leaves);
    case EventType::level_changed: return fmt::format("{} {}: {} in {}", name(e.side), e.price, e.quantity, e.orders);
    case EventType::traded: return fmt::format("traded {}@{} {}", e.last_quantity, e.last_price, name(e.side));
    case EventType::auction_indication:
      return e.price == kNoPrice ? std::string("indication none")
                                 : fmt::format("indication {}@{}", e.quantity, e.price);
    case EventType::phase_changed: return fmt::format("phase {}", name(e.phase));
    case EventType::command_rejected: return fmt::format("command rejected {}", name(e.reason));
    default: return std::string(name(e.type));
  }
}

// One instrument from 1 to 1000 ticks, accounts 0 to 3 without limits (self-trades allowed), time standing still.
class Desk {
 public:
  explicit Desk(Phase phase = Phase::continuous, std::int32_t collar = 0, Price reference = kNoPrice) {
    Command c;
    c.type = CommandType::define_instrument;
    c.instrument_definition.symbol = Symbol::from("X");
    c.instrument_definition.max_price = 1000;
    c.instrument_definition.opening_phase = phase;
    c.instrument_definition.collar_basis_points = collar;
    c.instrument_definition.reference_price = reference;
    send(c);
    for (int i = 0; i < 4; ++i) limits(static_cast<AccountId>(i), {});
  }
  static EngineOptions options() {
    EngineOptions o;
    o.remembered_names = 8;
    o.orders = 64;
    return o;
  }

  Tape send(Command c) {
    c.sequence = ++sequence;
    c.time = time;
    events.clear();
    engine.apply(c, events);
    Tape tape;
    for (const Event& e : events) tape.push_back(told(e));
    return tape;
  }
  Tape limits(AccountId account, AccountLimits what, SelfTradePrevention mode = SelfTradePrevention::none) {
    Command c;
    c.type = CommandType::define_account;
    c.account_definition.name = AccountName::from(fmt::format("a{}", account));
    c.account_definition.limits = what;
    c.account_definition.limits.self_trade = mode;
    return send(c);
  }
  // An order of account 0 to start from.
  static Command order(const char* id, Side side, Quantity quantity, Price price, AccountId account = 0) {
    Command c;
    c.type = CommandType::new_order;
    c.instrument = 0;
    c.account = account;
    c.client_id = ClientOrderId::from(id);
    c.side = side;
    c.quantity = quantity;
    c.price = price;
    c.time_in_force = TimeInForce::good_till_cancel;
    if (price == kNoPrice) c.order_type = OrderType::market;
    return c;
  }
  Tape buy(const char* id, Quantity quantity, Price price, AccountId account = 0) {
    return send(order(id, Side::buy, quantity, price, account));
  }
  Tape sell(const char* id, Quantity quantity, Price price, AccountId account = 0) {
    return send(order(id, Side::sell, quantity, price, account));
  }
  static Command of(CommandType type, const char* orig = "", AccountId account = 0) {
    Command c;
    c.type = type;
    c.account = account;
    c.orig_client_id = ClientOrderId::from(orig);
    return c;
  }
  Tape cancel(const char* orig, AccountId account = 0) { return send(of(CommandType::cancel_order, orig, account)); }
  Tape replace(const char* orig, const char* id, Quantity quantity, Price price = kNoPrice, AccountId account = 0) {
    Command c = of(CommandType::replace_order, orig, account);
    c.client_id = ClientOrderId::from(id);
    c.quantity = quantity;
    c.price = price;
    return send(c);
  }
  Tape phase(Phase next) {
    Command c = of(CommandType::set_phase);
    c.instrument = 0;
    c.phase = next;
    return send(c);
  }

  Engine engine{options()};
  Sequence sequence = 0;
  Timestamp time = 1'000'000'000;
  std::vector<Event> events;
};

}  // namespace nautilus::engine::judges
