#include "engine/gateway/directory.h"

namespace nautilus::engine {

InstrumentId Reference::find_symbol(std::string_view symbol) const {
  const auto found = symbols.find(symbol);
  return found == symbols.end() ? kNoInstrument : found->second;
}
AccountId Reference::find_account(std::string_view name) const {
  const auto found = account_names.find(name);
  return found == account_names.end() ? kNoAccount : found->second;
}

Directory::Directory() : reference_(std::make_shared<Reference>()) {}

void Directory::define_instrument(const Event& event) {
  if (event.instrument >= kMaxKnownInstruments) return;
  auto next = std::make_shared<Reference>(*reference_);
  if (event.instrument >= next->instruments.size()) {
    next->instruments.resize(event.instrument + 1);
    books_.resize(event.instrument + 1);
    books_[event.instrument].phase = event.phase;
  }
  next->instruments[event.instrument] = instrument_of(event);
  next->symbols[std::string(event.client_id.view())] = event.instrument;
  reference_ = std::move(next);
}

void Directory::define_account(const Event& event) {
  if (event.account >= kMaxKnownAccounts) return;
  auto next = std::make_shared<Reference>(*reference_);
  if (event.account >= next->accounts.size()) {
    next->accounts.resize(event.account + 1);
    accounts_.resize(event.account + 1);
  }
  next->accounts[event.account] = account_of(event);
  next->account_names[std::string(event.client_id.view())] = event.account;
  reference_ = std::move(next);
}

Directory::AccountState* Directory::account_state(AccountId id) {
  return id < accounts_.size() ? &accounts_[id] : nullptr;
}
const Directory::AccountState* Directory::account_state(AccountId id) const {
  return id < accounts_.size() ? &accounts_[id] : nullptr;
}
Directory::Book* Directory::book(InstrumentId id) { return id < books_.size() ? &books_[id] : nullptr; }

void Directory::apply(const Event& event) {
  if (event.sequence > sequence_) sequence_ = event.sequence;
  if (is_report(event.type)) return apply_report(event);
  if (is_market_data(event.type)) return apply_market(event);
  switch (event.type) {
    case EventType::instrument_defined: return define_instrument(event);
    case EventType::account_defined: return define_account(event);
    case EventType::engine_state_changed: engine_state_ = event.engine_state; return;
    case EventType::epoch_begun: epoch_ = event.epoch; return;
    case EventType::position_status:
      if (auto* account = account_state(event.account)) account->positions[event.instrument] = event.last_quantity;
      return;
    case EventType::kill_switch_changed:
      if (event.account == kNoAccount)
        all_killed_ = event.enabled;
      else if (auto* account = account_state(event.account))
        account->killed = event.enabled;
      return;
    default: return;
  }
}

void Directory::apply_report(const Event& event) {
  AccountState* account = account_state(event.account);
  if (!account || event.order_id == 0) return;
  if (event.type == EventType::order_rejected || event.type == EventType::cancel_rejected) return;
  if (event.type == EventType::order_filled) {
    auto& net = account->positions[event.instrument];
    net += event.side == Side::buy ? event.last_quantity : -event.last_quantity;
    if (net == 0) account->positions.erase(event.instrument);
  }
  auto found = orders_.find(event.order_id);
  const bool ended = event.type == EventType::order_cancelled || event.leaves == 0;
  if (ended) {
    if (found == orders_.end()) return;
    account->by_client_id.erase(std::string(found->second.client_id.view()));
    account->open.erase(event.order_id);
    orders_.erase(found);
    return;
  }
  if (found == orders_.end()) {
    found = orders_.emplace(event.order_id, event).first;
    account->open.emplace(event.order_id, &found->second);
    account->by_client_id[std::string(event.client_id.view())] = event.order_id;
  } else if (!(found->second.client_id == event.client_id)) {
    account->by_client_id.erase(std::string(found->second.client_id.view()));
    account->by_client_id[std::string(event.client_id.view())] = event.order_id;
    found->second = event;
  } else {
    found->second = event;
  }
  found->second.type = EventType::order_status;
  found->second.reason = Reason::none;
}

void Directory::apply_market(const Event& event) {
  Book* found = book(event.instrument);
  if (!found) return;
  found->sequence = event.sequence;
  found->time = event.time;
  const auto set = [&](auto& side) {
    if (event.quantity == 0)
      side.erase(event.price);
    else
      side[event.price] = {event.quantity, event.orders};
  };
  switch (event.type) {
    case EventType::level_changed:
      if (event.side == Side::buy)
        set(found->bids);
      else
        set(found->asks);
      return;
    case EventType::traded:
      found->last_price = event.last_price;
      found->last_quantity = event.last_quantity;
      return;
    case EventType::auction_indication:
      found->indication_price = event.price;
      found->indication_quantity = event.quantity;
      return;
    case EventType::phase_changed:
      found->phase = event.phase;
      if (event.phase != Phase::opening_auction && event.phase != Phase::closing_auction) {
        found->indication_price = kNoPrice;
        found->indication_quantity = 0;
      }
      return;
    default: return;
  }
}

const Event* Directory::find(AccountId account, const ClientOrderId& client_id) const {
  const AccountState* state = account_state(account);
  if (!state) return nullptr;
  const auto found = state->by_client_id.find(std::string(client_id.view()));
  return found == state->by_client_id.end() ? nullptr : find(account, found->second);
}
const Event* Directory::find(AccountId account, OrderId order) const {
  const auto found = orders_.find(order);
  return found == orders_.end() || found->second.account != account ? nullptr : &found->second;
}

std::vector<const Event*> Directory::open_orders(AccountId account, OrderId after, std::size_t limit) const {
  std::vector<const Event*> out;
  const AccountState* state = account_state(account);
  if (!state) return out;
  for (auto at = state->open.upper_bound(after); at != state->open.end() && out.size() < limit; ++at)
    out.push_back(at->second);
  return out;
}

const std::map<InstrumentId, Quantity>& Directory::positions(AccountId account) const {
  static const std::map<InstrumentId, Quantity> kNone;
  const AccountState* state = account_state(account);
  return state ? state->positions : kNone;
}

bool Directory::killed(AccountId account) const {
  const AccountState* state = account_state(account);
  return all_killed_ || (state && state->killed);
}

void Directory::append_snapshot(std::string& out, InstrumentId id, std::size_t depth) const {
  const Instrument* instrument = reference_->instrument(id);
  if (!instrument || id >= books_.size()) return;
  const Book& book = books_[id];
  JsonText json(out);
  const auto price = [&](std::string_view key, Price ticks) {
    if (ticks != kNoPrice) json.key(key).decimal(ticks, instrument->tick_mantissa, instrument->tick_decimals);
  };
  const auto lots = [&](std::string_view key, Quantity quantity) {
    json.key(key).decimal(quantity, instrument->lot_mantissa, instrument->lot_decimals);
  };
  json.begin().text("type", "market_snapshot").text("symbol", instrument->symbol.view());
  json.number("market_sequence", book.market_sequence).number("sequence", book.sequence);
  json.key("time").time(book.time).text("phase", name(book.phase));
  const auto side = [&](std::string_view key, const auto& levels) {
    json.key(key).begin('[');
    std::size_t count = 0;
    for (const auto& [ticks, level] : levels) {
      if (depth != 0 && count++ == depth) break;
      json.begin();
      price("price", ticks);
      lots("quantity", level.quantity);
      json.number("orders", level.orders).end();
    }
    json.end(']');
  };
  side("bids", book.bids);
  side("asks", book.asks);
  price("last_price", book.last_price);
  if (book.last_price != kNoPrice) lots("last_quantity", book.last_quantity);
  price("indicative_price", book.indication_price);
  if (book.indication_price != kNoPrice) lots("indicative_quantity", book.indication_quantity);
  json.end();
}

}  // namespace nautilus::engine
