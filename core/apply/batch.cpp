#include "core/apply/batch.h"

namespace nautilus::apply {

Batch::~Batch() {
  *alive_ = false;
  for (const kube::CallId id : open_) client_.cancel(id);
}

void Batch::add(kube::Request request, std::function<void(kube::Response)> done) {
  // The id is known only after send(), and a callback never runs inside send().
  auto id = std::make_shared<kube::CallId>();
  *id = client_.send(std::move(request), [this, id, alive = alive_, done = std::move(done)](kube::Response response) {
    if (!*alive) return;
    open_.erase(*id);
    done(std::move(response));
  });
  open_.insert(*id);
}

Result<> Batch::run(port::Duration limit) {
  return client_.run_until([this] { return open_.empty(); }, client_.clock().monotonic() + limit);
}

}  // namespace nautilus::apply
