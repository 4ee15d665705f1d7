#include "engine/replication/standby.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "engine/journal/divergent.h"
#include "engine/replication/wire.h"

namespace nautilus::engine {

struct Standby::Impl : std::enable_shared_from_this<Standby::Impl> {
  Impl(Storage& s, MachineFactory m, port::Clock& c, StandbyOptions o)
      : storage(s), make_machine(std::move(m)), clock(c), options(std::move(o)), pause(io), watch(io), resolver(io) {}

  Storage& storage;
  const MachineFactory make_machine;
  port::Clock& clock;
  const StandbyOptions options;
  StandbyStatus status;
  std::shared_ptr<asio::ssl::context> context;

  // The thread's, once it runs.
  asio::io_context io{1};
  asio::steady_timer pause, watch;
  tcp::resolver resolver;
  std::shared_ptr<tcp::socket> connecting;
  std::shared_ptr<Wire> wire;
  std::thread thread;
  bool stopping = false, heard = false, dead = false;
  Recovery recovery;
  std::optional<JournalWriter> writer;
  Epoch highest = 0, last_epoch = 0;
  std::uint64_t since_snapshot = 0;
  std::vector<Event> events;

  // ---- the journal here
  Result<> recover_here() {
    writer.reset();
    ASSIGN_OR_RETURN(recovery, recover(storage, make_machine));
    if (!recovery.journal.empty()) {
      ASSIGN_OR_RETURN(auto made, continue_journal(storage, recovery, recovery.journal, options.writer));
      writer.emplace(std::move(made));
    }
    last_epoch = recovery.epochs.empty() ? 0 : recovery.epochs.back().epoch;
    if (!recovery.epochs.empty()) highest = std::max(highest, recovery.epochs.back().epoch);
    highest = std::max(highest, recovery.machine->epoch());
    status.highest_epoch = highest;
    status.journal_epoch = recovery.epochs.empty() ? 0 : recovery.epochs.back().epoch;
    status.has_journal = writer.has_value();
    status.durable_sequence = status.applied_sequence = recovery.next - 1;
    status.applied_time = recovery.time;
    return {};
  }

  void fail(const Error& error) {
    dead = true;
    status.set_failure(error.text());
    status.state = StandbyState::failed;
  }

  // What the primary has that we have not is kept aside, and we are as if it had never been.
  Result<> go_back_to(Sequence keep) {
    writer.reset();
    ASSIGN_OR_RETURN(const auto cut, cut_back(storage, keep));
    status.discarded_records += cut.records;
    return recover_here();
  }

  Result<> apply(std::span<const std::byte> batch) {
    const BatchHeader header = *decode_batch_header(batch, writer->seed());
    BatchCursor cursor(header, batch);
    Command command;
    while (!cursor.done()) {
      TRY(cursor.next(command));
      if (command.type == CommandType::checkpoint && command.state_hash != recovery.machine->state_hash())
        return Error(
            Code::invalid,
            fmt::format("the primary's checkpoint at sequence {} has state hash {:016x}, this machine has {:016x}",
                        command.sequence, command.state_hash, recovery.machine->state_hash()),
            "the two programs decide differently: do not take over with this one");
      events.clear();
      recovery.machine->apply(command, events);
      recovery.time = command.time;
    }
    recovery.next = header.last_sequence() + 1;
    note_epoch(recovery.epochs, header.epoch, header.first_sequence);
    status.journal_epoch = header.epoch;
    status.applied_sequence = recovery.next - 1;
    status.applied_time = recovery.time;
    since_snapshot += header.count;
    if (options.snapshot_every && since_snapshot >= options.snapshot_every) {
      since_snapshot = 0;
      TRY(publish_snapshot(storage,
                           take_snapshot(*recovery.machine, recovery.journal, recovery.time, recovery.epochs)));
    }
    return {};
  }

