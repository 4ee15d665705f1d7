// The state behind Engine and what is done to it. Internal to engine/matching; see engine.h for the contract.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/book/client_ids.h"
#include "engine/book/half_book.h"
#include "engine/book/order_ids.h"
#include "engine/matching/engine.h"
#include "engine/risk/account_risk.h"

namespace nautilus::engine {

// Everything of one instrument.
struct alignas(64) Venue {
  Venue(MemoryStats& stats, PagePool& pages, InstrumentId number, const Instrument& what)
      : id(number),
        phase(what.opening_phase),
        reference(what.reference_price),
        definition(what),
        book{{stats, pages, what.min_price, what.max_price, false},
             {stats, pages, what.min_price, what.max_price, true}},
        stops{{stats, pages, what.min_price, what.max_price, true},
              {stats, pages, what.min_price, what.max_price, false}} {}

  // What every order reads comes first.
  InstrumentId id;
  Phase phase;
  bool dirty = false;                     // in an auction: its indication may have changed
  std::uint32_t call_only = 0;            // orders that cannot stay when the auction is over
  Price reference;                        // of the collar: the last trade, or what was set since
  Price last = kNoPrice;                  // trade
  Price low = kNoPrice, high = kNoPrice;  // of the trades that stops have not been compared with yet
  Instrument definition;
  HalfBook book[2];      // by index(side)
  Level market[2] = {};  // market orders waiting for an auction's end
  HalfBook stops[2];
  Price indicated = kNoPrice;
  Quantity indicated_quantity = 0;

  bool in_auction() const { return phase == Phase::opening_auction || phase == Phase::closing_auction; }
  bool in_range(Price price) const { return price >= definition.min_price && price <= definition.max_price; }
};

struct Session {
  SessionId id;  // 0: free
  AccountId account;
  bool cancel_on_disconnect;
};

// What an uncross would do now.
struct Indication {
  Price price = kNoPrice;
  Quantity quantity = 0;
};
Indication indicate(const Venue& venue);

class Engine::State {
 public:
  explicit State(const EngineOptions& options);
  ~State();

  // What is known about a command before its turn. The hashes are exact, the slot is a guess.
  struct Hint {
    NameHash name, original;
    Slot slot = kNoSlot;
  };
  void apply(const Command& command, std::vector<Event>& events, const Hint* hint);
  void apply_all(std::span<const Command> commands, std::vector<Event>& events, After after, void* context);
  std::uint64_t hash() const;  // kept until the next command: a checkpoint is asked for it twice
  void save(SnapshotWriter& out) const;
  Result<> load(SnapshotReader& in);
  void describe(std::vector<Event>& events) const;
  // Those that are not flat, by account and instrument.
  std::vector<Position> held_positions() const;

  EngineOptions options;
  MemoryStats memory;
  PagePool pages;
  OrderPool pool;
  IndexTable names;  // of live orders
  OrderIds ids;      // of live orders
  NameHasher hasher;
  std::unique_ptr<RememberedNames> remembered;
  std::vector<std::unique_ptr<Venue>> venues;
  std::map<std::string, InstrumentId, std::less<>> symbols;
  std::map<std::string, AccountId, std::less<>> account_names;
  PlainArray<AccountRisk> accounts;
  PlainArray<Position> positions;
  IndexTable position_index;
  PlainArray<Session> sessions;
  IndexTable session_index;
  PlainArray<std::uint32_t> free_sessions;

  Sequence sequence = 0;
  Epoch epoch = 0;
  Timestamp now = 0;  // the latest time of any command
  EngineState engine_state = EngineState::active;
  OrderId next_order = 1;
  TradeId next_trade = 1;

 private:
  struct Touched {
    Level* level;
    Price price;
    Quantity shown;
    std::uint32_t orders;
    InstrumentId instrument;
    Side side;
  };
  struct Picked {
    OrderId order_id;
    Slot slot;
  };
  struct Expiry {
    Timestamp at;
    OrderId order_id;
    Slot slot;
  };
  // What a replacement asks for, with what it left out filled in.
  struct Change {
    Price price, stop_price;
    Quantity quantity, display;
    bool keeps_priority;
  };
  enum class Ended : std::uint8_t { open, self_trade };

