#include "core/kube/client.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <deque>
#include <limits>
#include <map>
#include <set>
#include <unordered_map>

namespace nautilus::kube {
namespace {

constexpr port::Duration kPollSlice = std::chrono::minutes(10);  // one poll at most, so that deadlines cannot overflow
constexpr std::size_t kMaxWarnings = 32;                         // of one answer
constexpr std::size_t kMaxSeenWarnings = 4096;                   // remembered by a client
constexpr std::size_t kMaxErrorBody = 256u << 10;
constexpr int kTimeoutAttempts = 2;  // a request that ran into its timeout, in all
constexpr port::Monotonic kForever = port::Monotonic::max();

using port::HttpEvent;

// RFC 7234 5.5: `299 - "text"`, several separated by commas.
void parse_warnings(std::string_view header, std::vector<std::string>& out) {
  std::size_t at = 0;
  while (at < header.size() && out.size() < kMaxWarnings) {
    const std::size_t open = header.find('"', at);
    if (open == std::string_view::npos) return;
    std::string text;
    std::size_t end = open + 1;
    for (; end < header.size() && header[end] != '"'; ++end) {
      if (header[end] == '\\' && end + 1 < header.size()) ++end;
      text += header[end];
    }
    const bool is_299 = header.substr(at, open - at).find("299") != std::string_view::npos;
    if (is_299 && !text.empty()) out.push_back(printable(text, 2000));
    at = end + 1;
    // An optional date in quotes follows; the next warning begins after a comma.
    const std::size_t comma = header.find(',', at);
    const std::size_t quote = header.find('"', at);
    if (quote != std::string_view::npos && (comma == std::string_view::npos || quote < comma)) {
      at = std::min(header.find('"', quote + 1), header.size() - 1) + 1;
    }
  }
}

std::optional<port::Duration> retry_after(const port::HttpResponse& response) {
  const std::string_view text = response.header("Retry-After");
  if (text.empty() || text.size() > 6) return std::nullopt;
  std::int64_t seconds = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    seconds = seconds * 10 + (c - '0');
  }
  return std::chrono::seconds(seconds);
}

bool same_headers(const std::vector<port::Header>& a, const std::vector<port::Header>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const port::Header& x, const port::Header& y) {
    return x.name == y.name && x.value == y.value;
  });
}

struct Call {
  CallId id = 0;
  Request request;
  Done done;
  StreamHandlers handlers;
  bool stream = false;
  port::RequestId wire = 0;  // 0 = not on its way
  TimerId retry_timer = 0;
  int attempts = 0, throttled = 0, timeouts = 0;
  bool reauthenticated = false;
  std::uint64_t credentials_generation = 0;
  int open_status = 0;      // streams
  port::HttpResponse head;  // streams: status and headers
  std::string error_body;   // streams with status >= 400

  bool repeatable() const { return request.idempotent || request.method == "GET" || request.method == "HEAD"; }
};
using CallPtr = std::shared_ptr<Call>;

}  // namespace

struct Client::State {
  Client& owner;
  Wiring wiring;
  std::unordered_map<CallId, CallPtr> calls;
  std::unordered_map<port::RequestId, CallPtr> wires;
  std::deque<CallId> ready, ready_streams;
  std::deque<HttpEvent> inbox;
  std::map<std::pair<port::Monotonic, TimerId>, std::function<void()>> timers;
  std::unordered_map<TimerId, port::Monotonic> timer_due;
  std::function<void(const std::string&)> warning_callback;
  std::set<std::string> seen_warnings;
  Credentials credentials;
  std::uint64_t credentials_generation = 1;
  CallId next_call = 1;
  TimerId next_timer = 1;
  std::size_t in_flight = 0;  // without streams
  bool contacted = false;     // the server has answered something

  State(Client& client, Wiring w) : owner(client), wiring(std::move(w)) {}

