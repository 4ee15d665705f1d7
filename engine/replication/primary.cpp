#include "engine/replication/primary.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <thread>

#include "engine/journal/divergent.h"
#include "engine/journal/snapshot.h"
#include "engine/replication/wire.h"

namespace nautilus::engine {
namespace {

using SharedBytes = std::shared_ptr<const std::vector<std::byte>>;

struct Recent {
  BatchHeader header;
  SharedBytes frame;
  std::uint64_t end_offset = 0;  // bytes shipped up to here, ever
  Timestamp shipped = 0;
};

struct Session {
  Session(tcp::socket socket, std::shared_ptr<asio::ssl::context> context, const asio::any_io_executor& executor)
      : wire(std::move(socket), std::move(context)), news(executor), watch(executor) {}
  Wire wire;
  FrameBuffer in;
  asio::steady_timer news, watch;
  std::string name;
  Sequence next = 0;
  unsigned silent = 0;
  bool replaced = false;
};

}  // namespace

struct ReplicationPrimary::Impl : std::enable_shared_from_this<ReplicationPrimary::Impl> {
  Impl(Storage& s, port::Clock& c, PrimaryHistory h, PrimaryOptions o)
      : storage(s), clock(c), history(std::move(h)), options(std::move(o)), acceptor(io) {
    epochs = history.epochs;
    note_epoch(epochs, history.epoch, history.next);
    shipped_to = durable_to = history.next - 1;
  }

  // ---- any thread
  Storage& storage;
  port::Clock& clock;
  const PrimaryHistory history;
  const PrimaryOptions options;
  std::vector<EpochStart> epochs;
  std::shared_ptr<asio::ssl::context> context;
  mutable std::mutex mutex;  // of the following
  std::deque<Recent> recent;
  std::uint64_t recent_bytes = 0, shipped_bytes = 0;
  std::map<std::string, FollowerStatus> known;
  std::function<void()> advance_callback;
  std::function<void(Epoch)> fenced_callback;
  std::atomic<Sequence> shipped_to{0}, durable_to{0}, replicated_to{0};
  std::atomic<bool> wake_posted{false}, stopped{false};
  std::uint16_t port = 0;

  // ---- replication thread
  asio::io_context io{1};
  tcp::acceptor acceptor;
  std::set<std::shared_ptr<Session>> sessions;
  std::thread thread;

  void wake_sessions() {
    if (stopped.load() || wake_posted.exchange(true)) return;  // one wake for any number of batches
    asio::post(io, [self = shared_from_this()] {
      self->wake_posted.store(false);
      for (const auto& session : self->sessions) session->news.cancel();
    });
  }

  std::optional<Recent> find_recent(Sequence next) const {
    const std::lock_guard guard(mutex);
    const auto at = std::lower_bound(recent.begin(), recent.end(), next,
                                     [](const Recent& r, Sequence s) { return r.header.last_sequence() < s; });
    if (at == recent.end() || at->header.first_sequence > next)
      return std::nullopt;  // may begin before `next`: the follower cuts
    return *at;
  }

  void fenced(Epoch epoch) {
    std::function<void(Epoch)> callback;
    {
      const std::lock_guard guard(mutex);
      callback = fenced_callback;
    }
    if (callback) callback(epoch);
  }

  // False: the follower claims what was never shipped.
  bool acknowledged(Session& session, Sequence sequence) {
    if (sequence > shipped_to.load()) return false;
    std::function<void()> callback;
    {
      const std::lock_guard guard(mutex);
      known[session.name].acknowledged = sequence;
      if (options.required == 0) return true;
      std::vector<Sequence> all;
      for (const auto& [name, follower] : known)
        if (follower.candidate) all.push_back(follower.acknowledged);
      if (all.size() < options.required) return true;
      std::sort(all.begin(), all.end(), std::greater<>());
      const Sequence now = all[options.required - 1];
      if (now <= replicated_to.load()) return true;
      replicated_to.store(now);
      callback = advance_callback;
    }
    if (callback) callback();
    return true;
  }

  // ---- coroutines
  Task<> accept() {
    for (;;) {
      boost::system::error_code error;
      tcp::socket socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
      if (!acceptor.is_open()) co_return;
      if (error || sessions.size() >= options.max_followers) continue;
      auto session = std::make_shared<Session>(std::move(socket), context, io.get_executor());
      sessions.insert(session);
      asio::co_spawn(io, serve(session), asio::detached);
      asio::co_spawn(io, watch(session), asio::detached);
    }
  }

