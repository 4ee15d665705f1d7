// Looking ahead in a batch of commands. Each step touches what the step before has fetched and fetches what the next
// one needs, so that hardly any of the misses of a command is waited for: cells of the tables, then the order or the
// level, then their neighbours. Nothing here changes anything, and a wrong guess costs a prefetch.
#include "engine/matching/state.h"

namespace nautilus::engine {
namespace {

constexpr std::size_t kFar = 6, kCloser = 4, kClose = 2;  // commands ahead
constexpr std::size_t kHints = 8;                         // a ring; more than kFar

}  // namespace

void Engine::State::look_far(const Command& command, Hint& hint) const {
  // Both hashes whatever it is: a few multiplications are cheaper than a branch that nobody can predict.
  hint.slot = kNoSlot;
  hint.name = hasher(command.account, command.client_id);
  hint.original = hasher(command.account, command.orig_client_id);
  names.prefetch(hint.name.tag());
  names.prefetch(hint.original.tag());
  // Most cancels have no name of their own; their place is a line that is there already.
  remembered->prefetch(command.client_id.length ? hint.name : NameHash{});
  position_index.prefetch(position_tag(command.account, command.instrument));
  ids.prefetch(command.order_id ? command.order_id : next_order + kFar);
}

void Engine::State::look_closer(const Command& command, Hint& hint) const {
  if (command.type == CommandType::cancel_order || command.type == CommandType::replace_order) {
    hint.slot = command.order_id ? ids.find(command.order_id, id_of()) : names.guess(hint.original.tag());
    if (hint.slot != kNoSlot) pool.prefetch(hint.slot);
    return;
  }
  if (command.type != CommandType::new_order || command.instrument >= venues.size()) return;
  const std::uint32_t position = position_index.guess(position_tag(command.account, command.instrument));
  if (position != IndexTable::kNone) engine::prefetch(&positions[position]);
  const Venue& venue = *venues[command.instrument];
  if (static_cast<unsigned>(command.side) - 1 > 1 || !venue.in_range(command.price)) return;
  const HalfBook& half = venue.book[index(command.side)];
  if (const Level* level = half.find(half.key(command.price))) engine::prefetch(level);
}

void Engine::State::look_close(const Command& command, const Hint& hint) const {
  if (command.type == CommandType::new_order) {
    if (command.instrument >= venues.size()) return;
    const Venue& venue = *venues[command.instrument];
    if (static_cast<unsigned>(command.side) - 1 > 1 || !venue.in_range(command.price)) return;
    const HalfBook &own = venue.book[index(command.side)], &other = venue.book[index(opposite(command.side))];
    if (other.best() <= other.key(command.price)) return pool.prefetch(other.find(other.best())->head);
    const Level* level = own.find(own.key(command.price));
    if (level && level->orders) engine::prefetch(&pool.node(level->tail));
    return;
  }
  if (hint.slot == kNoSlot || hint.slot >= pool.slots()) return;
  const OrderNode& node = pool.node(hint.slot);
  if (node.order_id == 0 || node.queue() != Queue::book) return;
  ids.prefetch(node.order_id);
  if (node.next != kNoSlot) engine::prefetch(&pool.node(node.next));
  if (node.prev != kNoSlot) engine::prefetch(&pool.node(node.prev));
  const Venue& venue = *venues[node.instrument];
  const HalfBook& half = venue.book[index(node.side)];
  if (const Level* level = half.find(half.key(node.price))) engine::prefetch(level);
  if (command.type == CommandType::replace_order && venue.in_range(command.price))
    if (const Level* level = half.find(half.key(command.price))) engine::prefetch(level);
  engine::prefetch(&positions[node.position]);
}

void Engine::State::apply_all(std::span<const Command> commands, std::vector<Event>& events, After after,
                              void* context) {
  events_ = &events;
  used_ = events.size();
  keep_blanks_ = true;
  Hint hints[kHints];
  const std::size_t count = commands.size();
  for (std::size_t i = 0; i < std::min(count, kFar); ++i) look_far(commands[i], hints[i % kHints]);
  for (std::size_t i = 0; i < count; ++i) {
    if (i + kFar < count) look_far(commands[i + kFar], hints[(i + kFar) % kHints]);
    if (i + kCloser < count) look_closer(commands[i + kCloser], hints[(i + kCloser) % kHints]);
    if (i + kClose < count) look_close(commands[i + kClose], hints[(i + kClose) % kHints]);
    apply(commands[i], events, &hints[i % kHints]);
    if (after) after(context);
  }
  keep_blanks_ = false;
  drop_blanks();
}

}  // namespace nautilus::engine
