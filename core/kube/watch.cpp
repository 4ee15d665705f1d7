#include "core/kube/watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "core/kube/paths.h"

namespace nautilus::kube {
namespace {

constexpr port::Duration kFirstDelay = std::chrono::milliseconds(200);
constexpr port::Duration kMaxDelay = std::chrono::seconds(15);
constexpr port::Duration kStreamSlack =
    std::chrono::seconds(30);  // over kWatchPeriod, for a connection that went silent

using value::string_at;
using Change = WatchHandlers::Change;

bool is_final(const Response& response) {
  return response.status == 401 || response.status == 403 || response.status == 404 || response.status == 405;
}

std::string name_key(const Json& object) {
  return string_at(object, "metadata", "namespace") + "/" + string_at(object, "metadata", "name");
}

}  // namespace

struct Watch::State : std::enable_shared_from_this<Watch::State> {
  Client& client;
  Resource resource;
  ListOptions options;
  WatchHandlers handlers;
  bool stopped = false;
  bool synced = false;
  CallId call = 0;
  TimerId timer = 0;
  int failures = 0;  // in a row
  std::string resource_version;
  std::string line;  // the part of an event that has arrived
  // What callers have been told exists: what it takes to say afterwards that it is gone. uid and resourceVersion.
  struct Known {
    std::string uid, resource_version;
  };
  std::unordered_map<std::string, Known> known;

  State(Client& c, const Resource& r, ListOptions o, WatchHandlers h)
      : client(c), resource(r), options(std::move(o)), handlers(std::move(h)) {}

