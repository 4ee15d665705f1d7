// A patch of every kind on a Deployment: done or refused, and the object stays readable.
#include "core/sim/api/server.h"
#include "core/sim/virtual_clock.h"
#include "core/value/json.h"
#include "tests/fuzz/fuzz.h"

namespace {

constexpr std::string_view kDeployment = R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"},
  "spec":{"replicas":1,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{
  "containers":[{"name":"c","image":"i","ports":[{"containerPort":80}],"env":[{"name":"E","value":"v"}]},
                {"name":"e","image":"j"}]}}}})";

nautilus::port::HttpRequest request(std::string method, std::string target, std::string type, std::string_view body) {
  nautilus::port::HttpRequest out;
  out.method = std::move(method);
  out.target = std::move(target);
  out.headers.push_back({"Content-Type", std::move(type)});
  out.body = std::string(body);
  return out;
}

}  // namespace

FUZZ_TARGET(patch) {
  using namespace nautilus;
  constexpr const char* kTypes[] = {"application/merge-patch+json", "application/json-patch+json",
                                    "application/strategic-merge-patch+json", "application/apply-patch+yaml"};
  const sim::VirtualClock clock(port::WallTime(std::chrono::seconds(1'800'000'000)));
  sim::Server server(clock, {});
  const std::string path = "/apis/apps/v1/namespaces/default/deployments";
  const auto made = server.handle(request("POST", path, "application/json", kDeployment));
  fuzz::expect(made.status == 201, "the Deployment is made");
  const std::string type = kTypes[fuzz::choose(text, 4)];
  const auto reply = server.handle(request("PATCH", path + "/d?fieldManager=fuzz", type, text));
  fuzz::expect(reply.status >= 200 && reply.status < 600, "an answer has a status");
  fuzz::expect(value::parse_json(reply.body, "answer").ok(), "an answer is JSON");
  const auto after = server.handle(request("GET", path + "/d", "", ""));
  fuzz::expect(after.status == 200 && value::parse_json(after.body, "object").ok(), "the object can be read");
}
