#include "engine/gateway/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "engine/gateway/message.h"

namespace nautilus::engine {
namespace {

// As the text format wants it; the name is the other process's own word.
std::string label_value(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
  }
  return out;
}

constexpr auto kRelaxed = std::memory_order_relaxed;

void head(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  fmt::format_to(std::back_inserter(out), "# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
}
template <class Number>
void single(std::string& out, std::string_view name, std::string_view type, std::string_view help, Number value) {
  head(out, name, type, help);
  fmt::format_to(std::back_inserter(out), "{} {}\n", name, value);
}

struct CounterRow {
  std::string_view name, help;
  Counter Metrics::*counter;
};
constexpr CounterRow kCounters[] = {
    {"nautilus_gateway_connections_total", "Connections accepted.", &Metrics::connections_total},
    {"nautilus_gateway_tls_handshake_failures_total", "TLS handshakes that failed or timed out.",
     &Metrics::tls_handshake_failures},
    {"nautilus_gateway_authentications_total", "Credentials accepted.", &Metrics::authentications},
    {"nautilus_gateway_authentication_failures_total", "Credentials refused.", &Metrics::authentication_failures},
    {"nautilus_gateway_lockouts_total", "Attempts refused because their address had failed too often.",
     &Metrics::lockouts},
    {"websocket_messages_received_total", "Messages from clients.", &Metrics::messages_in},
    {"websocket_messages_sent_total", "Messages to clients.", &Metrics::messages_out},
    {"websocket_received_bytes_total", "Bytes of messages from clients.", &Metrics::bytes_in},
    {"websocket_sent_bytes_total", "Bytes of messages to clients.", &Metrics::bytes_out},
    {"nautilus_gateway_slow_consumers_total", "Sessions closed because their execution reports were not read.",
     &Metrics::slow_consumers},
    {"nautilus_gateway_market_data_conflated_total", "Market data messages replaced by a snapshot.",
     &Metrics::market_data_dropped},
    {"nautilus_gateway_rate_limited_total", "Messages refused by a session's rate limit.", &Metrics::rate_limited},
    {"nautilus_engine_execution_reports_total", "Execution reports released.", &Metrics::reports},
    {"nautilus_engine_trades_total", "Matches.", &Metrics::trades},
    {"nautilus_engine_orders_accepted_total", "Orders accepted by the engine.", &Metrics::orders_accepted},
    {"nautilus_log_lines_dropped_total", "Log lines held back by the rate limit.", &Metrics::log_lines_dropped},
    {"nautilus_trace_spans_exported_total", "Spans handed to the collector.", &Metrics::spans_exported},
    {"nautilus_trace_spans_dropped_total", "Spans lost: queue full or collector away.", &Metrics::spans_dropped},
    {"nautilus_trace_exports_failed_total", "Times that the collector did not take a batch of spans.",
     &Metrics::span_exports_failed},
};

void append_labelled(std::string& out, const Metrics& metrics) {
  head(out, "http_requests_total", "counter", "Requests answered over HTTP, by class of status.");
  for (std::size_t i = 1; i < metrics.http_by_class.size(); ++i)
    fmt::format_to(std::back_inserter(out), "http_requests_total{{code=\"{}xx\"}} {}\n", i,
                   metrics.http_by_class[i].load(kRelaxed));
  head(out, "nautilus_engine_order_rejects_total", "counter", "Orders and cancels refused by the engine, by reason.");
  for (std::size_t i = 1; i < metrics.rejects.size(); ++i)
    if (const auto count = metrics.rejects[i].load(kRelaxed))
      fmt::format_to(std::back_inserter(out), "nautilus_engine_order_rejects_total{{reason=\"{}\"}} {}\n",
                     name(static_cast<Reason>(i)), count);
  head(out, "nautilus_gateway_refusals_total", "counter", "Requests refused before the engine, by code.");
  for (std::size_t i = 1; i < metrics.refusals.size(); ++i)
    if (const auto count = metrics.refusals[i].load(kRelaxed))
      fmt::format_to(std::back_inserter(out), "nautilus_gateway_refusals_total{{code=\"{}\"}} {}\n",
                     name(static_cast<Fault>(i)), count);
  head(out, "nautilus_gateway_connections_refused_total", "counter", "Connections closed at once, by limit.");
  fmt::format_to(std::back_inserter(out),
                 "nautilus_gateway_connections_refused_total{{limit=\"total\"}} {}\n"
                 "nautilus_gateway_connections_refused_total{{limit=\"address\"}} {}\n",
                 metrics.connections_refused_limit.load(kRelaxed), metrics.connections_refused_address.load(kRelaxed));
}

void append_followers(std::string& out, const std::vector<FollowerLag>& followers) {
  const auto each = [&](std::string_view metric, std::string_view help, const auto& value) {
    head(out, metric, "gauge", help);
    for (const FollowerLag& follower : followers)
      fmt::format_to(std::back_inserter(out), "{}{{follower=\"{}\"}} {}\n", metric, label_value(follower.name),
                     value(follower));
  };
  each("nautilus_engine_follower_connected", "1 if this follower is connected.",
       [](const FollowerLag& one) { return one.connected ? 1 : 0; });
  each("nautilus_engine_follower_lag_commands", "Commands this follower lacks.",
       [](const FollowerLag& one) { return one.commands; });
  each("nautilus_engine_follower_lag_seconds", "Age of the oldest batch this follower has not acknowledged.",
       [](const FollowerLag& one) { return one.seconds; });
}

void append_engine(std::string& out, const EngineStatus& status) {
  head(out, "nautilus_engine_state", "gauge", "1 for the state the engine is in, 0 for the others.");
  for (int i = 0; i <= static_cast<int>(ServingState::fenced); ++i)
    fmt::format_to(std::back_inserter(out), "nautilus_engine_state{{state=\"{}\"}} {}\n",
                   name(static_cast<ServingState>(i)), static_cast<int>(status.state) == i ? 1 : 0);
  single(out, "nautilus_engine_epoch", "gauge", "Fencing epoch.", status.epoch);
  single(out, "nautilus_engine_commands_submitted", "gauge", "Sequence of the last command taken in.",
         status.submitted);
  single(out, "nautilus_engine_commands_durable", "gauge", "Sequence of the last command on disk.", status.durable);
  single(out, "nautilus_engine_commands_released", "gauge", "Sequence of the last command told to clients.",
         status.released);
  single(out, "nautilus_engine_journal_bytes", "gauge", "Size of the journal.", status.journal_bytes);
  single(out, "nautilus_engine_journal_lag_seconds", "gauge", "Age of the oldest command that is not durable.",
         status.journal_lag_seconds);
  single(out, "nautilus_engine_replication_lag_seconds", "gauge", "Age of the oldest command the standby lacks.",
         status.replication_lag_seconds);
  single(out, "nautilus_engine_replication_lag_commands", "gauge", "Commands the standby lacks.",
         status.replication_lag_commands);
  single(out, "nautilus_engine_standby_connected", "gauge", "1 if a follower is connected, or this standby is in step.",
         status.in_step ? 1 : 0);
  if (!status.followers.empty()) append_followers(out, status.followers);
  single(out, "nautilus_engine_replay_progress", "gauge", "How much of the journal has been replayed, 0 to 1.",
         status.replay_progress);
}

}  // namespace

std::string_view name(ServingState state) {
  switch (state) {
    case ServingState::starting: return "starting";
    case ServingState::replaying: return "replaying";
    case ServingState::standby: return "standby";
    case ServingState::primary: return "primary";
    case ServingState::draining: return "draining";
    case ServingState::halted_storage: return "halted_storage";
    case ServingState::fenced: return "fenced";
  }
  return "unknown";
}

void Histogram::observe(std::int64_t nanoseconds) {
  if (nanoseconds < 0) nanoseconds = 0;
  const auto at = std::lower_bound(kBounds.begin(), kBounds.end(), nanoseconds) - kBounds.begin();
  buckets_[static_cast<std::size_t>(at)].fetch_add(1, kRelaxed);
  sum_.fetch_add(static_cast<std::uint64_t>(nanoseconds), kRelaxed);
}

std::uint64_t Histogram::count() const {
  std::uint64_t total = 0;
  for (const auto& bucket : buckets_) total += bucket.load(kRelaxed);
  return total;
}

void Histogram::append(std::string& out, std::string_view name, std::string_view help) const {
  head(out, name, "histogram", help);
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < kBounds.size(); ++i) {
    total += buckets_[i].load(kRelaxed);
    fmt::format_to(std::back_inserter(out), "{}_bucket{{le=\"{}\"}} {}\n", name, static_cast<double>(kBounds[i]) / 1e9,
                   total);
  }
  total += buckets_.back().load(kRelaxed);
  fmt::format_to(std::back_inserter(out), "{0}_bucket{{le=\"+Inf\"}} {1}\n{0}_sum {2}\n{0}_count {1}\n", name, total,
                 static_cast<double>(sum_.load(kRelaxed)) / 1e9);
}

std::string prometheus_text(const Metrics& metrics, const EngineStatus& status) {
  std::string out;
  out.reserve(16 << 10);
  single(out, "websocket_connections_active", "gauge", "Open WebSocket connections.",
         metrics.websocket_connections.load(kRelaxed));
  single(out, "http_connections_active", "gauge", "Open connections that are not WebSockets.",
         metrics.http_connections.load(kRelaxed));
  single(out, "nautilus_gateway_sessions_active", "gauge", "Sessions that are logged on.",
         metrics.sessions.load(kRelaxed));
  single(out, "market_volatility_index", "gauge",
         "Annualised volatility in percent, mean of the instruments that traded in the last hour.",
         metrics.volatility.load(kRelaxed));
  metrics.execution_latency.append(out, "trade_execution_latency_seconds",
                                   "From the receipt of a request to the release of its first durable report.");
  for (const auto& row : kCounters) single(out, row.name, "counter", row.help, (metrics.*row.counter).load(kRelaxed));
  append_labelled(out, metrics);
  append_engine(out, status);
  return out;
}

}  // namespace nautilus::engine
