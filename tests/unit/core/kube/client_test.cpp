#include "core/kube/client.h"

#include <doctest/doctest.h>

#include "core/kube/writer.h"
#include "tests/support/fake_transport.h"

namespace nautilus::kube {
namespace {

using test::FakeTransport;
using test::FakeWorld;
using test::Rule;

struct Fixture : FakeWorld {
  ClientOptions options;
  std::unique_ptr<Client> client;
  Client& make(std::unique_ptr<Authenticator> auth = nullptr) {
    Client::Wiring wiring{clock,
                          entropy,
                          interrupt,
                          "https://api.test:6443",
                          std::make_unique<FakeTransport>(clock, connector.log),
                          std::move(auth),
                          {},
                          ""};
    client = std::make_unique<Client>(std::move(wiring), options);
    return *client;
  }
  Response run(const std::string& method, bool idempotent = false) {
    if (!client) make();
    Request request;
    request.method = method;
    request.target = "/api/v1/namespaces/n/configmaps/x";
    if (method != "GET") request.body = Json{{"a", 1}};
    request.idempotent = idempotent;
    return client->call(std::move(request));
  }
};

Rule failing(Code code, int times = -1) {
  Rule rule;
  rule.failure = Error(code, "lost");
  rule.times = times;
  return rule;
}
Rule answering(int status, std::string body = "{}", std::vector<port::Header> headers = {}, int times = 1) {
  Rule rule;
  rule.status = status;
  rule.body = std::move(body);
  rule.headers = std::move(headers);
  rule.times = times;
  return rule;
}

}  // namespace

TEST_CASE("what is sent again, how often, and when it is not") {
  struct Case {
    const char* name;
    std::vector<Rule> rules;
    const char* method;
    bool idempotent;
    bool contacted_before;
    std::size_t attempts;
    bool ok;
    bool unknown;
    double min_seconds, max_seconds;
  };
  const Case cases[] = {
      {"GET, lost once", {failing(Code::io, 1), answering(200)}, "GET", false, false, 2, true, false, 0.1, 0.3},
      {"GET, always lost", {failing(Code::io)}, "GET", false, true, 7, false, false, 5, 30},
      {"POST, lost after it was sent", {failing(Code::io)}, "POST", false, true, 1, false, true, 0, 0},
      {"POST, timed out", {failing(Code::timeout)}, "POST", false, true, 1, false, true, 0, 0},
      {"POST, no connection",
       {failing(Code::unreachable, 2), answering(201)},
       "POST",
       false,
       true,
       3,
       true,
       false,
       0.3,
       2},
      {"apply, lost once", {failing(Code::io, 1), answering(200)}, "PATCH", true, true, 2, true, false, 0.1, 0.3},
      {"never any contact", {failing(Code::unreachable)}, "GET", false, false, 3, false, false, 0.3, 2},
      {"contact before", {failing(Code::unreachable)}, "GET", false, true, 7, false, false, 5, 30},
      {"GET, timed out twice", {failing(Code::timeout)}, "GET", false, true, 2, false, false, 0.1, 1},
      {"429 with Retry-After",
       {answering(429, "", {{"Retry-After", "3"}}, 2), answering(200)},
       "POST",
       false,
       true,
       3,
       true,
       false,
       6,
       6.1},
      {"429 without", {answering(429)}, "GET", false, true, 1, false, false, 0, 0},
      {"429 for ever",
       {answering(429, "", {{"Retry-After", "1"}}, -1)},
       "GET",
       false,
       true,
       12,
       false,
       false,
       11,
       11.1},
      {"429 asking too much",
       {answering(429, "", {{"Retry-After", "3600"}}, -1)},
       "GET",
       false,
       true,
       1,
       false,
       false,
       0,
       0},
      {"429 with nonsense",
       {answering(429, "", {{"Retry-After", "soon"}}, -1)},
       "GET",
       false,
       true,
       1,
       false,
       false,
       0,
       0},
      {"503 with Retry-After",
       {answering(503, "", {{"Retry-After", "1"}}), answering(200)},
       "GET",
       false,
       true,
       2,
       true,
       false,
       1,
       1.1},
      {"503 with Retry-After, create",
       {answering(503, "", {{"Retry-After", "1"}}, -1)},
       "POST",
       false,
       true,
       1,
       false,
       false,
       0,
       0},
      {"503 without", {answering(503)}, "GET", false, true, 1, false, false, 0, 0},
      {"504, GET", {answering(504), answering(200)}, "GET", false, true, 2, true, false, 0.1, 0.3},
      {"502, POST", {answering(502)}, "POST", false, true, 1, false, false, 0, 0},
      {"500 without", {answering(500)}, "GET", false, true, 1, false, false, 0, 0},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    Fixture fixture;
    fixture.make();
    if (c.contacted_before) {
      fixture.rule(answering(200));
      REQUIRE(fixture.run("GET").ok());
      fixture.log().requests.clear();
      fixture.log().rules.clear();
    }
    for (const Rule& rule : c.rules) fixture.rule(rule);
    const double before = fixture.clock.seconds();
    const Response response = fixture.run(c.method, c.idempotent);
    CHECK(response.ok() == c.ok);
    CHECK(fixture.log().requests.size() == c.attempts);
    CHECK(response.attempts == static_cast<int>(c.attempts));
    CHECK(response.outcome_unknown == c.unknown);
    CHECK(fixture.clock.seconds() - before >= c.min_seconds);
    CHECK(fixture.clock.seconds() - before <= c.max_seconds);
  }
}

TEST_CASE("a certificate that is not trusted is not tried again") {
  Fixture fixture;
  Rule rule = failing(Code::unreachable);
  rule.permanent = true;
  fixture.rule(rule);
  CHECK(fixture.run("GET").error.code == Code::unreachable);
  CHECK(fixture.log().requests.size() == 1);
}

TEST_CASE("an eviction that a disruption budget refuses comes back at once") {
  Fixture fixture;
  fixture.rule(
      answering(429,
                R"({"kind":"Status","reason":"TooManyRequests","message":"Cannot evict pod as it would violate )"
                R"(the pod's disruption budget.","details":{"causes":[{"reason":"DisruptionBudget","message":"x"}]}})",
                {{"Retry-After", "10"}}, -1));
  fixture.make();
  const Response response = fixture.client->call(evict_request("n", "p"));
  CHECK(response.error.code == Code::refused);
  CHECK(response.attempts == 1);
  CHECK(fixture.log().requests.at(0).request.target == "/api/v1/namespaces/n/pods/p/eviction");
}

