#include "engine/gateway/otlp_exporter.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "core/value/json.h"

namespace nautilus::engine {
namespace {

constexpr port::Duration kLook = std::chrono::milliseconds(100);  // how soon a sending thread sees that it must end
constexpr std::size_t kMaxAnswer = 64u << 10;                     // of a collector; a longer one is not looked at

// Seconds of a Retry-After; 0 if it is a date or no number.
port::Duration retry_after(const port::HttpResponse& response) {
  const auto text = response.header("Retry-After");
  std::uint32_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return std::chrono::seconds(seconds);
}

// {"partialSuccess":{"rejectedSpans":"3"}}: an int64 is a string in proto3 JSON; some write a number.
std::uint64_t rejected_spans(const std::string& body) {
  if (body.empty() || body.size() > kMaxAnswer) return 0;
  const auto parsed = value::parse_json(body, "the collector's answer");
  if (!parsed.ok() || !parsed->is_object()) return 0;
  const auto partial = parsed->find("partialSuccess");
  if (partial == parsed->end() || !partial->is_object()) return 0;
  const auto rejected = partial->find("rejectedSpans");
  if (rejected == partial->end()) return 0;
  if (rejected->is_number_unsigned()) return rejected->get<std::uint64_t>();
  std::uint64_t out = 0;
  if (const auto* text = rejected->get_ptr<const std::string*>())
    (void)std::from_chars(text->data(), text->data() + text->size(), out);
  return out;
}

// The specification has the path, people often write it too.
void strip_path(std::string& server) {
  constexpr std::string_view kPath = "/v1/traces";
  while (!server.empty() && server.back() == '/') server.pop_back();
  if (server.ends_with(kPath)) server.resize(server.size() - kPath.size());
}

}  // namespace

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

Result<std::unique_ptr<OtlpExporter>> OtlpExporter::start(port::Connector& connector, const port::Clock& clock,
                                                          Log& log, Metrics& metrics, OtlpOptions options) {
  strip_path(options.endpoint.server);
  TRY(connector.connect(options.endpoint).within("setting up the export of traces"));
  return std::unique_ptr<OtlpExporter>(new OtlpExporter(connector, clock, log, metrics, std::move(options)));
}

OtlpExporter::OtlpExporter(port::Connector& connector, const port::Clock& clock, Log& log, Metrics& metrics,
                           OtlpOptions options)
    : connector_(connector), clock_(clock), log_(log), metrics_(metrics), options_(std::move(options)) {
  thread_ = std::thread([this] { run(); });
}

OtlpExporter::~OtlpExporter() {
  {
    const std::lock_guard guard(lock_);
    stopping_ = true;
    stop_by_ = clock_.monotonic() + options_.last_words;
  }
  wake_.notify_all();
  thread_.join();
}

void OtlpExporter::take(Span span) {
  std::unique_lock guard(lock_);
  if (stopping_ || queue_.size() >= kMaxQueue) return add(metrics_.spans_dropped);
  queue_.push_back(std::move(span));
  const bool tell = queue_.size() == 1 || queue_.size() == kMaxBatch;
  guard.unlock();
  if (tell) wake_.notify_one();
}

void OtlpExporter::run() {
  for (;;) {
    const auto batch = next_batch();
    if (batch.empty()) return;
    deliver(batch);
  }
}

// Empty: the process ends and nothing is left.
std::vector<Span> OtlpExporter::next_batch() {
  std::unique_lock guard(lock_);
  wake_.wait(guard, [&] { return stopping_ || !queue_.empty(); });
  wake_.wait_for(guard, options_.gather, [&] { return stopping_ || queue_.size() >= kMaxBatch; });
  const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(std::min(queue_.size(), kMaxBatch));
  std::vector<Span> batch(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
  queue_.erase(queue_.begin(), end);
  return batch;
}

void OtlpExporter::deliver(const std::vector<Span>& batch) {
  const std::string body = otlp_json(batch, "nautilus-engine", options_.instance);
  port::Duration wait = options_.first_pause;
  for (int attempt = 1; attempt <= options_.tries && !out_of_time(); ++attempt) {
    const Outcome outcome = send(body);
    tell(outcome);
    if (outcome.kind == Outcome::Kind::taken) {
      const auto left_out = std::min<std::uint64_t>(outcome.left_out, batch.size());
      add(metrics_.spans_exported, batch.size() - left_out);
      return add(metrics_.spans_dropped, left_out);
    }
    add(metrics_.span_exports_failed);
    if (outcome.kind == Outcome::Kind::refused || attempt == options_.tries) break;
    if (!pause(std::min(std::max(wait, outcome.pause), options_.longest_pause))) break;
    wait = std::min(wait * 2, options_.longest_pause);
  }
  add(metrics_.spans_dropped, batch.size());
}

OtlpExporter::Outcome OtlpExporter::send(const std::string& body) {
  using Kind = Outcome::Kind;
  if (!transport_) {
    auto made = connector_.connect(options_.endpoint);
    if (!made.ok()) return {Kind::later, 0, {}, made.error().message};
    transport_ = std::move(*made);
  }
  port::HttpRequest request;
  request.method = "POST";
  request.target = "/v1/traces";
  request.headers = {{"Content-Type", "application/json"}};
  request.body = body;
  request.timeout = options_.send_timeout;
  const auto id = transport_->submit(std::move(request));
  const auto deadline = clock_.monotonic() + options_.send_timeout;
  while (clock_.monotonic() < deadline && !out_of_time()) {
    for (const auto& event : transport_->poll(std::min(deadline, clock_.monotonic() + kLook))) {
      if (event.id != id) continue;
      if (event.kind == port::HttpEvent::Kind::failed) {
        transport_.reset();
        return {Kind::later, 0, {}, event.error.message};
      }
      if (event.kind != port::HttpEvent::Kind::done) continue;
      const int status = event.response.status;
      if (status / 100 == 2) return {Kind::taken, rejected_spans(event.response.body), {}, {}};
      const bool later = status == 429 || status == 502 || status == 503 || status == 504;
      return {later ? Kind::later : Kind::refused, 0, retry_after(event.response), fmt::format("HTTP {}", status)};
    }
  }
  transport_->cancel(id);
  transport_.reset();
  return {Kind::later, 0, {}, "no answer in time"};
}

// False if the process ends meanwhile: then nothing is worth waiting for.
bool OtlpExporter::pause(port::Duration time) {
  std::unique_lock guard(lock_);
  return !wake_.wait_for(guard, time, [&] { return stopping_; });
}

bool OtlpExporter::out_of_time() {
  const std::lock_guard guard(lock_);
  return stopping_ && clock_.monotonic() >= stop_by_;
}

void OtlpExporter::tell(const Outcome& outcome) {
  const bool away = outcome.kind != Outcome::Kind::taken;
  if (away == away_) return;
  away_ = away;
  if (away)
    log_.line(Log::Level::warning, "traces_not_taken",
              {{"endpoint", options_.endpoint.server}, {"reason", outcome.why}});
  else
    log_.line(Log::Level::info, "traces_taken_again", {{"endpoint", options_.endpoint.server}});
}

}  // namespace nautilus::engine
