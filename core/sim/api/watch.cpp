// Watches: what is there, what was, and what comes, as lines of JSON.
#include <fmt/format.h>

#include <charconv>

#include "core/sim/api/server_impl.h"

namespace nautilus::sim {
namespace {

std::string dump(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

class Stream final : public WatchStream {
 public:
  Stream(Server::Impl& impl, Request request, Server::LineSink sink)
      : impl_(impl),
        request_(std::move(request)),
        sink_(std::move(sink)),
        labels_(LabelSelector::parse(request_.param("labelSelector"))),
        fields_(FieldSelector::parse(
            request_.param("fieldSelector"), request_.kind->info.kind,
            request_.kind->custom ? request_.kind->custom->selectable : std::vector<std::string>())),
        info_(request_.kind->info),
        catalog_(impl.catalog_version) {
    bookmarks_ = request_.flag("allowWatchBookmarks");
    table_ = request_.accept.find("as=Table") != std::string::npos;
    partial_ = request_.accept.find("as=PartialObjectMetadata") != std::string::npos;
    group_ = info_.group;
  }

  void bookmark() override {
    if (bookmarks_ && !closed_) emit_bookmark(false);
  }
  bool closed() const override { return closed_; }

  void start() {
    std::uint64_t since = 0;
    std::string_view text = request_.param("resourceVersion");
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), since);
    if (!text.empty() && (error != std::errc() || end != text.data() + text.size()))
      throw bad_request(fmt::format("invalid resource version: {}", text));
    bool initial = request_.flag("sendInitialEvents");
    GroupResource storage = request_.kind->storage;
    if (since == 0 || initial) {
      if (request_.param("sendInitialEvents") != "false")
        for (const Object& object : impl_.store.list(storage, request_.ns))
          if (fits(*object)) emit("ADDED", object);
      if (initial && bookmarks_) emit_bookmark(true);
    } else {
      auto changes = impl_.store.changes_since(storage, since);
      if (!changes) {
        error_event(make_status(410, "Expired",
                                fmt::format("too old resource version: {} ({})", since, impl_.store.revision())));
        return;
      }
      for (const Change& change : *changes) on_change(change);
    }
    handle_ = impl_.store.subscribe(storage, [this](const Change& change) { on_change(change); });
  }

  void error_event(const Json& status) {
    sink_(fmt::format("{{\"type\":\"ERROR\",\"object\":{}}}\n", dump(status)));
    closed_ = true;
    handle_.reset();
  }

 private:
  bool fits(const Json& object) const {
    if (!request_.ns.empty() && value::string_at(object, "metadata", "namespace") != request_.ns) return false;
    if (!request_.name.empty() && value::string_at(object, "metadata", "name") != request_.name) return false;
    return labels_.matches(value::find(object, "metadata", "labels")) && fields_.matches(object);
  }

  void on_change(const Change& change) {
    if (closed_) return;
    bool now = change.type != Change::Type::deleted && fits(*change.object);
    bool before = change.previous && fits(*change.previous);
    if (now && before)
      emit("MODIFIED", change.object);
    else if (now)
      emit("ADDED", change.object);
    else if (before) {
      // Leaving the selection looks like a deletion: the object as it was, at the revision of the change.
      if (change.type == Change::Type::deleted) return emit("DELETED", change.object);
      Json last = *change.previous;
      last["metadata"]["resourceVersion"] = std::to_string(change.revision);
      emit("DELETED", std::make_shared<const Json>(std::move(last)));
    }
  }

  void emit(std::string_view type, const Object& object) {
    // A CRD may have been replaced since: look the kind up again when the catalogue has changed.
    if (catalog_ != impl_.catalog_version) {
      catalog_ = impl_.catalog_version;
      const Served* again = impl_.served(info_.group, info_.version, info_.resource);
      if (!again) {
        closed_ = true;
        return;
      }
      request_.kind = again;
    }
    std::string body;
    if (table_) {
      Json rows =
          make_table(*request_.kind, {object}, impl_.clock.now(), request_.param("includeObject"), !headers_sent_);
      rows["metadata"] = {{"resourceVersion", value::string_at(*object, "metadata", "resourceVersion")}};
      headers_sent_ = true;
      body = dump(rows);
    } else if (partial_) {
      body = dump(partial_metadata(*object));
    } else {
      body = dump(*impl_.converted(*request_.kind, object));
    }
    sink_(fmt::format("{{\"type\":\"{}\",\"object\":{}}}\n", type, body));
  }

