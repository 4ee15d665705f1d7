#include "tests/support/engine/toy_machine.h"

namespace nautilus::engine::test {
namespace {

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
  return hash ^ hash >> 29;
}

template <class T>
void put(SnapshotWriter& out, T value) {
  out.write(std::as_bytes(std::span(&value, 1)));
}
template <class T>
Result<> get(SnapshotReader& in, T& value) {
  return in.read(std::as_writable_bytes(std::span(&value, 1)));
}

}  // namespace

void ToyMachine::apply(const Command& command, std::vector<Event>& events) {
  hash_ = mix(hash_, command.sequence);
  hash_ = mix(hash_, static_cast<std::uint64_t>(command.type));
  hash_ = mix(hash_, static_cast<std::uint64_t>(command.time));
  hash_ = mix(hash_, static_cast<std::uint64_t>(command.price));
  hash_ = mix(hash_, static_cast<std::uint64_t>(command.quantity));
  sequence_ = command.sequence;
  if (command.type == CommandType::begin_epoch) epoch_ = command.epoch;
  if (command.type == CommandType::new_order) last_[command.account] = command.quantity;
  Event event;
  event.type = command.type == CommandType::begin_epoch ? EventType::epoch_begun : EventType::order_accepted;
  event.account = command.account, event.instrument = command.instrument;
  event.sequence = command.sequence, event.time = command.time, event.epoch = command.epoch;
  event.order_id = command.sequence, event.quantity = command.quantity, event.price = command.price;
  event.client_tag = command.client_tag, event.client_id = command.client_id;
  event.last_of_command = true;
  events.push_back(event);
}

std::uint64_t ToyMachine::state_hash() const {
  std::uint64_t hash = mix(mix(hash_, sequence_), epoch_);
  for (const auto& [account, quantity] : last_) hash = mix(mix(hash, account), static_cast<std::uint64_t>(quantity));
  return hash;
}

void ToyMachine::save(SnapshotWriter& out) const {
  put(out, hash_), put(out, sequence_), put(out, epoch_), put(out, static_cast<std::uint64_t>(last_.size()));
  for (const auto& [account, quantity] : last_) put(out, account), put(out, quantity);
}

Result<> ToyMachine::load(SnapshotReader& in) {
  std::uint64_t count = 0;
  TRY(get(in, hash_));
  TRY(get(in, sequence_));
  TRY(get(in, epoch_));
  TRY(get(in, count));
  last_.clear();
  for (std::uint64_t i = 0; i < count; ++i) {
    AccountId account = 0;
    Quantity quantity = 0;
    TRY(get(in, account));
    TRY(get(in, quantity));
    last_[account] = quantity;
  }
  return {};
}

void ToyMachine::describe(std::vector<Event>& events) const {
  for (const auto& [account, quantity] : last_) {
    Event event;
    event.type = EventType::order_status, event.account = account, event.quantity = quantity,
    event.last_of_command = true;
    events.push_back(event);
  }
}

std::unique_ptr<Machine> make_toy_machine() { return std::make_unique<ToyMachine>(); }

}  // namespace nautilus::engine::test
