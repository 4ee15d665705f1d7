// Orders, cancels and replacements: what is asked, whether it may be, and what the answer is.
#include "engine/matching/state.h"

namespace nautilus::engine {

const Session* Engine::State::find_session(SessionId id) const {
  const auto at = session_index.find(static_cast<std::uint32_t>(mix(id)),
                                     [&](std::uint32_t value) { return sessions[value].id == id; });
  return at == IndexTable::kNone ? nullptr : &sessions[at];
}

std::uint32_t Engine::State::position_of(AccountId account, InstrumentId instrument) {
  const std::uint32_t tag = position_tag(account, instrument);
  const auto at = position_index.find(tag, [&](std::uint32_t value) {
    return positions[value].account == account && positions[value].instrument == instrument;
  });
  if (at != IndexTable::kNone) [[likely]]
    return at;
  const auto created = static_cast<std::uint32_t>(positions.size());
  positions.push_back({account, instrument, 0, {0, 0}});
  position_index.insert(tag, created);
  return created;
}

bool Engine::State::name_used(AccountId account, const ClientOrderId& id, const NameHash& hash) const {
  if (remembered->contains(hash)) return true;
  // Live orders keep their names, even when the last N have pushed them out of memory.
  return names.find(hash.tag(), [&](std::uint32_t slot) {
    return pool.node(slot).account == account && pool.detail(slot).client_id == id;
  }) != IndexTable::kNone;
}

Slot Engine::State::find_order(const Command& command) const {
  Slot slot = kNoSlot;
  if (command.order_id) {
    slot = ids.find(command.order_id, id_of());
    if (slot == kNoSlot || pool.node(slot).account != command.account) return kNoSlot;
    if (!command.orig_client_id.empty() && !(pool.detail(slot).client_id == command.orig_client_id)) return kNoSlot;
    return slot;
  }
  if (hint_ && hint_->slot < pool.slots()) {
    const OrderNode& node = pool.node(hint_->slot);
    if (node.order_id && node.account == command.account &&
        pool.detail(hint_->slot).client_id == command.orig_client_id)
      return hint_->slot;
  }
  const NameHash hash = original_hash(command);
  return names.find(hash.tag(), [&](std::uint32_t at) {
    return pool.node(at).account == command.account && pool.detail(at).client_id == command.orig_client_id;
  });
}

void Engine::State::reject_new(const Command& command, Reason reason) {
  Event& event = add(EventType::order_rejected);
  event.reason = reason;
  event.side = command.side;
  event.order_type = command.order_type;
  event.time_in_force = command.time_in_force;
  event.post_only = command.post_only;
  event.instrument = command.instrument;
  event.account = command.account;
  if (command.account < accounts.size()) event.account_sequence = ++accounts[command.account].reports;
  event.session = command.session;
  event.price = command.price;
  event.stop_price = command.stop_price;
  event.quantity = command.quantity;
  event.display_quantity = command.display_quantity;
  event.expire_at = command.expire_at;
  event.client_tag = command.client_tag;
  event.client_id = command.client_id;
}

void Engine::State::reject_change(const Command& command, Slot slot, Reason reason) {
  Event& event = add(EventType::cancel_rejected);
  if (slot != kNoSlot) status_event(event, slot);
  event.orig_client_id = slot != kNoSlot ? event.client_id : command.orig_client_id;
  event.client_id = command.client_id;
  event.order_id = slot != kNoSlot ? event.order_id : command.order_id;
  event.reason = reason;
  event.account = command.account;
  if (command.account < accounts.size()) event.account_sequence = ++accounts[command.account].reports;
  event.session = command.session;
  event.client_tag = command.client_tag;
}

namespace {

bool good_name(const ClientOrderId& id) { return id.length != 0 && id.length <= ClientOrderId::kMaxLength; }

bool known(TimeInForce t) {
  constexpr unsigned kKnown = 1u << 0 | 1u << 1 | 1u << 2 | 1u << 3 | 1u << 4 | 1u << 6 | 1u << 7;
  const auto number = static_cast<unsigned>(t);
  return number < 32 && (kKnown >> number & 1);
}

bool fits_phase(TimeInForce t, OrderType type, Phase phase) {
  if (t == TimeInForce::at_the_opening) return phase == Phase::opening_auction;
  if (t == TimeInForce::at_the_close) return phase == Phase::closing_auction;
  return !is_immediate(t) || phase == Phase::continuous || is_stop(type);
}

}  // namespace

// What the order itself says, and the state of the market: no figures of the account.
Reason Engine::State::check_fields(const Command& command, const Venue& venue) const {
  const OrderType type = command.order_type;
  const TimeInForce t = command.time_in_force;
  const unsigned side = static_cast<unsigned>(command.side), number = static_cast<unsigned>(type);
  if (side - 1 > 1 || number - 1 > 3) return Reason::bad_type;
  if (static_cast<unsigned>(command.self_trade) > static_cast<unsigned>(SelfTradePrevention::decrement))
    return Reason::bad_type;
  if (!known(t)) return Reason::bad_time_in_force;
  if (is_stop(type) && (t == TimeInForce::at_the_opening || t == TimeInForce::at_the_close))
    return Reason::bad_time_in_force;
  if (command.post_only && type != OrderType::limit) return Reason::bad_type;
  if (command.post_only && is_immediate(t)) return Reason::bad_time_in_force;
  if (venue.phase == Phase::closed) return Reason::market_closed;
  if (venue.phase == Phase::halted) return Reason::instrument_halted;
  if (!fits_phase(t, type, venue.phase)) return Reason::not_allowed_in_phase;
  if (is_market(type) ? command.price != kNoPrice : !venue.in_range(command.price)) return Reason::bad_price;
  if (is_stop(type) ? !venue.in_range(command.stop_price) : command.stop_price != kNoPrice)
    return Reason::bad_stop_price;
  if (command.quantity <= 0) return Reason::bad_quantity;
  if (command.quantity > kMaxLots) return Reason::max_quantity;
  if (command.display_quantity != 0) {
    if (command.display_quantity < 0 || command.display_quantity > command.quantity || is_market(type) ||
        is_immediate(t) || command.quantity / command.display_quantity > kMaxSlices)
      return Reason::bad_display_quantity;
  }
  if (t == TimeInForce::good_till_date ? command.expire_at <= now : command.expire_at != 0) return Reason::bad_expiry;
  return Reason::none;
}

Reason Engine::State::check_risk(const Command& command, const AccountRisk& account, const Venue& venue,
                                 const Position& position) const {
  const OrderType type = command.order_type;
  const Price price = command.price != kNoPrice ? command.price : command.stop_price;
  const Notional resting = resting_notional(command.price, command.stop_price, command.quantity);
  const Notional amount = price != kNoPrice             ? resting
                          : venue.reference == kNoPrice ? 0
                                                        : notional(venue.reference, command.quantity);
  if (const Reason reason = check_size(account.limits, venue.definition, command.quantity, amount);
      reason != Reason::none)
    return reason;
  // A stop-limit order is judged where it will be active: at its stop price.
  if (!is_market(type) &&
      !within_collar(command.side, command.price, type == OrderType::limit ? venue.reference : command.stop_price,
                     venue.definition.collar_basis_points))
    return Reason::price_collar;
  const bool may_rest =
      is_stop(type) || venue.in_auction() || (type == OrderType::limit && !is_immediate(command.time_in_force));
  return check_exposure(account, position, engine_state, {command.side, command.quantity, resting, may_rest, 1});
}

void Engine::State::new_order(const Command& command) {
  if (command.account >= accounts.size()) return reject_new(command, Reason::unknown_account);
  if (!good_name(command.client_id)) return reject_new(command, Reason::bad_client_id);
  AccountRisk& account = accounts[command.account];
  const NameHash hash = name_hash(command);
  if (command.session) {
    const Session* session = find_session(command.session);
    if (!session || session->account != command.account) return reject_new(command, Reason::bad_session);
  }
  if (name_used(command.account, command.client_id, hash)) return reject_new(command, Reason::duplicate_client_id);
  if (!account.bucket.take(account.limits.orders_per_second, now)) return reject_new(command, Reason::rate_limit);
  if (account.killed) return reject_new(command, Reason::kill_switch);
  if (engine_state == EngineState::halted) return reject_new(command, Reason::engine_halted);
  if (command.instrument >= venues.size()) return reject_new(command, Reason::unknown_instrument);
  Venue& venue = *venues[command.instrument];
  Reason reason = check_fields(command, venue);
  if (reason != Reason::none) return reject_new(command, reason);
  const std::uint32_t position = position_of(command.account, command.instrument);
  reason = check_risk(command, account, venue, positions[position]);
  if (reason != Reason::none) return reject_new(command, reason);
  if (pool.full()) return reject_new(command, Reason::capacity);
  if (command.post_only && venue.phase == Phase::continuous) {
    const HalfBook& against = venue.book[index(opposite(command.side))];
    if (against.best() <= against.key(command.price)) return reject_new(command, Reason::would_trade);
  }

  const Slot slot = pool.take(command.account);
  subject_ = slot;
  OrderNode& node = pool.node(slot);
  const bool iceberg = command.display_quantity != 0 && command.display_quantity != command.quantity;
  const bool extra = iceberg || is_stop(command.order_type);
  const SelfTradePrevention mode =
      command.self_trade == SelfTradePrevention::none ? account.limits.self_trade : command.self_trade;
  node = {next_order++,
          command.price,
          command.quantity,
          0,
          0,
          kNoSlot,
          kNoSlot,
          command.account,
          venue.id,
          position,
          command.side,
          command.order_type,
          command.time_in_force,
          static_cast<std::uint8_t>(static_cast<unsigned>(mode) | (command.post_only ? OrderNode::kPostOnly : 0u) |
                                    (extra ? OrderNode::kExtra : 0u))};
  pool.detail(slot) = {command.client_id, command.session, command.expire_at, hash.tag(), 0};
  if (extra) pool.extra(slot) = {command.stop_price, iceberg ? command.display_quantity : 0};
  remembered->add(hash);
  report(EventType::order_accepted, slot);
  place(venue, slot);
  if (venue.low != kNoPrice) run_stops(venue);
}

void Engine::State::cancel_order(const Command& command) {
  if (command.account >= accounts.size()) return reject_change(command, kNoSlot, Reason::unknown_account);
  const Slot slot = find_order(command);
  if (slot == kNoSlot) return reject_change(command, kNoSlot, Reason::unknown_order);
  subject_ = slot;
  cancel(slot, Reason::by_request);
}

// Fills in what was left out and says what is wrong with the rest.
Reason Engine::State::check_change(const Venue& venue, Slot slot, const Command& command, Change& change) const {
  const OrderNode& node = pool.node(slot);
  const OrderExtra old = node.bits & OrderNode::kExtra ? pool.extra(slot) : OrderExtra{kNoPrice, 0};
  const Quantity total = node.filled + node.leaves;
  change.price = command.price == kNoPrice ? node.price : command.price;
  change.stop_price = command.stop_price == kNoPrice ? old.stop_price : command.stop_price;
  change.quantity = command.quantity == 0 ? total : command.quantity;
  change.display = command.display_quantity == 0 ? old.display : command.display_quantity;
  if (is_market(node.type) ? change.price != kNoPrice : !venue.in_range(change.price)) return Reason::bad_price;
  if (is_stop(node.type) ? !venue.in_range(change.stop_price) : change.stop_price != old.stop_price)
    return Reason::bad_stop_price;
  if (change.quantity < 0) return Reason::bad_quantity;
  if (change.quantity > kMaxLots) return Reason::max_quantity;
  if (command.display_quantity != 0) {
    if (change.display < 0 || change.display > change.quantity || is_market(node.type) ||
        is_immediate(node.time_in_force))
      return Reason::bad_display_quantity;
    if (change.display == change.quantity) change.display = 0;
  }
  if (change.display != 0 && change.quantity / change.display > kMaxSlices) return Reason::bad_display_quantity;
  const bool same_place =
      change.price == node.price && change.stop_price == old.stop_price && change.display == old.display;
  if (same_place && change.quantity == total) return Reason::nothing_to_change;
  change.keeps_priority = same_place && change.quantity < total;
  return Reason::none;
}

// Making an order smaller where it stands needs no leave; anything else is judged as a new order would be.
Reason Engine::State::check_change_risk(const Venue& venue, Slot slot, const Change& change) const {
  const OrderNode& node = pool.node(slot);
  if (change.keeps_priority) return Reason::none;
  const AccountRisk& account = accounts[node.account];
  const Notional amount = resting_notional(change.price, change.stop_price, change.quantity);
  if (const Reason reason = check_size(account.limits, venue.definition, change.quantity, amount);
      reason != Reason::none)
    return reason;
  const Price against = node.type == OrderType::limit ? venue.reference : change.stop_price;
  if (!is_market(node.type) && !within_collar(node.side, change.price, against, venue.definition.collar_basis_points))
    return Reason::price_collar;
  const Price old_stop = node.bits & OrderNode::kExtra ? pool.extra(slot).stop_price : kNoPrice;
  const Quantity leaves = change.quantity - node.filled;
  const Notional more =
      resting_notional(change.price, change.stop_price, leaves) - resting_notional(node.price, old_stop, node.leaves);
  const Reason reason =
      check_exposure(account, positions[node.position], engine_state, {node.side, leaves - node.leaves, more, true, 0});
  if (reason != Reason::none) return reason;
  if ((node.bits & OrderNode::kPostOnly) && venue.phase == Phase::continuous) {
    const HalfBook& other = venue.book[index(opposite(node.side))];
    if (other.best() <= other.key(change.price)) return Reason::would_trade;
  }
  return Reason::none;
}

void Engine::State::replace_order(const Command& command) {
  if (command.account >= accounts.size()) return reject_change(command, kNoSlot, Reason::unknown_account);
  AccountRisk& account = accounts[command.account];
  const Slot slot = find_order(command);
  if (slot == kNoSlot) return reject_change(command, kNoSlot, Reason::unknown_order);
  if (command.session) {
    const Session* session = find_session(command.session);
    if (!session || session->account != command.account) return reject_change(command, slot, Reason::bad_session);
  }
  const bool renamed = !command.client_id.empty();
  NameHash hash;
  if (renamed) {
    if (!good_name(command.client_id)) return reject_change(command, slot, Reason::bad_client_id);
    hash = name_hash(command);
    if (name_used(command.account, command.client_id, hash))
      return reject_change(command, slot, Reason::duplicate_client_id);
  }
  if (!account.bucket.take(account.limits.orders_per_second, now))
    return reject_change(command, slot, Reason::rate_limit);
  if (account.killed) return reject_change(command, slot, Reason::kill_switch);
  if (engine_state == EngineState::halted) return reject_change(command, slot, Reason::engine_halted);
  OrderNode& node = pool.node(slot);
  Venue& venue = *venues[node.instrument];
  if (venue.phase == Phase::closed) return reject_change(command, slot, Reason::market_closed);
  if (venue.phase == Phase::halted) return reject_change(command, slot, Reason::instrument_halted);
  Change change;
  if (const Reason reason = check_change(venue, slot, command, change); reason != Reason::none)
    return reject_change(command, slot, reason);
  subject_ = slot;
  if (change.quantity <= node.filled) return cancel(slot, Reason::by_request);
  if (const Reason reason = check_change_risk(venue, slot, change); reason != Reason::none) {
    subject_ = kNoSlot;
    return reject_change(command, slot, reason);
  }

  OrderDetail& detail = pool.detail(slot);
  const ClientOrderId before = detail.client_id;
  if (renamed) {
    names.erase(detail.name_tag, slot);
    detail.client_id = command.client_id;
    detail.name_tag = hash.tag();
    names.insert(detail.name_tag, slot);
    remembered->add(hash);
  }
  if (command.session) detail.session = command.session;
  if (change.keeps_priority) {
    shrink(venue, slot, node.filled + node.leaves - change.quantity);
  } else {
    unlink(venue, slot);
    node.price = change.price;
    node.leaves = change.quantity - node.filled;
    if (change.display || change.stop_price != kNoPrice)
      node.bits |= OrderNode::kExtra;
    else
      node.bits &= static_cast<std::uint8_t>(~OrderNode::kExtra);
    pool.extra(slot) = {change.stop_price, change.display};
  }
  Event& event = report(EventType::order_replaced, slot);
  event.orig_client_id = before;
  event.kept_priority = change.keeps_priority;
  if (!change.keeps_priority) {
    place(venue, slot);
    if (venue.low != kNoPrice) run_stops(venue);
  }
}

// Takes quantity off an order where it stands.
void Engine::State::shrink(Venue& venue, Slot slot, Quantity by) {
  OrderNode& node = pool.node(slot);
  const Quantity shown = std::min(node.shown, node.leaves - by);
  const std::size_t side = index(node.side);
  Level* level = &venue.market[side];
  Price stop_price = kNoPrice;
  if (node.queue() == Queue::book) {
    HalfBook& half = venue.book[side];
    level = &half.level(half.key(node.price));
    touch(venue, node.side, half.key(node.price), *level);
  } else if (node.queue() == Queue::stops) {
    HalfBook& half = venue.stops[side];
    stop_price = pool.extra(slot).stop_price;
    level = &half.level(half.key(stop_price));
  }
  AccountRisk& account = accounts[node.account];
  account.open_notional -= resting_notional(node.price, stop_price, by);
  positions[node.position].open[side] -= by;
  level->total -= by;
  level->shown -= node.shown - shown;
  node.leaves -= by;
  node.shown = shown;
  mark_dirty(venue);
}

}  // namespace nautilus::engine