  void emit_bookmark(bool end_of_initial) {
    Json meta = {{"resourceVersion", std::to_string(impl_.store.revision())}};
    if (end_of_initial) meta["annotations"] = {{"k8s.io/initial-events-end", "true"}};
    Json object = table_     ? Json{{"kind", "Table"},
                                {"apiVersion", "meta.k8s.io/v1"},
                                {"columnDefinitions", nullptr},
                                {"rows", Json::array({{{"cells", nullptr},
                                                           {"object",
                                                            {{"kind", "PartialObjectMetadata"},
                                                             {"apiVersion", "meta.k8s.io/v1"},
                                                             {"metadata", meta}}}}})}}
                  : partial_ ? Json{{"kind", "PartialObjectMetadata"}, {"apiVersion", "meta.k8s.io/v1"}}
                             : Json{{"kind", info_.kind}, {"apiVersion", info_.api_version()}};
    object["metadata"] = std::move(meta);
    sink_(fmt::format("{{\"type\":\"BOOKMARK\",\"object\":{}}}\n", dump(object)));
  }

  Server::Impl& impl_;
  Request request_;
  Server::LineSink sink_;
  LabelSelector labels_;
  FieldSelector fields_;
  ResourceInfo info_;
  std::string group_;
  std::uint64_t catalog_;
  bool bookmarks_ = false, table_ = false, partial_ = false, headers_sent_ = false, closed_ = false;
  Store::Handle handle_;
};

}  // namespace

OpenedWatch Server::Impl::open_watch(const port::HttpRequest& http, LineSink sink) {
  OpenedWatch opened;
  try {
    Request request;
    for (const auto& h : http.headers)
      if (lower(h.name) == "accept") request.accept = h.value;
    if (!parse_target(http.target, http.method, request) || !request.subresource.empty()) {
      opened.head =
          fail(make_status(404, "NotFound", "the server could not find the requested resource", Json::object()));
      return opened;
    }
    ++counters.watches;
    request.verb = "watch";
    if (const Fault* fault = strike(request)) {
      opened.head.latency = fault->latency;
      if (fault->drop) {
        opened.head.drop = true;
        return opened;
      }
      if (fault->status == 410) {  // as the real server does it: an accepted watch whose first event is the error
        opened.head.headers.push_back({"Content-Type", "application/json"});
        auto stream = std::make_unique<Stream>(*this, request, std::move(sink));
        stream->error_event(make_status(410, "Expired", "too old resource version: injected fault"));
        opened.stream = std::move(stream);
        return opened;
      }
      if (fault->status) {
        Json details = Json::object();
        if (fault->retry_after_seconds) details["retryAfterSeconds"] = fault->retry_after_seconds;
        opened.head = fail(make_status(fault->status, fault->reason,
                                       fault->message.empty() ? "injected fault" : fault->message, std::move(details)));
        return opened;
      }
    }
    if (!request.kind->info.has("watch"))
      throw Refused{make_status(405, "MethodNotAllowed",
                                "the server does not allow this method on the requested resource", Json::object())};
    if (!request.param("sendInitialEvents").empty() && request.param("resourceVersionMatch") != "NotOlderThan")
      throw Refused{make_status(422, "Invalid",
                                "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: "
                                "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
                                {{"group", "meta.k8s.io"}, {"kind", "ListOptions"}})};
    std::string_view seconds = request.param("timeoutSeconds");
    std::int64_t timeout = 0;
    std::from_chars(seconds.data(), seconds.data() + seconds.size(), timeout);
    constexpr std::int64_t kLongest = 86400;
    opened.timeout = std::chrono::seconds(std::clamp<std::int64_t>(timeout, 0, kLongest));
    opened.head.headers.push_back({"Content-Type", "application/json"});
    auto stream = std::make_unique<Stream>(*this, std::move(request), std::move(sink));
    stream->start();
    opened.stream = std::move(stream);
  } catch (const Refused& refused) {
    opened.head = fail(refused.status);
    opened.stream.reset();
  }
  return opened;
}

}  // namespace nautilus::sim