  // orders.cpp
  void new_order(const Command& command);
  void cancel_order(const Command& command);
  void replace_order(const Command& command);
  NameHash name_hash(const Command& command) const;
  NameHash original_hash(const Command& command) const;
  Reason check_fields(const Command& command, const Venue& venue) const;
  Reason check_risk(const Command& command, const AccountRisk& account, const Venue& venue,
                    const Position& position) const;
  Reason check_change(const Venue& venue, Slot slot, const Command& command, Change& change) const;
  Reason check_change_risk(const Venue& venue, Slot slot, const Change& change) const;
  void shrink(Venue& venue, Slot slot, Quantity by);
  bool name_used(AccountId account, const ClientOrderId& id, const NameHash& hash) const;
  Slot find_order(const Command& command) const;
  const Session* find_session(SessionId id) const;
  std::uint32_t position_of(AccountId account, InstrumentId instrument);

  // ahead.cpp
  void look_far(const Command& command, Hint& hint) const;
  void look_closer(const Command& command, Hint& hint) const;
  void look_close(const Command& command, const Hint& hint) const;

  // match.cpp
  void place(Venue& venue, Slot slot);
  void execute(Venue& venue, Slot slot);
  Ended match(Venue& venue, Slot taker, HalfBook::Key limit);
  Ended prevent(Venue& venue, Slot taker, Slot resting);
  bool can_fill(const Venue& venue, Slot taker, HalfBook::Key limit, Reason& why) const;
  void trigger(Venue& venue, Slot slot);
  void run_stops(Venue& venue);
  void resume_stops();
  void link(Venue& venue, Slot slot, Queue queue);
  void unlink(Venue& venue, Slot slot);
  auto id_of() const {
    return [this](std::uint32_t slot) { return pool.node(slot).order_id; };
  }
  void enlist(Slot slot);
  void retire(Slot slot);
  void cancel(Slot slot, Reason reason);
  void end_taker(Slot slot, Reason reason);
  void touch(const Venue& venue, Side side, HalfBook::Key key, Level& level);
  void traded(Venue& venue, Price price);
  static void traded_range(Venue& venue, Price low, Price high);

  // auction.cpp
  void uncross(Venue& venue);
  void fill_in_auction(Venue& venue, Slot slot, Quantity quantity, Price price, TradeId trade);
  void end_call(Venue& venue, Phase next);
  void enter_phase(Venue& venue, Phase next);
  void tell_market();
  void finish(std::size_t first);
  void mark_dirty(Venue& venue);

  // control.cpp
  void control(const Command& command);
  void mass_cancel(const Command& command);
  void set_phase(const Command& command);
  void set_kill_switch(const Command& command);
  void open_session(const Command& command);
  void close_session(const Command& command);
  void end_of_day(const Command& command);
  void define_instrument(const Command& command);
  void define_account(const Command& command);
  void set_reference_price(const Command& command);
  Reason redefine(InstrumentId id, const Instrument& definition);
  void expire_due();
  void push_expiry(const Expiry& expiry);
  void pop_expiry();
  template <class Wanted>
  void pick(AccountId account, Wanted wanted);
  void cancel_picked(Reason reason);
  void refuse(const Command& command, Reason reason);
  void add_instrument(const Instrument& definition);
  void add_account(const Account& definition);

  // events, inline in state_events.h
  Event& add(EventType type);
  void drop_blanks();
  Event& report(EventType type, Slot slot, Reason reason = Reason::none);
  Event& status_event(Event& event, Slot slot) const;
  void reject_new(const Command& command, Reason reason);
  void reject_change(const Command& command, Slot slot, Reason reason);
  Event& tell_instrument(Event& event, const Venue& venue) const;
  Event& tell_account(Event& event, AccountId id) const;

  // snapshot.cpp
  template <class Sink>
  void encode(Sink& sink) const;
  template <class Sink>
  void encode_orders(Sink& sink, const Venue& venue) const;
  template <class Source>
  Result<> decode(Source& source);
  template <class Source>
  Result<> decode_orders(Source& source, Venue& venue);

