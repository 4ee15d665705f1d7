// What waits to be sent to one session, and the policy for a client that reads too slowly.
//
// Replies and execution reports are never dropped: if more than `max_reliable` bytes of them wait, the outbox overflows
// and the session must be closed (it can resume by sequence). Market data may be dropped: if more than `max_market`
// bytes wait, all of it goes and every instrument it was about is stale until it gets a fresh snapshot.
// Threading: all functions from any thread. Lock order: the Hub's lock is taken before this one.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/model/types.h"

namespace nautilus::engine {

using SharedText = std::shared_ptr<const std::string>;

struct OutboxLimits {
  std::size_t max_reliable = std::size_t{8} << 20;
  std::size_t max_market = std::size_t{1} << 20;
};

class Outbox {
 public:
  // `wake` is called, from whatever thread pushes, when something is there and nobody has been told since take().
  Outbox(OutboxLimits limits, std::function<void()> wake);

  void push(SharedText text);
  void push(std::string text) { push(std::make_shared<const std::string>(std::move(text))); }
  void push_market(InstrumentId instrument, SharedText text);

  // The next text, reliable ones first; null if there is none. `wants_snapshots`: nothing waits, and instruments are
  // stale: Hub::refresh_stale() is due.
  SharedText take(bool& wants_snapshots);
  // Several at once with line feeds between, up to `max_bytes` unless the first alone is longer.
  SharedText take_batch(std::size_t max_bytes, bool& wants_snapshots);

  // The Hub's, with its lock held: the instrument that has waited longest for a snapshot. One at a time, so that the
  // snapshots of many do not push each other out.
  std::optional<InstrumentId> take_stale();
  bool overflowed() const;
  std::uint64_t dropped() const;  // market data messages
  void close();                   // drops everything; pushes do nothing from now on

  // The Hub's bookkeeping; only with its lock held.
  std::vector<AccountId> accounts;
  std::vector<InstrumentId> instruments;

 private:
  struct Market {
    InstrumentId instrument;
    SharedText text;
  };
  bool note();  // true: wake
  void mark_stale(InstrumentId instrument);
  SharedText take_locked();

  const OutboxLimits limits_;
  const std::function<void()> wake_;
  mutable std::mutex lock_;
  std::deque<SharedText> reliable_;
  std::deque<Market> market_;
  std::set<InstrumentId> stale_;
  std::deque<InstrumentId> stale_order_;
  std::size_t reliable_bytes_ = 0, market_bytes_ = 0;
  std::uint64_t dropped_ = 0;
  bool told_ = false, overflowed_ = false, closed_ = false;
};

}  // namespace nautilus::engine
