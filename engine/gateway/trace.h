// Spans of sampled requests, in the W3C Trace Context and for an OpenTelemetry collector.
//
// A request is sampled if its traceparent says so, or, without one, once in `one_in`. Its span begins at the receipt
// and ends with the release of its first report. Open spans, and those that wait for export, are bounded: what does not
// fit is counted and dropped, never waited for. Threading: any.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/port/clock.h"
#include "core/port/entropy.h"
#include "engine/gateway/metrics.h"

namespace nautilus::engine {

struct TraceParent {
  std::string trace_id, parent_id;  // 32 and 16 lower-case hexadecimal digits
  bool sampled = false;
};
// https://www.w3.org/TR/trace-context/: version 00; others are read as 00 if they begin like it.
std::optional<TraceParent> parse_traceparent(std::string_view text);

struct Span {
  std::string trace_id, span_id, parent_id, name;
  std::int64_t start = 0, end = 0;  // nanoseconds since 1970
  std::vector<std::pair<std::string, std::string>> attributes;
};

class SpanSink {
 public:
  virtual ~SpanSink() = default;
  virtual void take(Span span) = 0;  // must not block
};

class Tracer {
 public:
  static constexpr std::size_t kMaxOpen = 4096;
  // `sink` may be null: nothing is traced. `one_in` 0: only what a traceparent asks for.
  Tracer(const port::Clock& clock, port::Entropy& entropy, SpanSink* sink, std::uint32_t one_in, Metrics& metrics);
  void begin(std::uint64_t tag, std::string_view name, std::string_view traceparent, std::string_view account);
  void end(std::uint64_t tag, std::int64_t nanoseconds);
  // The request was refused before the engine saw it: no answer will end its span.
  void forget(std::uint64_t tag);

 private:
  std::string random_hex(std::size_t digits);
  const port::Clock& clock_;
  port::Entropy& entropy_;
  SpanSink* sink_;
  const std::uint32_t one_in_;
  Metrics& metrics_;
  std::atomic<std::uint32_t> count_{0};
  std::mutex lock_;
  std::unordered_map<std::uint64_t, Span> open_;
  std::atomic<std::size_t> open_count_{0};
};

}  // namespace nautilus::engine