TEST_CASE("no more requests are on their way than allowed, and all of them are answered in order") {
  Fixture fixture;
  fixture.options.max_in_flight = 8;
  fixture.make();
  Rule rule = answering(200, "{}", {}, -1);
  rule.delay = std::chrono::milliseconds(5);
  fixture.rule(rule);
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) {
    Request request;
    request.target = "/api/v1/pods";
    fixture.client->send(std::move(request), [&order, i](const Response&) { order.push_back(i); });
  }
  CHECK(fixture.log().requests.empty());  // nothing happens inside send()
  REQUIRE(fixture.client->run_until([&] { return order.size() == 100; }, port::Monotonic::max()).ok());
  CHECK(fixture.log().most_in_flight == 8);
  CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("streams do not take the places of requests") {
  Fixture fixture;
  fixture.options.max_in_flight = 1;
  fixture.make();
  Rule stream = answering(200, "", {}, -1);
  stream.target = "/watch";
  stream.hang = true;
  fixture.rule(stream);
  fixture.rule(answering(200));
  for (int i = 0; i < 3; ++i) {
    Request request;
    request.target = "/watch";
    fixture.client->stream(std::move(request), {});
  }
  CHECK(fixture.run("GET").ok());
  CHECK(fixture.log().requests.size() == 4);
}