  Task<> serve(std::shared_ptr<Session> session) {
    const auto self = shared_from_this();
    // Third-party exceptions (memory, the stream) end this connection and nothing else.
    try {
      co_await converse(session);
    } catch (const std::exception&) {}
    session->wire.close();
    session->watch.cancel();
    if (!session->name.empty() && !session->replaced) {
      const std::lock_guard guard(mutex);
      known[session->name].connected = false;
    }
    sessions.erase(session);
  }

  Task<> watch(std::shared_ptr<Session> session) {
    const auto self = shared_from_this();
    while (session->wire.open()) {
      boost::system::error_code ignored;
      session->watch.expires_after(options.heartbeat);
      co_await session->watch.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
      if (++session->silent > options.silent_heartbeats) session->wire.close(), session->news.cancel();
    }
  }

  Task<> converse(std::shared_ptr<Session> session) {
    if (!(co_await session->wire.handshake(true, options.tls.peer_name)).ok()) co_return;
    const auto hello = co_await read_hello(*session);
    if (!hello) co_return;
    if (!co_await agree(*session, *hello)) co_return;
    asio::co_spawn(io, read_answers(session), asio::detached);
    co_await send_batches(*session);
  }

  Task<std::optional<Hello>> read_hello(Session& session) {
    for (;;) {
      auto frame = session.in.next();
      if (!frame.ok()) co_return std::nullopt;
      if (*frame) {
        if ((*frame)->type != FrameType::hello) co_return std::nullopt;
        auto hello = decode_hello((*frame)->body);
        if (!hello.ok() || hello->name.empty()) co_return std::nullopt;
        co_return std::move(*hello);
      }
      if (!co_await session.wire.read_some(session.in)) co_return std::nullopt;
    }
  }

  // Frames are made before the co_await: GCC 12 destroys some temporaries of an awaiting expression twice.
  Task<bool> refuse(Session& session, std::string why) {
    Refuse refusal;
    refusal.epoch = history.epoch, refusal.why = std::move(why);
    auto frame = encode_frame(refusal);
    co_await session.wire.write(std::move(frame));
    co_return false;
  }

  // Welcome or refuse; afterwards session.next is what the follower lacks first.
  Task<bool> agree(Session& session, const Hello& hello) {
    if (!hello.journal.empty() && hello.journal != history.journal) {
      std::string why = fmt::format("another journal: {}, mine is {}", hello.journal.text(), history.journal.text());
      co_return co_await refuse(session, std::move(why));
    }
    if (hello.highest_epoch > history.epoch) {
      fenced(hello.highest_epoch);
      {
        std::string why = "you know a higher epoch than mine";
        co_return co_await refuse(session, std::move(why));
      }
    }
    if (const std::string other = other_candidate(hello); !other.empty()) {
      std::string why = fmt::format("{} is the standby; another may only keep a copy", other);
      co_return co_await refuse(session, std::move(why));
    }
    register_follower(session, hello);
    Welcome welcome{history.journal, history.epoch, 0, false};
    welcome.resume_after = common_prefix(epochs, shipped_to.load(), hello.epochs, hello.last_sequence);
    session.next = welcome.resume_after + 1;
    std::string snapshot = choose_snapshot(session.next);
    const bool in_journal = can_read(session.next);
    if (!in_journal && snapshot.empty()) {
      std::string why = "my journal begins later and I have no snapshot";
      co_return co_await refuse(session, std::move(why));
    }
    welcome.snapshot = !snapshot.empty();
    if (!co_await session.wire.write(encode_frame(welcome))) co_return false;
    if (welcome.snapshot) co_return co_await send_snapshot(session, snapshot);
    co_return true;
  }

  // In synchronous mode: who is waited for already, if that is as many as there may be and this is none of them.
  std::string other_candidate(const Hello& hello) const {
    if (options.required == 0 || !hello.candidate) return {};
    const std::lock_guard guard(mutex);
    std::string others;
    unsigned count = 0;
    for (const auto& [name, follower] : known) {
      if (!follower.candidate) continue;
      if (name == hello.name) return {};
      if (count++) others += ", ";
      others += name;
    }
    return count >= options.required ? others : std::string();
  }

  void register_follower(Session& session, const Hello& hello) {
    const std::string& name = hello.name;
    for (const auto& other : sessions)
      if (other.get() != &session && other->name == name) {
        other->replaced = true;  // the follower has come back before its old connection was known to be dead
        other->wire.close();
        other->news.cancel();
      }
    session.name = name;
    const std::lock_guard guard(mutex);
    FollowerStatus& status = known[name];
    status.name = name, status.candidate = hello.candidate, status.connected = true, ++status.connections;
    status.acknowledged = 0;  // until it says so itself: it may have lost its disk
  }

