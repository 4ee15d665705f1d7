#include "core/chart/repository.h"

#include <doctest/doctest.h>

#include "tests/support/fake_transport.h"

using namespace nautilus;

namespace {

// Hands out one scripted transport per server.
class FakeRepositories final : public port::Connector {
 public:
  test::FakeClock clock;
  std::map<std::string, std::shared_ptr<test::FakeTransport::Log>> servers;
  std::vector<std::string> connected;

  test::FakeTransport::Log& at(const std::string& server) {
    auto& log = servers[server];
    if (!log) log = std::make_shared<test::FakeTransport::Log>();
    return *log;
  }
  Result<std::unique_ptr<port::HttpTransport>> connect(const port::Endpoint& endpoint) override {
    connected.push_back(endpoint.server);
    (void)at(endpoint.server);
    return std::unique_ptr<port::HttpTransport>(std::make_unique<test::FakeTransport>(clock, servers[endpoint.server]));
  }
};

test::Rule answer(const std::string& target, int status, std::string body, std::vector<port::Header> headers = {}) {
  test::Rule rule;
  rule.method = "GET";
  rule.target = target;
  rule.status = status;
  rule.headers = std::move(headers);
  rule.chunks = {std::move(body)};
  rule.times = -1;
  return rule;
}

std::string index_with(const std::string& url, const std::string& digest = "") {
  return "apiVersion: v1\nentries:\n  app:\n  - {name: app, version: v1.2.3, urls: [\"" + url + "\"], digest: \"" +
         digest + "\"}\n  - {name: app, version: 1.0.0, urls: [old.tgz]}\n";
}

Result<chart::FetchedChart> fetch(FakeRepositories& repositories, const std::string& version = "1.2.3") {
  const port::NeverInterrupted never;
  chart::RepositoryChart wanted{"https://a.example/charts", "app", version, "ann", "secret", ""};
  return chart::fetch_chart({repositories, repositories.clock, never}, wanted);
}

constexpr const char* kHome = "https://a.example";

}  // namespace

TEST_CASE("a chart is found through the index, relative or absolute, with or without a v") {
  struct Row {
    const char *url, *server, *target;
  };
  const Row rows[] = {{"app-1.2.3.tgz", kHome, "/charts/app-1.2.3.tgz"},
                      {"/other/app.tgz", kHome, "/other/app.tgz"},
                      {"https://cdn.example/app.tgz", "https://cdn.example", "/app.tgz"}};
  for (const Row& row : rows) {
    CAPTURE(row.url);
    FakeRepositories repositories;
    repositories.at(kHome).rules.push_back(answer("/charts/index.yaml", 200, index_with(row.url)));
    repositories.at(row.server).rules.push_back(answer(row.target, 200, "package"));
    const auto chart = fetch(repositories);
    REQUIRE_MESSAGE(chart.ok(), chart.error().text());
    CHECK(chart->bytes == "package");
    CHECK(chart->digest == chart::digest_of("package"));
    // The credentials go to the repository's own host and to nobody else.
    CHECK(repositories.at(kHome).requests.front().header("Authorization") == "Basic YW5uOnNlY3JldA==");
    if (std::string(row.server) != kHome)
      CHECK(repositories.at(row.server).requests.front().header("Authorization").empty());
  }
}

TEST_CASE("what cannot be trusted or found is said, without the credentials") {
  struct Row {
    const char* what;
    std::vector<test::Rule> rules;
    const char* version;
    Code code;
    const char* message;
  };
  const std::string index = index_with("app.tgz");
  const auto redirect = [](const std::string& from, const std::string& to) {
    return answer(from, 302, "", {{"Location", to}});
  };
  const Row rows[] = {
      {"no index", {answer("/charts/index.yaml", 404, "")}, "1.2.3", Code::not_found, "does not exist (404)"},
      {"not allowed", {answer("/charts/index.yaml", 401, "")}, "1.2.3", Code::forbidden, "refuses us (401)"},
      {"broken", {answer("/charts/index.yaml", 503, "")}, "1.2.3", Code::unreachable, "answered 503"},
      {"no YAML", {answer("/charts/index.yaml", 200, "a: [")}, "1.2.3", Code::invalid, ""},
      {"a web page", {answer("/charts/index.yaml", 200, "<html>hello</html>")}, "1.2.3", Code::invalid, "no entries"},
      {"no such chart",
       {answer("/charts/index.yaml", 200, "entries: {b: []}")},
       "1.2.3",
       Code::not_found,
       "no chart app"},
      {"no such version", {answer("/charts/index.yaml", 200, index)}, "9.9.9", Code::not_found, "no version 9.9.9"},
      {"no file",
       {answer("/charts/index.yaml", 200, "entries: {app: [{version: 1.2.3}]}")},
       "1.2.3",
       Code::invalid,
       "names no file"},
      {"package gone",
       {answer("/charts/index.yaml", 200, index), answer("/charts/app.tgz", 404, "")},
       "1.2.3",
       Code::not_found,
       "app.tgz does not exist"},
      {"other content",
       {answer("/charts/index.yaml", 200, index_with("app.tgz", std::string(64, 'a'))),
        answer("/charts/app.tgz", 200, "x")},
       "1.2.3",
       Code::refused,
       "but the index says"},
      {"a loop", {redirect("/charts/index.yaml", "/charts/index.yaml")}, "1.2.3", Code::limit, "more than 5 times"},
      {"downgrade", {redirect("/charts/index.yaml", "http://a.example/x")}, "1.2.3", Code::refused, "plain http"},
      {"nowhere", {redirect("/charts/index.yaml", "file:///etc/passwd")}, "1.2.3", Code::invalid, "not an address"},
      {"package by plain http",
       {answer("/charts/index.yaml", 200, index_with("http://a.example/app.tgz"))},
       "1.2.3",
       Code::refused,
       "plain http"},
      {"announced too large",
       {answer("/charts/index.yaml", 200, "x", {{"Content-Length", "99999999999"}})},
       "1.2.3",
       Code::limit,
       "larger than 64 MiB"},
      {"cut short",
       {answer("/charts/index.yaml", 200, index), answer("/charts/app.tgz", 200, "x", {{"Content-Length", "2"}})},
       "1.2.3",
       Code::io,
       "broke off"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    FakeRepositories repositories;
    for (const auto& rule : row.rules) repositories.at(kHome).rules.push_back(rule);
    const auto chart = fetch(repositories, row.version);
    REQUIRE_FALSE(chart.ok());
    CHECK_MESSAGE(chart.error().code == row.code, chart.error().text());
    const std::string text = chart.error().text() + chart.error().hint;
    CHECK_MESSAGE(text.find(row.message) != std::string::npos, text);
    CHECK(text.find("secret") == std::string::npos);
  }
}

TEST_CASE("more than fits ends the transfer") {
  FakeRepositories repositories;
  test::Rule rule = answer("/charts/index.yaml", 200, "");
  rule.chunks.assign(70, std::string(1u << 20, 'x'));
  rule.hang = true;
  repositories.at(kHome).rules.push_back(rule);
  const auto chart = fetch(repositories);
  REQUIRE_FALSE(chart.ok());
  CHECK(chart.error().code == Code::limit);
}
