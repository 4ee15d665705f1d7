#include "engine/server/server.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "engine/gateway/admin.h"
#include "engine/gateway/gateway.h"
#include "engine/host/posix_storage.h"
#include "engine/journal/recovery.h"
#include "engine/matching/engine.h"
#include "engine/sequencer/lease_keeper.h"
#include "engine/sequencer/sequencer.h"
#include "engine/server/status_board.h"

namespace nautilus::engine {

namespace {

constexpr port::Duration kPoll = std::chrono::milliseconds(100);  // how soon a signal is seen
constexpr int kLockAttempts = 50;                                 // of kPoll: a predecessor that is just ending

// Set by whoever wants the process to end; waited for by serve().
class EndSignal {
 public:
  void set() {
    {
      const std::lock_guard guard(mutex_);
      set_ = true;
    }
    wake_.notify_all();
  }
  // True if set within `time`.
  bool wait(port::Duration time) {
    std::unique_lock guard(mutex_);
    return wake_.wait_for(guard, time, [&] { return set_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool set_ = false;
};

// The gateway and the sequencer each need the other at birth; this stands in for the sequencer.
class IntakeDoor final : public Intake {
 public:
  Submitted submit(const Command& command) override {
    Intake* behind = behind_.load(std::memory_order_acquire);
    return behind ? behind->submit(command) : Submitted::not_primary;
  }
  void open(Intake* behind) { behind_.store(behind, std::memory_order_release); }

 private:
  std::atomic<Intake*> behind_{nullptr};
};

Log::Level level_of(const std::string& word) {
  if (word == "debug") return Log::Level::debug;
  if (word == "warning") return Log::Level::warning;
  return word == "error" ? Log::Level::error : Log::Level::info;
}

Result<Definitions> read_definitions(const port::Filesystem& files, const std::vector<std::string>& paths) {
  Definitions all;
  for (const std::string& path : paths) {
    ASSIGN_OR_RETURN(const std::string text, files.read(path));
    ASSIGN_OR_RETURN(Definitions some, parse_definitions(text, path));
    all.instruments.insert(all.instruments.end(), some.instruments.begin(), some.instruments.end());
    all.accounts.insert(all.accounts.end(), some.accounts.begin(), some.accounts.end());
  }
  return all;
}

class Server {
 public:
  Server(const ServerPorts& ports, ServeRequest request)
      : ports_(ports),
        request_(std::move(request)),
        config_(request_.config),
        log_(ports.clock, to_stderr(), level_of(config_.log.level)),
        board_(ports.clock, [this] { end_.set(); }) {}

  Result<> run() {
    ASSIGN_OR_RETURN(definitions_, read_definitions(ports_.files, config_.definitions).within("reading definitions"));
    TRY(open_admin());
    TRY(recover_journal().within("recovering the journal in " + config_.journal.directory));
    TRY(become_primary());
    if (stopped_early_) return {};
    TRY(open_gateway());
    tell_serving();
    wait_for_the_end();
    return shut_down();
  }

 private:
  bool asked_to_end(port::Duration time) { return end_.wait(time) || ports_.interrupt.requested(); }

  Result<> open_admin() {
    AdminOptions options;
    options.address = config_.admin.host;
    options.port = config_.admin.port;
    admin_ = std::make_unique<AdminServer>(board_, metrics_, log_, options);
    return admin_->start();
  }

  Result<> recover_journal() {
    board_.set(ServingState::replaying);
    ASSIGN_OR_RETURN(storage_, open_posix_storage(config_.journal.directory));
    Result<> locked;
    for (int attempt = 0; attempt < kLockAttempts; ++attempt) {
      locked = storage_->lock();
      if (locked.ok() || locked.error().code != Code::locked || asked_to_end(kPoll)) break;
    }
    TRY(std::move(locked));
    const auto begun = ports_.clock.monotonic();
    ASSIGN_OR_RETURN(recovery_, recover(*storage_, [] { return std::make_unique<Engine>(); }));
    for (const std::string& note : recovery_.notes) log_.line(Log::Level::warning, "recovery", {{"note", note}});
    const auto took = std::chrono::duration<double>(ports_.clock.monotonic() - begun).count();
    log_.line(Log::Level::info, "recovered",
              {{"sequence", std::to_string(recovery_.next - 1)},
               {"snapshot", std::to_string(recovery_.snapshot_sequence)},
               {"replayed", std::to_string(recovery_.replayed)},
               {"seconds", fmt::format("{:.3f}", took)},
               {"state_hash", fmt::format("{:016x}", recovery_.machine->state_hash())}});
    return {};
  }

  Result<> become_primary() {
    const Epoch known = recovery_.machine->epoch();
    Epoch epoch = known + 1;
    if (request_.epoch) {
      board_.set(ServingState::standby);
      for (bool told = false;; told = true) {
        auto lease = request_.epoch->acquire(known);
        if (lease.ok()) {
          epoch = lease->epoch;
          keeper_ = std::make_unique<LeaseKeeper>(*request_.epoch, ports_.clock, *lease);
          break;
        }
        if (lease.error().code != Code::locked) return std::move(lease).error().within("becoming the primary");
        if (!told)
          log_.line(Log::Level::info, "waiting", {{"reason", lease.error().message}, {"holder", lease.error().hint}});
        if (asked_to_end(request_.epoch->time_to_live() / 3)) {
          stopped_early_ = true;
          return {};
        }
      }
    }
    JournalId id;
    ports_.entropy.fill(std::as_writable_bytes(std::span(id.bytes)));
    ASSIGN_OR_RETURN(JournalWriter writer, continue_journal(*storage_, recovery_, id));
    TRY(create_gateway());
    SequencerOptions options;
    options.snapshot_every = config_.journal.snapshot_every;
    options.keep_snapshots = config_.journal.keep_snapshots;
    options.checkpoint_every = config_.journal.checkpoint_every;
    sequencer_ = std::make_unique<Sequencer>(
        SequencerParts{*recovery_.machine, *storage_, gateway_->outlet(), ports_.clock, nullptr, keeper_.get()},
        std::move(writer), recovery_, epoch, options);
    sequencer_->on_end([this](SequencerState state) {
      log_.line(Log::Level::error, "ended", {{"state", name(state)}, {"reason", sequencer_->status().failure()}});
      end_.set();
    });
    board_.watch(&sequencer_->status());
    if (keeper_) {
      keeper_->on_lost([this] { sequencer_->fence("the lease on the epoch was lost"); });
      keeper_->run();
    }
    TRY(sequencer_->start());
    define();
    wait_until_defined();
    return {};
  }

  Result<> create_gateway() {
    GatewayOptions options;
    const auto& from = config_.gateway;
    options.address = from.listen.host;
    options.port = from.listen.port;
    options.threads = static_cast<unsigned>(from.threads);
    options.tls = from.tls;
    options.plain_behind_mesh = from.plain_behind_mesh;
    options.credentials = from.credentials;
    options.origins = from.origins;
    options.max_connections = from.max_connections;
    options.max_connections_per_address = from.max_connections_per_address;
    ASSIGN_OR_RETURN(gateway_, Gateway::create({ports_.clock, ports_.files, ports_.entropy, log_, metrics_, nullptr},
                                               door_, board_, options));
    std::vector<Event> events;
    recovery_.machine->describe(events);
    gateway_->describe(events);
    accounts_ = static_cast<AccountId>(definitions_.accounts.size());  // the most there can be, if all of them are new
    for (const Event& event : events) accounts_ += event.type == EventType::account_defined ? 1 : 0;
    return {};
  }

  // The definitions of the files, at every start: what is in force already changes nothing.
  void define() {
    Command command;
    command.type = CommandType::define_instrument;
    for (const Instrument& instrument : definitions_.instruments) {
      command.instrument_definition = instrument;
      submit(command);
    }
    command = Command();
    command.type = CommandType::define_account;
    for (const Account& account : definitions_.accounts) {
      command.account_definition = account;
      submit(command);
    }
  }

  void submit(const Command& command) {
    while (sequencer_->submit(command) == Submitted::full) std::this_thread::yield();
  }

  // Until what was submitted at the start has been told to the gateway: a client must find its account.
  void wait_until_defined() {
    const Sequence last = recovery_.next + definitions_.instruments.size() + definitions_.accounts.size();
    const SequencerStatus& status = sequencer_->status();
    while (status.released_sequence < last && status.state == SequencerState::running)
      if (asked_to_end(std::chrono::milliseconds(1))) return;
  }

  Result<> open_gateway() {
    door_.open(sequencer_.get());
    TRY(gateway_->start());
    gateway_->became_primary();
    board_.set(ServingState::primary);
    return {};
  }

  void tell_serving() {
    if (!request_.on_serving) return;
    ServingAt at;
    at.gateway_port = gateway_->port();
    at.admin_port = admin_->port();
    at.epoch = sequencer_->status().epoch;
    at.sequence = recovery_.next - 1;
    at.replayed = recovery_.replayed;
    at.tls = !config_.gateway.tls.certificate.empty();
    at.open_access = config_.gateway.credentials.empty();
    request_.on_serving(at);
  }

  void wait_for_the_end() {
    while (!asked_to_end(kPoll)) {}
  }

  Result<> shut_down() {
    const auto deadline = ports_.clock.monotonic() + config_.drain.timeout;
    const SequencerState state = sequencer_->status().state;
    const bool healthy = state == SequencerState::running || state == SequencerState::draining;
    if (healthy) {
      board_.set(ServingState::draining);
      log_.line(Log::Level::info, "draining", {{"orders", config_.drain.cancel_orders ? "cancel" : "keep"}});
      gateway_->drain();
      sequencer_->drain();
      if (config_.drain.cancel_orders) cancel_everything();
    }
    gateway_->stop(deadline);
    const Result<> stopped = sequencer_->stop(std::max(deadline - ports_.clock.monotonic(), port::Duration{}));
    door_.open(nullptr);
    if (keeper_) keeper_->stop(healthy && stopped.ok());
    board_.watch(nullptr);
    admin_->stop();
    const std::string why = sequencer_->status().failure();
    if (sequencer_->status().state == SequencerState::fenced || state == SequencerState::fenced)
      return Error(Code::locked, "another engine is the primary now: " + why,
                   "start this one again: it goes on as soon as it may");
    if (state == SequencerState::storage_failed || !stopped.ok())
      return Error(Code::io, "the journal cannot be written: " + (why.empty() ? stopped.error().text() : why),
                   "every order that was acknowledged is in it; mend the disk and start again");
    log_.line(Log::Level::info, "stopped",
              {{"sequence", std::to_string(sequencer_->status().durable_sequence.load())},
               {"snapshot", std::to_string(sequencer_->status().snapshot_sequence.load())}});
    return {};
  }

  void cancel_everything() {
    Command command;
    command.type = CommandType::mass_cancel;
    command.side = Side{};
    for (AccountId account = 0; account < accounts_; ++account) {
      command.account = account;
      submit(command);
    }
  }

  ServerPorts ports_;
  ServeRequest request_;
  const ServerConfig& config_;
  EndSignal end_;
  Log log_;
  Metrics metrics_;
  StatusBoard board_;
  IntakeDoor door_;
  Definitions definitions_;
  AccountId accounts_ = 0;
  bool stopped_early_ = false;
  std::unique_ptr<Storage> storage_;
  Recovery recovery_;
  std::unique_ptr<AdminServer> admin_;
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<LeaseKeeper> keeper_;
  std::unique_ptr<Sequencer> sequencer_;  // before all that it uses
};

}  // namespace

Result<> serve(const ServerPorts& ports, ServeRequest request) { return Server(ports, std::move(request)).run(); }

}  // namespace nautilus::engine
