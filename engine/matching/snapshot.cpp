// The state as a sequence of 64-bit little-endian words, in one canonical order: for snapshots, and for the hash.
//
// What can be derived is not written: levels, the figures of risk that follow from open orders, indices, the heap of
// expiries, indications. So nothing of how the memory is laid out can be seen in it.
#include <algorithm>
#include <bit>

#include "engine/matching/state.h"

namespace nautilus::engine {
namespace {

static_assert(std::endian::native == std::endian::little, "words are written as they lie in memory");

constexpr std::uint64_t kMagic = 0x31454e49474e4545;  // the format and its version
constexpr std::uint64_t kEnd = 0x444e45454e49474e;

class WordHasher {
 public:
  void word(std::uint64_t value) {
    __extension__ typedef unsigned __int128 Wide;
    const Wide product = static_cast<Wide>(hash_ ^ value) * 0x9E3779B97F4A7C15u;
    hash_ = static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64) ^ (value << 1 | 1);
  }
  std::uint64_t result() const { return mix(hash_); }

 private:
  std::uint64_t hash_ = 0x2545F4914F6CDD1D;
};

class WordWriter {
 public:
  explicit WordWriter(SnapshotWriter& out) : out_(out) {}
  void word(std::uint64_t value) {
    hash_.word(value);
    put(value);
  }
  // The hash of all words is the last one; returns it.
  std::uint64_t finish() {
    const std::uint64_t hash = hash_.result();
    put(hash);
    flush();
    return hash;
  }

 private:
  void put(std::uint64_t value) {
    if (used_ == kWords) flush();
    buffer_[used_++] = value;
  }
  void flush() {
    if (used_) out_.write(std::as_bytes(std::span(buffer_, used_)));
    used_ = 0;
  }
  static constexpr std::size_t kWords = 4096;
  SnapshotWriter& out_;
  WordHasher hash_;
  std::size_t used_ = 0;
  std::uint64_t buffer_[kWords];
};

// Reads words and remembers the first failure; after it every word is 0.
class WordReader {
 public:
  explicit WordReader(SnapshotReader& in) : in_(in) {}
  std::uint64_t word() {
    std::uint64_t value = 0;
    if (!failed_.ok()) return 0;
    failed_ = in_.read(std::as_writable_bytes(std::span(&value, 1)));
    if (!failed_.ok()) return 0;
    hash_.word(value);
    return value;
  }
  void finish() {
    const std::uint64_t expected = hash_.result();
    if (word() != expected) fail("its hash, so it was damaged");
  }
  // A count that must not be above `most`.
  std::uint64_t count(std::uint64_t most, const char* what) {
    const std::uint64_t value = word();
    if (value <= most) return value;
    fail(what);
    return 0;
  }
  void fail(const char* what) {
    if (failed_.ok()) failed_ = Error(Code::invalid, std::string("the snapshot has a bad value: ") + what);
  }
  bool ok() const { return failed_.ok(); }
  Result<> result() const { return failed_; }

