// The numbers of a gateway and its engine, and their Prometheus text form (version 0.0.4).
//
// The names without a prefix are the ones that the platform's autoscalers, alerts and dashboards ask for:
// websocket_connections_active, http_requests_total, trade_execution_latency_seconds, market_volatility_index.
// Threading: counters from any thread, relaxed; a scrape sees each number whole, not all of one instant.
#pragma once

#include <array>
#include <atomic>
#include <string>

#include "engine/gateway/status.h"
#include "engine/model/types.h"

namespace nautilus::engine {

class Histogram {
 public:
  // Upper bounds in nanoseconds; the platform's alert is at 50 ms.
  static constexpr std::array<std::int64_t, 16> kBounds = {
      50'000,     100'000,    250'000,    500'000,     1'000'000,   2'500'000,   5'000'000,     10'000'000,
      25'000'000, 50'000'000, 75'000'000, 100'000'000, 250'000'000, 500'000'000, 1'000'000'000, 5'000'000'000};
  void observe(std::int64_t nanoseconds);
  void append(std::string& out, std::string_view name, std::string_view help) const;
  std::uint64_t count() const;

 private:
  std::array<std::atomic<std::uint64_t>, kBounds.size() + 1> buckets_{};
  std::atomic<std::uint64_t> sum_{0};
};

using Counter = std::atomic<std::uint64_t>;
inline void add(Counter& counter, std::uint64_t n = 1) { counter.fetch_add(n, std::memory_order_relaxed); }

struct Metrics {
  std::atomic<std::int64_t> websocket_connections{0}, http_connections{0}, sessions{0};
  Counter connections_total{0}, connections_refused_limit{0}, connections_refused_address{0};
  Counter tls_handshake_failures{0}, authentication_failures{0}, authentications{0}, lockouts{0};
  Counter messages_in{0}, messages_out{0}, bytes_in{0}, bytes_out{0};
  Counter slow_consumers{0}, market_data_dropped{0}, rate_limited{0};
  Counter log_lines_dropped{0}, spans_exported{0}, spans_dropped{0}, span_exports_failed{0}, reports{0}, trades{0},
      orders_accepted{0};
  std::array<Counter, 6> http_by_class{};  // by the first digit of the status
  std::array<Counter, 128> rejects{};      // by Reason, the engine's
  std::array<Counter, 32> refusals{};      // by Fault, the gateway's own
  std::atomic<double> volatility{0};
  Histogram execution_latency;  // from the gateway's receipt of a command to the release of its first report
};

// The whole page. `status` is the rest of the engine's.
std::string prometheus_text(const Metrics& metrics, const EngineStatus& status);

}  // namespace nautilus::engine