  bool can_read(Sequence next) const {
    if (next > shipped_to.load() || find_recent(next)) return true;
    auto segments = list_segments(storage);
    return segments.ok() && !segments->empty() && segments->front().first_sequence <= next;
  }

  // Empty: none is needed, or there is none.
  std::string choose_snapshot(Sequence next) const {
    const bool far = durable_to.load() > next && durable_to.load() - next > options.snapshot_if_behind;
    if (!far && can_read(next)) return {};
    auto names = list_snapshots(storage);
    if (!names.ok()) return {};
    for (const auto& name : *names)
      if (auto info = verify_snapshot(storage, name); info.ok() && info->sequence >= next) return name;
    return {};
  }

  Task<bool> send_snapshot(Session& session, std::string name) {
    auto file = storage.open_read(name);
    if (!file.ok()) co_return false;
    const Sequence sequence = *parse_snapshot_name(name);
    const std::uint64_t size = (*file)->size();
    if (!co_await session.wire.write(encode_frame(SnapshotBegin{size, sequence}))) co_return false;
    for (std::uint64_t at = 0; at < size;) {
      auto piece = (*file)->read(at, kSnapshotPieceBytes);
      if (!piece.ok() || piece->empty()) co_return false;
      at += piece->size();
      session.silent = 0;  // the follower cannot answer yet; a stalled write is caught by the socket's own timeout
      if (!co_await session.wire.write(encode_frame(FrameType::snapshot_data, *piece))) co_return false;
    }
    session.next = sequence + 1;
    co_return true;
  }

  Task<> read_answers(std::shared_ptr<Session> session) {
    const auto self = shared_from_this();
    bool good = true;
    try {
      do {
        for (;;) {
          auto frame = session->in.next();
          good = frame.ok();
          if (!good || !*frame) break;
          good = answer(*session, **frame);
          if (!good) break;
        }
      } while (good && co_await session->wire.read_some(session->in));
    } catch (const std::exception&) {}
    session->wire.close();
    session->news.cancel();
  }

  bool answer(Session& session, const FrameBuffer::Frame& frame) {
    session.silent = 0;
    if (frame.type == FrameType::ack) {
      const auto ack = decode_ack(frame.body);
      return ack.ok() && ack->epoch == history.epoch && !session.replaced && acknowledged(session, ack->durable);
    }
    if (frame.type == FrameType::fenced) {
      const auto higher = decode_fenced(frame.body);
      if (higher.ok() && higher->epoch > history.epoch) fenced(higher->epoch);
    }
    return false;
  }

  Task<> send_batches(Session& session) {
    bool idle_beat = true;  // the first says where we are
    while (session.wire.open()) {
      if (auto batch = find_recent(session.next)) {
        if (!co_await session.wire.write(batch->frame)) co_return;
        session.next = batch->header.last_sequence() + 1;
        continue;
      }
      if (session.next <= durable_to.load()) {
        if (!co_await send_history(session)) co_return;
        continue;
      }
      if (idle_beat) {
        const Heartbeat beat{history.epoch, shipped_to.load(), clock.now().time_since_epoch().count()};
        if (!co_await session.wire.write(encode_frame(beat))) co_return;
        idle_beat = false;
        continue;  // something may have come in the meantime
      }
      boost::system::error_code cancelled;
      session.news.expires_after(options.heartbeat);
      co_await session.news.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
      idle_beat = !cancelled;
    }
  }

