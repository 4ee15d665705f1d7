#include "engine/gateway/session.h"

#include <doctest/doctest.h>

#include "tests/unit/engine/gateway/rig.h"

using namespace nautilus;
using namespace nautilus::engine;
using nautilus::testing::order_text;
using nautilus::testing::Rig;

TEST_CASE("nothing is said before the logon but ping") {
  Rig rig;
  Rig::Client client(rig);
  client.say(order_text("a"));
  CHECK(client.last()["code"] == "not_logged_on");
  client.say(R"({"type":"ping","request_id":"7"})");
  CHECK(client.last()["request_id"] == "7");
  CHECK(rig.engine.submitted.empty());
  client.say(R"({"type":"logon"})");
  const Json logged = client.last();
  CHECK(logged["type"] == "logged_on");
  CHECK(logged["accounts"].size() == 2);
  CHECK(logged["accounts"][0]["last"] == 0);
  client.say(R"({"type":"logon"})");
  CHECK(client.last()["code"] == "already_logged_on");
}

TEST_CASE("the engine's session begins with the first order and ends with the connection, once") {
  Rig rig;
  {
    Rig::Client client(rig);
    client.say(R"({"type":"logon"})");
    CHECK(rig.engine.submitted.empty());
    client.say(order_text("a"));
    client.say(order_text("b"));
    client.say(order_text("c", "buy", "99.00", "bob"));
    REQUIRE(rig.engine.submitted.size() == 5);
    CHECK(rig.engine.submitted[0].type == CommandType::open_session);
    CHECK(rig.engine.submitted[0].enabled);
    CHECK(rig.engine.submitted[1].session == rig.engine.submitted[0].session);
    CHECK(rig.engine.submitted[3].type == CommandType::open_session);
    CHECK(rig.engine.submitted[3].session != rig.engine.submitted[0].session);
    CHECK_FALSE(rig.core->all_closed());
    client.session.end();
    client.session.end();
    CHECK(rig.engine.submitted.size() == 7);
  }
  CHECK(rig.engine.submitted.size() == 7);
  CHECK(rig.core->all_closed());
  CHECK(rig.engine.machine.open_orders() == 0);
}

TEST_CASE("a session's end is tried again until the intake takes it") {
  Rig rig;
  Rig::Client client(rig);
  client.say(R"({"type":"logon"})");
  client.say(order_text("a"));
  rig.engine.answer = Submitted::full;
  client.say(order_text("b"));
  CHECK(client.last()["code"] == "overloaded");
  client.session.end();
  rig.core->retry_closes();
  CHECK(rig.core->closes_waiting() == 1);
  CHECK(rig.engine.machine.open_orders() == 1);
  rig.engine.answer = Submitted::taken;
  rig.core->retry_closes();
  CHECK(rig.core->closes_waiting() == 0);
  CHECK(rig.engine.machine.open_orders() == 0);
}

TEST_CASE("sessions that a former process left are ended by the next primary, its own are not") {
  Rig rig;
  Command open;
  open.type = CommandType::open_session;
  open.account = 0;
  open.session = 77;
  open.enabled = true;
  rig.engine.submit(open);
  Rig::Client client(rig);
  client.say(R"({"type":"logon"})");
  client.say(order_text("mine"));
  CHECK(rig.core->hub.open_sessions().size() == 2);
  rig.core->close_orphans();
  CHECK(rig.core->hub.open_sessions().size() == 1);
  CHECK(rig.engine.machine.open_orders() == 1);
}

TEST_CASE("what the intake does not take is said in its own word") {
  for (const auto& [answer, word] : {std::pair{Submitted::full, "overloaded"},
                                     {Submitted::not_primary, "not_primary"},
                                     {Submitted::stopping, "stopping"},
                                     {Submitted::malformed, "bad_value"},
                                     {Submitted::storage, "storage"}}) {
    Rig rig;
    Rig::Client client(rig);
    client.say(R"({"type":"logon"})");
    rig.engine.answer = answer;
    client.say(order_text("a"));
    CHECK(client.last()["code"] == word);
  }
}

