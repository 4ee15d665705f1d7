// A session without a socket, in front of a real matching engine that answers at once, on a clock that stands still.
#pragma once

#include <doctest/doctest.h>

#include "core/host/entropy.h"
#include "core/value/json.h"
#include "engine/gateway/session.h"
#include "engine/journal/command_codec.h"
#include "engine/matching/engine.h"

namespace nautilus::testing {

using namespace nautilus::engine;

class StillClock final : public port::Clock {
 public:
  port::WallTime now() const override { return port::WallTime(wall + monotonic_); }
  port::Monotonic monotonic() const override { return monotonic_; }
  void pass(port::Duration time) { monotonic_ += time; }
  port::Duration wall = std::chrono::seconds(1'795'444'200);  // 2026-11-23T14:30:00Z

 private:
  port::Monotonic monotonic_ = std::chrono::seconds(1);
};

class InstantEngine final : public Intake, public StatusProvider {
 public:
  explicit InstantEngine(const port::Clock& clock) : clock_(clock) {}
  Submitted submit(const Command& command) override {
    if (answer != Submitted::taken) return answer;
    std::array<std::byte, kMaxRecordBytes> record;
    const std::size_t length = encode_record(command, record.data());
    Command back;
    CHECK_MESSAGE(decode_record(std::span(record).first(length), back).ok(), name(command.type));
    Command numbered = command;
    numbered.sequence = machine.sequence() + 1;
    numbered.time = clock_.now().time_since_epoch().count();
    std::vector<Event> events;
    machine.apply(numbered, events);
    submitted.push_back(command);
    if (outlet && !events.empty()) outlet->released(events);
    return Submitted::taken;
  }
  EngineStatus status() const override { return {.state = ServingState::primary}; }
  void drain() override {}

  Engine machine;
  Outlet* outlet = nullptr;
  Submitted answer = Submitted::taken;
  std::vector<Command> submitted;

 private:
  const port::Clock& clock_;
};

struct Rig {
  explicit Rig(SessionLimits limits = {}, HubOptions hub = {}) : engine(clock) {
    Command command;
    command.type = CommandType::begin_epoch;
    command.epoch = 1;
    engine.submit(command);
    for (const auto* name : {"alice", "bob"}) {
      command = {};
      command.type = CommandType::define_account;
      command.account_definition.name = AccountName::from(name);
      engine.submit(command);
    }
    command = {};
    command.type = CommandType::define_instrument;
    command.instrument_definition.symbol = Symbol::from("ACME");
    engine.submit(command);
    core = std::make_unique<GatewayCore>(engine, clock, entropy, *auth, engine, log, metrics, nullptr, 0, hub, limits);
    std::vector<Event> known;
    engine.machine.describe(known);
    core->hub.describe(known);
    engine.outlet = &core->hub;
    engine.submitted.clear();
  }

  struct Client {
    explicit Client(Rig& rig)
        : outbox(std::make_shared<Outbox>(rig.core->limits.outbox, [this] { ++woken; })),
          session(*rig.core, outbox, "192.0.2.1", nullptr) {}
    void say(std::string text) { session.on_text(text); }
    // Everything that waits.
    std::vector<Json> read() {
      std::vector<Json> out;
      bool stale = false;
      while (const auto text = outbox->take(stale)) out.push_back(Json::parse(*text));
      return out;
    }
    // The last message that waits; null if none.
    Json last() {
      const auto all = read();
      return all.empty() ? Json() : all.back();
    }
    int woken = 0;
    std::shared_ptr<Outbox> outbox;
    Session session;
  };

  StillClock clock;
  host::OsEntropy entropy;
  InstantEngine engine;
  std::unique_ptr<Authenticator> auth = Authenticator::open_to_all(clock);
  std::string logged;
  Log log{clock, [this](std::string_view line) { logged += line; }};
  Metrics metrics;
  std::unique_ptr<GatewayCore> core;
};

inline std::string order_text(std::string_view client_id, std::string_view side = "buy",
                              std::string_view price = "100.00", std::string_view account = "alice") {
  return fmt::format(
      R"({{"type":"new_order","account":"{}","client_id":"{}","symbol":"ACME","side":"{}","order_type":"limit",)"
      R"("time_in_force":"good_till_cancel","price":"{}","quantity":"10"}})",
      account, client_id, side, price);
}

}  // namespace nautilus::testing
