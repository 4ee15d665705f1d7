#include "engine/server/server.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "engine/gateway/admin.h"
#include "engine/gateway/gateway.h"
#include "engine/gateway/otlp_exporter.h"
#include "engine/host/posix_storage.h"
#include "engine/journal/recovery.h"
#include "engine/matching/engine.h"
#include "engine/replication/primary.h"
#include "engine/replication/standby.h"
#include "engine/sequencer/lease_keeper.h"
#include "engine/sequencer/sequencer.h"
#include "engine/server/status_board.h"
#include "engine/server/takeover.h"

namespace nautilus::engine {

namespace {

constexpr port::Duration kPoll = std::chrono::milliseconds(100);  // how soon a signal is seen
constexpr port::Duration kFarewell = std::chrono::seconds(2);     // for the closing handshakes
constexpr port::Duration kFollowerPoll = std::chrono::milliseconds(5);
constexpr port::Duration kCheckpointQuiet = std::chrono::milliseconds(10);
constexpr int kLockAttempts = 50;  // of kPoll: a predecessor that is just ending

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

std::unique_ptr<Machine> make_machine() { return std::make_unique<Engine>(); }

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
    TRY(open_traces());
    TRY(open_admin());
    TRY(lock_journal().within("opening the journal in " + config_.journal.directory));
    TRY(recover_journal().within("recovering the journal in " + config_.journal.directory));
    TRY(become_primary());
    if (stopped_early_) {
      admin_->stop();
      return {};
    }
    TRY(open_gateway());
    tell_serving();
    wait_for_the_end();
    return shut_down();
  }

 private:
  bool asked_to_end(port::Duration time) { return end_.wait(time) || ports_.interrupt.requested(); }

  Result<> open_traces() {
    const auto& from = config_.traces;
    if (from.endpoint.empty()) return {};
    if (!ports_.connector) return Error(Code::invalid, "traces.endpoint is set, but there is nothing to connect with");
    OtlpOptions options;
    options.endpoint.server = from.endpoint;
    options.endpoint.plain_behind_mesh = from.plain_behind_mesh;
    if (!from.ca.empty()) { ASSIGN_OR_RETURN(options.endpoint.ca_pem, ports_.files.read(from.ca)); }
    options.instance = request_.name;
    ASSIGN_OR_RETURN(traces_, OtlpExporter::start(*ports_.connector, ports_.clock, log_, metrics_, std::move(options)));
    return {};
  }

  Result<> open_admin() {
    AdminOptions options;
    options.address = config_.admin.host;
    options.port = config_.admin.port;
    admin_ = std::make_unique<AdminServer>(board_, metrics_, log_, options);
    return admin_->start();
  }

  Result<> lock_journal() {
    board_.set(ServingState::replaying);
    ASSIGN_OR_RETURN(storage_, open_posix_storage(config_.journal.directory));
    Result<> locked;
    for (int attempt = 0; attempt < kLockAttempts; ++attempt) {
      locked = storage_->lock();
      if (locked.ok() || locked.error().code != Code::locked || asked_to_end(kPoll)) break;
    }
    return locked;
  }

  // Recovers the journal; with another engine to follow, follows it as well until this one may be the primary.
  Result<> recover_journal() {
    const auto begun = ports_.clock.monotonic();
    if (config_.replication.follow) {
      TRY(open_standby());
    } else {
      ASSIGN_OR_RETURN(recovery_, recover(*storage_, make_machine));
      tell_recovered(recovery_, begun);
    }
    return {};
  }

  void tell_recovered(const Recovery& recovery, port::Monotonic begun) {
    for (const std::string& note : recovery.notes) log_.line(Log::Level::warning, "recovery", {{"note", note}});
    const auto took = std::chrono::duration<double>(ports_.clock.monotonic() - begun).count();
    log_.line(Log::Level::info, "recovered",
              {{"sequence", std::to_string(recovery.next - 1)},
               {"snapshot", std::to_string(recovery.snapshot_sequence)},
               {"replayed", std::to_string(recovery.replayed)},
               {"seconds", fmt::format("{:.3f}", took)},
               {"state_hash", fmt::format("{:016x}", recovery.machine->state_hash())}});
  }

  Result<> open_standby() {
    const auto& from = config_.replication;
    StandbyOptions options;
    options.host = in_shard(from.follow->host);
    options.port = from.follow->port;
    options.name = request_.name;
    options.candidate = request_.epoch != nullptr;
    options.snapshot_every = config_.journal.snapshot_every;
    ASSIGN_OR_RETURN(options.tls, identity());
    ASSIGN_OR_RETURN(standby_, Standby::open(*storage_, make_machine, ports_.clock, std::move(options)));
    const StandbyStatus& status = standby_->status();
    log_.line(Log::Level::info, "standby",
              {{"sequence", std::to_string(status.durable_sequence)}, {"follows", options_text(*from.follow)}});
    board_.watch(&status);
    return standby_->start();
  }

