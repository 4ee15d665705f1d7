// Matching in the continuous phase, resting, leaving, and stops. The hot path.
#include <algorithm>

#include "engine/matching/state.h"

namespace nautilus::engine {

// Puts an order into its queue and counts it as resting.
void Engine::State::link(Venue& venue, Slot slot, Queue queue) {
  OrderNode& node = pool.node(slot);
  const std::size_t side = index(node.side);
  const bool extra = (node.bits & OrderNode::kExtra) != 0;
  node.set_queue(queue);
  const Quantity leaves = node.leaves;
  Quantity shown = leaves;
  Price stop_price = kNoPrice;
  if (queue == Queue::book) {
    HalfBook& half = venue.book[side];
    const HalfBook::Key key = half.key(node.price);
    Level& level = half.level(key);
    if (extra && pool.extra(slot).display) shown = std::min(leaves, pool.extra(slot).display);
    touch(venue, node.side, key, level);
    if (!level.orders) half.occupied(key);
    append(pool, level, slot, shown, leaves);
  } else if (queue == Queue::stops) {
    HalfBook& half = venue.stops[side];
    stop_price = pool.extra(slot).stop_price;
    const HalfBook::Key key = half.key(stop_price);
    Level& level = half.level(key);
    if (!level.orders) half.occupied(key);
    append(pool, level, slot, shown, leaves);
  } else {
    append(pool, venue.market[side], slot, shown, leaves);
  }
  node.shown = shown;
  if (node.type == OrderType::market || node.time_in_force == TimeInForce::at_the_opening ||
      node.time_in_force == TimeInForce::at_the_close)
    ++venue.call_only;
  AccountRisk& account = accounts[node.account];
  ++account.open_orders;
  account.open_notional += resting_notional(node.price, stop_price, leaves);
  positions[node.position].open[side] += leaves;
  mark_dirty(venue);
}

void Engine::State::unlink(Venue& venue, Slot slot) {
  OrderNode& node = pool.node(slot);
  const std::size_t side = index(node.side);
  Price stop_price = kNoPrice;
  if (node.queue() == Queue::book) {
    HalfBook& half = venue.book[side];
    const HalfBook::Key key = half.key(node.price);
    Level& level = half.level(key);
    touch(venue, node.side, key, level);
    take_out(pool, level, slot);
    if (!level.orders) half.vacated(key);
  } else if (node.queue() == Queue::stops) {
    HalfBook& half = venue.stops[side];
    stop_price = pool.extra(slot).stop_price;
    const HalfBook::Key key = half.key(stop_price);
    Level& level = half.level(key);
    take_out(pool, level, slot);
    if (!level.orders) half.vacated(key);
  } else {
    take_out(pool, venue.market[side], slot);
  }
  if (node.type == OrderType::market || node.time_in_force == TimeInForce::at_the_opening ||
      node.time_in_force == TimeInForce::at_the_close)
    --venue.call_only;
  node.set_queue(Queue::none);
  AccountRisk& account = accounts[node.account];
  --account.open_orders;
  account.open_notional -= resting_notional(node.price, stop_price, node.leaves);
  positions[node.position].open[side] -= node.leaves;
  mark_dirty(venue);
}

// Makes an order findable.
void Engine::State::enlist(Slot slot) {
  OrderNode& node = pool.node(slot);
  if (node.bits & OrderNode::kListed) return;
  const OrderDetail& detail = pool.detail(slot);
  node.bits |= OrderNode::kListed;
  names.insert(detail.name_tag, slot);
  ids.insert(node.order_id, slot, id_of());
  if (node.time_in_force == TimeInForce::good_till_date) {
    ++dated_;
    push_expiry({detail.expire_at, node.order_id, slot});
  }
}

// The order is in no queue and over.
void Engine::State::retire(Slot slot) {
  const OrderNode& node = pool.node(slot);
  if (node.bits & OrderNode::kListed) {
    names.erase(pool.detail(slot).name_tag, slot);
    ids.erase(node.order_id, slot);
    if (node.time_in_force == TimeInForce::good_till_date) --dated_;
  }
  pool.give_back(slot);
}

void Engine::State::end_taker(Slot slot, Reason reason) {
  report(EventType::order_cancelled, slot, reason).leaves = 0;
  if (slot == subject_) subject_ = kNoSlot;
  retire(slot);
}

// Ends a resting order.
void Engine::State::cancel(Slot slot, Reason reason) {
  unlink(*venues[pool.node(slot).instrument], slot);
  end_taker(slot, reason);
}

void Engine::State::traded_range(Venue& venue, Price low, Price high) {
  venue.low = venue.low == kNoPrice ? low : std::min(venue.low, low);
  venue.high = venue.high == kNoPrice ? high : std::max(venue.high, high);
}

void Engine::State::traded(Venue& venue, Price price) {
  venue.last = venue.reference = price;
  traded_range(venue, price, price);
}

// A fill-or-kill order trades whole or not at all. One that would meet an order of its own account on the way, and may
// not trade with it, does not.
bool Engine::State::can_fill(const Venue& venue, Slot taker, HalfBook::Key limit, Reason& why) const {
  const OrderNode& node = pool.node(taker);
  const HalfBook& against = venue.book[index(opposite(node.side))];
  const bool watch =
      node.self_trade() != SelfTradePrevention::none && positions[node.position].open[index(opposite(node.side))] > 0;
  Quantity needed = node.leaves;
  bool own = false;
  for (HalfBook::Key key = against.best(); key <= limit && needed > 0; key = against.next(key + 1)) {
    const Level& level = *against.find(key);
    needed -= level.total;
    Slot at = level.head;
    for (std::uint32_t i = 0; watch && !own && i < level.orders; ++i, at = pool.node(at).next)
      own = pool.node(at).account == node.account;
  }
  why = needed > 0 ? Reason::no_liquidity : Reason::self_trade;
  return needed <= 0 && !own;
}

// The taker meets an order of its own account.
Engine::State::Ended Engine::State::prevent(Venue& venue, Slot taker, Slot resting) {
  OrderNode& node = pool.node(taker);
  switch (node.self_trade()) {
    case SelfTradePrevention::cancel_oldest: cancel(resting, Reason::self_trade); return Ended::open;
    case SelfTradePrevention::cancel_both: cancel(resting, Reason::self_trade); return Ended::self_trade;
    case SelfTradePrevention::decrement: {
      const Quantity by = std::min(node.leaves, pool.node(resting).leaves);
      node.leaves -= by;
      report(EventType::order_decremented, taker, Reason::self_trade).last_quantity = by;
      shrink(venue, resting, by);
      report(EventType::order_decremented, resting, Reason::self_trade).last_quantity = by;
      if (pool.node(resting).leaves == 0) cancel(resting, Reason::self_trade);
      return node.leaves == 0 ? Ended::self_trade : Ended::open;
    }
    default: return Ended::self_trade;
  }
}

// Trades the taker with the other side up to `limit`, best price first, then oldest first.
Engine::State::Ended Engine::State::match(Venue& venue, Slot taker, HalfBook::Key limit) {
  OrderNode& node = pool.node(taker);
  const Side side = node.side;
  const std::size_t other = index(opposite(side));
  HalfBook& against = venue.book[other];
  Position& taker_position = positions[node.position];
  const bool watch = node.self_trade() != SelfTradePrevention::none;
  const AccountId account = node.account;
  while (node.leaves > 0 && against.best() <= limit) {
    const HalfBook::Key key = against.best();
    const Price price = against.price(key);
    Level& level = against.level(key);
    touch(venue, opposite(side), key, level);
    do {
      const Slot resting = level.head;
      OrderNode& maker = pool.node(resting);
      if (maker.account == account && watch) [[unlikely]] {
        if (prevent(venue, taker, resting) == Ended::self_trade) return Ended::self_trade;
        continue;
      }
      if (maker.next != kNoSlot) pool.prefetch(maker.next);
      if (maker.shown <= node.leaves) {
        ids.prefetch(maker.order_id);
        names.prefetch(pool.detail(resting).name_tag);
      }
      const Quantity quantity = std::min(node.leaves, maker.shown);
      node.leaves -= quantity;
      node.filled += quantity;
      maker.leaves -= quantity;
      maker.filled += quantity;
      maker.shown -= quantity;
      level.shown -= quantity;
      level.total -= quantity;
      const Quantity change = side == Side::buy ? quantity : -quantity;
      add_saturating(taker_position.net, change);
      add_saturating(positions[maker.position].net, -change);
      positions[maker.position].open[other] -= quantity;
      AccountRisk& maker_account = accounts[maker.account];
      maker_account.open_notional -= notional(price, quantity);

      const TradeId trade = next_trade++;
      Event& taken = report(EventType::order_filled, taker);
      taken.last_price = price;
      taken.last_quantity = quantity;
      taken.trade_id = trade;
      taken.aggressor = true;
      Event& made = report(EventType::order_filled, resting);
      made.last_price = price;
      made.last_quantity = quantity;
      made.trade_id = trade;
      Event& print = add(EventType::traded);
      print.instrument = venue.id;
      print.side = side;
      print.last_price = price;
      print.last_quantity = quantity;
      print.trade_id = trade;

      if (maker.leaves == 0) {
        take_out(pool, level, resting);
        --maker_account.open_orders;
        retire(resting);
        if (!level.orders) against.vacated(key);
      } else if (maker.shown == 0) {
        // The next slice of an iceberg queues up behind the others.
        take_out(pool, level, resting);
        maker.shown = std::min(maker.leaves, pool.extra(resting).display);
        append(pool, level, resting, maker.shown, maker.leaves);
      }
      traded(venue, price);
    } while (node.leaves > 0 && level.orders);
  }
  return Ended::open;
}

// The order is active: it trades as far as it may, and rests or ends.
void Engine::State::execute(Venue& venue, Slot slot) {
  OrderNode& node = pool.node(slot);
  if (venue.phase != Phase::continuous) {
    enlist(slot);
    link(venue, slot, node.type == OrderType::market ? Queue::market : Queue::book);
    return;
  }
  const HalfBook& against = venue.book[index(opposite(node.side))];
  HalfBook::Key limit;
  bool collared = false;
  if (node.type == OrderType::limit) {
    limit = against.key(node.price);
  } else {
    limit = HalfBook::kAny;
    if (venue.definition.collar_basis_points && venue.reference != kNoPrice) {
      limit = against.key(collar_bound(node.side, venue.reference, venue.definition.collar_basis_points));
      collared = true;
    }
  }
  if (node.time_in_force == TimeInForce::fill_or_kill) {
    Reason why = Reason::none;
    if (!can_fill(venue, slot, limit, why)) return end_taker(slot, why);
  }
  if (against.best() <= limit && match(venue, slot, limit) == Ended::self_trade)
    return end_taker(slot, Reason::self_trade);
  if (node.leaves == 0) {
    if (slot == subject_) subject_ = kNoSlot;
    return retire(slot);
  }
  if (node.type == OrderType::limit && !is_immediate(node.time_in_force)) {
    enlist(slot);
    return link(venue, slot, Queue::book);
  }
  if (collared && !against.empty()) return end_taker(slot, Reason::price_collar);
  end_taker(slot, node.filled == 0 ? Reason::no_liquidity : Reason::immediate_rest);
}

void Engine::State::trigger(Venue& venue, Slot slot) {
  OrderNode& node = pool.node(slot);
  node.type = node.type == OrderType::stop ? OrderType::market : OrderType::limit;
  report(EventType::order_triggered, slot);
  execute(venue, slot);
}

// An accepted or replaced order, in no queue.
void Engine::State::place(Venue& venue, Slot slot) {
  const OrderNode& node = pool.node(slot);
  if (!is_stop(node.type)) return execute(venue, slot);
  const Price stop_price = pool.extra(slot).stop_price;
  const bool elected =
      venue.last != kNoPrice && (node.side == Side::buy ? venue.last >= stop_price : venue.last <= stop_price);
  if (elected && venue.phase == Phase::continuous) return trigger(venue, slot);
  enlist(slot);
  link(venue, slot, Queue::stops);
}

// Triggers the stops that the trades since the last look have reached, the oldest order first; their own trades may
// reach more. Bounded by kMaxTriggers a command: what is left is kept for the next one.
void Engine::State::run_stops(Venue& venue) {
  while (venue.low != kNoPrice && venue.phase == Phase::continuous) {
    const Price low = venue.low, high = venue.high;
    picked_.clear();
    for (const std::size_t side : {0u, 1u}) {
      const HalfBook& half = venue.stops[side];
      const HalfBook::Key reached = half.key(side == 0 ? high : low);
      for (HalfBook::Key key = half.best(); key <= reached; key = half.next(key + 1)) {
        const Level& level = *half.find(key);
        Slot at = level.head;
        for (std::uint32_t i = 0; i < level.orders; ++i, at = pool.node(at).next)
          picked_.push_back({pool.node(at).order_id, at});
      }
    }
    venue.low = venue.high = kNoPrice;
    if (picked_.empty()) return;
    std::sort(picked_.begin(), picked_.end(), [](const Picked& a, const Picked& b) { return a.order_id < b.order_id; });
    for (std::size_t i = 0; i < picked_.size(); ++i) {
      if (triggers_left_ == 0) {
        traded_range(venue, low, high);
        stops_waiting_ = true;
        return;
      }
      --triggers_left_;
      unlink(venue, picked_[i].slot);
      trigger(venue, picked_[i].slot);
    }
  }
}

void Engine::State::resume_stops() {
  stops_waiting_ = false;
  for (const auto& venue : venues)
    if (venue->low != kNoPrice && venue->phase == Phase::continuous) run_stops(*venue);
}

}  // namespace nautilus::engine
