#include "engine/gateway/otlp_exporter.h"

#include <doctest/doctest.h>

#include <deque>

#include "core/host/clock.h"
#include "core/value/json.h"

using namespace nautilus;
using namespace nautilus::engine;

namespace {

// A collector whose answers are a script; the last one stays. Status 0: nobody there. Status -1: no answer, ever.
class Collector final : public port::Connector {
 public:
  struct Answer {
    int status = 200;
    std::string body;
  };
  explicit Collector(std::deque<Answer> script) : script_(std::move(script)) {}

  Result<std::unique_ptr<port::HttpTransport>> connect(const port::Endpoint& endpoint) override {
    if (endpoint.server.empty()) return Error(Code::invalid, "no address");
    const std::lock_guard guard(lock_);
    ++connections;
    return std::unique_ptr<port::HttpTransport>(std::make_unique<Transport>(*this));
  }
  void wait_for_requests(std::size_t count) {
    std::unique_lock guard(lock_);
    REQUIRE(changed_.wait_for(guard, std::chrono::seconds(20), [&] { return bodies.size() >= count; }));
  }

  std::vector<std::string> bodies;
  int connections = 0;

 private:
  class Transport final : public port::HttpTransport {
   public:
    explicit Transport(Collector& collector) : collector_(collector) {}
    port::RequestId submit(port::HttpRequest request) override {
      const std::lock_guard guard(collector_.lock_);
      CHECK(request.target == "/v1/traces");
      collector_.bodies.push_back(std::move(request.body));
      collector_.changed_.notify_all();
      return ++last_;
    }
    std::vector<port::HttpEvent> poll(port::Monotonic) override {
      std::unique_lock guard(collector_.lock_);
      const Answer answer = collector_.script_.front();
      if (answer.status < 0) {
        collector_.changed_.wait_for(guard, std::chrono::milliseconds(1), [] { return false; });
        return {};
      }
      if (collector_.script_.size() > 1) collector_.script_.pop_front();
      port::HttpEvent event;
      event.id = last_;
      if (answer.status == 0) {
        event.kind = port::HttpEvent::Kind::failed;
        event.error = Error(Code::unreachable, "nobody there");
      }
      event.response.status = answer.status;
      event.response.body = answer.body;
      return {event};
    }
    void cancel(port::RequestId) override {}

   private:
    Collector& collector_;
    port::RequestId last_ = 0;
  };

  std::mutex lock_;
  std::condition_variable changed_;
  std::deque<Answer> script_;
};

struct Outcome {
  std::uint64_t exported, dropped, failed;
  std::size_t requests;
  int connections;
  std::vector<std::string> events;
  bool operator==(const Outcome&) const = default;
};

OtlpOptions quick() {
  OtlpOptions options;
  options.endpoint.server = "http://127.0.0.1:4318/v1/traces";
  options.instance = "engine-0";
  options.gather = std::chrono::hours(1);  // a batch goes when it is full, or at the end
  options.first_pause = options.longest_pause = std::chrono::milliseconds(1);
  options.send_timeout = std::chrono::milliseconds(20);
  options.tries = 3;
  return options;
}

Outcome run(Collector& collector, std::size_t spans, const OtlpOptions& options, std::size_t wait_for) {
  host::RealClock clock;
  Metrics metrics;
  std::vector<std::string> events;
  Log log(clock, [&](std::string_view line) { events.push_back(Json::parse(line)["event"].get<std::string>()); });
  {
    auto exporter = OtlpExporter::start(collector, clock, log, metrics, options);
    REQUIRE(exporter.ok());
    for (std::size_t i = 0; i < spans; ++i)
      (*exporter)->take({std::string(32, 'a'), std::string(16, 'b'), "", "new_order", 1, 2, {{"key", "value"}}});
    collector.wait_for_requests(wait_for);
  }
  return {metrics.spans_exported,
          metrics.spans_dropped,
          metrics.span_exports_failed,
          collector.bodies.size(),
          collector.connections - 1,  // the first one checks the endpoint
          events};
}

}  // namespace

