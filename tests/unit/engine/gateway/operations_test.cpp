#include <doctest/doctest.h>

#include <cmath>

#include "engine/gateway/admin.h"
#include "engine/gateway/otlp_exporter.h"
#include "engine/gateway/volatility.h"
#include "tests/support/memory_filesystem.h"
#include "tests/unit/engine/gateway/rig.h"

using namespace nautilus;
using namespace nautilus::engine;
using nautilus::testing::Rig;
using nautilus::testing::StillClock;

TEST_CASE("ready only as the primary, alive in every state") {
  struct Fixed final : StatusProvider {
    ServingState state = ServingState::starting;
    mutable int drains = 0;
    bool in_step = false;
    EngineStatus status() const override { return {.state = state, .in_step = in_step}; }
    void drain() override { ++drains; }
  } status;
  Metrics metrics;
  for (const auto state :
       {ServingState::starting, ServingState::replaying, ServingState::standby, ServingState::primary,
        ServingState::draining, ServingState::halted_storage, ServingState::fenced}) {
    status.state = state;
    CAPTURE(name(state));
    CHECK(answer_admin("GET", "/livez", status, metrics).status == 200);
    CHECK(answer_admin("GET", "/readyz", status, metrics).status == (state == ServingState::primary ? 200 : 503));
    CHECK(answer_admin("GET", "/readyz", status, metrics).body == std::string(name(state)) + "\n");
    CHECK(answer_admin("GET", "/standbyz", status, metrics).status == (state == ServingState::primary ? 200 : 503));
    status.in_step = true;
    const bool counts = state == ServingState::primary || state == ServingState::standby;
    CHECK(answer_admin("GET", "/standbyz", status, metrics).status == (counts ? 200 : 503));
    status.in_step = false;
  }
  CHECK(answer_admin("GET", "/drainz", status, metrics).status == 200);
  CHECK(status.drains == 0);
  CHECK(answer_admin("POST", "/drainz", status, metrics).status == 202);
  CHECK(status.drains == 1);
  CHECK(answer_admin("POST", "/metrics", status, metrics).status == 405);
  CHECK(answer_admin("GET", "/", status, metrics).status == 404);
}

TEST_CASE("each follower has its lag, under a name that breaks nothing") {
  Metrics metrics;
  EngineStatus status{.state = ServingState::primary};
  CHECK(prometheus_text(metrics, status).find("nautilus_engine_follower") == std::string::npos);
  status.followers = {{"b\"\n\\", true, 7, 1.5}};
  const std::string text = prometheus_text(metrics, status);
  for (const char* line : {"nautilus_engine_follower_connected{follower=\"b\\\"?\\\\\"} 1\n",
                           "nautilus_engine_follower_lag_commands{follower=\"b\\\"?\\\\\"} 7\n",
                           "nautilus_engine_follower_lag_seconds{follower=\"b\\\"?\\\\\"} 1.5\n"})
    CHECK_MESSAGE(text.find(line) != std::string::npos, text);
}

TEST_CASE("log lines are JSON, bounded in rate, and say what was held back") {
  StillClock clock;
  std::vector<std::string> lines;
  Log log(clock, [&](std::string_view line) { lines.emplace_back(line); });
  log.line(Log::Level::debug, "quiet");
  log.line(Log::Level::error, "loud", {{"what", "a\"b\n\x1b[31m\xff"}});
  REQUIRE(lines.size() == 1);
  const Json line = Json::parse(lines[0]);
  CHECK(line["level"] == "error");
  CHECK(line["time"] == "2026-11-23T14:30:01.000000Z");
  CHECK(lines[0].find('\x1b') == std::string::npos);
  for (int i = 0; i < 100; ++i) log.line(Log::Level::info, "flood");
  CHECK(lines.size() == 21);
  CHECK(log.dropped() == 80);
  clock.pass(std::chrono::seconds(10));
  log.line(Log::Level::info, "flood");
  CHECK(Json::parse(lines.back())["held_back"] == 80);
}

