#include "engine/gateway/trace.h"

#include "core/value/json.h"

namespace nautilus::engine {
namespace {

bool lower_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}
bool all_zero(std::string_view text) { return text.find_first_not_of('0') == std::string_view::npos; }

constexpr auto kSendTimeout = std::chrono::seconds(10);
constexpr auto kGather = std::chrono::milliseconds(500);  // how long a batch may wait for more

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
  std::lock_guard guard(lock_);
  if (!parent && ++count_ % one_in_ != 0) return;
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

std::string otlp_json(std::span<const Span> spans, std::string_view service, std::string_view instance) {
  const auto attribute = [](std::string_view key, std::string_view text) {
    return Json{{"key", key}, {"value", {{"stringValue", text}}}};
  };
  Json list = Json::array();
  for (const Span& span : spans) {
    Json one = {{"traceId", span.trace_id},
                {"spanId", span.span_id},
                {"name", span.name},
                {"kind", 2},  // SERVER
                {"startTimeUnixNano", std::to_string(span.start)},
                {"endTimeUnixNano", std::to_string(span.end)}};
    if (!span.parent_id.empty()) one["parentSpanId"] = span.parent_id;
    Json attributes = Json::array();
    for (const auto& [key, value] : span.attributes) attributes.push_back(attribute(key, value));
    one["attributes"] = std::move(attributes);
    list.push_back(std::move(one));
  }
  Json resource = {
      {"attributes", Json::array({attribute("service.name", service), attribute("service.instance.id", instance)})}};
  Json scope = {{"scope", {{"name", "nautilus.gateway"}}}, {"spans", std::move(list)}};
  Json root = {{"resourceSpans", Json::array({Json{{"resource", std::move(resource)},
                                                   {"scopeSpans", Json::array({std::move(scope)})}}})}};
  return root.dump(-1, ' ', false, Json::error_handler_t::replace);
}

OtlpExporter::OtlpExporter(port::Connector& connector, const port::Clock& clock, port::Endpoint endpoint,
                           std::string instance, Metrics& metrics)
    : connector_(connector),
      clock_(clock),
      endpoint_(std::move(endpoint)),
      instance_(std::move(instance)),
      metrics_(metrics),
      thread_([this] { run(); }) {}

OtlpExporter::~OtlpExporter() {
  {
    std::lock_guard guard(lock_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void OtlpExporter::take(Span span) {
  std::unique_lock guard(lock_);
  if (queue_.size() >= kMaxQueue) return add(metrics_.spans_dropped);
  queue_.push_back(std::move(span));
  const bool first = queue_.size() == 1;
  guard.unlock();
  if (first) wake_.notify_one();
}

void OtlpExporter::run() {
  std::unique_ptr<port::HttpTransport> transport;
  while (true) {
    std::vector<Span> batch;
    {
      std::unique_lock guard(lock_);
      wake_.wait(guard, [&] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      if (!stopping_) wake_.wait_for(guard, kGather, [&] { return stopping_ || queue_.size() >= kMaxBatch; });
      const auto count = static_cast<std::ptrdiff_t>(std::min(queue_.size(), kMaxBatch));
      batch.assign(std::make_move_iterator(queue_.begin()), std::make_move_iterator(queue_.begin() + count));
      queue_.erase(queue_.begin(), queue_.begin() + count);
    }
    if (!transport) {
      auto made = connector_.connect(endpoint_);
      if (made.ok()) transport = std::move(*made);
    }
    const bool sent = transport && send(*transport, batch);
    add(sent ? metrics_.spans_exported : metrics_.spans_dropped, batch.size());
    if (!sent) transport.reset();
  }
}

bool OtlpExporter::send(port::HttpTransport& transport, const std::vector<Span>& batch) {
  port::HttpRequest request;
  request.method = "POST";
  request.target = "/v1/traces";
  request.headers = {{"Content-Type", "application/json"}};
  request.body = otlp_json(batch, "nautilus-engine", instance_);
  request.timeout = kSendTimeout;
  const auto id = transport.submit(std::move(request));
  const auto deadline = clock_.monotonic() + kSendTimeout;
  while (clock_.monotonic() < deadline)
    for (const auto& event : transport.poll(deadline))
      if (event.id == id && event.kind != port::HttpEvent::Kind::headers)
        return event.kind == port::HttpEvent::Kind::done && event.response.status / 100 == 2;
  transport.cancel(id);
  return false;
}

}  // namespace nautilus::engine