TEST_CASE("the clock closes who does not log on, and who promised a heartbeat and is silent") {
  Rig rig;
  Rig::Client late(rig), silent(rig), quiet(rig);
  silent.say(R"({"type":"logon","heartbeat_seconds":5})");
  quiet.say(R"({"type":"logon"})");
  rig.clock.pass(std::chrono::seconds(10) + std::chrono::milliseconds(1));
  for (auto* client : {&late, &silent, &quiet}) client->session.on_tick();
  CHECK(late.session.wants_close() == CloseCode::logon_timeout);
  CHECK(silent.session.wants_close() == CloseCode::heartbeat);
  CHECK_FALSE(quiet.session.wants_close().has_value());
}

TEST_CASE("an outbox that overflows closes the session, market data alone never does") {
  SessionLimits limits;
  limits.outbox = {4000, 2000};
  Rig rig(limits);
  Rig::Client trader(rig), watcher(rig);
  trader.say(R"({"type":"logon"})");
  for (int i = 0; i < 20; ++i) trader.say(order_text("o" + std::to_string(i)));
  CHECK(trader.outbox->overflowed());
  trader.session.on_tick();
  CHECK(trader.session.wants_close() == CloseCode::slow_consumer);
  CHECK(rig.metrics.slow_consumers == 1);
}

TEST_CASE("market data that is not read becomes one snapshot, from which the deltas go on") {
  SessionLimits limits;
  limits.outbox.max_market = 2000;
  Rig rig(limits);
  auto outbox = std::make_shared<Outbox>(limits.outbox, [] {});
  REQUIRE(rig.core->hub.subscribe(0, outbox, 10));
  Rig::Client trader(rig);
  trader.say(R"({"type":"logon"})");
  for (int i = 0; i < 50; ++i) trader.say(order_text("o" + std::to_string(i), "buy", std::to_string(10 + i) + ".00"));
  bool stale = false;
  CHECK(outbox->take(stale) == nullptr);
  REQUIRE(stale);
  CHECK(outbox->dropped() > 40);
  rig.core->hub.refresh_stale(outbox);
  const auto snapshot = outbox->take(stale);
  REQUIRE(snapshot != nullptr);
  const Json text = Json::parse(*snapshot);
  CHECK(text["bids"].size() == 50);
  CHECK(text["market_sequence"] == 50);
  CHECK_FALSE(stale);
  trader.say(order_text("next", "buy", "9.00"));
  const auto delta = outbox->take(stale);
  REQUIRE(delta != nullptr);
  CHECK(Json::parse(*delta)["market_sequence"] == 51);
  rig.core->hub.leave(outbox);
}

TEST_CASE("after a restart reports go on where they were, and what is gone is a gap") {
  Rig before;
  Rig::Client client(before);
  client.say(R"({"type":"logon","cancel_on_disconnect":false})");
  for (int i = 0; i < 3; ++i) client.say(order_text("o" + std::to_string(i)));
  std::vector<Event> known;
  before.engine.machine.describe(known);
  Metrics metrics;
  Hub after(before.clock, metrics);
  after.describe(known);
  Outbox outbox({}, [] {});
  CHECK(after.resume(0, 3, "", outbox).complete);
  const auto gap = after.resume(0, 1, "", outbox);
  CHECK_FALSE(gap.complete);
  CHECK(gap.last == 3);
  CHECK(after.query([](const Directory& directory) { return directory.open_orders(0, 0, 10).size(); }) == 3);
  CHECK(after.query([](const Directory& directory) {
    return directory.find(AccountId{0}, ClientOrderId::from("o1"))->leaves;
  }) == 10);
}

TEST_CASE("tags are unique and tell how long an answer took") {
  Rig rig;
  std::set<std::uint64_t> tags;
  for (int i = 0; i < 1000; ++i) tags.insert(rig.core->hub.next_tag());
  CHECK(tags.size() == 1000);
  CHECK_FALSE(tags.contains(0));
  Rig::Client client(rig);
  client.say(R"({"type":"logon"})");
  client.say(order_text("a"));
  CHECK(rig.metrics.execution_latency.count() == 1);
}