  void list();
  void take_list(List list);
  void watch();
  void on_bytes(std::string_view bytes);
  void on_line(std::string_view text);
  void on_end(Response response);
  void tell(Change change, const Json& object);
  void try_again(bool relist, const Error& problem);
  void fail(Error error);
  void stop();
  void schedule(port::Duration delay, bool relist);
};

void Watch::State::stop() {
  stopped = true;
  if (call != 0) client.cancel(call);
  if (timer != 0) client.cancel_timer(timer);
  call = 0;
  timer = 0;
}

void Watch::State::fail(Error error) {
  stop();
  if (handlers.on_failed) handlers.on_failed(std::move(error).within(fmt::format("watching {}", resource.text())));
}

void Watch::State::schedule(port::Duration delay, bool relist) {
  if (timer != 0) client.cancel_timer(timer);
  timer = client.after(delay, [weak = weak_from_this(), relist] {
    const auto self = weak.lock();
    if (!self || self->stopped) return;
    self->timer = 0;
    if (relist) {
      self->list();
    } else {
      self->watch();
    }
  });
}

void Watch::State::try_again(bool relist, const Error& problem) {
  if (stopped) return;
  ++failures;
  if (handlers.on_problem) handlers.on_problem(problem);
  if (stopped) return;
  port::Duration delay = kFirstDelay;
  for (int i = 1; i < failures && delay < kMaxDelay; ++i) delay *= 2;
  delay = std::min(delay, kMaxDelay);
  std::array<std::byte, 1> random;
  client.entropy().fill(random);
  schedule(delay * 3 / 4 + delay / 512 * std::to_integer<int>(random[0]), relist);
}

void Watch::State::list() {
  Reader(client).list_async(resource, options, [weak = weak_from_this()](Result<List> list) {
    const auto self = weak.lock();
    if (!self || self->stopped) return;
    if (list.ok()) return self->take_list(std::move(list).value());
    const Code code = list.error().code;
    if (code == Code::unauthorized || code == Code::forbidden || code == Code::not_found || code == Code::invalid)
      return self->fail(std::move(list).error());
    self->try_again(true, list.error());
  });
}

// The first list, or one after 410: what differs from what callers know is told, and nothing else.
void Watch::State::take_list(List list) {
  resource_version = list.resource_version;
  std::unordered_set<std::string> present;
  for (const Json& object : list.items) present.insert(name_key(object));
  std::vector<std::pair<std::string, Known>> vanished;
  for (const auto& [key, was] : known) {
    if (!present.contains(key)) vanished.emplace_back(key, was);
  }
  std::sort(vanished.begin(), vanished.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [key, was] : vanished) {
    // The object itself was missed; its name is what there is to say.
    const std::size_t slash = key.find('/');
    Json gone{{"apiVersion", resource.api_version()}, {"kind", resource.kind}};
    gone["metadata"] = {{"name", key.substr(slash + 1)}, {"uid", was.uid}};
    if (slash > 0) gone["metadata"]["namespace"] = key.substr(0, slash);
    tell(Change::deleted, gone);
    if (stopped) return;
  }
  for (const Json& object : list.items) {
    const auto found = known.find(name_key(object));
    const std::string version = string_at(object, "metadata", "resourceVersion");
    if (found != known.end() && found->second.uid == string_at(object, "metadata", "uid")) {
      if (found->second.resource_version == version) continue;
      tell(Change::modified, object);
    } else {
      tell(Change::added, object);
    }
    if (stopped) return;
  }
  failures = 0;
  if (!synced) {
    synced = true;
    if (handlers.on_synced) handlers.on_synced();
  }
  if (!stopped) watch();
}

void Watch::State::tell(Change change, const Json& object) {
  const std::string key = name_key(object);
  if (change == Change::deleted) {
    known.erase(key);
  } else {
    known[key] = {string_at(object, "metadata", "uid"), string_at(object, "metadata", "resourceVersion")};
  }
  if (handlers.on_change) handlers.on_change(change, object);
}

void Watch::State::watch() {
  line.clear();
  Request request;
  if (options.metadata_only)
    request.accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
  const auto period = std::chrono::duration_cast<std::chrono::seconds>(kWatchPeriod).count();
  request.target = target(resource, options.namespace_, {}, {},
                          {{"watch", "true"},
                           {"allowWatchBookmarks", "true"},
                           {"labelSelector", options.label_selector},
                           {"fieldSelector", options.field_selector},
                           {"resourceVersion", resource_version},
                           {"timeoutSeconds", std::to_string(period)}});
  request.timeout = kWatchPeriod + kStreamSlack;
  const auto weak = weak_from_this();
  StreamHandlers stream;
  stream.on_data = [weak](std::string_view bytes) {
    if (const auto self = weak.lock(); self && !self->stopped) self->on_bytes(bytes);
  };
  stream.on_done = [weak](Response response) {
    if (const auto self = weak.lock(); self && !self->stopped) self->on_end(std::move(response));
  };
  call = client.stream(std::move(request), std::move(stream));
}

void Watch::State::on_bytes(std::string_view bytes) {
  const CallId current = call;
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    if (line.size() + std::min(end, bytes.size()) > kMaxWatchEvent)
      return fail(Error(Code::limit, fmt::format("an event is larger than {} MiB", kMaxWatchEvent >> 20)));
    if (end == std::string_view::npos) {
      line.append(bytes);
      return;
    }
    if (line.empty()) {
      on_line(bytes.substr(0, end));
    } else {
      line.append(bytes.substr(0, end));
      const std::string whole = std::exchange(line, {});
      on_line(whole);
    }
    bytes.remove_prefix(end + 1);
    if (stopped || call != current) return;  // what is left belongs to a stream that was given up
  }
}