TEST_CASE("cancelled calls and timers do not call back") {
  Fixture fixture;
  fixture.make();
  Rule rule = answering(200, "{}", {}, -1);
  rule.delay = std::chrono::seconds(1);
  fixture.rule(rule);
  bool called = false;
  Request request;
  request.target = "/x";
  const CallId waiting = fixture.client->send(request, [&](const Response&) { called = true; });
  fixture.client->cancel(waiting);
  const CallId sent = fixture.client->send(request, [&](const Response&) { called = true; });
  bool ticked = false;
  fixture.client->after(std::chrono::milliseconds(10), [&] {
    fixture.client->cancel(sent);
    ticked = true;
  });
  const TimerId timer = fixture.client->after(std::chrono::milliseconds(20), [&] { called = true; });
  fixture.client->cancel_timer(timer);
  const auto deadline = fixture.clock.monotonic() + std::chrono::seconds(5);
  CHECK(fixture.client->run_until([] { return false; }, deadline).error().code == Code::timeout);
  CHECK(ticked);
  CHECK_FALSE(called);
  CHECK(fixture.log().cancelled == 1);
  CHECK(fixture.clock.seconds() == doctest::Approx(5));
}

TEST_CASE("a cancelled call that waits for its retry stays cancelled") {
  Fixture fixture;
  fixture.make();
  fixture.rule(failing(Code::io, 1));
  fixture.rule(answering(200, "{}", {}, -1));
  bool called = false;
  Request request;
  request.target = "/x";
  const CallId id = fixture.client->send(request, [&](const Response&) { called = true; });
  fixture.client->after(std::chrono::milliseconds(10), [&] { fixture.client->cancel(id); });
  const auto deadline = fixture.clock.monotonic() + std::chrono::seconds(30);
  CHECK(fixture.client->run_until([] { return false; }, deadline).error().code == Code::timeout);
  CHECK_FALSE(called);
  CHECK(fixture.log().requests.size() == 1);
}

TEST_CASE("an interrupt ends waiting, and an uninterrupted section goes on") {
  Fixture fixture;
  fixture.make();
  fixture.rule(answering(200, "{}", {}, -1));
  fixture.interrupt.flag = true;
  CHECK(fixture.run("GET").error.code == Code::interrupted);
  {
    const Uninterrupted section(*fixture.client);
    CHECK(fixture.run("GET").ok());
  }
  CHECK(fixture.run("GET").error.code == Code::interrupted);
}

TEST_CASE("waiting for what cannot happen is an error, not a hang") {
  Fixture fixture;
  fixture.make();
  CHECK(fixture.client->run_until([] { return false; }, port::Monotonic::max()).error().code == Code::internal);
}

TEST_CASE("callbacks may call: the loop is re-entrant") {
  Fixture fixture;
  fixture.make();
  fixture.rule(answering(200, R"({"n":1})", {}, -1));
  int inner = 0, outer = 0;
  Request request;
  request.target = "/x";
  for (int i = 0; i < 3; ++i) {
    fixture.client->send(request, [&](const Response&) {
      inner += fixture.client->call(request).body.value("n", 0);
      ++outer;
    });
  }
  REQUIRE(fixture.client->run_until([&] { return outer == 3; }, port::Monotonic::max()).ok());
  CHECK(inner == 3);
}

namespace {

class Rotating final : public Authenticator {
 public:
  explicit Rotating(int& renewals, bool can_renew) : renewals_(renewals), can_renew_(can_renew) {}
  Result<Credentials> credentials() override {
    Credentials out;
    out.headers.push_back({"Authorization", "Bearer token" + std::to_string(renewals_)});
    return out;
  }
  bool invalidate() override {
    if (can_renew_) ++renewals_;
    return can_renew_;
  }
  std::string explain_refusal() override { return "because"; }

 private:
  int& renewals_;
  bool can_renew_;
};

}  // namespace