TEST_CASE("spans arrive at the collector, or are counted") {
  constexpr std::size_t kBatch = OtlpExporter::kMaxBatch;
  struct Row {
    const char* what;
    std::deque<Collector::Answer> script;
    std::size_t wait_for;
    Outcome expected;
  };
  for (const Row& row : std::vector<Row>{
           {"taken", {{200, "{}"}}, 1, {kBatch, 0, 0, 1, 1, {}}},
           {"taken at the third try",
            {{503, ""}, {429, ""}, {200, ""}},
            3,
            {kBatch, 0, 2, 3, 1, {"traces_not_taken", "traces_taken_again"}}},
           {"refused for good", {{400, ""}}, 1, {0, kBatch, 1, 1, 1, {"traces_not_taken"}}},
           {"taken in part",
            {{200, R"({"partialSuccess":{"rejectedSpans":"12"}})"}},
            1,
            {kBatch - 12, 12, 0, 1, 1, {}}},
           {"more left out than were sent",
            {{200, R"({"partialSuccess":{"rejectedSpans":99999}})"}},
            1,
            {0, kBatch, 0, 1, 1, {}}},
           {"an answer that is no JSON", {{200, "thanks"}}, 1, {kBatch, 0, 0, 1, 1, {}}},
           {"nobody there", {{0, ""}}, 3, {0, kBatch, 3, 3, 3, {"traces_not_taken"}}},
           {"no answer", {{-1, ""}}, 3, {0, kBatch, 3, 3, 3, {"traces_not_taken"}}},
       }) {
    INFO(row.what);
    Collector collector(row.script);
    const Outcome got = run(collector, kBatch, quick(), row.wait_for);
    // The process may end between two tries; what was not tried is dropped all the same.
    CHECK(got.exported == row.expected.exported);
    CHECK(got.dropped == row.expected.dropped);
    CHECK(got.requests == row.expected.requests);
    CHECK(got.connections == row.expected.connections);
    CHECK(got.events == row.expected.events);
    CHECK(got.failed == row.expected.failed);
  }
}

TEST_CASE("what is queued when the process ends is still sent") {
  Collector collector({{200, ""}});
  const Outcome got = run(collector, 3, quick(), 0);
  CHECK(got.exported == 3);
  REQUIRE(collector.bodies.size() == 1);
  const Json body = Json::parse(collector.bodies[0]);
  CHECK(body["resourceSpans"][0]["scopeSpans"][0]["spans"].size() == 3);
  CHECK(body["resourceSpans"][0]["resource"]["attributes"][1]["value"]["stringValue"] == "engine-0");
}

TEST_CASE("a collector that never answers costs a bounded queue and a bounded end") {
  Collector collector({{-1, ""}});
  OtlpOptions options = quick();
  options.send_timeout = std::chrono::hours(1);
  options.last_words = std::chrono::milliseconds(50);
  constexpr std::size_t kSpans = OtlpExporter::kMaxQueue * 2;
  const Outcome got = run(collector, kSpans, options, 1);
  CHECK(got.exported == 0);
  CHECK(got.dropped == kSpans);
  CHECK(got.requests == 1);
}

TEST_CASE("an endpoint that cannot work is refused at the start") {
  Collector collector({{200, ""}});
  host::RealClock clock;
  Metrics metrics;
  Log log(clock, [](std::string_view) {});
  CHECK(OtlpExporter::start(collector, clock, log, metrics, {}).error().code == Code::invalid);
}

TEST_CASE("a request that the engine never saw leaves no open span") {
  struct Sink final : SpanSink {
    int spans = 0;
    void take(Span) override { ++spans; }
  } sink;
  host::RealClock clock;
  struct Zeros final : port::Entropy {
    void fill(std::span<std::byte> out) override { std::fill(out.begin(), out.end(), std::byte{1}); }
  } entropy;
  Metrics metrics;
  Tracer tracer(clock, entropy, &sink, 1, metrics);
  for (std::uint64_t tag = 1; tag <= Tracer::kMaxOpen + 1; ++tag) {
    tracer.begin(tag, "new_order", "", "alice");
    tracer.forget(tag);
    tracer.end(tag, 1);
  }
  CHECK(sink.spans == 0);
  CHECK(metrics.spans_dropped == 0);
}
