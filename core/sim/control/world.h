// What the controllers see of the cluster and how they change it.
//
// Purpose: one place between the API server and all controllers: the current objects, indexes over pods and owners that
// keep every pass proportional to what it looks at, writes that go through the server's admission like anybody's, time,
// chance, and Event objects. Controllers read the present state (there is no stale cache); staleness is injected at the
// transport, where clients live.
// Threading: the cluster's one thread.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/error.h"
#include "core/sim/api/server.h"
#include "core/sim/control/kinds.h"
#include "core/sim/control/objects.h"
#include "core/sim/control/quantity.h"
#include "core/sim/random.h"
#include "core/sim/virtual_clock.h"

namespace nautilus::sim {

class Controller;

// The parts of a pod that are asked for again and again, read once per change.
struct PodInfo {
  enum class Phase { pending, running, succeeded, failed };
  ObjectPtr object;
  Key key;
  std::string uid;
  std::string controller_uid;
  std::string node;
  std::string revision;  // pod-template-hash, or controller-revision-hash
  Phase phase = Phase::pending;
  bool ready = false;
  bool deleting = false;
  port::WallTime created{};
  port::WallTime ready_since{};
  std::int64_t restarts = 0;

  bool terminal() const { return phase == Phase::succeeded || phase == Phase::failed; }
  bool active() const { return !deleting && !terminal(); }
  bool available(std::int64_t min_ready_seconds, port::WallTime now) const {
    return ready && (min_ready_seconds == 0 || ready_since + std::chrono::seconds(min_ready_seconds) <= now);
  }
  const Json* labels() const { return value::find(*object, "metadata", "labels"); }
  const Json& spec() const;
  const Json& status() const;
};

struct PodOrder {
  bool operator()(const PodInfo* left, const PodInfo* right) const { return left->key < right->key; }
};
using PodSet = std::set<const PodInfo*, PodOrder>;

// One object of any kind, by what it is.
struct Locator {
  std::string group, plural;
  Key key;
  auto operator<=>(const Locator&) const = default;
};

// A change as the controllers hear of it.
struct Observation {
  std::string_view group, plural;
  ObjectPtr before;  // null if it was created
  ObjectPtr after;   // null if it is gone
  const Json& object() const { return after ? *after : *before; }
  bool is(const Kind& kind) const { return kind.group == group && kind.plural == plural; }
};

struct RemoveOptions {
  std::string uid;          // only if it is still this one
  std::string propagation;  // "", "Background", "Foreground", "Orphan"
  std::optional<std::int64_t> grace_seconds;
};

class World {
 public:
  World(Server& server, EventQueue& queue, Random random);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Time and chance.
  port::WallTime now() const { return queue_.clock().now(); }
  EventQueue& queue() { return queue_; }
  Random& random() { return random_; }

  // Reading.
  ObjectPtr get(const Kind& kind, const std::string& ns, const std::string& name) const;
  ObjectPtr get(const Kind& kind, const Key& key) const { return get(kind, key.ns, key.name); }
  // All of a kind, in one namespace if `ns` is not empty, ordered by namespace and name.
  std::vector<ObjectPtr> list(const Kind& kind, const std::string& ns = {}) const;

  const PodInfo* pod(const Key& key) const;
  const PodSet& pods_of(const std::string& controller_uid) const;
  const PodSet& pods_on(const std::string& node) const;
  // Pods of a namespace that have no controller.
  const PodSet& orphans_in(const std::string& ns) const;
  const std::map<Key, PodInfo>& pods() const { return pods_; }
  // Visits the pods of a namespace in order.
  void each_pod(const std::string& ns, const std::function<void(const PodInfo&)>& visit) const;
  // Everything with an owner reference to this UID.
  const std::set<Locator>& dependents_of(const std::string& uid) const;
  // Whether an object with this UID exists.
  bool exists(const std::string& uid) const { return by_uid_.contains(uid); }
  const Locator* locate(const std::string& uid) const;
  std::vector<ObjectPtr> children(const Kind& kind, const std::string& controller_uid) const;

  // Writing: through admission, defaulting and managedFields, as the controller manager.
  Result<ObjectPtr> create(const Kind& kind, Json object);
  Result<ObjectPtr> update(const Kind& kind, Json object);  // conflict unless resourceVersion is current
  // Only .status is taken.
  Result<ObjectPtr> update_status(const Kind& kind, Json object, const Caller& caller = {});
  Result<> remove(const Kind& kind, const Key& key, const RemoveOptions& options = {});
  Result<> remove(const Locator& what, const RemoveOptions& options = {});
  // Reads the object, lets `edit` change a copy, and writes it if `edit` says so.
  Result<> modify(const Locator& what, const std::function<bool(Json&)>& edit);
  ObjectPtr get(const Locator& what) const;
  // For the verbs that have no general form (bind, scale, finalize).
  Server& server() { return server_; }

  // An Event object about `about`; repeats of one reason and message raise its count.
  void record(const Json& about, const Kind& kind, bool warning, std::string_view reason, std::string message,
              std::string_view component);

  static constexpr std::size_t kMaxEvents = 20'000;
  static constexpr port::Duration kEventLife = std::chrono::hours(1);

  // Controllers hear of every change of the kinds they name; "*" is all.
  void attach(Controller& controller, const std::vector<Kind>& watched);
  void attach_to_everything(Controller& controller);

 private:
  void on_change(const Change& change);
  void index_pod(const Observation& change);
  void index_owners(const Observation& change);
  void trim_events();

  Server& server_;
  EventQueue& queue_;
  Random random_;
  std::map<Key, PodInfo> pods_;
  std::unordered_map<std::string, PodSet> by_controller_, by_node_, orphans_;
  std::unordered_map<std::string, std::set<Locator>> dependents_;
  std::unordered_map<std::string, Locator> by_uid_;
  std::unordered_map<std::string, std::vector<Controller*>> watchers_;
  std::vector<Controller*> all_watchers_;
  struct Recorded {
    Key key;  // of the Event object
    port::WallTime first{};
    std::int64_t count = 1;
  };
  std::unordered_map<std::string, Recorded> recorded_;  // by what was said about whom
  std::deque<std::pair<port::WallTime, std::string>> recorded_order_;
  std::uint64_t next_event_ = 1;
  Store::Handle subscription_;
};

}  // namespace nautilus::sim