  CallId add(CallPtr call);
  bool dispatch();
  Result<bool> refresh_credentials();
  Result<bool> replace_transport(Credentials fresh);
  void submit(const CallPtr& call);
  void off_the_wire(const CallPtr& call);
  void handle(HttpEvent event);
  void on_done(const CallPtr& call, port::HttpResponse answer);
  void on_failed(const CallPtr& call, Error error, bool permanent);
  void on_stream_event(const CallPtr& call, HttpEvent event);
  bool try_reauthenticate(const CallPtr& call);
  bool retry_answer(const CallPtr& call, const port::HttpResponse& answer);
  void retry_in(const CallPtr& call, port::Duration delay);
  port::Duration backoff(int attempt);
  Response interpret(const Call& call, port::HttpResponse answer);
  void warn(const std::vector<std::string>& warnings);
  void complete(const CallPtr& call, Response response);
  TimerId set_timer(port::Duration delay, std::function<void()> action);
  bool run_due_timer();
  bool step(port::Monotonic deadline);
};

CallId Client::State::add(CallPtr call) {
  call->id = next_call++;
  (call->stream ? ready_streams : ready).push_back(call->id);
  calls.emplace(call->id, call);
  return call->id;
}

// Puts as many waiting calls on their way as may be. Streams do not count: they would hold their place for ever.
// True if a call ended here, for want of credentials.
bool Client::State::dispatch() {
  for (;;) {
    const bool stream_first = !ready_streams.empty();
    if (!stream_first && (ready.empty() || in_flight >= owner.options_.max_in_flight)) return false;
    std::deque<CallId>& queue = stream_first ? ready_streams : ready;
    const auto found = calls.find(queue.front());
    if (found == calls.end()) {  // cancelled
      queue.pop_front();
      continue;
    }
    const CallPtr call = found->second;
    Result<bool> usable = refresh_credentials();
    if (usable.ok() && !*usable) return false;  // the old transport has to run dry first
    queue.pop_front();
    if (usable.ok()) {
      submit(call);
      continue;
    }
    Response response;
    response.failed = true;
    response.error = std::move(usable).error();
    response.attempts = call->attempts;
    complete(call, std::move(response));
    return true;  // its callback may have changed everything; the loop comes back
  }
}

// False: not now, requests of the old identity are still on their way.
Result<bool> Client::State::refresh_credentials() {
  if (!wiring.authenticator) return true;
  ASSIGN_OR_RETURN(Credentials fresh, wiring.authenticator->credentials());
  const bool same_certificate = fresh.client_cert_pem == wiring.client_cert_pem;
  if (same_certificate && same_headers(fresh.headers, credentials.headers)) return true;
  if (same_certificate || !wiring.reconnect) {
    credentials = std::move(fresh);
    ++credentials_generation;
    return true;
  }
  return replace_transport(std::move(fresh));
}

Result<bool> Client::State::replace_transport(Credentials fresh) {
  if (in_flight > 0) return false;
  ASSIGN_OR_RETURN(std::unique_ptr<port::HttpTransport> transport, wiring.reconnect(fresh));
  // Only streams are left on the old one; their owners resume them.
  for (const auto& [wire, call] : wires) {
    HttpEvent event;
    event.id = wire;
    event.kind = HttpEvent::Kind::failed;
    event.error = Error(Code::io, "the client certificate was renewed");
    inbox.push_back(std::move(event));
  }
  // Ids of the new transport may equal those of the old one: settle the old ones under their own ids first.
  std::deque<HttpEvent> ended;
  ended.swap(inbox);
  const std::unique_ptr<port::HttpTransport> old = std::exchange(wiring.transport, std::move(transport));
  credentials = std::move(fresh);
  wiring.client_cert_pem = credentials.client_cert_pem;
  ++credentials_generation;
  for (HttpEvent& event : ended) handle(std::move(event));
  return true;
}

