#include "engine/gateway/trace.h"

#include <algorithm>
#include <array>

namespace nautilus::engine {
namespace {

bool lower_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}
bool all_zero(std::string_view text) { return text.find_first_not_of('0') == std::string_view::npos; }

}  // namespace

std::optional<TraceParent> parse_traceparent(std::string_view text) {
  if (text.size() < 55 || text[2] != '-' || text[35] != '-' || text[52] != '-') return std::nullopt;
  const auto version = text.substr(0, 2), trace = text.substr(3, 32), parent = text.substr(36, 16),
             flags = text.substr(53, 2);
  if (!lower_hex(version) || version == "ff" || !lower_hex(trace) || !lower_hex(parent) || !lower_hex(flags))
    return std::nullopt;
  if (all_zero(trace) || all_zero(parent)) return std::nullopt;
  if (text.size() > 55 && (version == "00" || text[55] != '-')) return std::nullopt;
  TraceParent out{std::string(trace), std::string(parent), false};
  const char low = flags[1];
  out.sampled = ((low >= 'a' ? low - 'a' + 10 : low - '0') & 1) != 0;
  return out;
}

Tracer::Tracer(const port::Clock& clock, port::Entropy& entropy, SpanSink* sink, std::uint32_t one_in, Metrics& metrics)
    : clock_(clock), entropy_(entropy), sink_(sink), one_in_(one_in), metrics_(metrics) {}

std::string Tracer::random_hex(std::size_t count) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::array<std::byte, 16> bytes{};
  entropy_.fill(std::span(bytes).first(count / 2));
  std::string out;
  for (std::size_t i = 0; i < count / 2; ++i) {
    out += kHex[std::to_integer<unsigned>(bytes[i]) >> 4];
    out += kHex[std::to_integer<unsigned>(bytes[i]) & 15];
  }
  if (all_zero(out)) out.back() = '1';
  return out;
}

void Tracer::begin(std::uint64_t tag, std::string_view name, std::string_view traceparent, std::string_view account) {
  if (!sink_) return;
  const auto parent = traceparent.empty() ? std::nullopt : parse_traceparent(traceparent);
  if (parent ? !parent->sampled : one_in_ == 0) return;
  if (!parent && (count_.fetch_add(1, std::memory_order_relaxed) + 1) % one_in_ != 0) return;
  std::lock_guard guard(lock_);
  if (open_.size() >= kMaxOpen) {
    add(metrics_.spans_dropped, open_.size());  // answers that never came; begin anew
    open_.clear();
  }
  Span span;
  span.trace_id = parent ? parent->trace_id : random_hex(32);
  span.span_id = random_hex(16);
  if (parent) span.parent_id = parent->parent_id;
  span.name = std::string(name);
  span.start = clock_.now().time_since_epoch().count();
  span.attributes = {{"nautilus.account", std::string(account)}};
  open_[tag] = std::move(span);
  open_count_.store(open_.size(), std::memory_order_relaxed);
}

void Tracer::end(std::uint64_t tag, std::int64_t nanoseconds) {
  if (!sink_ || open_count_.load(std::memory_order_relaxed) == 0) return;
  Span span;
  {
    std::lock_guard guard(lock_);
    const auto found = open_.find(tag);
    if (found == open_.end()) return;
    span = std::move(found->second);
    open_.erase(found);
    open_count_.store(open_.size(), std::memory_order_relaxed);
  }
  span.end = span.start + nanoseconds;
  sink_->take(std::move(span));
}

void Tracer::forget(std::uint64_t tag) {
  if (!sink_ || open_count_.load(std::memory_order_relaxed) == 0) return;
  std::lock_guard guard(lock_);
  open_.erase(tag);
  open_count_.store(open_.size(), std::memory_order_relaxed);
}

}  // namespace nautilus::engine