  std::string options_text(const Address& address) const {
    return fmt::format("{}:{}", in_shard(address.host), address.port);
  }
  std::string in_shard(std::string host) const {
    constexpr std::string_view kPlace = "{shard}";
    if (const auto at = host.find(kPlace); at != std::string::npos)
      host.replace(at, kPlace.size(), std::to_string(request_.shard));
    return host;
  }

  Result<TlsIdentity> identity() const {
    const auto& from = config_.replication;
    TlsIdentity out;
    out.plain = from.certificate.empty();
    if (out.plain) return out;
    ASSIGN_OR_RETURN(out.certificate_pem, ports_.files.read(from.certificate));
    ASSIGN_OR_RETURN(out.key_pem, ports_.files.read(from.key));
    ASSIGN_OR_RETURN(out.ca_pem, ports_.files.read(from.ca));
    out.peer_name = in_shard(from.peer_name);
    return out;
  }

  // ---- who is the primary

  // Nothing: this one may be. Else why not.
  Result<std::optional<std::string>> why_not_now() {
    if (request_.take_over || (!config_.replication.listen && !config_.replication.follow)) return std::nullopt;
    TakeoverFacts facts;
    ASSIGN_OR_RETURN(facts.newest, request_.epoch->observe());
    ASSIGN_OR_RETURN(facts.held, read_held_epoch(*storage_));
    facts.synchronous = config_.replication.synchronous;
    facts.accepted_lag = config_.replication.accepted_lag;
    facts.lease = request_.epoch->time_to_live() * 2;  // its whole life, and the margin that a contender waits
    if (standby_) {
      const StandbyStatus& status = standby_->status();
      facts.journal = status.journal_epoch;
      if (const auto at = status.in_step_at.load(); at != 0)
        facts.in_step = ports_.clock.monotonic() - port::Monotonic(port::Duration(at));
    } else {
      facts.journal = recovery_.epochs.empty() ? 0 : recovery_.epochs.back().epoch;
    }
    return why_not_take_over(facts);
  }

  // The last trouble of the connection to the primary, once.
  void tell_trouble(const Standby& standby, std::string& told) {
    const std::string trouble =
        standby.status().state == StandbyState::following ? std::string() : standby.status().failure();
    if (trouble == told) return;
    if (!trouble.empty()) log_.line(Log::Level::warning, "not_following", {{"reason", trouble}});
    told = trouble;
  }

  // False: it was asked to end before it was its turn.
  Result<bool> await_turn(Epoch& epoch) {
    const Epoch known = standby_ ? 0 : recovery_.machine->epoch();
    epoch = known + 1;
    if (!request_.epoch && !standby_) return true;
    board_.set(ServingState::standby);
    tell_role(false);
    std::string told, told_trouble;
    for (;;) {
      if (standby_) tell_trouble(*standby_, told_trouble);
      if (standby_ && standby_->status().state == StandbyState::failed)
        return Error(Code::invalid, "the standby cannot go on: " + standby_->status().failure(),
                     "empty its journal's directory to have it copied anew, or mend the cause");
      std::string reason = "a copy without an epoch never takes over", holder;
      if (request_.epoch) {
        auto why = why_not_now();
        if (why.ok() && !*why) {
          auto lease = request_.epoch->acquire(standby_ ? standby_->status().highest_epoch.load() : known);
          if (lease.ok()) {
            epoch = lease->epoch;
            keeper_ = std::make_unique<LeaseKeeper>(*request_.epoch, ports_.clock, *lease);
            return true;
          }
          if (lease.error().code != Code::locked) return std::move(lease).error().within("becoming the primary");
          reason = lease.error().message, holder = lease.error().hint;
        } else {
          reason = why.ok() ? **why : why.error().text();
        }
      }
      if (told != reason) log_.line(Log::Level::info, "waiting", {{"reason", reason}, {"holder", holder}});
      told = reason;
      const port::Duration pause = request_.epoch ? request_.epoch->time_to_live() / 3 : port::Duration(kPoll * 10);
      if (asked_to_end(std::min<port::Duration>(pause, std::chrono::seconds(1)))) return false;
    }
  }