  // ---- the connection
  Task<> run() {
    const auto self = shared_from_this();
    port::Duration wait = options.first_pause;
    while (!stopping && !dead) {
      status.state = StandbyState::connecting;
      const bool useful = co_await connection();
      if (stopping || dead) break;
      wait = useful ? options.first_pause : std::min(wait * 2, options.longest_pause);
      boost::system::error_code ignored;
      pause.expires_after(wait);
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    if (!dead) status.state = StandbyState::stopped;
  }

  void note(std::string text) { status.set_failure(std::move(text)); }

  // One connection from its beginning to its end. True if we were welcome.
  Task<bool> connection() {
    bool welcome = false;
    try {
      boost::system::error_code error;
      const auto places = co_await resolver.async_resolve(options.host, std::to_string(options.port),
                                                          asio::redirect_error(asio::use_awaitable, error));
      if (error) co_return note(fmt::format("resolving {}: {}", options.host, error.message())), false;
      connecting = std::make_shared<tcp::socket>(io);
      asio::co_spawn(io, watch_connecting(connecting), asio::detached);
      co_await asio::async_connect(*connecting, places, asio::redirect_error(asio::use_awaitable, error));
      watch.cancel();
      tcp::socket socket = std::move(*std::exchange(connecting, nullptr));
      if (error || stopping)
        co_return note(fmt::format("connecting to {}:{}: {}", options.host, options.port, error.message())), false;
      if (options.tls.plain && !socket.remote_endpoint(error).address().is_loopback())
        co_return fail(Error(Code::invalid, "replication without TLS is for loopback only")), false;
      wire = std::make_shared<Wire>(std::move(socket), context);
      ++status.connections;
      asio::co_spawn(io, watch_silence(wire), asio::detached);
      auto secure = co_await wire->handshake(false, options.tls.peer_name);
      if (secure.ok()) {
        welcome = co_await converse(*wire);
      } else {
        note(secure.error().text());
      }
    } catch (const std::exception& e) { note(fmt::format("connection: {}", e.what())); }
    if (wire) wire->close();
    wire.reset();
    watch.cancel();
    co_return welcome;
  }

  Task<> watch_connecting(std::shared_ptr<tcp::socket> watched) {
    const auto self = shared_from_this();
    boost::system::error_code cancelled, ignored;
    watch.expires_after(options.silence);
    co_await watch.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    if (!cancelled) watched->close(ignored);
  }

  Task<> watch_silence(std::shared_ptr<Wire> watched) {
    const auto self = shared_from_this();
    do {
      heard = false;
      boost::system::error_code ignored;
      watch.expires_after(options.silence);
      co_await watch.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    } while (watched->open() && heard);
    watched->close();
  }

  Hello hello() const {
    return {options.name, options.candidate, recovery.journal, recovery.next - 1, highest, recovery.epochs};
  }

  Task<bool> converse(Wire& w) {
    FrameBuffer in;
    auto first = encode_frame(hello());
    if (!co_await w.write(std::move(first))) co_return false;
    auto answer = co_await next_frame(w, in);
    if (!answer) co_return false;
    if (answer->type == FrameType::refuse) {
      if (auto why = decode_refuse(answer->body); why.ok()) note("refused by the primary: " + why->why);
      co_return false;
    }
    auto welcome = decode_welcome(answer->body);
    if (answer->type != FrameType::welcome || !welcome.ok()) co_return note("not a welcome"), false;
    if (welcome->epoch < highest) {
      note(fmt::format("the primary has epoch {}, {} is known", welcome->epoch, highest));
      co_await w.write(encode_frame(Fenced{highest}));
      co_return false;
    }
    if (!recovery.journal.empty() && recovery.journal != welcome->journal)
      co_return fail(Error(Code::conflict, "the primary has another journal", "empty this directory to follow it")),
          false;
    highest = welcome->epoch;
    status.highest_epoch = status.primary_epoch = highest;
    if (auto ready = prepare(*welcome); !ready.ok()) co_return fail(ready.error()), false;
    if (welcome->snapshot && !co_await receive_snapshot(w, in)) co_return false;
    status.state = StandbyState::catching_up;
    co_await follow(w, in, welcome->epoch);
    co_return true;
  }

  Result<> prepare(const Welcome& welcome) {
    if (welcome.resume_after > recovery.next - 1)
      return Error(Code::invalid, fmt::format("the primary resumes after {}, the journal here ends at {}",
                                              welcome.resume_after, recovery.next - 1));
    if (welcome.resume_after < recovery.next - 1) TRY(go_back_to(welcome.resume_after));
    if (recovery.journal.empty()) {
      recovery.journal = welcome.journal;
      if (!welcome.snapshot) {
        ASSIGN_OR_RETURN(auto made, continue_journal(storage, recovery, welcome.journal, options.writer));
        writer.emplace(std::move(made));
        status.has_journal = true;
      }
    }
    return {};
  }

  Task<std::optional<FrameBuffer::Frame>> next_frame(Wire& w, FrameBuffer& in) {
    for (;;) {
      auto frame = in.next();
      if (!frame.ok()) co_return note(frame.error().text()), std::nullopt;
      if (*frame) co_return std::move(*frame);
      if (!co_await w.read_some(in)) co_return std::nullopt;
      heard = true;
    }
  }

  Task<bool> receive_snapshot(Wire& w, FrameBuffer& in) {
    auto first = co_await next_frame(w, in);
    if (!first || first->type != FrameType::snapshot_begin) co_return false;
    const auto begin = decode_snapshot_begin(first->body);
    if (!begin.ok()) co_return false;
    if (begin->bytes > options.max_snapshot_bytes)
      co_return fail(Error(
          Code::limit, fmt::format("a snapshot of {} bytes, at most {}", begin->bytes, options.max_snapshot_bytes))),
          false;
    std::vector<std::byte> file;
    while (file.size() < begin->bytes) {
      auto piece = co_await next_frame(w, in);
      if (!piece || piece->type != FrameType::snapshot_data || piece->body.empty() ||
          piece->body.size() > begin->bytes - file.size())
        co_return false;
      append_bytes(file, piece->body);
    }
    writer.reset();
    auto installed = publish_received_snapshot(storage, std::move(file));
    if (!installed.ok() && installed.error().code == Code::invalid) co_return note(installed.error().text()), false;
    if (!installed.ok()) co_return fail(installed.error()), false;
    ++status.snapshots_received;
    if (auto again = recover_here(); !again.ok()) co_return fail(again.error()), false;
    co_return true;
  }

  // Takes what one read brought, writes it as few batches, a sync for each, acknowledges, and then carries it out.
  Task<> follow(Wire& w, FrameBuffer& in, Epoch epoch) {
    std::vector<std::span<const std::byte>> batches;
    std::vector<std::vector<std::byte>> sliced;
    while (!stopping) {
      bool answer = false, good = true;
      batches.clear(), sliced.clear();
      Sequence next = writer->next_sequence();
      while (good) {
        auto frame = in.next();
        if (frame.ok() && !*frame) break;
        auto taken = frame.ok() ? take(**frame, epoch, next, batches, sliced) : Result<>(std::move(frame).error());
        good = taken.ok(), answer = true;
        if (!good) note(taken.error().text());
      }
      // What came before a bad frame is as good as any.
      if (auto kept = keep(batches); !kept.ok()) co_return fail(kept.error());
      const bool sent = !answer || co_await w.write(encode_frame(Ack{epoch, status.durable_sequence}));
      for (const auto& batch : batches)
        if (auto done = apply(batch); !done.ok()) co_return fail(done.error());
      if (!good) co_return;
      if (answer) {
        const bool in_step = status.durable_sequence >= status.primary_sequence;
        status.state = in_step ? StandbyState::following : StandbyState::catching_up;
        if (in_step) status.in_step_at = clock.monotonic().count();
      }
      if (!sent || !co_await w.read_some(in)) co_return note("the connection to the primary ended");
      heard = true;
    }
  }

  // Many small batches cost one sync, not one each.
  Result<> keep(std::span<const std::span<const std::byte>> batches) {
    for (std::size_t begin = 0; begin < batches.size();) {
      std::size_t end = begin, bytes = 0;
      std::uint32_t count = 0;
      const BatchHeader first = *decode_batch_header(batches[begin], writer->seed());
      for (; end < batches.size(); ++end) {
        const BatchHeader header = *decode_batch_header(batches[end], writer->seed());
        if (end > begin && (header.epoch != first.epoch || bytes + header.length > kMaxBatchBytes ||
                            count + header.count > kMaxBatchRecords))
          break;
        bytes += header.length, count += header.count;
      }
      const auto joined = join_batches(batches.subspan(begin, end - begin), writer->seed());
      TRY(writer->write(*decode_batch_header(joined, writer->seed()), joined));
      TRY(writer->sync());
      status.durable_sequence = writer->next_sequence() - 1;
      begin = end;
    }
    return {};
  }

  Result<> take(const FrameBuffer::Frame& frame, Epoch epoch, Sequence& next,
                std::vector<std::span<const std::byte>>& batches, std::vector<std::vector<std::byte>>& sliced) {
    if (frame.type == FrameType::heartbeat) {
      ASSIGN_OR_RETURN(const auto beat, decode_heartbeat(frame.body));
      if (beat.epoch != epoch) return Error(Code::invalid, "a heartbeat of another epoch");
      status.primary_sequence = beat.last_sequence, status.primary_time = beat.time;
      return {};
    }
    if (frame.type != FrameType::batch) return Error(Code::invalid, "a frame that does not belong here");
    ASSIGN_OR_RETURN(const auto header, check_batch(frame.body, writer->seed()));
    if (header.closes() || header.first_sequence > next || header.last_sequence() < next)
      return Error(Code::invalid, fmt::format("a batch from sequence {}, {} is next", header.first_sequence, next));
    if (header.epoch > epoch || header.epoch < last_epoch)
      return Error(Code::invalid, fmt::format("a batch of epoch {} after one of {}, from the primary of {}",
                                              header.epoch, last_epoch, epoch));
    last_epoch = header.epoch;
    if (header.first_sequence == next) {
      batches.push_back(frame.body);
    } else {  // our journal ends inside a batch of the primary's
      sliced.push_back(slice_batch(frame.body, next, header.last_sequence(), writer->seed()));
      batches.push_back(sliced.back());
    }
    next = header.last_sequence() + 1;
    if (header.last_sequence() > status.primary_sequence) status.primary_sequence = header.last_sequence();
    return {};
  }
};

Standby::Standby(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Standby>> Standby::open(Storage& storage, MachineFactory make_machine, port::Clock& clock,
                                               StandbyOptions options) {
  auto impl = std::make_shared<Impl>(storage, std::move(make_machine), clock, std::move(options));
  ASSIGN_OR_RETURN(impl->context, make_context(impl->options.tls, false));
  TRY(impl->recover_here());
  return std::unique_ptr<Standby>(new Standby(std::move(impl)));
}

Standby::~Standby() { (void)stop(false); }

Result<> Standby::start() {
  if (impl_->status.state != StandbyState::idle) return Error(Code::internal, "the standby was started before");
  impl_->status.state = StandbyState::connecting;
  asio::co_spawn(impl_->io, impl_->run(), asio::detached);
  impl_->thread = std::thread([raw = impl_.get()] { raw->io.run(); });
  return {};
}

Result<> Standby::stop(bool snapshot) {
  if (impl_->thread.joinable()) {
    asio::post(impl_->io, [impl = impl_] {
      impl->stopping = true;
      impl->pause.cancel(), impl->watch.cancel();
      impl->resolver.cancel();
      boost::system::error_code ignored;
      if (impl->connecting) impl->connecting->close(ignored);
      if (impl->wire) impl->wire->close();
    });
    impl_->thread.join();
  }
  auto& self = *impl_;
  if (!snapshot || !self.writer || !self.recovery.machine || self.dead) return {};
  if (self.recovery.snapshot_sequence < self.recovery.next - 1)
    TRY(publish_snapshot(self.storage, take_snapshot(*self.recovery.machine, self.recovery.journal, self.recovery.time,
                                                     self.recovery.epochs)));
  TRY(self.writer->close(self.recovery.epochs.empty() ? 0 : self.recovery.epochs.back().epoch));
  self.writer.reset();
  return {};
}

Result<Promoted> Standby::promote() {
  TRY(stop(false));
  auto& self = *impl_;
  if (self.dead)
    return Error(Code::refused, "the standby has failed: " + self.status.failure(),
                 "its state may not be the primary's");
  if (!self.writer || !self.recovery.machine)
    return Error(Code::refused, "the standby never had a journal", "there is nothing to take over with");
  Promoted out{std::move(self.recovery), std::move(*self.writer), self.highest};
  self.writer.reset();
  return out;
}

const StandbyStatus& Standby::status() const { return impl_->status; }

}  // namespace nautilus::engine
