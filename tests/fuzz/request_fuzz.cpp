// Requests to the embedded API server: "METHOD target content-type", then a body up to a line of one dot; several of
// them in a row. Each gets an answer of HTTP whose body, where it says JSON, is JSON; nothing else may happen.
#include "core/sim/api/server.h"
#include "core/sim/virtual_clock.h"
#include "core/value/json.h"
#include "tests/fuzz/fuzz.h"

namespace {

std::string_view take(std::string_view& text, std::string_view until) {
  const auto end = text.find(until);
  const std::string_view part = text.substr(0, end);
  text = end == text.npos ? std::string_view() : text.substr(end + until.size());
  return part;
}

}  // namespace

FUZZ_TARGET(request) {
  using namespace nautilus;
  constexpr int kMaxRequests = 8;
  const sim::VirtualClock clock(port::WallTime(std::chrono::seconds(1'800'000'000)));
  sim::Server server(clock, {});
  for (int i = 0; i < kMaxRequests && !text.empty(); ++i) {
    std::string_view head = take(text, "\n");
    port::HttpRequest request;
    request.method = std::string(take(head, " "));
    request.target = "/" + std::string(take(head, " "));  // a transport sends nothing else
    if (!head.empty()) request.headers.push_back({"Content-Type", std::string(head)});
    request.body = std::string(take(text, "\n.\n"));
    if (sim::Server::is_watch(request)) {
      std::size_t seen = 0;
      (void)server.open_watch(request, [&](std::string_view line) { seen += line.size(); });
      continue;
    }
    const sim::Reply reply = server.handle(request);
    fuzz::expect(reply.status >= 200 && reply.status < 600, "an answer has a status");
    for (const auto& header : reply.headers)
      if (header.name == "Content-Type" && header.value == "application/json")
        fuzz::expect(value::parse_json(reply.body, "answer").ok(), "an answer is JSON");
  }
}