 private:
  SnapshotReader& in_;
  WordHasher hash_;
  Result<> failed_;
};

template <class Sink, class Text>
void put_text(Sink& sink, const Text& text) {
  static_assert(sizeof(Text) % 8 == 0);
  std::uint64_t words[sizeof(Text) / 8];
  std::memcpy(words, &text, sizeof words);
  for (const std::uint64_t word : words) sink.word(word);
}
template <class Text>
Text get_text(WordReader& source) {
  std::uint64_t words[sizeof(Text) / 8];
  for (std::uint64_t& word : words) word = source.word();
  Text out;
  std::memcpy(&out, words, sizeof words);
  return out;
}

template <class Sink>
void number(Sink& sink, std::int64_t value) {
  sink.word(static_cast<std::uint64_t>(value));
}
std::int64_t number(WordReader& source) { return static_cast<std::int64_t>(source.word()); }

template <class Sink>
void put(Sink& sink, const Instrument& what) {
  put_text(sink, what.symbol);
  for (const std::int64_t value :
       {what.tick_mantissa, what.lot_mantissa, what.min_price, what.max_price, what.reference_price, what.max_quantity,
        what.max_notional, std::int64_t{what.collar_basis_points}})
    number(sink, value);
  sink.word(what.tick_decimals | std::uint64_t{what.lot_decimals} << 8 |
            static_cast<std::uint64_t>(what.opening_phase) << 16);
}
Instrument get_instrument(WordReader& source) {
  Instrument out;
  out.symbol = get_text<Symbol>(source);
  for (std::int64_t* value : {&out.tick_mantissa, &out.lot_mantissa, &out.min_price, &out.max_price,
                              &out.reference_price, &out.max_quantity, &out.max_notional})
    *value = number(source);
  out.collar_basis_points = static_cast<std::int32_t>(number(source));
  const std::uint64_t packed = source.word();
  out.tick_decimals = static_cast<std::uint8_t>(packed);
  out.lot_decimals = static_cast<std::uint8_t>(packed >> 8);
  out.opening_phase = static_cast<Phase>(packed >> 16 & 255);
  if (check(out) != Reason::none) source.fail("an instrument");
  return out;
}

template <class Sink>
void put(Sink& sink, const AccountRisk& account) {
  const AccountLimits& limits = account.limits;
  put_text(sink, account.name);
  for (const std::int64_t value : {limits.max_order_quantity, limits.max_order_notional, limits.max_open_notional,
                                   limits.max_position, account.bucket.credit, account.bucket.refilled})
    number(sink, value);
  sink.word(limits.max_open_orders | std::uint64_t{limits.orders_per_second} << 32);
  sink.word(static_cast<std::uint64_t>(limits.self_trade) | std::uint64_t{limits.cancel_on_disconnect} << 8 |
            std::uint64_t{account.killed} << 9);
  sink.word(account.reports);
}
AccountRisk get_account(WordReader& source, Timestamp now) {
  AccountRisk out{};
  AccountLimits& limits = out.limits;
  out.name = get_text<AccountName>(source);
  for (std::int64_t* value : {&limits.max_order_quantity, &limits.max_order_notional, &limits.max_open_notional,
                              &limits.max_position, &out.bucket.credit, &out.bucket.refilled})
    *value = number(source);
  const std::uint64_t counts = source.word(), packed = source.word();
  limits.max_open_orders = static_cast<std::uint32_t>(counts);
  limits.orders_per_second = static_cast<std::uint32_t>(counts >> 32);
  limits.self_trade = static_cast<SelfTradePrevention>(packed & 255);
  limits.cancel_on_disconnect = packed >> 8 & 1;
  out.killed = packed >> 9 & 1;
  out.reports = source.word();
  if (out.bucket.credit < 0 || out.bucket.refilled < 0 || out.bucket.refilled > now ||
      out.bucket.credit > std::int64_t{limits.orders_per_second} * TokenBucket::kSecond)
    source.fail("an account's rate");
  if (check(Account{out.name, limits}) != Reason::none) source.fail("an account");
  return out;
}

template <class Each>
void each_order(const OrderPool& pool, const Level& level, Each each) {
  Slot at = level.head;
  for (std::uint32_t i = 0; i < level.orders; ++i, at = pool.node(at).next) each(at);
}
template <class Each>
void each_order(const OrderPool& pool, const HalfBook& half, Each each) {
  for (HalfBook::Key key = half.best(); key != HalfBook::kNone; key = half.next(key + 1))
    each_order(pool, *half.find(key), each);
}

}  // namespace

template <class Sink>
void Engine::State::encode_orders(Sink& sink, const Venue& venue) const {
  // A list that is walked waits for memory at every order; so the walk is done once, and what it found is fetched
  // ahead.
  constexpr std::size_t kAhead = 8;
  std::vector<Slot> found;
  for (const std::size_t side : {0u, 1u}) {
    const auto put_order = [&](Slot slot) {
      const OrderNode& node = pool.node(slot);
      const OrderDetail& detail = pool.detail(slot);
      const bool extra = (node.bits & OrderNode::kExtra) != 0;
      sink.word(node.order_id);
      for (const std::int64_t value :
           {node.price, node.leaves, node.shown, node.filled, detail.expire_at,
            extra ? pool.extra(slot).stop_price : kNoPrice, extra ? pool.extra(slot).display : 0})
        number(sink, value);
      // Not kListed: all of these are.
      sink.word(node.account | static_cast<std::uint64_t>(node.type) << 32 |
                static_cast<std::uint64_t>(node.time_in_force) << 40 |
                static_cast<std::uint64_t>(node.bits & ~OrderNode::kListed) << 48);
      sink.word(detail.session);
      put_text(sink, detail.client_id);
    };
    for (const int queue : {1, 2, 3}) {
      found.clear();
      const auto note = [&](Slot slot) { found.push_back(slot); };
      if (queue == 1) each_order(pool, venue.book[side], note);
      if (queue == 2) each_order(pool, venue.market[side], note);
      if (queue == 3) each_order(pool, venue.stops[side], note);
      sink.word(found.size());
      for (std::size_t i = 0; i < found.size(); ++i) {
        if (i + kAhead < found.size()) pool.prefetch(found[i + kAhead]);
        put_order(found[i]);
      }
    }
  }
}

