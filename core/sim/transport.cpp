#include "core/sim/transport.h"

#include <fmt/format.h>

#include <set>

namespace nautilus::sim {

namespace {

bool is_write(const std::string& method) {
  return method == "POST" || method == "PUT" || method == "PATCH" || method == "DELETE";
}

}  // namespace

void Network::revive() {
  crashed_ = false;
  crash_at_ = 0;
  writes_ = 0;
}

std::vector<NetworkFault> Network::striking(const port::HttpRequest& request) {
  std::vector<NetworkFault> struck;
  for (auto& fault : faults_) {
    if (fault.times == 0 || (!fault.method.empty() && fault.method != request.method) ||
        !std::string_view(request.target).starts_with(fault.path_prefix))
      continue;
    if (fault.skip > 0) {
      --fault.skip;
      continue;
    }
    if (fault.times > 0) --fault.times;
    struck.push_back(fault);
  }
  return struck;
}

struct SimTransport::Exchange {
  port::HttpRequest request;
  std::set<EventQueue::Id> timers;
  std::vector<NetworkFault> faults;
  OpenedWatch watch;
  std::string pending;  // lines not delivered yet
  std::size_t delivered = 0;
  bool flush_planned = false;
  bool over = false;  // the server or the timeout ended the watch: done after the last flush