TEST_CASE("401 renews the credentials once, for all calls that were on their way") {
  Fixture fixture;
  int renewals = 0;
  fixture.make(std::make_unique<Rotating>(renewals, true));
  fixture.rule(answering(401, "{}", {}, 5));
  fixture.rule(answering(200, "{}", {}, -1));
  int good = 0;
  for (int i = 0; i < 5; ++i) {
    Request request;
    request.target = "/x";
    fixture.client->send(std::move(request), [&](const Response& r) { good += r.ok() ? 1 : 0; });
  }
  REQUIRE(
      fixture.client->run_until([&] { return good == 5; }, fixture.clock.monotonic() + std::chrono::seconds(5)).ok());
  CHECK(renewals == 1);
  CHECK(fixture.log().requests.size() == 10);
  CHECK(fixture.log().requests.front().header("Authorization") == "Bearer token0");
  CHECK(fixture.log().requests.back().header("Authorization") == "Bearer token1");
}

TEST_CASE("401 that stays is an error with the authenticator's explanation") {
  for (const bool can_renew : {true, false}) {
    Fixture fixture;
    int renewals = 0;
    fixture.make(std::make_unique<Rotating>(renewals, can_renew));
    fixture.rule(answering(401, "{}", {}, -1));
    const Response response = fixture.run("GET");
    CHECK(response.error.code == Code::unauthorized);
    CHECK(response.error.hint == "because");
    CHECK(fixture.log().requests.size() == (can_renew ? 2 : 1));
    CHECK(response.error.message.find("token") == std::string::npos);
  }
}

TEST_CASE("warnings are parsed, escaped and shown once") {
  Fixture fixture;
  fixture.make();
  std::vector<std::string> shown;
  fixture.client->on_warning([&](const std::string& text) { shown.push_back(text); });
  fixture.rule(answering(
      200, "{}",
      {{"Warning", "299 - \"unknown field \\\"spec.foo\\\"\", 299 - \"second\" \"Tue, 15 Nov 2026 08:12:31 GMT\""},
       {"warning", "199 - \"not ours\""},
       {"WARNING", "299 - \"es\x1b[31mcape\""}},
      -1));
  const Response response = fixture.run("GET");
  const std::vector<std::string> expected{"unknown field \"spec.foo\"", "second", "es\\x1b[31mcape"};
  CHECK(response.warnings == expected);
  (void)fixture.run("GET");
  CHECK(shown == expected);
}

TEST_CASE("answers that are not what they should be") {
  Fixture fixture;
  fixture.make();
  fixture.rule(answering(200, "<html>"));
  CHECK(fixture.run("GET").error.code == Code::io);
  fixture.rule(answering(302, ""));
  CHECK(fixture.run("GET").error.message.find("redirect") != std::string::npos);
  fixture.rule(answering(403, "<html>\x1b[2Jno</html>"));
  const Response response = fixture.run("GET");
  CHECK(response.error.code == Code::forbidden);
  CHECK(response.error.message.find('\x1b') == std::string::npos);
}

TEST_CASE("a stream delivers bytes, and a refused one its Status") {
  Fixture fixture;
  fixture.make();
  Rule rule = answering(200);
  rule.body.clear();
  rule.chunks = {"ab", "c"};
  fixture.rule(rule);
  fixture.rule(answering(410, R"({"kind":"Status","reason":"Expired","message":"too old","code":410})"));
  std::string got;
  std::optional<Response> end;
  StreamHandlers handlers;
  handlers.on_data = [&](std::string_view bytes) { got += bytes; };
  handlers.on_done = [&](Response response) { end = std::move(response); };
  Request request;
  request.target = "/x";
  fixture.client->stream(request, handlers);
  REQUIRE(fixture.client->run_until([&] { return end.has_value(); }, port::Monotonic::max()).ok());
  CHECK(got == "abc");
  CHECK(end->ok());
  end.reset();
  fixture.client->stream(request, handlers);
  REQUIRE(fixture.client->run_until([&] { return end.has_value(); }, port::Monotonic::max()).ok());
  CHECK(end->error.code == Code::gone);
  CHECK(end->api_status->reason == "Expired");
}

}  // namespace nautilus::kube
