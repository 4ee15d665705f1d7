#include "core/canary/prometheus.h"

#include <cstdlib>

namespace nautilus::canary {

namespace {

std::string encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~';
    if (plain)
      out += c;
    else
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

Result<port::HttpResponse> call(port::HttpTransport& transport, const port::Clock& clock, std::string target) {
  port::HttpRequest request;
  request.method = "GET";
  request.target = std::move(target);
  request.headers = {{"Accept", "application/json"}};
  request.timeout = kQueryTimeout;
  const auto deadline = clock.monotonic() + 2 * kQueryTimeout;
  const auto id = transport.submit(std::move(request));
  while (clock.monotonic() < deadline) {
    for (auto& event : transport.poll(deadline)) {
      if (event.id != id) continue;
      if (event.kind == port::HttpEvent::Kind::failed) return std::move(event.error);
      if (event.kind == port::HttpEvent::Kind::done) return std::move(event.response);
    }
  }
  transport.cancel(id);
  return Error(Code::timeout, "Prometheus does not answer");
}

}  // namespace

Result<std::optional<double>> number_of(const Json& answer) {
  if (value::string_at(answer, "status") != "success")
    return Error(Code::invalid, "Prometheus refuses the query: " + value::string_at(answer, "error"));
  const Json* result = value::find(answer, "data", "result");
  if (!result || !result->is_array()) return Error(Code::invalid, "an answer without a result");
  const Json* sample = result;
  if (value::string_at(answer, "data", "resultType") != "scalar") {
    if (result->empty()) return std::optional<double>();
    if (result->size() > 1)
      return Error(Code::invalid, fmt::format("the query gives {} series instead of one number", result->size()));
    sample = value::find(result->front(), "value");
  }
  if (!sample || !sample->is_array() || sample->size() != 2 || !(*sample)[1].is_string())
    return Error(Code::invalid, "an answer that is not one number");
  const auto& text = (*sample)[1].get_ref<const std::string&>();
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0') return Error(Code::invalid, "an answer that is not one number");
  return std::optional<double>(number);
}

Query prometheus(std::shared_ptr<port::HttpTransport> transport, const port::Clock& clock, std::string base_path) {
  return [transport = std::move(transport), &clock, base = std::move(base_path)](
             const std::string& promql, port::WallTime at) -> Result<std::optional<double>> {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
    ASSIGN_OR_RETURN(const auto response, call(*transport, clock,
                                               fmt::format("{}/api/v1/query?query={}&time={}&timeout=8s", base,
                                                           encoded(promql), seconds)));
    auto json = value::parse_json(response.body, "the answer of Prometheus");
    if (response.status >= 300 && !json.ok())
      return Error(Code::unreachable, fmt::format("Prometheus answers {}", response.status));
    if (!json.ok()) return std::move(json).error();
    return number_of(*json);
  };
}

}  // namespace nautilus::canary