void Watch::State::on_line(std::string_view text) {
  if (text.empty()) return;
  auto event = value::parse_json(text, "a watch event");
  const Json* object = event.ok() ? value::find(*event, "object") : nullptr;
  if (object == nullptr) {
    client.cancel(std::exchange(call, 0));
    return try_again(true, Error(Code::io, "the server sent a watch event that cannot be read"));
  }
  const std::string type = string_at(*event, "type");
  if (type == "ERROR") {
    const auto status = ApiStatus::parse(*object);
    const bool gone = value::int_at(*object, 0, "code") == 410 ||
                      (status && (status->reason == "Expired" || status->reason == "Gone"));
    client.cancel(std::exchange(call, 0));
    const std::string words = status ? printable(status->message, 500) : "an error without words";
    return try_again(true, Error(gone ? Code::gone : Code::io, fmt::format("the watch was ended: {}", words)));
  }
  if (std::string version = string_at(*object, "metadata", "resourceVersion"); !version.empty())
    resource_version = std::move(version);
  failures = 0;
  if (type == "BOOKMARK") {
    if (handlers.on_bookmark) handlers.on_bookmark(resource_version);
    return;
  }
  Json whole = *object;
  whole["apiVersion"] = resource.api_version();
  whole["kind"] = resource.kind;
  if (type == "DELETED") return tell(Change::deleted, whole);
  if (type != "ADDED" && type != "MODIFIED") return;
  // After a resume the server may repeat what is known; and an object that is new to us is an addition.
  const auto found = known.find(name_key(whole));
  const bool is_new = found == known.end() || found->second.uid != string_at(whole, "metadata", "uid");
  if (!is_new && found->second.resource_version == resource_version) return;
  tell(is_new ? Change::added : Change::modified, whole);
}

void Watch::State::on_end(Response response) {
  call = 0;
  if (response.ok()) return schedule(port::Duration{0}, false);  // the period is over: resume
  if (is_final(response)) return fail(std::move(response.error));
  if (response.error.code == Code::timeout) return schedule(port::Duration{0}, false);
  try_again(response.status == 410 || response.status == 400, response.error);
}

Watch::Watch(Client& client, const Resource& resource, ListOptions options, WatchHandlers handlers)
    : state_(std::make_shared<State>(client, resource, std::move(options), std::move(handlers))) {
  // From inside the loop, like every later callback.
  state_->schedule(port::Duration{0}, true);
}

Watch::~Watch() { state_->stop(); }
void Watch::stop() { state_->stop(); }
bool Watch::synced() const { return state_->synced; }

Result<> wait_until_gone(Client& client, const Resource& resource, const std::string& namespace_,
                         const std::string& name, const std::string& uid, port::Monotonic deadline) {
  ListOptions options;
  options.namespace_ = namespace_;
  options.field_selector = "metadata.name=" + name;
  options.metadata_only = true;
  bool gone = false;
  bool seen = false;
  std::string finalizers;
  std::optional<Error> failed;
  WatchHandlers handlers;
  handlers.on_change = [&](Change change, const Json& object) {
    const bool same = uid.empty() || string_at(object, "metadata", "uid") == uid;
    if (change == Change::deleted || !same) {
      gone = gone || change != Change::deleted || same;
      return;
    }
    seen = true;
    finalizers.clear();
    const Json* list = value::find(object, "metadata", "finalizers");
    if (list == nullptr || !list->is_array()) return;
    for (const Json& entry : *list) {
      if (entry.is_string()) finalizers += (finalizers.empty() ? "" : ", ") + printable(entry.get<std::string>(), 200);
    }
  };
  handlers.on_synced = [&] { gone = gone || !seen; };
  handlers.on_failed = [&](const Error& error) { failed = error; };
  const Watch watch(client, resource, options, std::move(handlers));
  Result<> ran = client.run_until([&] { return gone || failed.has_value(); }, deadline);
  const std::string doing =
      fmt::format("waiting for {} {}{}{} to be gone", resource.text(), namespace_, namespace_.empty() ? "" : "/", name);
  if (!ran.ok()) {
    if (ran.error().code == Code::timeout) {
      ran.error().message =
          finalizers.empty() ? "it is still there" : "it is still there, held by the finalizers " + finalizers;
    }
    return std::move(ran).within(doing);
  }
  if (!failed) return {};
  if (failed->code == Code::not_found) return {};  // the resource itself is no longer served
  return std::move(*failed).within(doing);
}

}  // namespace nautilus::kube