template <class Sink>
void Engine::State::encode(Sink& sink) const {
  sink.word(kMagic);
  sink.word(sequence);
  sink.word(epoch);
  number(sink, now);
  sink.word(static_cast<std::uint64_t>(engine_state));
  sink.word(next_order);
  sink.word(next_trade);
  sink.word(hasher.key());
  sink.word(accounts.size());
  for (const AccountRisk& account : accounts) put(sink, account);

  std::vector<Session> open;
  for (const Session& session : sessions)
    if (session.id) open.push_back(session);
  std::sort(open.begin(), open.end(), [](const Session& a, const Session& b) { return a.id < b.id; });
  sink.word(open.size());
  for (const Session& session : open) {
    sink.word(session.id);
    sink.word(session.account | std::uint64_t{session.cancel_on_disconnect} << 32);
  }

  sink.word(venues.size());
  for (const auto& venue : venues) {
    put(sink, venue->definition);
    sink.word(static_cast<std::uint64_t>(venue->phase));
    for (const std::int64_t value : {venue->reference, venue->last, venue->low, venue->high}) number(sink, value);
    encode_orders(sink, *venue);
  }

  const std::vector<Position> held = held_positions();
  sink.word(held.size());
  for (const Position& position : held) {
    sink.word(position.account | std::uint64_t{position.instrument} << 32);
    number(sink, position.net);
  }

  sink.word(remembered->limit());
  sink.word(remembered->size());
  for (std::size_t i = 0; i < remembered->size(); ++i) {
    sink.word(remembered->at(i).low);
    sink.word(remembered->at(i).high);
  }
  sink.word(kEnd);
}

void Engine::State::save(SnapshotWriter& out) const {
  WordWriter writer(out);
  encode(writer);
  hash_ = writer.finish();
  hash_known_ = true;
}

std::uint64_t Engine::State::hash() const {
  if (hash_known_) return hash_;
  WordHasher hash;
  encode(hash);
  hash_ = hash.result();
  hash_known_ = true;
  return hash_;
}

template <class Source>
Result<> Engine::State::decode_orders(Source& source, Venue& venue) {
  for (const std::size_t side : {0u, 1u}) {
    for (const Queue queue : {Queue::book, Queue::market, Queue::stops}) {
      const std::uint64_t count = source.count(kMaxOrders - pool.alive(), "the number of orders");
      for (std::uint64_t i = 0; i < count && source.ok(); ++i) {
        OrderNode node{};
        OrderDetail detail{};
        OrderExtra extra{};
        node.order_id = source.word();
        for (std::int64_t* value : {&node.price, &node.leaves, &node.shown, &node.filled, &detail.expire_at,
                                    &extra.stop_price, &extra.display})
          *value = number(source);
        const std::uint64_t packed = source.word();
        node.account = static_cast<AccountId>(packed);
        node.instrument = venue.id;
        node.side = side == 0 ? Side::buy : Side::sell;
        node.type = static_cast<OrderType>(packed >> 32 & 255);
        node.time_in_force = static_cast<TimeInForce>(packed >> 40 & 255);
        node.bits = static_cast<std::uint8_t>(packed >> 48);
        detail.session = source.word();
        detail.client_id = get_text<ClientOrderId>(source);
        const Price at = queue == Queue::stops ? extra.stop_price : node.price;
        const bool placed = queue == Queue::market ? node.price == kNoPrice : venue.in_range(at);
        const Quantity shown = node.shown;
        if (!placed || node.order_id == 0 || node.order_id >= next_order || node.account >= accounts.size() ||
            node.queue() != queue || node.leaves <= 0 || node.leaves > kMaxLots || node.filled < 0 ||
            node.filled > kMaxLots || shown <= 0 || shown > node.leaves || detail.client_id.length == 0 ||
            detail.client_id.length > ClientOrderId::kMaxLength || (node.bits & OrderNode::kListed)) {
          source.fail("an order");
          break;
        }
        node.position = position_of(node.account, venue.id);
        detail.name_tag = hasher(node.account, detail.client_id).tag();
        const Slot slot = pool.take(node.account);
        pool.node(slot) = node;
        pool.detail(slot) = detail;
        pool.extra(slot) = extra;
        enlist(slot);
        link(venue, slot, queue);
        // link() begins a new slice; the one that was shown goes on.
        if (queue == Queue::book) {
          Level& level = venue.book[side].level(venue.book[side].key(node.price));
          level.shown += shown - pool.node(slot).shown;
          pool.node(slot).shown = shown;
        }
      }
    }
  }
  return source.result();
}

