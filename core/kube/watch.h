// A list that stays current: list once, then watch, for as long as it lives.
//
// Purpose: callers see each object of one resource (and namespace, and selector) added, modified and deleted, and are
// told once the initial list is complete. Lost connections resume from the last resourceVersion with backoff; 410 Gone
// lists again and reports only what differs.
// Threading: the Client's thread; callbacks run inside its loop. Destroying the Watch stops it; a callback may do so.
// Failure: transient trouble is retried without end (and told to on_problem); 401, 403, 404 and 405 end the watch with
// on_failed.
// Bounds: one event line is at most kMaxWatchEvent bytes.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/kube/client.h"
#include "core/kube/discovery.h"
#include "core/kube/reader.h"

namespace nautilus::kube {

inline constexpr std::size_t kMaxWatchEvent = 16u << 20;                   // etcd's limit is 1.5 MiB for an object
inline constexpr port::Duration kWatchPeriod = std::chrono::seconds(290);  // the server ends it, we resume

struct WatchHandlers {
  enum class Change { added, modified, deleted };
  std::function<void(Change, const Json& object)> on_change;
  std::function<void()> on_synced;                                       // the first list is complete
  std::function<void(const std::string& resource_version)> on_bookmark;  // optional
  std::function<void(const Error&)> on_problem;                          // optional: it will be tried again
  std::function<void(const Error&)> on_failed;                           // it will not be tried again
};

class Watch {
 public:
  Watch(Client& client, const Resource& resource, ListOptions options, WatchHandlers handlers);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  void stop();
  bool synced() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Waits until an object with this uid (any uid if empty) is gone. Code::timeout at the deadline, naming the finalizers
// that hold it.
Result<> wait_until_gone(Client& client, const Resource& resource, const std::string& namespace_,
                         const std::string& name, const std::string& uid, port::Monotonic deadline);

}  // namespace nautilus::kube