  Result<> become_primary() {
    Epoch epoch = 0;
    ASSIGN_OR_RETURN(const bool mine, await_turn(epoch));
    if (!mine) {
      stopped_early_ = true;
      board_.watch(static_cast<const StandbyStatus*>(nullptr));
      return standby_ ? standby_->stop() : Result<>();
    }
    std::optional<JournalWriter> writer;
    if (standby_ && standby_->status().has_journal) {
      ASSIGN_OR_RETURN(Promoted promoted, standby_->promote());
      recovery_ = std::move(promoted.recovery);
      writer.emplace(std::move(promoted.writer));
      log_.line(Log::Level::info, "taking_over",
                {{"epoch", std::to_string(epoch)}, {"sequence", std::to_string(recovery_.next - 1)}});
    } else {
      if (standby_) {  // the first of all: there was nothing to follow
        TRY(standby_->stop(false));
        ASSIGN_OR_RETURN(recovery_, recover(*storage_, make_machine));
      }
      JournalId id;
      ports_.entropy.fill(std::as_writable_bytes(std::span(id.bytes)));
      ASSIGN_OR_RETURN(auto made, continue_journal(*storage_, recovery_, id));
      writer.emplace(std::move(made));
    }
    board_.watch(static_cast<const StandbyStatus*>(nullptr));
    if (request_.epoch) TRY(write_held_epoch(*storage_, epoch));
    TRY(listen_for_followers(epoch).within("listening for followers"));
    TRY(create_gateway());
    SequencerOptions options;
    options.snapshot_every = config_.journal.snapshot_every;
    options.keep_snapshots = config_.journal.keep_snapshots;
    options.checkpoint_every = config_.journal.checkpoint_every;
    options.checkpoint_quiet = kCheckpointQuiet;
    sequencer_ =
        std::make_unique<Sequencer>(SequencerParts{*recovery_.machine, *storage_, gateway_->outlet(), ports_.clock,
                                                   replication_.get(), keeper_.get(), make_machine},
                                    std::move(*writer), recovery_, epoch, options);
    sequencer_->on_end([this](SequencerState state) {
      log_.line(Log::Level::error, "ended", {{"state", name(state)}, {"reason", sequencer_->status().failure()}});
      end_.set();
    });
    board_.watch(&sequencer_->status());
    if (replication_) {
      replication_->on_advance([this] { sequencer_->replication_advanced(); });
      replication_->on_fenced([this](Epoch higher) {
        if (keeper_) keeper_->fence();
        sequencer_->fence(fmt::format("a follower knows epoch {}", higher));
      });
      board_.watch(replication_.get());
    }
    if (keeper_) {
      keeper_->on_lost([this] { sequencer_->fence("the lease on the epoch was lost"); });
      keeper_->run();
    }
    TRY(sequencer_->start());
    define();
    wait_until_defined();
    return {};
  }

  Result<> listen_for_followers(Epoch epoch) {
    const auto& from = config_.replication;
    if (!from.listen) return {};
    PrimaryOptions options;
    options.address = from.listen->host;
    options.port = from.listen->port;
    options.required = from.synchronous ? 1 : 0;
    ASSIGN_OR_RETURN(options.tls, identity());
    ASSIGN_OR_RETURN(
        replication_,
        ReplicationPrimary::listen(*storage_, ports_.clock,
                                   {recovery_.journal, epoch, recovery_.epochs, recovery_.next}, std::move(options)));
    log_.line(Log::Level::info, "listening_for_followers",
              {{"port", std::to_string(replication_->port())}, {"mode", from.synchronous ? "sync" : "async"}});
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
    options.trace_one_in = config_.traces.sample_one_in;
    ASSIGN_OR_RETURN(gateway_,
                     Gateway::create({ports_.clock, ports_.files, ports_.entropy, log_, metrics_, traces_.get()}, door_,
                                     board_, options));
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
    tell_role(true);
    return {};
  }

  void tell_role(bool primary) {
    if (request_.on_role) request_.on_role(primary);
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
    const SequencerState state = sequencer_->status().state;
    const bool healthy = state == SequencerState::running || state == SequencerState::draining;
    // Nothing can be told any more by one that is fenced or has lost its disk: nobody is waited for.
    const auto deadline = ports_.clock.monotonic() + (healthy ? config_.drain.timeout : kFarewell);
    tell_role(false);
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
    if (replication_) {
      if (healthy && stopped.ok()) wait_for_followers(deadline);
      replication_->stop();
    }
    if (keeper_) keeper_->stop(healthy && stopped.ok());  // whoever takes over has had every chance to hold it all
    admin_->stop();
    board_.watch(static_cast<const SequencerStatus*>(nullptr));
    board_.watch(static_cast<const ReplicationPrimary*>(nullptr));
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

  // Those that are connected get what they lack, so that an orderly handover loses nothing in asynchronous mode either.
  void wait_for_followers(port::Monotonic deadline) {
    const auto behind = [&] {
      for (const FollowerStatus& one : replication_->followers())
        if (one.connected && one.lag_records > 0) return true;
      return false;
    };
    EndSignal never;
    while (behind() && ports_.clock.monotonic() < deadline) (void)never.wait(kFollowerPoll);
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
  std::unique_ptr<Standby> standby_;
  Recovery recovery_;
  std::unique_ptr<OtlpExporter> traces_;
  std::unique_ptr<AdminServer> admin_;
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<LeaseKeeper> keeper_;
  std::unique_ptr<ReplicationPrimary> replication_;
  std::unique_ptr<Sequencer> sequencer_;  // before all that it uses
};

}  // namespace

Result<> serve(const ServerPorts& ports, ServeRequest request) { return Server(ports, std::move(request)).run(); }

}  // namespace nautilus::engine
