// The role of an engine as a label of its own pod, so that a Service's selector finds the primary and nothing else.
//
// Readiness cannot say it: a standby that is never ready would count against the disruption budget and keep a rollout
// waiting for ever. Patroni does the same for PostgreSQL.
// Threading: set() from any thread, at once; a thread of its own writes, and tries again until the API server took it.
// The client is this object's alone. Failure: a role that cannot be written is logged through `on_trouble`, once per
// text, and tried again; a wrong label only sends clients to an engine that refuses them.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "core/kube/client.h"

namespace nautilus::engine {

class RoleLabel {
 public:
  struct Pod {
    std::string namespace_, name, label;  // label: the key, "nautilusctl.io/engine-role"
  };
  RoleLabel(kube::Client& client, Pod pod, std::function<void(const std::string&)> on_trouble);
  ~RoleLabel();
  // What the label is to be: "primary", "standby".
  void set(std::string role);
  // The last role set is there, or `patience` is over: true or false.
  bool settle(port::Duration patience);

 private:
  Result<> write(const std::string& role);
  void run();

  kube::Client& client_;
  const Pod pod_;
  const std::function<void(const std::string&)> on_trouble_;
  std::mutex mutex_;
  std::condition_variable wake_, settled_;
  std::string wanted_, there_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace nautilus::engine