  const NetworkFault* fault(NetworkFault::Kind kind) const {
    for (const auto& one : faults)
      if (one.kind == kind) return &one;
    return nullptr;
  }
};

SimTransport::SimTransport(Cluster& cluster, Network& network, std::string path_prefix)
    : cluster_(cluster),
      network_(network),
      path_prefix_(std::move(path_prefix)),
      random_(cluster.random("transport")) {}

SimTransport::~SimTransport() {
  while (!exchanges_.empty()) cancel(exchanges_.begin()->first);
}

port::Duration SimTransport::latency() {
  return random_.between(cluster_.options().latency_min / 2, cluster_.options().latency_max / 2);
}

void SimTransport::later(port::RequestId id, port::Duration delay, void (SimTransport::*step)(port::RequestId)) {
  auto& timers = exchanges_.at(id)->timers;
  auto timer = std::make_shared<EventQueue::Id>(0);
  *timer = cluster_.queue().after(delay, [this, id, step, timer] {
    auto found = exchanges_.find(id);
    if (found == exchanges_.end()) return;
    found->second->timers.erase(*timer);
    (this->*step)(id);
  });
  timers.insert(*timer);
}

port::RequestId SimTransport::submit(port::HttpRequest request) {
  const port::RequestId id = next_id_++;
  auto exchange = std::make_unique<Exchange>();
  if (!path_prefix_.empty() && request.target.starts_with(path_prefix_)) request.target.erase(0, path_prefix_.size());
  const auto timeout = request.timeout;
  exchange->request = std::move(request);
  exchange->faults = network_.striking(exchange->request);
  exchanges_.emplace(id, std::move(exchange));
  later(id, latency(), &SimTransport::arrive);
  if (timeout > port::Duration(0)) {
    auto timer = cluster_.queue().after(timeout, [this, id] { fail(id, Code::timeout, "the request timed out"); });
    exchanges_.at(id)->timers.insert(timer);
  }
  return id;
}

void SimTransport::cancel(port::RequestId id) {
  auto found = exchanges_.find(id);
  if (found != exchanges_.end()) {
    for (auto timer : found->second->timers) cluster_.queue().cancel(timer);
    exchanges_.erase(found);
  }
  std::erase_if(inbox_, [&](const port::HttpEvent& event) { return event.id == id; });
}

std::vector<port::HttpEvent> SimTransport::poll(port::Monotonic deadline) {
  // Nothing of ours can happen and nobody set an end: time would pass for ever.
  if (inbox_.empty() && exchanges_.empty() && deadline == port::Monotonic::max()) return {};
  while (inbox_.empty()) {
    if (cluster_.queue().run_next(deadline)) continue;
    if (deadline != port::Monotonic::max()) cluster_.queue().run_until(deadline);
    break;
  }
  return std::exchange(inbox_, {});
}

void SimTransport::finish(port::RequestId id, port::HttpEvent event) {
  auto found = exchanges_.find(id);
  if (found == exchanges_.end()) return;
  for (auto timer : found->second->timers) cluster_.queue().cancel(timer);
  exchanges_.erase(found);
  event.id = id;
  inbox_.push_back(std::move(event));
}

void SimTransport::fail(port::RequestId id, Code code, std::string message) {
  port::HttpEvent event;
  event.kind = port::HttpEvent::Kind::failed;
  event.error = Error(code, std::move(message));
  finish(id, std::move(event));
}

// The request is at the server.
void SimTransport::arrive(port::RequestId id) {
  Exchange& exchange = *exchanges_.at(id);
  if (exchange.fault(NetworkFault::Kind::refuse)) return fail(id, Code::unreachable, "connection refused");
  if (network_.crashed_) return fail(id, Code::unreachable, "the client is gone");
  if (is_write(exchange.request.method)) {
    ++network_.writes_;
    if (network_.crash_at_ > 0 && network_.writes_ == static_cast<std::uint64_t>(network_.crash_at_)) {
      network_.crashed_ = true;
      if (network_.crash_after_) (void)cluster_.server().handle(exchange.request);
      return fail(id, Code::unreachable, "the client is gone");
    }
  }
  cluster_.note(exchange.request.method + " " + exchange.request.target);
  if (Server::is_watch(exchange.request))
    open_watch(id, exchange);
  else
    answer(id, exchange);
}

void SimTransport::answer(port::RequestId id, Exchange& exchange) {
  Reply reply = cluster_.server().handle(exchange.request);
  port::Duration delay = latency() + reply.latency;
  if (const auto* fault = exchange.fault(NetworkFault::Kind::delay)) delay += fault->delay;
  const auto* cut = exchange.fault(NetworkFault::Kind::drop_after_bytes);
  const bool broken = reply.drop || (cut && cut->bytes < reply.body.size());
  auto shared = std::make_shared<Reply>(std::move(reply));
  auto timer = cluster_.queue().after(delay, [this, id, shared, broken] {
    auto found = exchanges_.find(id);
    if (found == exchanges_.end()) return;
    if (broken) return fail(id, Code::unreachable, "the connection was reset by the server");
    port::HttpEvent event;
    event.response = {shared->status, std::move(shared->headers), {}};
    if (found->second->request.stream) {
      event.kind = port::HttpEvent::Kind::headers;
      event.id = id;
      inbox_.push_back(event);
      port::HttpEvent data;
      data.id = id;
      data.kind = port::HttpEvent::Kind::data;
      data.data = std::move(shared->body);
      if (!data.data.empty()) inbox_.push_back(std::move(data));
    } else {
      event.response.body = std::move(shared->body);
    }
    event.kind = port::HttpEvent::Kind::done;
    finish(id, std::move(event));
  });
  exchange.timers.insert(timer);
}

void SimTransport::open_watch(port::RequestId id, Exchange& exchange) {
  const bool twice = exchange.fault(NetworkFault::Kind::duplicate_events) != nullptr;
  exchange.watch = cluster_.server().open_watch(exchange.request, [this, id, twice](std::string_view line) {
    auto found = exchanges_.find(id);
    if (found == exchanges_.end()) return;
    Exchange& open = *found->second;
    open.pending += line;
    if (twice) open.pending += line;
    if (open.flush_planned) return;
    open.flush_planned = true;
    later(id, latency(), &SimTransport::flush);
  });
  const OpenedWatch& watch = exchange.watch;
  port::HttpEvent head;
  head.id = id;
  head.response = {watch.head.status, watch.head.headers, {}};
  if (watch.head.drop) return fail(id, Code::unreachable, "the connection was reset by the server");
  if (!watch.stream) {
    if (exchange.request.stream) {
      head.kind = port::HttpEvent::Kind::headers;
      inbox_.push_back(head);
      port::HttpEvent data;
      data.id = id;
      data.kind = port::HttpEvent::Kind::data;
      data.data = watch.head.body;
      inbox_.push_back(std::move(data));
    } else {
      head.response.body = watch.head.body;
    }
    head.kind = port::HttpEvent::Kind::done;
    return finish(id, std::move(head));
  }
  head.kind = port::HttpEvent::Kind::headers;
  inbox_.push_back(std::move(head));
  later(id, kBookmarkEvery, &SimTransport::bookmark);
  const auto life = watch.timeout > port::Duration(0) ? watch.timeout : kDefaultWatch;
  auto timer = cluster_.queue().after(life, [this, id] {
    auto found = exchanges_.find(id);
    if (found == exchanges_.end()) return;
    found->second->watch.stream->bookmark();
    found->second->over = true;
    flush(id);
  });
  exchange.timers.insert(timer);
}

void SimTransport::bookmark(port::RequestId id) {
  exchanges_.at(id)->watch.stream->bookmark();
  if (exchanges_.contains(id)) later(id, kBookmarkEvery, &SimTransport::bookmark);
}

void SimTransport::flush(port::RequestId id) {
  auto found = exchanges_.find(id);
  if (found == exchanges_.end()) return;
  Exchange& exchange = *found->second;
  exchange.flush_planned = false;
  if (network_.crashed_) return fail(id, Code::unreachable, "the client is gone");
  std::string data = std::exchange(exchange.pending, {});
  bool broken = false;
  if (const auto* cut = exchange.fault(NetworkFault::Kind::drop_after_bytes);
      cut && exchange.delivered + data.size() > cut->bytes) {
    data.resize(cut->bytes - std::min(cut->bytes, exchange.delivered));
    broken = true;
  }
  exchange.delivered += data.size();
  if (!data.empty()) {
    port::HttpEvent event;
    event.id = id;
    event.kind = port::HttpEvent::Kind::data;
    event.data = std::move(data);
    inbox_.push_back(std::move(event));
  }
  if (broken) return fail(id, Code::unreachable, "the connection was reset by the server");
  if (exchange.over || exchange.watch.stream->closed()) {
    port::HttpEvent event;
    event.kind = port::HttpEvent::Kind::done;
    event.response.status = exchange.watch.head.status;
    finish(id, std::move(event));
  }
}

Result<std::unique_ptr<port::HttpTransport>> SimConnector::connect(const port::Endpoint& endpoint) {
  std::string prefix;
  if (const auto scheme = endpoint.server.find("://"); scheme != std::string::npos)
    if (const auto slash = endpoint.server.find('/', scheme + 3); slash != std::string::npos)
      prefix = endpoint.server.substr(slash);
  while (prefix.ends_with('/')) prefix.pop_back();
  return std::unique_ptr<port::HttpTransport>(std::make_unique<SimTransport>(cluster_, network_, std::move(prefix)));
}

}  // namespace nautilus::sim
