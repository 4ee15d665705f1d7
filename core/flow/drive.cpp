#include "core/flow/drive.h"

namespace nautilus::flow {

bool may_pass(const Error& error) {
  switch (error.code) {
    case Code::unreachable:
    case Code::timeout:
    case Code::conflict:
    case Code::io:
    case Code::gone: return true;
    default: return false;
  }
}

Result<> pause(kube::Client& client, port::Duration duration) {
  bool rang = false;
  const auto timer = client.after(duration, [&rang] { rang = true; });
  auto waited = client.run_until([&rang] { return rang; }, client.clock().monotonic() + 2 * duration +
                                                               std::chrono::seconds(1));
  client.cancel_timer(timer);
  return waited;
}

Result<> drive(kube::Client& client, const std::function<Result<Tick>()>& tick,
               const std::function<void(const Error&)>& trouble) {
  int in_a_row = 0;
  while (true) {
    auto done = tick();
    if (!done.ok()) {
      if (!may_pass(done.error()) || ++in_a_row > kMaxTrouble) return std::move(done).error();
      if (trouble) trouble(done.error());
      TRY(pause(client, kAfterTrouble));
      continue;
    }
    in_a_row = 0;
    if (done->done) return {};
    TRY(pause(client, done->again));
  }
}

}  // namespace nautilus::flow
