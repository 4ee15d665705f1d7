// Sends spans to an OpenTelemetry collector: OTLP over HTTP with JSON, POST /v1/traces.
//
// Source followed: the OTLP specification 1.x (opentelemetry.proto.collector.trace.v1; 429, 502, 503 and 504 may be
// tried again, with Retry-After; other answers may not; partialSuccess tells what the collector left out).
// Threading: take() from any thread, and never blocks on the network; a thread of its own sends. Failure: the trading
// path knows nothing of it: spans wait in a bounded queue, and what the collector does not take in time, or what finds
// the queue full, is dropped and counted. A collector that is away is logged once, and once when it is back.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "core/port/clock.h"
#include "core/port/http_transport.h"
#include "engine/gateway/log.h"
#include "engine/gateway/trace.h"

namespace nautilus::engine {

std::string otlp_json(std::span<const Span> spans, std::string_view service, std::string_view instance);

struct OtlpOptions {
  port::Endpoint endpoint;
  std::string instance;                                         // of this process: the pod
  port::Duration gather = std::chrono::milliseconds(500);       // how long a batch waits for more spans
  port::Duration send_timeout = std::chrono::seconds(10);       // of one try
  port::Duration first_pause = std::chrono::milliseconds(500);  // before the second try; doubles
  port::Duration longest_pause = std::chrono::seconds(30);      // also of a Retry-After
  int tries = 6;                                                // of one batch
  port::Duration last_words = std::chrono::seconds(2);          // for what is queued when the process ends
};

class OtlpExporter final : public SpanSink {
 public:
  static constexpr std::size_t kMaxQueue = 8192, kMaxBatch = 512;
  // Code::invalid for an endpoint that can never work. Nothing is sent yet; a collector that is away is no error.
  static Result<std::unique_ptr<OtlpExporter>> start(port::Connector& connector, const port::Clock& clock, Log& log,
                                                     Metrics& metrics, OtlpOptions options);
  // Sends what is queued for at most last_words; the rest is dropped and counted.
  ~OtlpExporter() override;
  OtlpExporter(const OtlpExporter&) = delete;
  OtlpExporter& operator=(const OtlpExporter&) = delete;
  void take(Span span) override;

 private:
  struct Outcome {
    enum class Kind { taken, refused, later } kind = Kind::later;
    std::uint64_t left_out = 0;  // taken: spans that the collector rejected
    port::Duration pause{0};     // later: what the collector asked for
    std::string why;
  };
  OtlpExporter(port::Connector& connector, const port::Clock& clock, Log& log, Metrics& metrics, OtlpOptions options);
  void run();
  std::vector<Span> next_batch();
  void deliver(const std::vector<Span>& batch);
  Outcome send(const std::string& body);
  bool pause(port::Duration time);
  bool out_of_time();
  void tell(const Outcome& outcome);

  port::Connector& connector_;
  const port::Clock& clock_;
  Log& log_;
  Metrics& metrics_;
  const OtlpOptions options_;
  std::unique_ptr<port::HttpTransport> transport_;  // of the thread
  bool away_ = false;                               // of the thread
  std::mutex lock_;
  std::condition_variable wake_;
  std::vector<Span> queue_;
  bool stopping_ = false;
  port::Monotonic stop_by_{0};
  std::thread thread_;
};

}  // namespace nautilus::engine