template <class Source>
Result<> Engine::State::decode(Source& source) {
  if (source.word() != kMagic) source.fail("not a snapshot of this engine, or of a later version");
  sequence = source.word();
  epoch = source.word();
  now = number(source);
  if (now < 0) source.fail("the time");
  engine_state = static_cast<EngineState>(source.count(2, "the engine's state"));
  next_order = source.word();
  next_trade = source.word();
  hasher = NameHasher(source.word());
  const std::uint64_t account_count = source.count(kMaxAccounts, "the number of accounts");
  for (std::uint64_t i = 0; i < account_count && source.ok(); ++i) {
    const AccountRisk account = get_account(source, now);
    account_names.emplace(account.name.view(), static_cast<AccountId>(accounts.size()));
    accounts.push_back(account);
  }
  const std::uint64_t session_count = source.count(kMaxSessions, "the number of sessions");
  for (std::uint64_t i = 0; i < session_count && source.ok(); ++i) {
    const SessionId id = source.word();
    const std::uint64_t packed = source.word();
    const auto account = static_cast<AccountId>(packed);
    if (id == 0 || account >= accounts.size() || find_session(id)) {
      source.fail("a session");
      break;
    }
    session_index.insert(static_cast<std::uint32_t>(mix(id)), static_cast<std::uint32_t>(sessions.size()));
    sessions.push_back({id, account, (packed >> 32 & 1) != 0});
  }
  const std::uint64_t venue_count = source.count(kMaxInstruments, "the number of instruments");
  for (std::uint64_t i = 0; i < venue_count && source.ok(); ++i) {
    const Instrument definition = get_instrument(source);
    if (!source.ok() || symbols.count(definition.symbol.view())) {
      source.fail("an instrument");
      break;
    }
    add_instrument(definition);
    Venue& venue = *venues.back();
    venue.phase = static_cast<Phase>(source.count(4, "a phase"));
    for (Price* value : {&venue.reference, &venue.last, &venue.low, &venue.high}) *value = number(source);
    for (const Price value : {venue.reference, venue.last, venue.low, venue.high})
      if (value != kNoPrice && (value < -kMaxPrice || value > kMaxPrice)) source.fail("a price");
    if ((venue.low == kNoPrice) != (venue.high == kNoPrice) || venue.low > venue.high) source.fail("traded prices");
    TRY(source.result());
    TRY(decode_orders(source, venue));
  }
  const std::uint64_t position_count = source.count(UINT32_MAX, "the number of positions");
  for (std::uint64_t i = 0; i < position_count && source.ok(); ++i) {
    const std::uint64_t key = source.word();
    const std::int64_t net = number(source);
    if (static_cast<AccountId>(key) >= accounts.size() || key >> 32 >= venues.size() || net == INT64_MIN) {
      source.fail("a position");
      break;
    }
    positions[position_of(static_cast<AccountId>(key), static_cast<InstrumentId>(key >> 32))].net = net;
  }
  const std::uint64_t limit = source.count(kMaxRememberedNames, "how many names are remembered");
  const std::uint64_t known = source.count(limit, "how many names are known");
  if (!source.ok()) return source.result();
  if (limit != remembered->limit())
    remembered =
        std::make_unique<RememberedNames>(memory, limit, std::min<std::size_t>(known, options.remembered_names));
  for (std::uint64_t i = 0; i < known && source.ok(); ++i) {
    NameHash hash;
    hash.low = source.word();
    hash.high = source.word();
    remembered->add(hash);
  }
  if (source.word() != kEnd) source.fail("it does not end where it should");
  source.finish();
  return source.result();
}

