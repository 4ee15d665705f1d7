#include "engine/matching/engine.h"

#include "engine/matching/state.h"

namespace nautilus::engine {

Engine::State::State(const EngineOptions& o)
    : options(o),
      pages(memory, o.level_pages),
      pool(memory, o.orders),
      names(memory, o.orders),
      ids(memory, o.orders),
      hasher(o.name_key),
      remembered(std::make_unique<RememberedNames>(memory, std::min(o.remembered_names, kMaxRememberedNames),
                                                   o.remembered_names)),
      accounts(memory),
      positions(memory),
      position_index(memory, o.positions),
      sessions(memory),
      session_index(memory, o.sessions),
      free_sessions(memory),
      touched_(memory),
      dirty_(memory),
      picked_(memory),
      expiries_(memory) {
  positions.reserve(o.positions);
  sessions.reserve(o.sessions);
  free_sessions.reserve(o.sessions);
  touched_.reserve(1024);
  dirty_.reserve(64);
  picked_.reserve(o.orders);
  expiries_.reserve(o.orders * 2 + 64);
}
Engine::State::~State() = default;
const std::array<Event, 8> Engine::State::kBlank{};

void Engine::State::apply(const Command& command, std::vector<Event>& events, const Hint* hint) {
  const std::size_t first = keep_blanks_ ? used_ : events.size();
  const bool corrupt = command.type == CommandType::checkpoint && command.state_hash != hash();
  hash_known_ = false;
  command_ = &command;
  hint_ = hint;
  events_ = &events;
  used_ = first;
  subject_ = kNoSlot;
  triggers_left_ = kMaxTriggers;
  sequence = command.sequence;
  if (command.time > now) now = command.time;
  if (!expiries_.empty() && expiries_[0].at <= now) [[unlikely]]
    expire_due();
  if (stops_waiting_) [[unlikely]]
    resume_stops();
  switch (command.type) {
    case CommandType::new_order: new_order(command); break;
    case CommandType::cancel_order: cancel_order(command); break;
    case CommandType::replace_order: replace_order(command); break;
    case CommandType::checkpoint:
      if (corrupt) refuse(command, Reason::storage);
      break;
    default: control(command);
  }
  finish(first);
}

Engine::Engine(const EngineOptions& options) : state_(std::make_unique<State>(options)) {}
Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

void Engine::apply(const Command& command, std::vector<Event>& events) { state_->apply(command, events, nullptr); }
void Engine::apply_all(std::span<const Command> commands, std::vector<Event>& events) {
  state_->apply_all(commands, events, nullptr, nullptr);
}
void Engine::apply_all(std::span<const Command> commands, std::vector<Event>& events, After after, void* context) {
  state_->apply_all(commands, events, after, context);
}
std::uint64_t Engine::state_hash() const { return state_->hash(); }
void Engine::save(SnapshotWriter& out) const { state_->save(out); }
Result<> Engine::load(SnapshotReader& in) {
  auto fresh = std::make_unique<State>(state_->options);
  auto loaded = fresh->load(in);
  if (!loaded.ok()) fresh = std::make_unique<State>(state_->options);
  state_ = std::move(fresh);
  return loaded;
}
void Engine::describe(std::vector<Event>& events) const { state_->describe(events); }
Sequence Engine::sequence() const { return state_->sequence; }
Epoch Engine::epoch() const { return state_->epoch; }

const Instrument* Engine::instrument(InstrumentId id) const {
  return id < state_->venues.size() ? &state_->venues[id]->definition : nullptr;
}
InstrumentId Engine::find_instrument(const Symbol& symbol) const {
  const auto found = state_->symbols.find(symbol.view());
  return found == state_->symbols.end() ? kNoInstrument : found->second;
}
const AccountLimits* Engine::limits(AccountId id) const {
  return id < state_->accounts.size() ? &state_->accounts[id].limits : nullptr;
}
AccountId Engine::find_account(const AccountName& name) const {
  const auto found = state_->account_names.find(name.view());
  return found == state_->account_names.end() ? kNoAccount : found->second;
}
std::size_t Engine::open_orders() const { return state_->pool.alive(); }
Quantity Engine::depth(InstrumentId id, Side side, Price price) const {
  if (id >= state_->venues.size() || !state_->venues[id]->in_range(price)) return 0;
  const HalfBook& half = state_->venues[id]->book[index(side)];
  const Level* level = half.find(half.key(price));
  return level && level->orders ? level->shown : 0;
}
Price Engine::best(InstrumentId id, Side side) const {
  if (id >= state_->venues.size()) return kNoPrice;
  const HalfBook& half = state_->venues[id]->book[index(side)];
  return half.empty() ? kNoPrice : half.price(half.best());
}
const MemoryStats& Engine::memory() const { return state_->memory; }

}  // namespace nautilus::engine
