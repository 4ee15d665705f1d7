// What a contract case sees: an API server behind an HTTP transport, which one it does not know.
//
// Purpose: the same cases run over the embedded cluster and over a real control plane (tests/contract/target.cpp picks
// by the environment). They speak raw HTTP, so that what they prove does not lean on our own client.
// Time: eventually() and Watch let the transport's clock pass, virtual or real; no case sleeps.
// Failure: a transport failure ends the case with a message; statuses are for the case to judge.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/port/http_transport.h"
#include "core/value/json.h"

namespace nautilus::contract {

struct Answer {
  int status = 0;
  std::vector<port::Header> headers;
  std::string raw;
  Json body;  // null if the body is not JSON

  std::string reason() const { return value::string_at(body, "reason"); }
  std::string message() const { return value::string_at(body, "message"); }
  std::string revision() const { return value::string_at(body, "metadata", "resourceVersion"); }
  std::string uid() const { return value::string_at(body, "metadata", "uid"); }
  // All headers of that name, in order: a server sends one Warning header per warning.
  std::vector<std::string> header_values(std::string_view name) const;
  bool ok() const { return status >= 200 && status < 300; }
};

struct WatchEvent {
  std::string type;  // ADDED, MODIFIED, DELETED, BOOKMARK, ERROR
  Json object;
};

// The server and the way to it, one for the whole run.
class Api {
 public:
  Api(port::HttpTransport& transport, const port::Clock& clock, bool simulated)
      : transport_(transport), clock_(clock), simulated_(simulated) {}

  Answer send(std::string method, std::string target, const std::string& body = {},
              std::string_view content_type = "application/json");
  Answer get(std::string target) { return send("GET", std::move(target)); }
  Answer post(std::string target, const Json& body) { return send("POST", std::move(target), body.dump()); }
  Answer put(std::string target, const Json& body) { return send("PUT", std::move(target), body.dump()); }
  Answer remove(std::string target, const Json& options = nullptr) {
    return send("DELETE", std::move(target), options.is_null() ? std::string() : options.dump());
  }
  Answer json_patch(std::string target, const Json& body) {
    return send("PATCH", std::move(target), body.dump(), "application/json-patch+json");
  }
  Answer merge_patch(std::string target, const Json& body) {
    return send("PATCH", std::move(target), body.dump(), "application/merge-patch+json");
  }
  Answer strategic_patch(std::string target, const Json& body) {
    return send("PATCH", std::move(target), body.dump(), "application/strategic-merge-patch+json");
  }
  // Server-side apply. `more` is appended to the query: "&force=true".
  Answer apply(std::string target, const Json& body, std::string_view manager, std::string_view more = {});

  // Lets time pass until `holds`, at most `most` of the target's own time. `holds` may send requests.
  bool eventually(const std::function<bool()>& holds, port::Duration most = std::chrono::seconds(60));
  void pause(port::Duration time);
  port::HttpTransport& transport() { return transport_; }
  const port::Clock& clock() const { return clock_; }
  bool simulated() const { return simulated_; }

 private:
  friend class Watch;
  port::HttpTransport& transport_;
  const port::Clock& clock_;
  bool simulated_;
  std::vector<port::HttpEvent> stray_;  // events of open watches that arrived while something else was waited for
};

Api& api();

// An open watch. next() returns the next event, or a type of "" when nothing came in time or the stream ended.
class Watch {
 public:
  Watch(Api& api, std::string target);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  WatchEvent next(port::Duration most = std::chrono::seconds(20));
  int status() const { return status_; }
  bool ended() const { return ended_; }
  const Json& refusal() const { return refusal_; }  // the Status of a watch that was not opened

 private:
  void take(const port::HttpEvent& event);
  Api& api_;
  port::RequestId id_;
  int status_ = 0;
  bool ended_ = false;
  std::string buffer_;
  Json refusal_;
};

// A namespace of one case, with a name nobody else uses, deleted when the case ends.
class Scene {
 public:
  // pod_security: the Pod Security level the namespace enforces and warns of; "" = none.
  explicit Scene(std::string_view pod_security = {});
  ~Scene();
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;

  const std::string& name() const { return name_; }
  // core("configmaps", "a") is /api/v1/namespaces/NS/configmaps/a
  std::string core(std::string_view resource, std::string_view object = {}) const;
  // group("apps/v1", "deployments", "a")
  std::string group(std::string_view group_version, std::string_view resource, std::string_view object = {}) const;

 private:
  std::string name_;
};

// Shorthands for the objects the cases need most.
Json config_map(std::string_view name, const Json& data = Json::object());
Json pod_spec(std::string_view image = "example.test/app:1");
Json deployment(std::string_view name, int replicas, std::string_view image = "example.test/app:1");
// A copy with metadata.<key> set.
Json with_meta(Json object, std::string_view key, Json value);
// The value at a JSON pointer, null if absent.
Json at(const Json& object, std::string_view pointer);
// The condition of that type in status.conditions, null if absent.
Json condition(const Json& object, std::string_view type);
bool contains(std::string_view text, std::string_view part);
// managedFields entry of that manager (and subresource), null if absent.
Json managed_by(const Json& object, std::string_view manager, std::string_view subresource = {});

}  // namespace nautilus::contract

// The answer's status must be `code`; the server's words are shown if it is not.
#define CHECK_STATUS(answer, code) CHECK_MESSAGE((answer).status == (code), (answer).status, ": ", (answer).message())
#define REQUIRE_STATUS(answer, code) \
  REQUIRE_MESSAGE((answer).status == (code), (answer).status, ": ", (answer).message())
// The text must hold the part.
#define CHECK_HOLDS(text, part) \
  CHECK_MESSAGE(nautilus::contract::contains((text), (part)), "\"", (text), "\" does not hold \"", (part), "\"")
