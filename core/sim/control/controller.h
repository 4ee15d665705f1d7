// A controller: keys of objects that may need attention, and a pass over one of them that brings the cluster closer to
// what the object asks for.
//
// A pass reads the present state and does everything that can be done now; it is repeated whenever something it depends
// on changes, and after an error with growing delays (5 ms doubling to kMaxBackoff), like client-go's work queues.
// Changes that arrive within the controller's reaction time are answered by one pass.
#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>

#include "core/sim/control/world.h"

namespace nautilus::sim {

class Controller {
 public:
  static constexpr port::Duration kFirstBackoff = std::chrono::milliseconds(5);
  static constexpr port::Duration kMaxBackoff = std::chrono::seconds(1000);

  Controller(World& world, std::string name, port::Duration reaction);
  virtual ~Controller() = default;
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  const std::string& name() const { return name_; }
  // Which keys does this change concern?
  virtual void observe(const Observation& change) = 0;
  virtual Result<> reconcile(const Key& key) = 0;

  // Asks for a pass: after the reaction time, or after `delay` if that is longer. An earlier request stands.
  void enqueue(const Key& key) { enqueue_after(key, reaction_); }
  void enqueue_after(const Key& key, port::Duration delay);

 protected:
  World& world_;
  // Enqueues the object that controls this one, if it is of that kind.
  void enqueue_owner(const Json& object, const Kind& owner);

 private:
  void wake();
  void arm();

  std::string name_;
  port::Duration reaction_;
  std::map<Key, port::Monotonic> due_;
  std::set<std::pair<port::Monotonic, Key>> order_;
  std::map<Key, int> failures_;
  EventQueue::Id armed_ = 0;
  port::Monotonic armed_for_{0};
};

}  // namespace nautilus::sim
