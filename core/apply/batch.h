// Many requests in flight, one place to wait for all of them.
//
//   Batch batch(client);
//   for (...) batch.add(request, [&](kube::Response response) { ... });
//   TRY(batch.run());
//
// Threading: the client's thread. The callbacks run inside run(). If run() ends early (interrupt, deadline), requests
// that are still out are cancelled and their callbacks never run.
#pragma once

#include <functional>
#include <set>

#include "core/base/error.h"
#include "core/kube/client.h"
#include "core/port/clock.h"

namespace nautilus::apply {

inline constexpr port::Duration kBatchDeadline = std::chrono::minutes(5);

class Batch {
 public:
  explicit Batch(kube::Client& client) : client_(client) {}
  ~Batch();
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  void add(kube::Request request, std::function<void(kube::Response)> done);
  // Returns when every callback has run. Code::timeout after `limit`, Code::interrupted on Ctrl-C.
  Result<> run(port::Duration limit = kBatchDeadline);

 private:
  kube::Client& client_;
  std::set<kube::CallId> open_;
  // Shared with the callbacks: one of them may run after this batch is gone only if cancel() was too late.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace nautilus::apply
