// Auctions: the price, the uncross, and the phases around them; and what ends every command.
#include <algorithm>

#include "engine/matching/state.h"

namespace nautilus::engine {
namespace {

// Goes through one side, market orders first (as if at the best of all prices), then level after level.
class Walk {
 public:
  Walk(const Level& market, const HalfBook& half, bool buy) : half_(&half), extreme_(buy ? INT64_MAX : INT64_MIN) {
    next_ = half.best();
    if (market.orders) {
      left = market.total;
      price = extreme_;
      valid = true;
    } else {
      advance();
    }
  }
  void advance() {
    valid = next_ != HalfBook::kNone;
    if (!valid) return;
    price = half_->price(next_);
    left = half_->find(next_)->total;
    next_ = half_->next(next_ + 1);
  }
  bool has_next() const { return next_ != HalfBook::kNone; }
  Price next_price() const { return half_->price(next_); }
  bool market() const { return price == extreme_; }

  bool valid = false;
  Price price = 0;
  Quantity left = 0;

 private:
  const HalfBook* half_;
  Price extreme_;
  HalfBook::Key next_;
};

// Chooses between prices that all give the largest volume.
class Choice {
 public:
  explicit Choice(Price reference) : reference_(reference) {}
  // `surplus`: what is bid less what is offered at this price.
  void offer(Price price, Quantity surplus) {
    const Quantity size = surplus < 0 ? -surplus : surplus;
    if (best_ != kNoPrice && size > size_) return;
    if (best_ == kNoPrice || size < size_) {
      lowest_ = highest_ = best_ = price;
      size_ = size;
      all_buy_ = surplus > 0;
      all_sell_ = surplus < 0;
      return;
    }
    lowest_ = std::min(lowest_, price);
    highest_ = std::max(highest_, price);
    all_buy_ = all_buy_ && surplus > 0;
    all_sell_ = all_sell_ && surplus < 0;
    if (nearer(price)) best_ = price;
  }
  Price price() const {
    if (best_ == kNoPrice) return kNoPrice;
    return all_buy_ ? highest_ : all_sell_ ? lowest_ : best_;
  }