  // From the segments, until memory has what comes next. Only what is durable: the tail is being written.
  Task<bool> send_history(Session& session) {
    auto reader = JournalReader::open(storage, session.next);
    if (!reader.ok()) co_return false;
    const Sequence from = session.next, limit = durable_to.load();
    while (session.next <= limit && !find_recent(session.next)) {
      auto batch = reader->next();
      if (!batch.ok() || !*batch || (*batch)->header.last_sequence() > limit) break;
      if (!co_await session.wire.write(encode_frame(FrameType::batch, (*batch)->bytes))) co_return false;
      session.next = (*batch)->header.last_sequence() + 1;
    }
    co_return session.next > from;
  }
};

ReplicationPrimary::ReplicationPrimary(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<ReplicationPrimary>> ReplicationPrimary::listen(Storage& storage, port::Clock& clock,
                                                                       PrimaryHistory history, PrimaryOptions options) {
  boost::system::error_code error;
  const auto address = asio::ip::make_address(options.address, error);
  if (error) return Error(Code::invalid, fmt::format("replication address {}: {}", options.address, error.message()));
  if (options.tls.plain && !address.is_loopback())
    return Error(Code::invalid, fmt::format("replication without TLS on {}", options.address),
                 "plain is for loopback only");
  auto impl = std::make_shared<Impl>(storage, clock, std::move(history), std::move(options));
  ASSIGN_OR_RETURN(impl->context, make_context(impl->options.tls, true));
  const tcp::endpoint endpoint(address, impl->options.port);
  impl->acceptor.open(endpoint.protocol(), error);
  if (!error) impl->acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) impl->acceptor.bind(endpoint, error);
  if (!error) impl->acceptor.listen(16, error);
  if (error)
    return Error(Code::io,
                 fmt::format("listening on {}:{}: {}", impl->options.address, impl->options.port, error.message()));
  impl->port = impl->acceptor.local_endpoint(error).port();
  asio::co_spawn(impl->io, impl->accept(), asio::detached);
  impl->thread = std::thread([raw = impl.get()] { raw->io.run(); });
  return std::unique_ptr<ReplicationPrimary>(new ReplicationPrimary(std::move(impl)));
}

ReplicationPrimary::~ReplicationPrimary() { stop(); }

void ReplicationPrimary::stop() {
  if (!impl_->thread.joinable()) return;
  impl_->stopped.store(true);
  // Every coroutine ends by itself once its socket is closed, so that nothing of it is destroyed halfway.
  asio::post(impl_->io, [impl = impl_] {
    boost::system::error_code ignored;
    impl->acceptor.close(ignored);
    for (const auto& session : impl->sessions) session->wire.close(), session->news.cancel(), session->watch.cancel();
  });
  impl_->thread.join();
  on_advance({}), on_fenced({});
}

std::uint16_t ReplicationPrimary::port() const { return impl_->port; }

void ReplicationPrimary::on_advance(std::function<void()> callback) {
  const std::lock_guard guard(impl_->mutex);
  impl_->advance_callback = std::move(callback);
}
void ReplicationPrimary::on_fenced(std::function<void(Epoch)> callback) {
  const std::lock_guard guard(impl_->mutex);
  impl_->fenced_callback = std::move(callback);
}

void ReplicationPrimary::ship(const BatchHeader& header, std::span<const std::byte> batch) {
  auto frame = std::make_shared<const std::vector<std::byte>>(encode_frame(FrameType::batch, batch));
  {
    const std::lock_guard guard(impl_->mutex);
    impl_->shipped_to.store(header.last_sequence());  // before a session can see the batch and a follower answer it
    impl_->shipped_bytes += frame->size();
    impl_->recent_bytes += frame->size();
    impl_->recent.push_back(
        {header, std::move(frame), impl_->shipped_bytes, impl_->clock.now().time_since_epoch().count()});
    // What is not yet durable must stay: it cannot be read back from the disk.
    while (impl_->recent_bytes > impl_->options.recent_bytes && impl_->recent.size() > 1 &&
           impl_->recent.front().header.last_sequence() <= impl_->durable_to.load()) {
      impl_->recent_bytes -= impl_->recent.front().frame->size();
      impl_->recent.pop_front();
    }
  }
  impl_->wake_sessions();
}

void ReplicationPrimary::durable(Sequence sequence) { impl_->durable_to.store(sequence); }

Sequence ReplicationPrimary::replicated() const {
  return impl_->options.required == 0 ? UINT64_MAX : impl_->replicated_to.load();
}

std::vector<FollowerStatus> ReplicationPrimary::followers() const {
  const Sequence shipped = impl_->shipped_to.load();
  const Timestamp now = impl_->clock.now().time_since_epoch().count();
  const std::lock_guard guard(impl_->mutex);
  std::vector<FollowerStatus> out;
  for (const auto& [name, status] : impl_->known) {
    FollowerStatus one = status;
    one.lag_records = shipped > one.acknowledged ? shipped - one.acknowledged : 0;
    for (const Recent& batch : impl_->recent) {
      if (batch.header.last_sequence() <= one.acknowledged) continue;
      one.lag_bytes = impl_->shipped_bytes - (batch.end_offset - batch.frame->size());
      one.lag_time = port::Duration(std::max<Timestamp>(now - batch.shipped, 0));
      break;
    }
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace nautilus::engine
