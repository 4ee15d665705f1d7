#include "core/sim/virtual_clock.h"

namespace nautilus::sim {

EventQueue::Id EventQueue::at(port::Monotonic when, Action action) {
  const Id id = next_sequence_++;
  const auto effective = std::max(when, clock_.elapsed_);
  events_.emplace(Position{effective, id}, std::move(action));
  times_.emplace(id, effective);
  return id;
}

void EventQueue::cancel(Id id) {
  auto found = times_.find(id);
  if (found == times_.end()) return;
  events_.erase(Position{found->second, id});
  times_.erase(found);
}

std::optional<port::Monotonic> EventQueue::next() const {
  if (events_.empty()) return std::nullopt;
  return events_.begin()->first.when;
}

bool EventQueue::run_next(port::Monotonic limit) {
  if (stuck_ || events_.empty() || events_.begin()->first.when > limit) return false;
  auto node = events_.extract(events_.begin());
  times_.erase(node.key().sequence);
  if (node.key().when > clock_.elapsed_) {
    clock_.elapsed_ = node.key().when;
    executed_this_instant_ = 0;
  }
  ++executed_;
  if (++executed_this_instant_ > kMaxEventsPerInstant) {
    stuck_ = true;
    return false;
  }
  node.mapped()();
  return true;
}

void EventQueue::run_until(port::Monotonic limit) {
  while (run_next(limit)) {}
  if (!stuck_ && limit > clock_.elapsed_) {
    clock_.elapsed_ = limit;
    executed_this_instant_ = 0;
  }
}

}  // namespace nautilus::sim
