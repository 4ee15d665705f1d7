// Everything that is not an order: definitions, sessions, phases, switches, time.
#include <algorithm>

#include "engine/matching/state.h"
#include "engine/model/definition_event.h"

namespace nautilus::engine {

void Engine::State::refuse(const Command& command, Reason reason) {
  Event& event = add(EventType::command_rejected);
  event.reason = reason;
  event.instrument = command.instrument;
  event.account = command.account;
  event.session = command.session;
  event.epoch = command.epoch;
  event.phase = command.phase;
  event.client_tag = command.client_tag;
  event.client_id = command.client_id;
}

// Orders of an account (of all, if kNoAccount) that are wanted, the oldest first.
template <class Wanted>
void Engine::State::pick(AccountId account, Wanted wanted) {
  picked_.clear();
  const AccountId* owners = pool.owners();
  std::size_t left = account == kNoAccount ? pool.alive() : accounts[account].open_orders;
  for (Slot slot = 0; left > 0 && slot < pool.slots(); ++slot) {
    if (owners[slot] == kNoAccount || (account != kNoAccount && owners[slot] != account)) continue;
    --left;
    if (wanted(pool.node(slot), pool.detail(slot))) picked_.push_back({pool.node(slot).order_id, slot});
  }
  std::sort(picked_.begin(), picked_.end(), [](const Picked& a, const Picked& b) { return a.order_id < b.order_id; });
}

void Engine::State::cancel_picked(Reason reason) {
  // Picking is over before the first cancel, and a cancel triggers nothing: the slots stay what they are.
  std::sort(picked_.begin(), picked_.end(), [](const Picked& a, const Picked& b) { return a.order_id < b.order_id; });
  for (const Picked& picked : picked_) cancel(picked.slot, reason);
}

void Engine::State::mass_cancel(const Command& command) {
  if (command.account >= accounts.size()) return refuse(command, Reason::unknown_account);
  if (command.instrument != kNoInstrument && command.instrument >= venues.size())
    return refuse(command, Reason::unknown_instrument);
  const auto side = static_cast<unsigned>(command.side);
  pick(command.account, [&](const OrderNode& node, const OrderDetail& detail) {
    return (command.instrument == kNoInstrument || node.instrument == command.instrument) &&
           (side == 0 || node.side == command.side) && (command.session == 0 || detail.session == command.session);
  });
  if (picked_.empty()) return reject_change(command, kNoSlot, Reason::unknown_order);
  const std::size_t first = used_;
  cancel_picked(Reason::mass_cancel);
  for (std::size_t i = first; i < used_; ++i) (*events_)[i].client_tag = command.client_tag;
}

void Engine::State::set_phase(const Command& command) {
  if (static_cast<unsigned>(command.phase) > static_cast<unsigned>(Phase::halted))
    return refuse(command, Reason::not_allowed_in_phase);
  if (command.instrument == kNoInstrument) {
    for (const auto& venue : venues)
      if (venue->phase != command.phase) enter_phase(*venue, command.phase);
    return;
  }
  if (command.instrument >= venues.size()) return refuse(command, Reason::unknown_instrument);
  if (venues[command.instrument]->phase == command.phase) return refuse(command, Reason::nothing_to_change);
  enter_phase(*venues[command.instrument], command.phase);
}

void Engine::State::set_kill_switch(const Command& command) {
  if (command.account != kNoAccount && command.account >= accounts.size())
    return refuse(command, Reason::unknown_account);
  const AccountId first = command.account == kNoAccount ? 0 : command.account;
  const auto end = command.account == kNoAccount ? static_cast<AccountId>(accounts.size()) : command.account + 1;
  for (AccountId id = first; id < end; ++id) {
    accounts[id].killed = command.enabled;
    Event& event = add(EventType::kill_switch_changed);
    event.account = id;
    event.enabled = command.enabled;
    event.client_tag = command.client_tag;
  }
  if (!command.enabled) return;
  pick(command.account, [](const OrderNode&, const OrderDetail&) { return true; });
  cancel_picked(Reason::killed);
}

void Engine::State::open_session(const Command& command) {
  if (command.account >= accounts.size()) return refuse(command, Reason::unknown_account);
  if (command.session == 0 || find_session(command.session)) return refuse(command, Reason::bad_session);
  if (session_index.size() >= kMaxSessions) return refuse(command, Reason::capacity);
  std::uint32_t at;
  if (free_sessions.empty()) {
    at = static_cast<std::uint32_t>(sessions.size());
    sessions.extend();
  } else {
    at = free_sessions.back();
    free_sessions.pop_back();
  }
  sessions[at] = {command.session, command.account, command.enabled};
  session_index.insert(static_cast<std::uint32_t>(mix(command.session)), at);
  Event& event = add(EventType::session_opened);
  event.account = command.account;
  event.session = command.session;
  event.enabled = command.enabled;
  event.client_tag = command.client_tag;
}

void Engine::State::close_session(const Command& command) {
  const Session* found = find_session(command.session);
  if (command.session == 0 || !found) return refuse(command, Reason::bad_session);
  const Session session = *found;
  pick(session.account, [&](const OrderNode&, const OrderDetail& detail) { return detail.session == session.id; });
  if (session.cancel_on_disconnect) {
    cancel_picked(Reason::disconnect);
  } else {
    for (const Picked& picked : picked_) pool.detail(picked.slot).session = 0;
  }
  const auto at = static_cast<std::uint32_t>(found - sessions.data());
  session_index.erase(static_cast<std::uint32_t>(mix(session.id)), at);
  sessions[at] = {};
  free_sessions.push_back(at);
  Event& event = add(EventType::session_closed);
  event.account = session.account;
  event.session = session.id;
  event.client_tag = command.client_tag;
}

void Engine::State::end_of_day(const Command& command) {
  if (command.instrument != kNoInstrument && command.instrument >= venues.size())
    return refuse(command, Reason::unknown_instrument);
  pick(kNoAccount, [&](const OrderNode& node, const OrderDetail&) {
    return (command.instrument == kNoInstrument || node.instrument == command.instrument) &&
           node.time_in_force != TimeInForce::good_till_cancel && node.time_in_force != TimeInForce::good_till_date;
  });
  cancel_picked(Reason::day_over);
}

// Orders whose date has passed, the earliest date first, then the oldest order.
void Engine::State::expire_due() {
  while (!expiries_.empty() && expiries_[0].at <= now) {
    const Expiry due = expiries_[0];
    pop_expiry();
    if (pool.node(due.slot).order_id == due.order_id) cancel(due.slot, Reason::date_passed);
  }
}

namespace {
constexpr auto kLater = [](const auto& a, const auto& b) {
  return a.at != b.at ? a.at > b.at : a.order_id > b.order_id;
};
}  // namespace

void Engine::State::push_expiry(const Expiry& expiry) {
  // Entries of orders that ended early stay until they are the soonest; when they are most of the heap, it is swept.
  constexpr std::size_t kSlack = 64;
  if (expiries_.size() > 2 * dated_ + kSlack) {
    std::size_t kept = 0;
    for (const Expiry& one : expiries_)
      if (pool.node(one.slot).order_id == one.order_id) expiries_[kept++] = one;
    expiries_.resize(kept);
    std::make_heap(expiries_.begin(), expiries_.end(), kLater);
  }
  expiries_.push_back(expiry);
  std::push_heap(expiries_.begin(), expiries_.end(), kLater);
}

void Engine::State::pop_expiry() {
  std::pop_heap(expiries_.begin(), expiries_.end(), kLater);
  expiries_.pop_back();
}

Event& Engine::State::tell_instrument(Event& event, const Venue& venue) const {
  describe_instrument(venue.definition, event);
  event.instrument = venue.id;
  event.phase = venue.phase;
  event.last_price = venue.reference;
  return event;
}

Event& Engine::State::tell_account(Event& event, AccountId id) const {
  const AccountRisk& account = accounts[id];
  describe_account(Account{account.name, account.limits}, event);
  event.account = id;
  event.account_sequence = account.reports;
  return event;
}

// New limits for an instrument. Its levels move to a new ladder if the range changes.
Reason Engine::State::redefine(InstrumentId id, const Instrument& definition) {
  Venue& venue = *venues[id];
  const Instrument& before = venue.definition;
  if (definition.tick_mantissa != before.tick_mantissa || definition.tick_decimals != before.tick_decimals)
    return Reason::off_tick;
  if (definition.lot_mantissa != before.lot_mantissa || definition.lot_decimals != before.lot_decimals)
    return Reason::off_lot;
  const bool new_reference =
      definition.reference_price != kNoPrice && definition.reference_price != before.reference_price;
  if (definition.min_price != before.min_price || definition.max_price != before.max_price) {
    auto wider = std::make_unique<Venue>(memory, pages, id, definition);
    wider->phase = venue.phase;
    wider->call_only = venue.call_only;
    wider->reference = venue.reference;
    wider->last = venue.last;
    wider->low = venue.low;
    wider->high = venue.high;
    wider->indicated = venue.indicated;
    wider->indicated_quantity = venue.indicated_quantity;
    for (const std::size_t side : {0u, 1u}) {
      wider->market[side] = venue.market[side];
      for (const auto& [from, to] :
           {std::pair{&venue.book[side], &wider->book[side]}, std::pair{&venue.stops[side], &wider->stops[side]}}) {
        for (HalfBook::Key key = from->best(); key != HalfBook::kNone; key = from->next(key + 1)) {
          const Price price = from->price(key);
          if (price < definition.min_price || price > definition.max_price) return Reason::bad_price;
          // The old levels stay in the pool, unused.
          to->level(to->key(price)) = *from->find(key);
          to->occupied(to->key(price));
        }
      }
    }
    // A stop's limit price must be in the range as well.
    for (const std::size_t side : {0u, 1u}) {
      const HalfBook& stops = wider->stops[side];
      for (HalfBook::Key key = stops.best(); key != HalfBook::kNone; key = stops.next(key + 1)) {
        const Level& level = *stops.find(key);
        Slot at = level.head;
        for (std::uint32_t i = 0; i < level.orders; ++i, at = pool.node(at).next)
          if (pool.node(at).price != kNoPrice && !wider->in_range(pool.node(at).price)) return Reason::bad_price;
      }
    }
    // Time may have moved levels before this, in the same command: those marks move as well.
    for (Touched& touched : touched_) {
      if (touched.instrument != id || !wider->in_range(touched.price)) continue;
      HalfBook& half = wider->book[index(touched.side)];
      touched.level = &half.level(half.key(touched.price));
      touched.level->touched = 1;
    }
    wider->dirty = venue.dirty;
    std::replace(dirty_.begin(), dirty_.end(), &venue, wider.get());
    venues[id] = std::move(wider);
  }
  venues[id]->definition = definition;
  if (new_reference) venues[id]->reference = definition.reference_price;
  mark_dirty(*venues[id]);
  return Reason::none;
}

void Engine::State::add_instrument(const Instrument& definition) {
  const auto id = static_cast<InstrumentId>(venues.size());
  venues.push_back(std::make_unique<Venue>(memory, pages, id, definition));
  symbols.emplace(definition.symbol.view(), id);
  if (options.warm_ticks > 0 && definition.reference_price != kNoPrice)
    for (HalfBook& half : venues.back()->book) half.warm(definition.reference_price, options.warm_ticks);
}

void Engine::State::add_account(const Account& definition) {
  account_names.emplace(definition.name.view(), static_cast<AccountId>(accounts.size()));
  accounts.push_back(AccountRisk{definition.limits, 0, 0, {}, 0, false, definition.name});
  accounts.back().bucket.fill(definition.limits.orders_per_second, now);
}

void Engine::State::define_instrument(const Command& command) {
  const Instrument& definition = command.instrument_definition;
  if (const Reason reason = check(definition); reason != Reason::none) return refuse(command, reason);
  const auto known = symbols.find(definition.symbol.view());
  const auto id = known == symbols.end() ? static_cast<InstrumentId>(venues.size()) : known->second;
  if (known == symbols.end()) {
    if (venues.size() >= kMaxInstruments) return refuse(command, Reason::capacity);
    add_instrument(definition);
  } else if (const Reason reason = redefine(id, definition); reason != Reason::none) {
    return refuse(command, reason);
  }
  tell_instrument(add(EventType::instrument_defined), *venues[id]).client_tag = command.client_tag;
}

void Engine::State::define_account(const Command& command) {
  const Account& definition = command.account_definition;
  if (const Reason reason = check(definition); reason != Reason::none) return refuse(command, reason);
  const auto known = account_names.find(definition.name.view());
  const auto id = known == account_names.end() ? static_cast<AccountId>(accounts.size()) : known->second;
  if (known == account_names.end()) {
    if (accounts.size() >= kMaxAccounts) return refuse(command, Reason::capacity);
    add_account(definition);
  } else {
    if (accounts[id].limits.orders_per_second != definition.limits.orders_per_second)
      accounts[id].bucket.fill(definition.limits.orders_per_second, now);
    accounts[id].limits = definition.limits;
  }
  tell_account(add(EventType::account_defined), id).client_tag = command.client_tag;
}

void Engine::State::set_reference_price(const Command& command) {
  if (command.instrument >= venues.size()) return refuse(command, Reason::unknown_instrument);
  Venue& venue = *venues[command.instrument];
  if (!venue.in_range(command.price)) return refuse(command, Reason::bad_price);
  venue.reference = command.price;
  mark_dirty(venue);
  tell_instrument(add(EventType::instrument_defined), venue).client_tag = command.client_tag;
}

void Engine::State::control(const Command& command) {
  switch (command.type) {
    case CommandType::mass_cancel: return mass_cancel(command);
    case CommandType::set_phase: return set_phase(command);
    case CommandType::set_kill_switch: return set_kill_switch(command);
    case CommandType::open_session: return open_session(command);
    case CommandType::close_session: return close_session(command);
    case CommandType::advance_time: return;
    case CommandType::end_of_day: return end_of_day(command);
    case CommandType::define_instrument: return define_instrument(command);
    case CommandType::define_account: return define_account(command);
    case CommandType::set_reference_price: return set_reference_price(command);
    case CommandType::set_engine_state: {
      if (static_cast<unsigned>(command.engine_state) > static_cast<unsigned>(EngineState::halted))
        return refuse(command, Reason::bad_type);
      engine_state = command.engine_state;
      Event& event = add(EventType::engine_state_changed);
      event.engine_state = engine_state;
      event.client_tag = command.client_tag;
      return;
    }
    case CommandType::begin_epoch: {
      if (command.epoch <= epoch) return refuse(command, Reason::not_primary);
      epoch = command.epoch;
      Event& event = add(EventType::epoch_begun);
      event.epoch = epoch;
      event.client_tag = command.client_tag;
      return;
    }
    default: return refuse(command, Reason::bad_type);
  }
}

}  // namespace nautilus::engine