 private:
  // To the reference price; without one, or at the same distance, the lower.
  bool nearer(Price price) const {
    if (reference_ == kNoPrice) return price < best_;
    const Price a = price < reference_ ? reference_ - price : price - reference_;
    const Price b = best_ < reference_ ? reference_ - best_ : best_ - reference_;
    return a < b || (a == b && price < best_);
  }
  Price reference_, best_ = kNoPrice, lowest_ = 0, highest_ = 0;
  Quantity size_ = 0;
  bool all_buy_ = false, all_sell_ = false;
};

}  // namespace

// Candidates are every limit price in the book and the reference price. The largest volume; of those the smallest
// surplus; of those the highest if only buyers are left over, the lowest if only sellers are, else the one nearest to
// the reference price. Looks only at levels that trade and the two next to them on each side: buyers from the best down
// and sellers from the best up are paired until they no longer meet, which gives the volume and the range of prices
// [lowest, highest] for it; inside that range the surplus falls with the price, so its smallest value is where the next
// unpaired buyers and sellers are.
Indication indicate(const Venue& venue) {
  const HalfBook &bids = venue.book[0], &asks = venue.book[1];
  Walk buy(venue.market[0], bids, true), sell(venue.market[1], asks, false);
  Quantity volume = 0, buy_over = 0, sell_over = 0;
  Price highest = 0, lowest = 0;
  bool buy_market = false, sell_market = false;
  while (buy.valid && sell.valid && buy.price >= sell.price) {
    const Quantity quantity = std::min(buy.left, sell.left);
    volume += quantity;
    highest = buy.price;
    lowest = sell.price;
    buy_market = buy.market();
    sell_market = sell.market();
    buy.left -= quantity;
    sell.left -= quantity;
    buy_over = buy.left;
    sell_over = sell.left;
    if (!buy.left) buy.advance();
    if (!sell.left) sell.advance();
  }
  if (!volume) return {};
  const Price reference = venue.reference != kNoPrice && venue.in_range(venue.reference) ? venue.reference : kNoPrice;
  if (buy_over > 0) {
    if (!buy_market) return {highest, volume};
    // Only market orders are left over, and no seller: the highest candidate.
    Price price = sell_market ? kNoPrice : lowest;
    if (reference != kNoPrice) price = std::max(price, reference);
    if (!bids.empty()) price = std::max(price, bids.price(bids.best()));
    return price == kNoPrice ? Indication{} : Indication{price, volume};
  }
  if (sell_over > 0) {
    if (!sell_market) return {lowest, volume};
    Price price = buy_market ? INT64_MAX : highest;
    if (reference != kNoPrice) price = std::min(price, reference);
    if (!asks.empty()) price = std::min(price, asks.price(asks.best()));
    return price == INT64_MAX ? Indication{} : Indication{price, volume};
  }
  Choice choice(reference);
  const auto consider = [&](Price price) {
    if (price < lowest || price > highest) return;
    if (buy.valid && price <= buy.price) {
      if (!buy.has_next() || price > buy.next_price()) choice.offer(price, buy.left);
    } else if (sell.valid && price >= sell.price) {
      if (!sell.has_next() || price < sell.next_price()) choice.offer(price, -sell.left);
    } else {
      choice.offer(price, 0);
    }
  };
  if (!buy_market) consider(highest);
  if (!sell_market) consider(lowest);
  if (buy.valid) consider(buy.price);
  if (sell.valid) consider(sell.price);
  if (reference != kNoPrice) consider(reference);
  return choice.price() == kNoPrice ? Indication{} : Indication{choice.price(), volume};
}

void Engine::State::fill_in_auction(Venue& venue, Slot slot, Quantity quantity, Price price, TradeId trade) {
  OrderNode& node = pool.node(slot);
  const std::size_t side = index(node.side);
  HalfBook& half = venue.book[side];
  const bool market = node.queue() == Queue::market;
  const HalfBook::Key key = market ? 0 : half.key(node.price);
  Level& level = market ? venue.market[side] : half.level(key);
  if (!market) touch(venue, node.side, key, level);
  const Quantity shown = node.shown;
  accounts[node.account].open_notional -= resting_notional(node.price, kNoPrice, quantity);
  positions[node.position].open[side] -= quantity;
  add_saturating(positions[node.position].net, node.side == Side::buy ? quantity : -quantity);
  node.leaves -= quantity;
  node.filled += quantity;
  node.shown = std::max<Quantity>(shown - quantity, 0);
  if (node.shown == 0 && node.leaves > 0) node.shown = std::min(node.leaves, pool.extra(slot).display);
  level.total -= quantity;
  level.shown -= shown - node.shown;
  Event& event = report(EventType::order_filled, slot);
  event.last_price = price;
  event.last_quantity = quantity;
  event.trade_id = trade;
  if (node.leaves > 0) return;
  unlink(venue, slot);
  retire(slot);
}

// Carries out what indicate() says: market orders first, then price, then time, each with all it has.
void Engine::State::uncross(Venue& venue) {
  const Indication now_possible = indicate(venue);
  for (Quantity left = now_possible.quantity; left > 0;) {
    Slot pair[2];
    for (const std::size_t side : {0u, 1u}) {
      HalfBook& half = venue.book[side];
      pair[side] = venue.market[side].orders ? venue.market[side].head : half.level(half.best()).head;
    }
    const Quantity quantity = std::min({left, pool.node(pair[0]).leaves, pool.node(pair[1]).leaves});
    const TradeId trade = next_trade++;
    fill_in_auction(venue, pair[0], quantity, now_possible.price, trade);
    fill_in_auction(venue, pair[1], quantity, now_possible.price, trade);
    Event& print = add(EventType::traded);
    print.instrument = venue.id;
    print.side = Side::buy;
    print.last_price = now_possible.price;
    print.last_quantity = quantity;
    print.trade_id = trade;
    left -= quantity;
  }
  if (now_possible.quantity > 0) traded(venue, now_possible.price);
}

// Cancels what may not stay in the phase that follows.
void Engine::State::end_call(Venue& venue, Phase next) {
  if (venue.call_only == 0 || next == Phase::halted) return;
  const bool call = next == Phase::opening_auction || next == Phase::closing_auction;
  picked_.clear();
  const auto look = [&](const Level& level) {
    Slot at = level.head;
    for (std::uint32_t i = 0; i < level.orders; ++i, at = pool.node(at).next) {
      const OrderNode& node = pool.node(at);
      const bool stays = node.time_in_force == TimeInForce::at_the_opening ? next == Phase::opening_auction
                         : node.time_in_force == TimeInForce::at_the_close ? next == Phase::closing_auction
                                                                           : node.type != OrderType::market || call;
      if (!stays) picked_.push_back({node.order_id, at});
    }
  };
  for (const std::size_t side : {0u, 1u}) {
    const HalfBook& half = venue.book[side];
    look(venue.market[side]);
    for (HalfBook::Key key = half.best(); key != HalfBook::kNone; key = half.next(key + 1)) look(*half.find(key));
  }
  cancel_picked(Reason::auction_over);
}

void Engine::State::enter_phase(Venue& venue, Phase next) {
  const bool leaves_call = venue.in_auction() && next != Phase::halted;
  const bool leaves_halt = venue.phase == Phase::halted && (next == Phase::continuous || next == Phase::closed);
  if (leaves_call || leaves_halt) uncross(venue);
  end_call(venue, next);
  venue.phase = next;
  venue.indicated = kNoPrice;
  venue.indicated_quantity = 0;
  Event& event = add(EventType::phase_changed);
  event.instrument = venue.id;
  event.phase = next;
  mark_dirty(venue);
  if (next != Phase::continuous) return;
  if (venue.last != kNoPrice) traded_range(venue, venue.last, venue.last);
  run_stops(venue);
}

// Levels as they are now, and indications that changed.
void Engine::State::tell_market() {
  if (touched_.size() > 1)
    std::sort(touched_.begin(), touched_.end(), [](const Touched& a, const Touched& b) {
      if (a.instrument != b.instrument) return a.instrument < b.instrument;
      if (a.side != b.side) return a.side < b.side;
      return a.side == Side::buy ? a.price > b.price : a.price < b.price;
    });
  for (const Touched& touched : touched_) {
    Level& level = *touched.level;
    level.touched = 0;
    if (level.shown == touched.shown && level.orders == touched.orders) continue;
    Event& event = add(EventType::level_changed);
    event.instrument = touched.instrument;
    event.side = touched.side;
    event.price = touched.price;
    event.quantity = level.shown;
    event.orders = level.orders;
  }
  touched_.clear();
  if (!dirty_.empty()) {
    std::sort(dirty_.begin(), dirty_.end(), [](const Venue* a, const Venue* b) { return a->id < b->id; });
    for (Venue* venue : dirty_) {
      venue->dirty = false;
      if (!venue->in_auction()) continue;
      const Indication is = indicate(*venue);
      if (is.price == venue->indicated && is.quantity == venue->indicated_quantity) continue;
      venue->indicated = is.price;
      venue->indicated_quantity = is.quantity;
      Event& event = add(EventType::auction_indication);
      event.instrument = venue->id;
      event.price = is.price;
      event.quantity = is.quantity;
    }
    dirty_.clear();
  }
}

void Engine::State::finish(std::size_t first) {
  tell_market();
  if (!keep_blanks_) drop_blanks();
  if (used_ > first) events_->data()[used_ - 1].last_of_command = true;
}

}  // namespace nautilus::engine