Result<> Engine::State::load(SnapshotReader& in) {
  WordReader reader(in);
  TRY(decode(reader));
  // Nothing of this is an event: what is derived is only brought up to date.
  for (const Touched& touched : touched_) touched.level->touched = 0;
  touched_.clear();
  dirty_.clear();
  for (const auto& venue : venues) {
    venue->dirty = false;
    if (venue->low != kNoPrice && venue->phase == Phase::continuous) stops_waiting_ = true;
    if (!venue->in_auction()) continue;
    const Indication is = indicate(*venue);
    venue->indicated = is.price;
    venue->indicated_quantity = is.quantity;
  }
  return {};
}

std::vector<Position> Engine::State::held_positions() const {
  std::vector<Position> held;
  for (const Position& position : positions)
    if (position.net) held.push_back(position);
  std::sort(held.begin(), held.end(), [](const Position& a, const Position& b) {
    return a.account != b.account ? a.account < b.account : a.instrument < b.instrument;
  });
  return held;
}

void Engine::State::describe(std::vector<Event>& events) const {
  const std::size_t first = events.size();
  const auto tell = [&](EventType type) -> Event& {
    Event& event = events.emplace_back();
    event.type = type;
    event.sequence = sequence;
    event.time = now;
    return event;
  };
  if (epoch) tell(EventType::epoch_begun).epoch = epoch;
  tell(EventType::engine_state_changed).engine_state = engine_state;
  for (AccountId id = 0; id < accounts.size(); ++id) {
    tell_account(tell(EventType::account_defined), id);
    if (!accounts[id].killed) continue;
    Event& event = tell(EventType::kill_switch_changed);
    event.account = id;
    event.enabled = true;
  }
  std::vector<Session> open;
  for (const Session& session : sessions)
    if (session.id) open.push_back(session);
  std::sort(open.begin(), open.end(), [](const Session& a, const Session& b) { return a.id < b.id; });
  for (const Session& session : open) {
    Event& event = tell(EventType::session_opened);
    event.account = session.account;
    event.session = session.id;
    event.enabled = session.cancel_on_disconnect;
  }
  for (const auto& venue : venues) {
    tell_instrument(tell(EventType::instrument_defined), *venue);
    Event& phase = tell(EventType::phase_changed);
    phase.instrument = venue->id;
    phase.phase = venue->phase;
    for (const Side side : {Side::buy, Side::sell}) {
      const HalfBook& half = venue->book[index(side)];
      for (HalfBook::Key key = half.best(); key != HalfBook::kNone; key = half.next(key + 1)) {
        Event& level = tell(EventType::level_changed);
        level.instrument = venue->id;
        level.side = side;
        level.price = half.price(key);
        level.quantity = half.find(key)->shown;
        level.orders = half.find(key)->orders;
      }
    }
    if (venue->indicated_quantity == 0) continue;
    Event& indication = tell(EventType::auction_indication);
    indication.instrument = venue->id;
    indication.price = venue->indicated;
    indication.quantity = venue->indicated_quantity;
  }
  for (const Position& position : held_positions()) {
    Event& event = tell(EventType::position_status);
    event.account = position.account;
    event.instrument = position.instrument;
    event.last_quantity = position.net;
  }
  std::vector<Picked> orders;
  for (Slot slot = 0; slot < pool.slots(); ++slot)
    if (pool.owners()[slot] != kNoAccount) orders.push_back({pool.node(slot).order_id, slot});
  std::sort(orders.begin(), orders.end(), [](const Picked& a, const Picked& b) { return a.order_id < b.order_id; });
  for (const Picked& order : orders) {
    Event& event = status_event(tell(EventType::order_status), order.slot);
    event.account_sequence = accounts[event.account].reports;
  }
  if (events.size() > first) events.back().last_of_command = true;
}

}  // namespace nautilus::engine
