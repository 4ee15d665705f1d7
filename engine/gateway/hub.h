// Where events become messages: one in, the released events; many out, the sessions' outboxes.
//
// Each message is made once and shared by all who get it. Per account the reports of the last `report_ring` are kept,
// so that a client that comes back can have what it missed. Per instrument market data messages are numbered from 1
// without a gap: a snapshot says with which number it ends, the deltas go on from there.
// Threading: released() and describe() on one thread; everything else from any. One lock, held for the work of one
// command or one query; the order path (reference(), next_tag()) does not take it.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <set>

#include "core/port/clock.h"
#include "engine/gateway/directory.h"
#include "engine/gateway/metrics.h"
#include "engine/gateway/outbox.h"
#include "engine/gateway/volatility.h"
#include "engine/sequencer/intake.h"

namespace nautilus::engine {

inline constexpr std::size_t kMaxAwaited = 65'536;  // HTTP requests that wait for their report
inline constexpr std::size_t kResumePage = 1000;    // reports that one resume sends
inline constexpr std::size_t kMaxDeltaBytes = std::size_t{4} << 20;

struct HubOptions {
  std::size_t report_ring = 4096;                     // reports kept per account
  std::size_t report_bytes = std::size_t{256} << 20;  // of all accounts together; beyond it rings are cut
  std::size_t report_ring_floor = 64;                 // but not below this
};

class Hub final : public Outlet {
 public:
  Hub(const port::Clock& clock, Metrics& metrics, HubOptions options = {});

  // Before the first released(): Machine::describe().
  void describe(std::span<const Event> events);
  void released(std::span<const Event> events) override;

  std::shared_ptr<const Reference> reference() const;
  // Changes whenever reference() does; cheap.
  std::uint64_t reference_version() const { return reference_version_.load(std::memory_order_acquire); }

  // A mark for Command::client_tag: unique in this process for weeks, and the time of receipt in one.
  std::uint64_t next_tag();

  // Reports of the account go to the outbox from now on; returns the last report's sequence, nullopt if it is not
  // known.
  std::optional<std::uint64_t> follow(AccountId account, const std::shared_ptr<Outbox>& outbox);
  // Sends a snapshot, then deltas. False: no such instrument, or the outbox has `most` subscriptions.
  bool subscribe(InstrumentId instrument, const std::shared_ptr<Outbox>& outbox, std::size_t most);
  void unsubscribe(InstrumentId instrument, const std::shared_ptr<Outbox>& outbox);
  void refresh_stale(const std::shared_ptr<Outbox>& outbox);
  void leave(const std::shared_ptr<Outbox>& outbox);

  struct Resumed {
    bool complete = false;        // false: a gap; `first` is the oldest that is kept
    bool more = false;            // ask again with after = `last_sent`
    std::uint64_t first = 0;      // oldest kept; 0 = none
    std::uint64_t last_sent = 0;  // of this page; `after` if there was none
    std::uint64_t last = 0;       // newest
  };
  // Sends {"type":"resuming"...}, the reports after `after`, at most kResumePage, and {"type":"resumed"...}.
  Resumed resume(AccountId account, std::uint64_t after, std::string_view request_id, Outbox& outbox);
  // The same reports as a JSON array, for HTTP.
  Resumed reports(AccountId account, std::uint64_t after, std::string& array) const;

  // Called with the first report or rejection that carries the tag, on the releasing thread, with the lock held: it
  // must only hand over. False: too many wait.
  using Answer = std::function<void(const Event&, const SharedText& text)>;
  bool await(std::uint64_t tag, Answer answer);
  void forget(std::uint64_t tag);

  // Sessions that the engine holds open: described or opened, and not closed since.
  std::vector<SessionId> open_sessions() const;

  // Reads under the lock.
  template <class Use>
  auto query(Use use) const {
    std::lock_guard guard(lock_);
    return use(static_cast<const Directory&>(directory_));
  }

  // Told of every command's first answer: the tag, and how long it took. For tracing; may be empty.
  std::function<void(std::uint64_t tag, std::int64_t nanoseconds)> on_answer;

 private:
  struct Kept {
    std::uint64_t sequence;
    SharedText text;
  };
  struct AccountFeed {
    std::vector<std::shared_ptr<Outbox>> followers;
    std::deque<Kept> ring;
    std::uint64_t last = 0;
    bool known = false;
  };
  struct InstrumentFeed {
    std::vector<std::shared_ptr<Outbox>> subscribers;
    std::string levels, trades, others;  // of the command at hand
    bool touched = false;
  };
  void take(const Event& event);
  void note_session(const Event& event);
  void take_report(const Event& event);
  void take_market(const Event& event);
  void finish_command(const Event& last);
  // True for the first event of a command that somebody waits for; notes how long it took.
  bool measure(const Event& event);
  void answer(const Event& event, const SharedText& text);
  void keep(AccountFeed& feed, std::uint64_t sequence, const SharedText& text);
  void refresh_reference();
  AccountFeed& account_feed(AccountId id);
  InstrumentFeed* instrument_feed(InstrumentId id);

  const port::Clock& clock_;
  Metrics& metrics_;
  const HubOptions options_;
  mutable std::mutex lock_;
  Directory directory_;
  std::vector<AccountFeed> accounts_;
  std::vector<InstrumentFeed> instruments_;
  std::vector<InstrumentId> touched_;
  std::set<SessionId> open_sessions_;
  std::unordered_map<std::uint64_t, Answer> awaited_;
  std::shared_ptr<const Reference> reference_;
  std::atomic<std::uint64_t> reference_version_{0};
  std::atomic<std::uint64_t> last_tag_{0};
  std::uint64_t answered_tag_ = 0;
  std::size_t kept_bytes_ = 0;
  Volatility volatility_;
};

}  // namespace nautilus::engine