  // Of the command being carried out.
  const Command* command_ = nullptr;
  const Hint* hint_ = nullptr;
  std::vector<Event>* events_ = nullptr;
  std::size_t used_ = 0;  // of *events_
  mutable std::uint64_t hash_ = 0;
  mutable bool hash_known_ = false;
  bool keep_blanks_ = false;  // more commands follow at once
  static const std::array<Event, 8> kBlank;
  Slot subject_ = kNoSlot;  // its order: events about it carry the client's tag
  int triggers_left_ = 0;
  bool stops_waiting_ = false;  // some venue's low and high are set, though it trades
  PlainArray<Touched> touched_;
  PlainArray<Venue*> dirty_;
  PlainArray<Picked> picked_;
  PlainArray<Expiry> expiries_;  // a heap, the soonest first; entries of orders that are gone are skipped
  std::size_t dated_ = 0;        // live orders with an expiry
};

inline bool is_market(OrderType type) { return type == OrderType::market || type == OrderType::stop; }
inline bool is_stop(OrderType type) { return type == OrderType::stop || type == OrderType::stop_limit; }
inline bool is_immediate(TimeInForce t) {
  return t == TimeInForce::immediate_or_cancel || t == TimeInForce::fill_or_kill;
}
inline std::uint32_t position_tag(AccountId account, InstrumentId instrument) {
  return static_cast<std::uint32_t>(mix(std::uint64_t{account} << 32 | instrument));
}
// What an order adds to its account's open notional while it rests.
inline Notional resting_notional(Price price, Price stop_price, Quantity leaves) {
  if (price == kNoPrice) price = stop_price;
  return price == kNoPrice ? 0 : notional(price, leaves);
}

// Events are made in place from a few blank ones that are copied in at once: the C library's copy is several times
// faster than what the compiler makes of 240 bytes of default values one event at a time. What is left over is taken
// off at the end.
inline void Engine::State::drop_blanks() {
  events_->erase(events_->begin() + static_cast<std::ptrdiff_t>(used_), events_->end());
}

inline Event& Engine::State::add(EventType type) {
  if (used_ == events_->size()) events_->insert(events_->end(), kBlank.begin(), kBlank.end());
  Event& event = events_->data()[used_++];
  event.type = type;
  event.sequence = command_->sequence;
  event.time = command_->time;
  return event;
}

inline NameHash Engine::State::name_hash(const Command& command) const {
  return hint_ ? hint_->name : hasher(command.account, command.client_id);
}
inline NameHash Engine::State::original_hash(const Command& command) const {
  return hint_ ? hint_->original : hasher(command.account, command.orig_client_id);
}

inline Event& Engine::State::status_event(Event& event, Slot slot) const {
  const OrderNode& node = pool.node(slot);
  const OrderDetail& detail = pool.detail(slot);
  event.side = node.side;
  event.order_type = node.type;
  event.time_in_force = node.time_in_force;
  event.post_only = (node.bits & OrderNode::kPostOnly) != 0;
  event.instrument = node.instrument;
  event.account = node.account;
  event.session = detail.session;
  event.order_id = node.order_id;
  event.price = node.price;
  event.quantity = node.filled + node.leaves;
  event.leaves = node.leaves;
  event.filled = node.filled;
  if (node.bits & OrderNode::kExtra) {
    event.stop_price = pool.extra(slot).stop_price;
    event.display_quantity = pool.extra(slot).display;
  }
  event.expire_at = detail.expire_at;
  event.client_id = detail.client_id;
  return event;
}

inline Event& Engine::State::report(EventType type, Slot slot, Reason reason) {
  Event& event = status_event(add(type), slot);
  event.reason = reason;
  event.account_sequence = ++accounts[event.account].reports;
  if (slot == subject_) event.client_tag = command_->client_tag;
  return event;
}

inline void Engine::State::touch(const Venue& venue, Side side, HalfBook::Key key, Level& level) {
  if (level.touched) return;
  level.touched = 1;
  touched_.push_back({&level, venue.book[index(side)].price(key), level.shown, level.orders, venue.id, side});
}

inline void Engine::State::mark_dirty(Venue& venue) {
  if (venue.dirty || !venue.in_auction()) return;
  venue.dirty = true;
  dirty_.push_back(&venue);
}

}  // namespace nautilus::engine
