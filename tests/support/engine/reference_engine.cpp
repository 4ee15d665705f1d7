#include "tests/support/engine/reference_engine.h"

#include <algorithm>

namespace nautilus::engine::reference {
namespace {

using enum OrderType;
using enum TimeInForce;

bool priceless(OrderType t) { return t == market || t == stop; }
bool stopping(OrderType t) { return t == stop || t == stop_limit; }
bool at_once(TimeInForce t) { return t == immediate_or_cancel || t == fill_or_kill; }
bool auction(Phase p) { return p == Phase::opening_auction || p == Phase::closing_auction; }
Wide amount_of(Price price, Quantity quantity) { return Wide{price < 0 ? -price : price} * quantity; }
// Is a at least as good as b for somebody who trades on this side?
bool reaches(Side side, Price limit, Price price) { return side == Side::buy ? limit >= price : limit <= price; }

}  // namespace

Event& ReferenceEngine::add(EventType type) {
  Event event;
  event.type = type;
  event.sequence = command_->sequence;
  event.time = command_->time;
  events_.push_back(event);
  return events_.back();
}

void ReferenceEngine::fill_in(Event& event, const Order& order) const {
  event.side = order.side;
  event.order_type = order.type;
  event.time_in_force = order.tif;
  event.post_only = order.post_only;
  event.instrument = order.instrument;
  event.account = order.account;
  event.session = order.session;
  event.order_id = order.id;
  event.price = order.price;
  event.stop_price = order.stop_price;
  event.quantity = order.filled + order.leaves;
  event.leaves = order.leaves;
  event.filled = order.filled;
  event.display_quantity = order.display;
  event.expire_at = order.expire_at;
  event.client_id = order.name;
}

Event& ReferenceEngine::tell(EventType type, const Order& order, Reason reason) {
  Event& event = add(type);
  fill_in(event, order);
  event.reason = reason;
  event.account_sequence = ++traders_[order.account].reports;
  if (order.id == subject_) event.client_tag = command_->client_tag;
  return event;
}

void ReferenceEngine::reject(const Command& c, Reason reason) {
  Event& event = add(EventType::order_rejected);
  event.reason = reason;
  event.side = c.side;
  event.order_type = c.order_type;
  event.time_in_force = c.time_in_force;
  event.post_only = c.post_only;
  event.instrument = c.instrument;
  event.account = c.account;
  event.session = c.session;
  event.price = c.price;
  event.stop_price = c.stop_price;
  event.quantity = c.quantity;
  event.display_quantity = c.display_quantity;
  event.expire_at = c.expire_at;
  event.client_id = c.client_id;
  event.client_tag = c.client_tag;
  if (c.account < traders_.size()) event.account_sequence = ++traders_[c.account].reports;
}

void ReferenceEngine::reject_change(const Command& c, const Order* order, Reason reason) {
  Event& event = add(EventType::cancel_rejected);
  if (order) fill_in(event, *order);
  event.reason = reason;
  event.account = c.account;
  event.session = c.session;
  event.client_id = c.client_id;
  event.orig_client_id = order ? order->name : c.orig_client_id;
  event.order_id = order ? order->id : c.order_id;
  event.client_tag = c.client_tag;
  if (c.account < traders_.size()) event.account_sequence = ++traders_[c.account].reports;
}

void ReferenceEngine::refuse(const Command& c, Reason reason) {
  Event& event = add(EventType::command_rejected);
  event.reason = reason;
  event.instrument = c.instrument;
  event.account = c.account;
  event.session = c.session;
  event.epoch = c.epoch;
  event.phase = c.phase;
  event.client_tag = c.client_tag;
  event.client_id = c.client_id;
}

void ReferenceEngine::tell_instrument(InstrumentId id) {
  const Market& at = markets_[id];
  Event& event = add(EventType::instrument_defined);
  event.instrument = id;
  event.phase = at.phase;
  event.price = at.definition.min_price;
  event.stop_price = at.definition.max_price;
  event.last_price = at.reference;
  event.quantity = at.definition.max_quantity;
  event.leaves = at.definition.tick_mantissa;
  event.filled = at.definition.lot_mantissa;
  event.orders = at.definition.tick_decimals + 256u * at.definition.lot_decimals;
  const auto symbol = at.definition.symbol.view();
  std::copy(symbol.begin(), symbol.end(), event.client_id.text.begin());
  event.client_id.length = static_cast<std::uint8_t>(symbol.size());
  event.client_tag = command_->client_tag;
}

bool ReferenceEngine::name_used(AccountId account, const ClientOrderId& name) const {
  if (remembered_set_.count({account, std::string(name.view())})) return true;
  for (const auto& [id, order] : orders_)
    if (order.account == account && order.name == name) return true;
  return false;
}

bool ReferenceEngine::take_token(Trader& trader) {
  const Wide rate = trader.definition.limits.orders_per_second;
  if (rate == 0) return true;
  const Wide one = 1'000'000'000;
  trader.credit = std::min<Wide>(rate * one, trader.credit + Wide{now_ - trader.refilled} * rate);
  trader.refilled = now_;
  if (trader.credit < one) return false;
  trader.credit -= one;
  return true;
}

Wide ReferenceEngine::resting_notional(const Order& order) const {
  if (order.price != kNoPrice) return amount_of(order.price, order.leaves);
  if (order.stop_price != kNoPrice) return amount_of(order.stop_price, order.leaves);
  return 0;
}

Reason ReferenceEngine::judge_size(const Order& order, Quantity quantity, Wide amount) const {
  const Instrument& instrument = markets_[order.instrument].definition;
  const AccountLimits& limits = traders_[order.account].definition.limits;
  if (quantity > instrument.max_quantity) return Reason::max_quantity;
  if (limits.max_order_quantity > 0 && quantity > limits.max_order_quantity) return Reason::max_quantity;
  if (amount > instrument.max_notional) return Reason::max_notional;
  if (limits.max_order_notional > 0 && amount > limits.max_order_notional) return Reason::max_notional;
  return Reason::none;
}

// `more` and `more_notional` on top of what rests; `counted`: the order is one of those that rest.
Reason ReferenceEngine::judge_risk(const Order& order, Quantity more, Wide more_notional, bool may_rest, bool counted) {
  const AccountLimits& limits = traders_[order.account].definition.limits;
  Quantity open = 0;
  Wide open_notional = 0;
  std::uint32_t open_orders = 0;
  for (const auto& [id, other] : orders_) {
    if (other.account != order.account || other.place == Order::nowhere) continue;
    ++open_orders;
    open_notional += resting_notional(other);
    if (other.instrument == order.instrument && other.side == order.side) open += other.leaves;
  }
  const Quantity held = (order.side == Side::buy ? 1 : -1) * net(order.account, order.instrument);
  if (state_ == EngineState::reducing && !(held < 0 && open + more <= -held)) return Reason::engine_reducing;
  if (limits.max_position > 0 && more > 0 && held + open + more > limits.max_position) return Reason::position_limit;
  if (!may_rest) return Reason::none;
  if (limits.max_open_orders > 0 && !counted && open_orders >= limits.max_open_orders) return Reason::open_order_limit;
  if (limits.max_open_notional > 0 && more_notional > 0 && open_notional + more_notional > limits.max_open_notional)
    return Reason::open_notional_limit;
  return Reason::none;
}

namespace {

// The furthest price the collar lets this side trade at.
std::optional<Price> collar(const Instrument& instrument, Side side, Price reference) {
  if (instrument.collar_basis_points == 0 || reference == kNoPrice) return std::nullopt;
  const auto width = static_cast<Price>(amount_of(reference, instrument.collar_basis_points) / 10'000);
  return side == Side::buy ? reference + width : reference - width;
}

}  // namespace

Reason ReferenceEngine::judge_new(const Command& c, Order& order) {
  if (c.side != Side::buy && c.side != Side::sell) return Reason::bad_type;
  if (c.order_type != market && c.order_type != limit && c.order_type != stop && c.order_type != stop_limit)
    return Reason::bad_type;
  if (c.self_trade > SelfTradePrevention::decrement) return Reason::bad_type;
  if (name(c.time_in_force) == "unknown") return Reason::bad_time_in_force;
  const bool call_only = c.time_in_force == at_the_opening || c.time_in_force == at_the_close;
  if (stopping(c.order_type) && call_only) return Reason::bad_time_in_force;
  if (c.post_only && c.order_type != limit) return Reason::bad_type;
  if (c.post_only && at_once(c.time_in_force)) return Reason::bad_time_in_force;
  const Market& at = markets_[c.instrument];
  if (at.phase == Phase::closed) return Reason::market_closed;
  if (at.phase == Phase::halted) return Reason::instrument_halted;
  if (c.time_in_force == at_the_opening && at.phase != Phase::opening_auction) return Reason::not_allowed_in_phase;
  if (c.time_in_force == at_the_close && at.phase != Phase::closing_auction) return Reason::not_allowed_in_phase;
  if (at_once(c.time_in_force) && !stopping(c.order_type) && at.phase != Phase::continuous)
    return Reason::not_allowed_in_phase;
  const auto outside = [&](Price p) { return p < at.definition.min_price || p > at.definition.max_price; };
  if (priceless(c.order_type) ? c.price != kNoPrice : outside(c.price)) return Reason::bad_price;
  if (stopping(c.order_type) ? outside(c.stop_price) : c.stop_price != kNoPrice) return Reason::bad_stop_price;
  if (c.quantity <= 0) return Reason::bad_quantity;
  if (c.quantity > kMaxLots) return Reason::max_quantity;
  if (c.display_quantity != 0) {
    if (c.display_quantity < 0 || c.display_quantity > c.quantity) return Reason::bad_display_quantity;
    if (priceless(c.order_type) || at_once(c.time_in_force)) return Reason::bad_display_quantity;
    if (c.quantity / c.display_quantity > max_slices_) return Reason::bad_display_quantity;
  }
  if (c.time_in_force == good_till_date && c.expire_at <= now_) return Reason::bad_expiry;
  if (c.time_in_force != good_till_date && c.expire_at != 0) return Reason::bad_expiry;

  Wide amount = resting_notional(order);
  if (c.order_type == market && at.reference != kNoPrice) amount = amount_of(at.reference, c.quantity);
  if (const Reason r = judge_size(order, c.quantity, amount); r != Reason::none) return r;
  if (!priceless(c.order_type)) {
    const auto bound = collar(at.definition, c.side, c.order_type == limit ? at.reference : c.stop_price);
    if (bound && !reaches(c.side, *bound, c.price)) return Reason::price_collar;
  }
  const bool may_rest =
      stopping(c.order_type) || auction(at.phase) || (c.order_type == limit && !at_once(c.time_in_force));
  if (const Reason r = judge_risk(order, c.quantity, resting_notional(order), may_rest, false); r != Reason::none)
    return r;
  if (c.post_only && at.phase == Phase::continuous && best_against(order, order.price)) return Reason::would_trade;
  return Reason::none;
}

void ReferenceEngine::new_order(const Command& c) {
  if (c.account >= traders_.size()) return reject(c, Reason::unknown_account);
  if (c.client_id.length == 0 || c.client_id.length > ClientOrderId::kMaxLength)
    return reject(c, Reason::bad_client_id);
  Trader& trader = traders_[c.account];
  if (c.session && (!sessions_.count(c.session) || sessions_[c.session].account != c.account))
    return reject(c, Reason::bad_session);
  if (name_used(c.account, c.client_id)) return reject(c, Reason::duplicate_client_id);
  if (!take_token(trader)) return reject(c, Reason::rate_limit);
  if (trader.killed) return reject(c, Reason::kill_switch);
  if (state_ == EngineState::halted) return reject(c, Reason::engine_halted);
  if (c.instrument >= markets_.size()) return reject(c, Reason::unknown_instrument);
  Order order;
  order.id = next_order_;
  order.account = c.account;
  order.session = c.session;
  order.instrument = c.instrument;
  order.side = c.side;
  order.type = c.order_type;
  order.tif = c.time_in_force;
  order.stp = c.self_trade == SelfTradePrevention::none ? trader.definition.limits.self_trade : c.self_trade;
  order.post_only = c.post_only;
  order.price = c.price;
  order.stop_price = c.stop_price;
  order.leaves = c.quantity;
  order.display = c.display_quantity == c.quantity ? 0 : c.display_quantity;
  order.expire_at = c.expire_at;
  order.name = c.client_id;
  if (const Reason r = judge_new(c, order); r != Reason::none) return reject(c, r);
  ++next_order_;
  subject_ = order.id;
  remembered_.emplace_back(c.account, c.client_id.view());
  remembered_set_.insert(remembered_.back());
  Order& kept = orders_[order.id] = order;
  tell(EventType::order_accepted, kept);
  place(kept);
  run_stops(c.instrument);
}

Order* ReferenceEngine::find(const Command& c) {
  for (auto& [id, order] : orders_) {
    if (order.account != c.account) continue;
    if (c.order_id ? id == c.order_id && (c.orig_client_id.empty() || order.name == c.orig_client_id)
                   : order.name == c.orig_client_id)
      return &order;
  }
  return nullptr;
}

void ReferenceEngine::cancel_order(const Command& c) {
  if (c.account >= traders_.size()) return reject_change(c, nullptr, Reason::unknown_account);
  Order* order = find(c);
  if (!order) return reject_change(c, nullptr, Reason::unknown_order);
  subject_ = order->id;
  end(*order, Reason::by_request);
}

void ReferenceEngine::replace_order(const Command& c) {
  if (c.account >= traders_.size()) return reject_change(c, nullptr, Reason::unknown_account);
  Trader& trader = traders_[c.account];
  Order* found = find(c);
  if (!found) return reject_change(c, nullptr, Reason::unknown_order);
  Order& order = *found;
  if (c.session && (!sessions_.count(c.session) || sessions_[c.session].account != c.account))
    return reject_change(c, found, Reason::bad_session);
  if (!c.client_id.empty()) {
    if (c.client_id.length > ClientOrderId::kMaxLength) return reject_change(c, found, Reason::bad_client_id);
    if (name_used(c.account, c.client_id)) return reject_change(c, found, Reason::duplicate_client_id);
  }
  if (!take_token(trader)) return reject_change(c, found, Reason::rate_limit);
  if (trader.killed) return reject_change(c, found, Reason::kill_switch);
  if (state_ == EngineState::halted) return reject_change(c, found, Reason::engine_halted);
  const Market& at = markets_[order.instrument];
  if (at.phase == Phase::closed) return reject_change(c, found, Reason::market_closed);
  if (at.phase == Phase::halted) return reject_change(c, found, Reason::instrument_halted);

  Order wanted = order;
  const Quantity total = order.filled + order.leaves;
  const Quantity new_total = c.quantity == 0 ? total : c.quantity;
  if (c.price != kNoPrice) wanted.price = c.price;
  if (c.stop_price != kNoPrice) wanted.stop_price = c.stop_price;
  if (c.display_quantity != 0) wanted.display = c.display_quantity;
  const auto outside = [&](Price p) { return p < at.definition.min_price || p > at.definition.max_price; };
  if (priceless(order.type) ? wanted.price != kNoPrice : outside(wanted.price))
    return reject_change(c, found, Reason::bad_price);
  if (stopping(order.type) ? outside(wanted.stop_price) : wanted.stop_price != order.stop_price)
    return reject_change(c, found, Reason::bad_stop_price);
  if (new_total < 0) return reject_change(c, found, Reason::bad_quantity);
  if (new_total > kMaxLots) return reject_change(c, found, Reason::max_quantity);
  if (c.display_quantity != 0) {
    if (wanted.display < 0 || wanted.display > new_total || priceless(order.type) || at_once(order.tif))
      return reject_change(c, found, Reason::bad_display_quantity);
    if (wanted.display == new_total) wanted.display = 0;
  }
  if (wanted.display && new_total / wanted.display > max_slices_)
    return reject_change(c, found, Reason::bad_display_quantity);
  const bool same_place =
      wanted.price == order.price && wanted.stop_price == order.stop_price && wanted.display == order.display;
  if (same_place && new_total == total) return reject_change(c, found, Reason::nothing_to_change);
  const bool keeps = same_place && new_total < total;
  if (new_total <= order.filled) {
    subject_ = order.id;
    return end(order, Reason::by_request);
  }
  wanted.leaves = new_total - order.filled;
  if (!keeps) {
    Order whole = wanted;
    whole.leaves = new_total;
    if (const Reason r = judge_size(order, new_total, resting_notional(whole)); r != Reason::none)
      return reject_change(c, found, r);
    if (!priceless(order.type)) {
      const auto bound = collar(at.definition, order.side, order.type == limit ? at.reference : wanted.stop_price);
      if (bound && !reaches(order.side, *bound, wanted.price)) return reject_change(c, found, Reason::price_collar);
    }
    const Reason r =
        judge_risk(order, wanted.leaves - order.leaves, resting_notional(wanted) - resting_notional(order), true, true);
    if (r != Reason::none) return reject_change(c, found, r);
    if (order.post_only && at.phase == Phase::continuous && best_against(wanted, wanted.price))
      return reject_change(c, found, Reason::would_trade);
  }

  subject_ = order.id;
  const ClientOrderId before = order.name;
  if (!c.client_id.empty()) {
    order.name = c.client_id;
    remembered_.emplace_back(c.account, c.client_id.view());
    remembered_set_.insert(remembered_.back());
  }
  if (c.session) order.session = c.session;
  order.price = wanted.price;
  order.stop_price = wanted.stop_price;
  order.display = wanted.display;
  order.leaves = wanted.leaves;
  if (keeps)
    order.shown = std::min(order.shown, order.leaves);
  else
    order.place = Order::nowhere;
  Event& event = tell(EventType::order_replaced, order);
  event.orig_client_id = before;
  event.kept_priority = keeps;
  if (keeps) return;
  const InstrumentId instrument = order.instrument;
  place(order);
  run_stops(instrument);
}

// The order on the other side that is first in line, if the limit reaches it.
Order* ReferenceEngine::best_against(const Order& order, std::optional<Price> limit) {
  Order* best = nullptr;
  for (auto& [id, other] : orders_) {
    if (other.place != Order::in_book || other.instrument != order.instrument || other.side == order.side) continue;
    if (other.price == kNoPrice || (limit && !reaches(order.side, *limit, other.price))) continue;
    if (!best || (other.price != best->price ? reaches(order.side, best->price, other.price) : other.rank < best->rank))
      best = &other;
  }
  return best;
}

void ReferenceEngine::drop(const Order& order) {
  const OrderId id = order.id;
  orders_.erase(id);
}

void ReferenceEngine::end(Order& order, Reason reason) {
  tell(EventType::order_cancelled, order, reason).leaves = 0;
  drop(order);
}

void ReferenceEngine::rest(Order& order, Order::Place where) {
  order.place = where;
  order.rank = next_rank_++;
  order.shown = where == Order::in_book && order.display ? std::min(order.display, order.leaves) : order.leaves;
}

void ReferenceEngine::note_trade(Market& at, Price price) {
  at.last = at.reference = price;
  at.low = at.low == kNoPrice ? price : std::min(at.low, price);
  at.high = at.high == kNoPrice ? price : std::max(at.high, price);
}

// False: self-trade prevention ended the order.
bool ReferenceEngine::match(Order& order, std::optional<Price> limit) {
  Market& at = markets_[order.instrument];
  while (order.leaves > 0) {
    Order* against = best_against(order, limit);
    if (!against) return true;
    Order& maker = *against;
    if (maker.account == order.account && order.stp != SelfTradePrevention::none) {
      if (order.stp == SelfTradePrevention::cancel_newest) return false;
      if (order.stp == SelfTradePrevention::cancel_oldest) {
        end(maker, Reason::self_trade);
        continue;
      }
      if (order.stp == SelfTradePrevention::cancel_both) {
        end(maker, Reason::self_trade);
        return false;
      }
      const Quantity by = std::min(order.leaves, maker.leaves);
      order.leaves -= by;
      tell(EventType::order_decremented, order, Reason::self_trade).last_quantity = by;
      maker.leaves -= by;
      maker.shown = std::min(maker.shown, maker.leaves);
      tell(EventType::order_decremented, maker, Reason::self_trade).last_quantity = by;
      if (maker.leaves == 0) end(maker, Reason::self_trade);
      if (order.leaves == 0) return false;
      continue;
    }
    const Quantity quantity = std::min(order.leaves, maker.shown);
    const Price price = maker.price;
    for (Order* one : {&order, &maker}) {
      one->leaves -= quantity;
      one->filled += quantity;
      net_[{one->account, one->instrument}] += one->side == Side::buy ? quantity : -quantity;
      Event& event = tell(EventType::order_filled, *one);
      event.last_price = price;
      event.last_quantity = quantity;
      event.trade_id = next_trade_;
      event.aggressor = one == &order;
    }
    Event& print = add(EventType::traded);
    print.instrument = order.instrument;
    print.side = order.side;
    print.last_price = price;
    print.last_quantity = quantity;
    print.trade_id = next_trade_++;
    maker.shown -= quantity;
    if (maker.leaves == 0)
      drop(maker);
    else if (maker.shown == 0)
      rest(maker, Order::in_book);
    note_trade(at, price);
  }
  return true;
}

void ReferenceEngine::execute(Order& order) {
  const Market& at = markets_[order.instrument];
  if (at.phase != Phase::continuous) return rest(order, Order::in_book);
  std::optional<Price> bound = order.price;
  const bool is_market = order.type == market;
  if (is_market) bound = collar(at.definition, order.side, at.reference);
  if (order.tif == fill_or_kill) {
    // Walk through the levels as they would be needed; an own order on one of them ends it.
    std::map<Price, Quantity> volume;
    std::map<Price, bool> own;
    for (const auto& [id, other] : orders_) {
      if (other.place != Order::in_book || other.instrument != order.instrument || other.side == order.side) continue;
      if (bound && !reaches(order.side, *bound, other.price)) continue;
      const Price key = order.side == Side::buy ? other.price : -other.price;
      volume[key] += other.leaves;
      if (other.account == order.account && order.stp != SelfTradePrevention::none) own[key] = true;
    }
    Quantity needed = order.leaves;
    bool met_own = false;
    for (const auto& [key, quantity] : volume) {
      if (needed <= 0) break;
      needed -= quantity;
      met_own = met_own || own.count(key);
    }
    if (needed > 0) return end(order, Reason::no_liquidity);
    if (met_own) return end(order, Reason::self_trade);
  }
  if (!match(order, bound)) return end(order, Reason::self_trade);
  if (order.leaves == 0) return drop(order);
  if (order.type == limit && !at_once(order.tif)) return rest(order, Order::in_book);
  if (is_market && bound && best_against(order, std::nullopt)) return end(order, Reason::price_collar);
  end(order, order.filled == 0 ? Reason::no_liquidity : Reason::immediate_rest);
}

void ReferenceEngine::place(Order& order) {
  if (!stopping(order.type)) return execute(order);
  const Market& at = markets_[order.instrument];
  if (at.phase == Phase::continuous && at.last != kNoPrice && reaches(order.side, at.last, order.stop_price)) {
    order.type = order.type == stop ? market : limit;
    tell(EventType::order_triggered, order);
    return execute(order);
  }
  rest(order, Order::parked);
}

void ReferenceEngine::run_stops(InstrumentId id) {
  Market& at = markets_[id];
  while (at.low != kNoPrice && at.phase == Phase::continuous) {
    const Price low = at.low, high = at.high;
    const auto reached = pick([&](const Order& order) {
      return order.place == Order::parked && order.instrument == id &&
             (order.side == Side::buy ? order.stop_price <= high : order.stop_price >= low);
    });
    at.low = at.high = kNoPrice;
    for (const OrderId one : reached) {
      if (triggers_left_ == 0) {
        at.low = at.low == kNoPrice ? low : std::min(low, at.low);
        at.high = at.high == kNoPrice ? high : std::max(high, at.high);
        return;
      }
      --triggers_left_;
      Order& order = orders_[one];
      order.place = Order::nowhere;
      order.type = order.type == stop ? market : limit;
      tell(EventType::order_triggered, order);
      execute(order);
    }
    if (reached.empty()) return;
  }
}

std::pair<Price, Quantity> ReferenceEngine::indication(InstrumentId id) const {
  const Market& at = markets_[id];
  std::set<Price> candidates;
  for (const auto& [order_id, order] : orders_)
    if (order.instrument == id && order.place == Order::in_book && order.price != kNoPrice)
      candidates.insert(order.price);
  Price reference = at.reference;
  if (reference != kNoPrice && (reference < at.definition.min_price || reference > at.definition.max_price))
    reference = kNoPrice;
  if (reference != kNoPrice) candidates.insert(reference);
  Quantity best_volume = 0, best_surplus = 0;
  std::vector<std::pair<Price, Quantity>> best;  // price and surplus
  for (const Price price : candidates) {
    Quantity bid = 0, offered = 0;
    for (const auto& [order_id, order] : orders_) {
      if (order.instrument != id || order.place != Order::in_book) continue;
      if (order.price != kNoPrice && !reaches(order.side, order.price, price)) continue;
      (order.side == Side::buy ? bid : offered) += order.leaves;
    }
    const Quantity volume = std::min(bid, offered), surplus = bid - offered, size = surplus < 0 ? -surplus : surplus;
    if (volume == 0) continue;
    if (volume > best_volume || (volume == best_volume && size < best_surplus)) best.clear();
    if (best.empty() || (volume == best_volume && size == best_surplus)) {
      best_volume = volume;
      best_surplus = size;
      best.emplace_back(price, surplus);
    }
  }
  if (best.empty()) return {kNoPrice, 0};
  const bool buyers = std::all_of(best.begin(), best.end(), [](const auto& b) { return b.second > 0; });
  const bool sellers = std::all_of(best.begin(), best.end(), [](const auto& b) { return b.second < 0; });
  if (buyers) return {best.back().first, best_volume};
  if (sellers || reference == kNoPrice) return {best.front().first, best_volume};
  Price chosen = best.front().first;
  for (const auto& [price, surplus] : best)
    if (std::abs(price - reference) < std::abs(chosen - reference)) chosen = price;
  return {chosen, best_volume};
}

void ReferenceEngine::uncross(InstrumentId id) {
  const auto [price, volume] = indication(id);
  for (Quantity left = volume; left > 0;) {
    Order* first[2] = {nullptr, nullptr};  // buyer, seller: market orders, then price, then time
    for (auto& [order_id, order] : orders_) {
      if (order.instrument != id || order.place != Order::in_book) continue;
      Order*& best = first[order.side == Side::buy ? 0 : 1];
      if (best == nullptr) {
        best = &order;
      } else if (order.price == best->price) {
        if (order.rank < best->rank) best = &order;
      } else if (order.price == kNoPrice ||
                 (best->price != kNoPrice && reaches(order.side, order.price, best->price))) {
        best = &order;
      }
    }
    const Quantity quantity = std::min({left, first[0]->leaves, first[1]->leaves});
    for (Order* one : first) {
      one->leaves -= quantity;
      one->filled += quantity;
      one->shown = std::max<Quantity>(0, one->shown - quantity);
      if (one->shown == 0) one->shown = one->display ? std::min(one->display, one->leaves) : one->leaves;
      net_[{one->account, id}] += one->side == Side::buy ? quantity : -quantity;
      Event& event = tell(EventType::order_filled, *one);
      event.last_price = price;
      event.last_quantity = quantity;
      event.trade_id = next_trade_;
    }
    Event& print = add(EventType::traded);
    print.instrument = id;
    print.side = Side::buy;
    print.last_price = price;
    print.last_quantity = quantity;
    print.trade_id = next_trade_++;
    for (Order* one : first)
      if (one->leaves == 0) drop(*one);
    left -= quantity;
  }
  if (volume > 0) note_trade(markets_[id], price);
}

void ReferenceEngine::set_phase(Market& at, InstrumentId id, Phase next) {
  const bool leaves_call = auction(at.phase) && next != Phase::halted;
  const bool leaves_halt = at.phase == Phase::halted && (next == Phase::continuous || next == Phase::closed);
  if (leaves_call || leaves_halt) uncross(id);
  if (next != Phase::halted) {
    cancel_all(pick([&](const Order& order) {
                 if (order.instrument != id || order.place != Order::in_book) return false;
                 if (order.tif == at_the_opening) return next != Phase::opening_auction;
                 if (order.tif == at_the_close) return next != Phase::closing_auction;
                 return order.type == market && !auction(next);
               }),
               Reason::auction_over);
  }
  at.phase = next;
  at.indicated = kNoPrice;
  at.indicated_quantity = 0;
  Event& event = add(EventType::phase_changed);
  event.instrument = id;
  event.phase = next;
  if (next != Phase::continuous) return;
  if (at.last != kNoPrice) {
    at.low = at.low == kNoPrice ? at.last : std::min(at.low, at.last);
    at.high = at.high == kNoPrice ? at.last : std::max(at.high, at.last);
  }
  run_stops(id);
}

template <class Wanted>
std::vector<OrderId> ReferenceEngine::pick(Wanted wanted) const {
  std::vector<OrderId> out;  // the map is in the order of ids, which is the order of acceptance
  for (const auto& [id, order] : orders_)
    if (wanted(order)) out.push_back(id);
  return out;
}

void ReferenceEngine::cancel_all(const std::vector<OrderId>& ids, Reason reason) {
  for (const OrderId id : ids) end(orders_[id], reason);
}

void ReferenceEngine::control(const Command& c) {
  const bool all_instruments = c.instrument == kNoInstrument;
  switch (c.type) {
    case CommandType::mass_cancel: {
      if (c.account >= traders_.size()) return refuse(c, Reason::unknown_account);
      if (!all_instruments && c.instrument >= markets_.size()) return refuse(c, Reason::unknown_instrument);
      const auto ids = pick([&](const Order& order) {
        return order.account == c.account && (all_instruments || order.instrument == c.instrument) &&
               (static_cast<int>(c.side) == 0 || order.side == c.side) &&
               (c.session == 0 || order.session == c.session);
      });
      if (ids.empty()) return reject_change(c, nullptr, Reason::unknown_order);
      const std::size_t from = events_.size();
      cancel_all(ids, Reason::mass_cancel);
      for (std::size_t i = from; i < events_.size(); ++i) events_[i].client_tag = c.client_tag;
      return;
    }
    case CommandType::set_engine_state: {
      if (c.engine_state > EngineState::halted) return refuse(c, Reason::bad_type);
      state_ = c.engine_state;
      Event& event = add(EventType::engine_state_changed);
      event.engine_state = state_;
      event.client_tag = c.client_tag;
      return;
    }
    case CommandType::set_phase:
      if (c.phase > Phase::halted) return refuse(c, Reason::not_allowed_in_phase);
      if (!all_instruments && c.instrument >= markets_.size()) return refuse(c, Reason::unknown_instrument);
      if (!all_instruments && markets_[c.instrument].phase == c.phase) return refuse(c, Reason::nothing_to_change);
      for (InstrumentId id = 0; id < markets_.size(); ++id)
        if ((all_instruments || id == c.instrument) && markets_[id].phase != c.phase)
          set_phase(markets_[id], id, c.phase);
      return;
    case CommandType::set_kill_switch:
      if (c.account != kNoAccount && c.account >= traders_.size()) return refuse(c, Reason::unknown_account);
      for (AccountId id = 0; id < traders_.size(); ++id) {
        if (c.account != kNoAccount && c.account != id) continue;
        traders_[id].killed = c.enabled;
        Event& event = add(EventType::kill_switch_changed);
        event.account = id;
        event.enabled = c.enabled;
        event.client_tag = c.client_tag;
      }
      if (c.enabled)
        cancel_all(pick([&](const Order& o) { return c.account == kNoAccount || o.account == c.account; }),
                   Reason::killed);
      return;
    case CommandType::open_session: {
      if (c.account >= traders_.size()) return refuse(c, Reason::unknown_account);
      if (c.session == 0 || sessions_.count(c.session)) return refuse(c, Reason::bad_session);
      sessions_[c.session] = {c.account, c.enabled};
      Event& event = add(EventType::session_opened);
      event.account = c.account;
      event.session = c.session;
      event.enabled = c.enabled;
      event.client_tag = c.client_tag;
      return;
    }
    case CommandType::close_session: {
      if (!sessions_.count(c.session)) return refuse(c, Reason::bad_session);
      const Logon session = sessions_[c.session];
      const auto ids = pick([&](const Order& o) { return o.session == c.session && o.account == session.account; });
      if (session.cancel)
        cancel_all(ids, Reason::disconnect);
      else
        for (const OrderId id : ids) orders_[id].session = 0;
      sessions_.erase(c.session);
      Event& event = add(EventType::session_closed);
      event.account = session.account;
      event.session = c.session;
      event.client_tag = c.client_tag;
      return;
    }
    case CommandType::end_of_day:
      if (!all_instruments && c.instrument >= markets_.size()) return refuse(c, Reason::unknown_instrument);
      return cancel_all(pick([&](const Order& o) {
                          return (all_instruments || o.instrument == c.instrument) && o.tif != good_till_cancel &&
                                 o.tif != good_till_date;
                        }),
                        Reason::day_over);
    case CommandType::define_instrument: {
      const Instrument& wanted = c.instrument_definition;
      if (const Reason r = check(wanted); r != Reason::none) return refuse(c, r);
      for (InstrumentId id = 0; id < markets_.size(); ++id) {
        Instrument& known = markets_[id].definition;
        if (!(known.symbol == wanted.symbol)) continue;
        if (known.tick_mantissa != wanted.tick_mantissa || known.tick_decimals != wanted.tick_decimals)
          return refuse(c, Reason::off_tick);
        if (known.lot_mantissa != wanted.lot_mantissa || known.lot_decimals != wanted.lot_decimals)
          return refuse(c, Reason::off_lot);
        const auto outside = [&](Price p) { return p != kNoPrice && (p < wanted.min_price || p > wanted.max_price); };
        for (const auto& [order_id, order] : orders_)
          if (order.instrument == id &&
              (outside(order.price) || (order.place == Order::parked && outside(order.stop_price))))
            return refuse(c, Reason::bad_price);
        if (wanted.reference_price != kNoPrice && wanted.reference_price != known.reference_price)
          markets_[id].reference = wanted.reference_price;
        known = wanted;
        return tell_instrument(id);
      }
      Market fresh;
      fresh.definition = wanted;
      fresh.phase = wanted.opening_phase;
      fresh.reference = wanted.reference_price;
      markets_.push_back(fresh);
      return tell_instrument(static_cast<InstrumentId>(markets_.size() - 1));
    }
    case CommandType::define_account: {
      const Account& wanted = c.account_definition;
      if (const Reason r = check(wanted); r != Reason::none) return refuse(c, r);
      AccountId id = 0;
      while (id < traders_.size() && !(traders_[id].definition.name == wanted.name)) ++id;
      const bool fresh = id == traders_.size();
      if (fresh) traders_.emplace_back();
      Trader& trader = traders_[id];
      if (fresh || trader.definition.limits.orders_per_second != wanted.limits.orders_per_second) {
        trader.credit = Wide{wanted.limits.orders_per_second} * 1'000'000'000;
        trader.refilled = now_;
      }
      trader.definition = wanted;
      Event& event = add(EventType::account_defined);
      event.account = id;
      event.account_sequence = trader.reports;
      event.enabled = wanted.limits.cancel_on_disconnect;
      event.quantity = wanted.limits.max_order_quantity;
      event.orders = wanted.limits.orders_per_second;
      const auto called = wanted.name.view();
      std::copy(called.begin(), called.end(), event.client_id.text.begin());
      event.client_id.length = static_cast<std::uint8_t>(called.size());
      event.client_tag = c.client_tag;
      return;
    }
    case CommandType::begin_epoch: {
      if (c.epoch <= epoch_) return refuse(c, Reason::not_primary);
      epoch_ = c.epoch;
      Event& event = add(EventType::epoch_begun);
      event.epoch = epoch_;
      event.client_tag = c.client_tag;
      return;
    }
    case CommandType::set_reference_price: {
      if (c.instrument >= markets_.size()) return refuse(c, Reason::unknown_instrument);
      Market& at = markets_[c.instrument];
      if (c.price < at.definition.min_price || c.price > at.definition.max_price) return refuse(c, Reason::bad_price);
      at.reference = c.price;
      return tell_instrument(c.instrument);
    }
    case CommandType::advance_time:
    case CommandType::checkpoint: return;
    default: return refuse(c, Reason::bad_type);
  }
}

std::map<ReferenceEngine::DepthKey, ReferenceEngine::Depth> ReferenceEngine::depth() const {
  std::map<DepthKey, Depth> out;
  for (const auto& [id, order] : orders_) {
    if (order.place != Order::in_book || order.price == kNoPrice) continue;
    Depth& level =
        out[{order.instrument, static_cast<int>(order.side), order.side == Side::buy ? -order.price : order.price}];
    level.shown += order.shown;
    ++level.orders;
  }
  return out;
}

std::vector<Event> ReferenceEngine::apply(const Command& command) {
  command_ = &command;
  events_.clear();
  subject_ = 0;
  triggers_left_ = max_triggers_;
  now_ = std::max(now_, command.time);
  // Dates that have passed, the earliest first.
  for (;;) {
    Order* due = nullptr;
    for (auto& [id, order] : orders_)
      if (order.tif == good_till_date && order.expire_at <= now_ && (!due || order.expire_at < due->expire_at))
        due = &order;
    if (!due) break;
    end(*due, Reason::date_passed);
  }
  for (InstrumentId id = 0; id < markets_.size(); ++id) run_stops(id);
  if (command.type == CommandType::new_order)
    new_order(command);
  else if (command.type == CommandType::cancel_order)
    cancel_order(command);
  else if (command.type == CommandType::replace_order)
    replace_order(command);
  else
    control(command);
  while (remembered_.size() > remembered_limit_) {
    remembered_set_.erase(remembered_set_.find(remembered_.front()));
    remembered_.pop_front();
  }

  const auto after = depth();
  std::map<DepthKey, Depth> changed;
  for (const auto& [key, level] : depth_)
    if (!after.count(key)) changed[key] = {};
  for (const auto& [key, level] : after)
    if (const auto before = depth_.find(key); before == depth_.end() || !(before->second == level))
      changed[key] = level;
  for (const auto& [key, level] : changed) {
    Event& event = add(EventType::level_changed);
    event.instrument = std::get<0>(key);
    event.side = static_cast<Side>(std::get<1>(key));
    event.price = event.side == Side::buy ? -std::get<2>(key) : std::get<2>(key);
    event.quantity = level.shown;
    event.orders = level.orders;
  }
  depth_ = after;
  for (InstrumentId id = 0; id < markets_.size(); ++id) {
    Market& at = markets_[id];
    if (!auction(at.phase)) continue;
    const auto [price, quantity] = indication(id);
    if (price == at.indicated && quantity == at.indicated_quantity) continue;
    at.indicated = price;
    at.indicated_quantity = quantity;
    Event& event = add(EventType::auction_indication);
    event.instrument = id;
    event.price = price;
    event.quantity = quantity;
  }
  if (!events_.empty()) events_.back().last_of_command = true;
  return events_;
}

}  // namespace nautilus::engine::reference
