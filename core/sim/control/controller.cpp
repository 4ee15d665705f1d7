#include "core/sim/control/controller.h"

namespace nautilus::sim {

Controller::Controller(World& world, std::string name, port::Duration reaction)
    : world_(world), name_(std::move(name)), reaction_(reaction) {}

void Controller::enqueue_after(const Key& key, port::Duration delay) {
  const auto when = world_.queue().clock().monotonic() + std::max(delay, reaction_);
  auto [entry, fresh] = due_.try_emplace(key, when);
  if (!fresh) {
    if (entry->second <= when) return;
    order_.erase({entry->second, key});
    entry->second = when;
  }
  order_.emplace(when, key);
  arm();
}

void Controller::enqueue_owner(const Json& object, const Kind& owner) {
  const Json* ref = controller_ref(object);
  if (ref && value::string_at(*ref, "kind") == owner.kind)
    enqueue({namespace_of(object), value::string_at(*ref, "name")});
}

void Controller::arm() {
  if (order_.empty()) return;
  const auto earliest = order_.begin()->first;
  if (armed_ != 0 && armed_for_ <= earliest) return;
  if (armed_ != 0) world_.queue().cancel(armed_);
  armed_for_ = earliest;
  armed_ = world_.queue().at(earliest, [this] { wake(); });
}

void Controller::wake() {
  armed_ = 0;
  const auto now = world_.queue().clock().monotonic();
  while (!order_.empty() && order_.begin()->first <= now) {
    const Key key = order_.begin()->second;
    order_.erase(order_.begin());
    due_.erase(key);
    auto done = reconcile(key);
    if (done.ok()) {
      failures_.erase(key);
      continue;
    }
    const int failed = std::min(failures_[key]++, 30);
    enqueue_after(key, std::min(kMaxBackoff, kFirstBackoff * (std::int64_t{1} << failed)));
  }
  arm();
}

}  // namespace nautilus::sim