TEST_CASE("the latency histogram is cumulative and counts in seconds") {
  Histogram histogram;
  histogram.observe(50'000);
  histogram.observe(50'001);
  histogram.observe(10'000'000'000);
  std::string text;
  histogram.append(text, "h", "Help.");
  CHECK(text.find("h_bucket{le=\"5e-05\"} 1\n") != std::string::npos);
  CHECK(text.find("h_bucket{le=\"0.0001\"} 2\n") != std::string::npos);
  CHECK(text.find("h_bucket{le=\"5\"} 2\n") != std::string::npos);
  CHECK(text.find("h_bucket{le=\"+Inf\"} 3\n") != std::string::npos);
  CHECK(text.find("h_sum 10.000100001\n") != std::string::npos);
}

TEST_CASE("volatility rises with returns, fades with time, and ignores the bounce within a second") {
  constexpr Timestamp second = 1'000'000'000;
  Volatility calm, wild, bounce;
  for (int i = 0; i < 600; ++i) {
    calm.trade(0, 10'000 + i % 2, i * second);
    wild.trade(0, 10'000 + 100 * (i % 2), i * second);
  }
  for (int i = 0; i < 600; ++i) bounce.trade(0, 10'000 + 100 * (i % 2), 5 * second + i);
  const Timestamp end = 600 * second;
  CHECK(calm.index(end) > 0);
  CHECK(wild.index(end) > 50 * calm.index(end));
  CHECK(bounce.index(end) == 0);
  CHECK(wild.index(end + 300 * second) == doctest::Approx(wild.index(end) / std::sqrt(2)).epsilon(0.01));
  CHECK(wild.index(end + 4000 * second) == 0);
  CHECK(Volatility().index(end) == 0);
}

TEST_CASE("traceparent is read by the book") {
  const std::string good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  REQUIRE(parse_traceparent(good).has_value());
  CHECK(parse_traceparent(good)->sampled);
  CHECK(parse_traceparent("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-more").has_value());
  for (const std::string& bad :
       {std::string(), good + "-x", "ff" + good.substr(2), "00-" + std::string(32, '0') + good.substr(35),
        good.substr(0, 36) + std::string(16, '0') + "-01", "00-0AF7" + good.substr(7), good.substr(0, 54)})
    CHECK_FALSE(parse_traceparent(bad).has_value());
}

TEST_CASE("a sampled order becomes one span, with the parent it came with") {
  struct Sink final : SpanSink {
    std::vector<Span> spans;
    void take(Span span) override { spans.push_back(std::move(span)); }
  } sink;
  StillClock clock;
  host::OsEntropy entropy;
  Metrics metrics;
  Tracer tracer(clock, entropy, &sink, 0, metrics);
  tracer.begin(1, "new_order", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "alice");
  tracer.begin(2, "new_order", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", "alice");
  tracer.begin(3, "new_order", "", "alice");
  for (std::uint64_t tag = 1; tag <= 3; ++tag) tracer.end(tag, 5000);
  REQUIRE(sink.spans.size() == 1);
  CHECK(sink.spans[0].trace_id == "0af7651916cd43dd8448eb211c80319c");
  CHECK(sink.spans[0].parent_id == "b7ad6b7169203331");
  CHECK(sink.spans[0].end - sink.spans[0].start == 5000);
  const Json json = Json::parse(otlp_json(sink.spans, "nautilus-engine", "pod-0"));
  const Json& span = json["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
  CHECK(span["name"] == "new_order");
  CHECK(span["endTimeUnixNano"].is_string());
  Tracer every(clock, entropy, &sink, 2, metrics);
  for (std::uint64_t tag = 1; tag <= 10; ++tag) {
    every.begin(tag, "new_order", "", "alice");
    every.end(tag, 1);
  }
  CHECK(sink.spans.size() == 6);
}

TEST_CASE("a gateway that would be open to the world is refused") {
  Rig rig;
  nautilus::testing::MemoryFilesystem files;
  const auto create = [&](const GatewayOptions& options) {
    return Gateway::create({rig.clock, files, rig.entropy, rig.log, rig.metrics}, rig.engine, rig.engine, options);
  };
  GatewayOptions options;
  CHECK(create(options).ok());
  options.address = "0.0.0.0";
  CHECK(create(options).error().code == Code::refused);
  options.plain_behind_mesh = true;
  CHECK(create(options).error().code == Code::refused);
  files.files["c"] = "principals: []";
  options.credentials = "c";
  CHECK(create(options).ok());
  options.plain_behind_mesh = false;
  CHECK(create(options).error().code == Code::refused);
  options.address = "somewhere";
  CHECK(create(options).error().code == Code::invalid);
  options = {};
  options.tls.certificate = "missing.pem";
  CHECK_FALSE(create(options).ok());
}
