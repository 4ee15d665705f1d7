#include "tests/contract/fixture.h"

#include <fmt/format.h>

namespace nautilus::contract {

namespace {

constexpr port::Duration kRequestTimeout = std::chrono::seconds(30);
constexpr port::Duration kPollStep = std::chrono::milliseconds(50);

bool same_header(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](unsigned char x, unsigned char y) {
           return std::tolower(x) == std::tolower(y);
         });
}

}  // namespace

std::vector<std::string> Answer::header_values(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& header : headers)
    if (same_header(header.name, name)) values.push_back(header.value);
  return values;
}

Answer Api::send(std::string method, std::string target, const std::string& body, std::string_view content_type) {
  port::HttpRequest request;
  request.method = method;
  request.target = target;
  request.body = body;
  request.timeout = kRequestTimeout;
  request.headers = {{"Accept", "application/json"}, {"User-Agent", "nautilus-contract"}};
  if (!body.empty()) request.headers.push_back({"Content-Type", std::string(content_type)});
  const auto id = transport_.submit(std::move(request));
  const auto deadline = clock_.monotonic() + 2 * kRequestTimeout;
  while (clock_.monotonic() < deadline)
    for (auto& event : transport_.poll(deadline)) {
      if (event.id != id) {
        stray_.push_back(std::move(event));
        continue;
      }
      if (event.kind == port::HttpEvent::Kind::failed) FAIL(method, " ", target, ": ", event.error.text());
      Answer answer;
      answer.status = event.response.status;
      answer.headers = std::move(event.response.headers);
      answer.raw = std::move(event.response.body);
      answer.body = Json::parse(answer.raw, nullptr, false);
      if (answer.body.is_discarded()) answer.body = nullptr;
      return answer;
    }
  FAIL(method, " ", target, ": no answer");
  return {};
}

Answer Api::apply(std::string target, const Json& body, std::string_view manager, std::string_view more) {
  return send("PATCH", fmt::format("{}?fieldManager={}{}", target, manager, more), body.dump(),
              "application/apply-patch+yaml");
}

void Api::pause(port::Duration time) {
  const auto deadline = clock_.monotonic() + time;
  while (clock_.monotonic() < deadline)
    for (auto& event : transport_.poll(deadline)) stray_.push_back(std::move(event));
}

bool Api::eventually(const std::function<bool()>& holds, port::Duration most) {
  const auto deadline = clock_.monotonic() + most;
  while (true) {
    if (holds()) return true;
    if (clock_.monotonic() >= deadline) return false;
    pause(kPollStep);
  }
}

Watch::Watch(Api& api, std::string target) : api_(api) {
  port::HttpRequest request;
  request.method = "GET";
  request.target = std::move(target);
  request.headers = {{"Accept", "application/json"}};
  request.stream = true;
  id_ = api_.transport().submit(std::move(request));
}

Watch::~Watch() { api_.transport().cancel(id_); }

void Watch::take(const port::HttpEvent& event) {
  using Kind = port::HttpEvent::Kind;
  if (event.id != id_) return;
  if (event.kind == Kind::headers) status_ = event.response.status;
  if (event.kind == Kind::data) buffer_ += event.data;
  if (event.kind == Kind::done || event.kind == Kind::failed) ended_ = true;
}

WatchEvent Watch::next(port::Duration most) {
  const auto deadline = api_.clock().monotonic() + most;
  while (true) {
    std::erase_if(api_.stray_, [&](const port::HttpEvent& event) {
      take(event);
      return event.id == id_;
    });
    if (const auto end = buffer_.find('\n'); end != std::string::npos) {
      const Json line = Json::parse(buffer_.substr(0, end), nullptr, false);
      buffer_.erase(0, end + 1);
      if (status_ >= 400 || !line.is_object() || !line.contains("type")) {
        refusal_ = line;
        continue;
      }
      return {value::string_at(line, "type"), line.value("object", Json())};
    }
    if (ended_) {
      if (!buffer_.empty()) refusal_ = Json::parse(std::exchange(buffer_, {}), nullptr, false);
      return {};
    }
    if (api_.clock().monotonic() >= deadline) return {};
    for (auto& event : api_.transport().poll(deadline)) api_.stray_.push_back(std::move(event));
  }
}

Scene::Scene(std::string_view pod_security) {
  Json labels = Json::object();
  for (const char* mode : {"enforce", "warn"})
    if (!pod_security.empty()) labels[fmt::format("pod-security.kubernetes.io/{}", mode)] = pod_security;
  Json ns = {
      {"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"generateName", "contract-"}, {"labels", labels}}}};
  const Answer made = api().post("/api/v1/namespaces", ns);
  REQUIRE_STATUS(made, 201);
  name_ = value::string_at(made.body, "metadata", "name");
  // The real server's admission wants the service account before it lets a pod in.
  REQUIRE(api().eventually([&] { return api().get(core("serviceaccounts", "default")).ok(); }));
}

Scene::~Scene() { api().remove("/api/v1/namespaces/" + name_); }

std::string Scene::core(std::string_view resource, std::string_view object) const {
  return fmt::format("/api/v1/namespaces/{}/{}{}{}", name_, resource, object.empty() ? "" : "/", object);
}

std::string Scene::group(std::string_view group_version, std::string_view resource, std::string_view object) const {
  return fmt::format("/apis/{}/namespaces/{}/{}{}{}", group_version, name_, resource, object.empty() ? "" : "/",
                     object);
}

Json config_map(std::string_view name, const Json& data) {
  Json object = {{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"metadata", {{"name", name}}}};
  if (!data.empty()) object["data"] = data;  // an empty map would be owned as a whole when it is applied
  return object;
}

Json pod_spec(std::string_view image) {
  return {{"containers", Json::array({{{"name", "app"},
                                       {"image", image},
                                       {"resources", {{"requests", {{"cpu", "10m"}, {"memory", "16Mi"}}}}}}})}};
}

Json deployment(std::string_view name, int replicas, std::string_view image) {
  const Json labels = {{"app", name}};
  return {{"apiVersion", "apps/v1"},
          {"kind", "Deployment"},
          {"metadata", {{"name", name}}},
          {"spec",
           {{"replicas", replicas},
            {"selector", {{"matchLabels", labels}}},
            {"template", {{"metadata", {{"labels", labels}}}, {"spec", pod_spec(image)}}}}}};
}

Json with_meta(Json object, std::string_view key, Json value) {
  object["metadata"][std::string(key)] = std::move(value);
  return object;
}

Json at(const Json& object, std::string_view pointer) {
  const nlohmann::json::json_pointer where{std::string(pointer)};
  return object.contains(where) ? object.at(where) : Json();
}

Json condition(const Json& object, std::string_view type) {
  for (const auto& entry : at(object, "/status/conditions"))
    if (value::string_at(entry, "type") == type) return entry;
  return nullptr;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

Json managed_by(const Json& object, std::string_view manager, std::string_view subresource) {
  for (const auto& entry : at(object, "/metadata/managedFields"))
    if (value::string_at(entry, "manager") == manager && value::string_at(entry, "subresource") == subresource)
      return entry;
  return nullptr;
}

}  // namespace nautilus::contract