void Client::State::submit(const CallPtr& call) {
  const Request& request = call->request;
  port::HttpRequest out;
  out.method = request.method;
  out.target = request.target;
  out.headers.push_back({"Accept", request.accept});
  out.headers.push_back({"User-Agent", owner.options_.user_agent});
  if (owner.options_.disable_compression) out.headers.push_back({"Accept-Encoding", "identity"});
  for (const port::Header& header : credentials.headers) out.headers.push_back(header);
  if (!request.text.empty()) {
    out.body = request.text;
  } else if (!request.body.is_null()) {
    // Bytes that are not UTF-8 would throw; the server refuses the replacement characters with a clear answer.
    out.body = request.body.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  if (!out.body.empty()) out.headers.push_back({"Content-Type", request.content_type});
  out.stream = call->stream;
  out.timeout = request.timeout.count() > 0 || call->stream ? request.timeout : owner.options_.request_timeout;
  ++call->attempts;
  call->credentials_generation = credentials_generation;
  call->open_status = 0;
  call->error_body.clear();
  call->wire = wiring.transport->submit(std::move(out));
  wires.emplace(call->wire, call);
  if (!call->stream) ++in_flight;
}

void Client::State::off_the_wire(const CallPtr& call) {
  if (call->wire == 0) return;
  wires.erase(call->wire);
  call->wire = 0;
  if (!call->stream) --in_flight;
}

void Client::State::handle(HttpEvent event) {
  const auto found = wires.find(event.id);
  if (found == wires.end()) return;
  const CallPtr call = found->second;
  if (event.kind == HttpEvent::Kind::failed) {
    off_the_wire(call);
    on_failed(call, std::move(event.error), event.permanent);
  } else if (call->stream) {
    on_stream_event(call, std::move(event));
  } else if (event.kind == HttpEvent::Kind::done) {
    off_the_wire(call);
    on_done(call, std::move(event.response));
  }
}

void Client::State::on_stream_event(const CallPtr& call, HttpEvent event) {
  switch (event.kind) {
    case HttpEvent::Kind::headers:
      contacted = true;
      call->open_status = event.response.status;
      call->head = std::move(event.response);
      if (call->open_status < 400 && call->handlers.on_open) call->handlers.on_open(call->open_status);
      return;
    case HttpEvent::Kind::data:
      if (call->open_status >= 400) {
        call->error_body.append(event.data, 0, kMaxErrorBody - std::min(kMaxErrorBody, call->error_body.size()));
      } else if (call->handlers.on_data) {
        call->handlers.on_data(event.data);
      }
      return;
    default:
      off_the_wire(call);
      if (call->open_status == 401 && try_reauthenticate(call)) return;
      if (call->open_status != 0) event.response = call->head;
      event.response.body = std::move(call->error_body);
      complete(call, interpret(*call, std::move(event.response)));
  }
}

bool Client::State::try_reauthenticate(const CallPtr& call) {
  if (!wiring.authenticator || call->reauthenticated) return false;
  call->reauthenticated = true;
  // Many calls may hear 401 at once; only the first of them renews what they all used.
  const bool renewed = call->credentials_generation != credentials_generation || wiring.authenticator->invalidate();
  if (!renewed) return false;
  (call->stream ? ready_streams : ready).push_front(call->id);
  return true;
}

void Client::State::on_done(const CallPtr& call, port::HttpResponse answer) {
  contacted = true;
  if (answer.status == 401 && try_reauthenticate(call)) return;
  if (answer.status >= 400 && retry_answer(call, answer)) return;
  complete(call, interpret(*call, std::move(answer)));
}

// True: the call will be sent again, because of what the server answered.
bool Client::State::retry_answer(const CallPtr& call, const port::HttpResponse& answer) {
  const RetryPolicy& policy = owner.options_.retry;
  const int status = answer.status;
  if (status == 429 || status == 500 || status == 503) {
    const std::optional<port::Duration> asked = retry_after(answer);
    const bool eviction = status == 429 && answer.body.find("DisruptionBudget") != std::string::npos;
    if (!asked || eviction || *asked > policy.max_retry_after) return false;
    // 429 was not processed. 500 and 503 may have been, in part.
    if (status != 429 && !call->repeatable()) return false;
    if (++call->throttled >= policy.throttled_attempts) return false;
    retry_in(call, std::max(*asked, policy.first_delay));
    return true;
  }
  if ((status == 502 || status == 504) && call->repeatable() && call->attempts < policy.attempts) {
    retry_in(call, backoff(call->attempts));
    return true;
  }
  return false;
}

void Client::State::on_failed(const CallPtr& call, Error error, bool permanent) {
  const RetryPolicy& policy = owner.options_.retry;
  const bool not_sent = error.code == Code::unreachable;
  bool again = !permanent && !call->stream && call->attempts < policy.attempts;
  if (not_sent && !contacted) again = again && call->attempts < policy.attempts_before_contact;
  if (error.code == Code::timeout) again = again && ++call->timeouts < kTimeoutAttempts;
  if (!not_sent) again = again && call->repeatable() && (error.code == Code::io || error.code == Code::timeout);
  if (again) return retry_in(call, backoff(call->attempts));
  Response response;
  response.failed = true;
  response.attempts = call->attempts;
  response.outcome_unknown =
      !call->repeatable() && (error.code == Code::io || error.code == Code::timeout || error.code == Code::limit);
  if (response.outcome_unknown && error.hint.empty())
    error.hint = "It is not known whether the server did it: look before trying again.";
  response.error = std::move(error);
  complete(call, std::move(response));
}

port::Duration Client::State::backoff(int attempt) {
  const RetryPolicy& policy = owner.options_.retry;
  port::Duration delay = policy.first_delay;
  for (int i = 1; i < attempt && delay < policy.max_delay; ++i) delay *= 2;
  delay = std::min(delay, policy.max_delay);
  std::array<std::byte, 2> random;
  wiring.entropy.fill(random);
  const auto part = std::to_integer<std::int64_t>(random[0]) * 256 + std::to_integer<std::int64_t>(random[1]);
  return delay * 3 / 4 + delay / 2 / 65536 * part;
}

void Client::State::retry_in(const CallPtr& call, port::Duration delay) {
  call->retry_timer = set_timer(delay, [this, call] {
    call->retry_timer = 0;
    ready.push_back(call->id);
  });
}

Response Client::State::interpret(const Call& call, port::HttpResponse answer) {
  Response out;
  out.status = answer.status;
  out.attempts = call.attempts;
  for (const port::Header& header : answer.headers) {
    static constexpr std::string_view kName = "warning";
    const bool match = header.name.size() == kName.size() &&
                       std::equal(kName.begin(), kName.end(), header.name.begin(),
                                  [](char a, char b) { return a == std::tolower(static_cast<unsigned char>(b)); });
    if (match) parse_warnings(header.value, out.warnings);
  }
  const RequestSubject subject = subject_of(call.request.method, call.request.target);
  if (answer.status >= 200 && answer.status < 300) {
    if (call.stream || answer.body.empty()) return out;
    if (call.request.raw) {
      out.text = std::move(answer.body);
      return out;
    }
    auto parsed = value::parse_json(answer.body, "the server's answer");
    if (parsed.ok()) {
      out.body = std::move(parsed).value();
      return out;
    }
    out.failed = true;
    out.error = std::move(parsed).error();
    out.error.code = Code::io;
    return out;
  }
  out.failed = true;
  if (auto parsed = value::parse_json(answer.body, "the server's answer"); parsed.ok()) {
    out.api_status = ApiStatus::parse(*parsed);
    out.body = std::move(parsed).value();
  }
  if (answer.status < 300 || answer.status >= 400) {
    out.error = error_of(answer.status, out.api_status, answer.body, subject, wiring.server);
    if (answer.status == 401 && wiring.authenticator) {
      if (std::string why = wiring.authenticator->explain_refusal(); !why.empty()) out.error.hint = std::move(why);
    }
  } else {
    out.error =
        Error(Code::invalid,
              fmt::format("{} answered with a redirect ({}), which is not followed", wiring.server, answer.status),
              "Use the API server's own address in the kubeconfig.");
  }
  return out;
}

void Client::State::warn(const std::vector<std::string>& warnings) {
  if (!warning_callback) return;
  for (const std::string& text : warnings) {
    if (seen_warnings.size() < kMaxSeenWarnings && seen_warnings.insert(text).second) warning_callback(text);
  }
}

void Client::State::complete(const CallPtr& call, Response response) {
  calls.erase(call->id);
  warn(response.warnings);
  const Done done = call->stream ? std::move(call->handlers.on_done) : std::move(call->done);
  if (done) done(std::move(response));
}

TimerId Client::State::set_timer(port::Duration delay, std::function<void()> action) {
  const port::Monotonic now = wiring.clock.monotonic();
  const port::Monotonic due = delay > kForever - now ? kForever : now + std::max(delay, port::Duration{0});
  const TimerId id = next_timer++;
  timers.emplace(std::pair(due, id), std::move(action));
  timer_due.emplace(id, due);
  return id;
}

bool Client::State::run_due_timer() {
  if (timers.empty() || timers.begin()->first.first > wiring.clock.monotonic()) return false;
  const std::function<void()> action = std::move(timers.begin()->second);
  timer_due.erase(timers.begin()->first.second);
  timers.erase(timers.begin());
  action();
  return true;
}

// One timer, one event, or one poll. False: nothing can ever happen.
bool Client::State::step(port::Monotonic deadline) {
  if (dispatch() || run_due_timer()) return true;
  if (!inbox.empty()) {
    HttpEvent event = std::move(inbox.front());
    inbox.pop_front();
    handle(std::move(event));
    return true;
  }
  if (wires.empty() && timers.empty() && deadline == kForever) return false;
  port::Monotonic until = std::min(deadline, wiring.clock.monotonic() + kPollSlice);
  if (!timers.empty()) until = std::min(until, timers.begin()->first.first);
  for (HttpEvent& event : wiring.transport->poll(until)) inbox.push_back(std::move(event));
  return true;
}

Client::Client(Wiring wiring, ClientOptions options)
    : options_(std::move(options)), state_(std::make_unique<State>(*this, std::move(wiring))) {}

Client::~Client() = default;

CallId Client::send(Request request, Done done) {
  auto call = std::make_shared<Call>();
  call->request = std::move(request);
  call->done = std::move(done);
  return state_->add(std::move(call));
}

CallId Client::stream(Request request, StreamHandlers handlers) {
  auto call = std::make_shared<Call>();
  call->request = std::move(request);
  call->handlers = std::move(handlers);
  call->stream = true;
  return state_->add(std::move(call));
}

Response Client::call(Request request) {
  std::optional<Response> answer;
  const CallId id = send(std::move(request), [&answer](Response response) { answer = std::move(response); });
  Result<> ran = run_until([&answer] { return answer.has_value(); }, kForever);
  if (ran.ok()) return std::move(*answer);
  cancel(id);
  Response out;
  out.failed = true;
  out.error = std::move(ran).error();
  return out;
}

void Client::cancel(CallId id) {
  const auto found = state_->calls.find(id);
  if (found == state_->calls.end()) return;
  const CallPtr call = found->second;
  if (call->retry_timer != 0) cancel_timer(call->retry_timer);
  if (call->wire != 0) state_->wiring.transport->cancel(call->wire);
  state_->off_the_wire(call);
  state_->calls.erase(id);
  // Breaks cycles of callbacks that hold what holds the call.
  call->done = nullptr;
}

TimerId Client::after(port::Duration delay, std::function<void()> action) {
  return state_->set_timer(delay, std::move(action));
}

void Client::cancel_timer(TimerId id) {
  const auto found = state_->timer_due.find(id);
  if (found == state_->timer_due.end()) return;
  state_->timers.erase({found->second, id});
  state_->timer_due.erase(found);
}

Result<> Client::run_until(const std::function<bool()>& finished, port::Monotonic deadline) {
  for (;;) {
    if (finished()) return {};
    if (!ignore_interrupts_ && state_->wiring.interrupt.requested()) return Error(Code::interrupted, "interrupted");
    if (state_->wiring.clock.monotonic() >= deadline)
      return Error(Code::timeout, "it did not happen in the time given");
    if (!state_->step(deadline)) return Error(Code::internal, "waiting for something that cannot happen");
  }
}

void Client::on_warning(std::function<void(const std::string&)> callback) {
  state_->warning_callback = std::move(callback);
}

port::Clock& Client::clock() { return state_->wiring.clock; }
port::Entropy& Client::entropy() { return state_->wiring.entropy; }
const std::string& Client::server() const { return state_->wiring.server; }
std::size_t Client::in_flight() const { return state_->in_flight; }
std::size_t Client::waiting() const { return state_->calls.size() - state_->wires.size(); }

}  // namespace nautilus::kube
