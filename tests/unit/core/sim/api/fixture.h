// A server on a clock that only the test moves, and requests to it as a client sends them.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "core/sim/api/server.h"
#include "core/value/json.h"

namespace nautilus::sim::test {

class ManualClock final : public port::Clock {
 public:
  port::WallTime now() const override { return now_; }
  port::Monotonic monotonic() const override { return now_.time_since_epoch(); }
  void advance(port::Duration by) { now_ += by; }

 private:
  // 2026-03-02T09:00:00Z
  port::WallTime now_{std::chrono::sys_days(std::chrono::year(2026) / 3 / 2) + std::chrono::hours(9)};
};

struct Answer {
  int status = 0;
  Json body;
  std::string raw;
  std::vector<std::string> warnings;
  std::string header(std::string_view name) const {
    for (const auto& h : headers)
      if (h.name == name) return h.value;
    return {};
  }
  std::vector<port::Header> headers;
  std::string message() const { return body.is_object() ? value::string_at(body, "message") : std::string(); }
  std::string reason() const { return body.is_object() ? value::string_at(body, "reason") : std::string(); }
};

struct Cluster {
  explicit Cluster(ServerOptions options = {}) : server(clock, std::move(options)) {}

  Answer send(std::string method, std::string target, const Json& body = nullptr, std::string type = "application/json",
              std::string accept = "application/json") {
    return send_text(std::move(method), std::move(target), body.is_null() ? std::string() : body.dump(),
                     std::move(type), std::move(accept));
  }
  Answer send_text(std::string method, std::string target, std::string body, std::string type = "application/json",
                   std::string accept = "application/json") {
    port::HttpRequest request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.body = std::move(body);
    request.headers = {{"Accept", std::move(accept)}, {"Content-Type", std::move(type)}, {"User-Agent", "probe/1.0"}};
    Reply reply = server.handle(request);
    Answer answer;
    answer.status = reply.status;
    answer.raw = reply.body;
    answer.headers = reply.headers;
    answer.body = Json::parse(reply.body, nullptr, false);
    for (const auto& h : reply.headers)
      if (h.name == "Warning") answer.warnings.push_back(h.value);
    return answer;
  }
  // Server-side apply.
  Answer apply(std::string target, const Json& body, std::string manager, bool force = false) {
    target += (target.find('?') == std::string::npos ? "?" : "&") + std::string("fieldManager=") + manager;
    if (force) target += "&force=true";
    return send("PATCH", target, body, "application/apply-patch+yaml");
  }
  Answer merge(std::string target, const Json& body) {
    return send("PATCH", std::move(target), body, "application/merge-patch+json");
  }
  void make_namespace(const std::string& name, Json labels = Json::object()) {
    REQUIRE(
        send("POST", "/api/v1/namespaces", {{"metadata", {{"name", name}, {"labels", std::move(labels)}}}}).status ==
        201);
    REQUIRE(
        send("POST", "/api/v1/namespaces/" + name + "/serviceaccounts", {{"metadata", {{"name", "default"}}}}).status ==
        201);
  }

  ManualClock clock;
  Server server;
};

inline Json deployment(const std::string& name) {
  return Json::parse(R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":")" + name + R"("},
    "spec":{"replicas":2,"selector":{"matchLabels":{"app":"web"}},
      "template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"web","image":"nginx:1.25",
        "ports":[{"containerPort":80}],"env":[{"name":"A","value":"1"}],
        "resources":{"requests":{"cpu":"0.5","memory":"1024Mi"}},"livenessProbe":{"httpGet":{"port":80}}}]}}}})");
}

inline Json simple_pod(const std::string& name) {
  return {{"metadata", {{"name", name}}}, {"spec", {{"containers", Json::array({{{"name", "a"}, {"image", "x:1"}}})}}}};
}

}  // namespace nautilus::sim::test
