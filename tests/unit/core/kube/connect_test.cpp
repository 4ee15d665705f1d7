// Kubeconfig files, credentials and plugins.
#include "core/kube/connect.h"

#include <doctest/doctest.h>

#include "core/port/wall_time.h"
#include "tests/support/fake_transport.h"

namespace nautilus::kube {
namespace {

using test::FakeWorld;
using test::Rule;

constexpr const char* kOne = R"(
apiVersion: v1
kind: Config
current-context: prod
clusters:
- name: east
  cluster: {server: "https://east:6443", certificate-authority: ca/east.pem, tls-server-name: kube, proxy-url: "socks5://p:1080", disable-compression: true}
contexts:
- {name: prod, context: {cluster: east, user: bob, namespace: trading}}
- {name: half, context: {cluster: nowhere, user: bob}}
users:
- name: bob
  user: {token: secret-one}
)";
constexpr const char* kTwo = R"(
current-context: staging
clusters:
- {name: east, cluster: {server: "https://other:1"}}
- {name: west, cluster: {server: "https://west:6443", insecure-skip-tls-verify: true}}
contexts:
- {name: staging, context: {cluster: west, user: carol}}
users:
- {name: bob, user: {token: second}}
- {name: carol, user: {username: carol, password: "pass:word", as: admin, as-uid: "7", as-groups: [g1, g2], as-user-extra: {"a/b": [x]}}}
)";

struct Fixture : FakeWorld {
  Fixture() {
    files.files["/c/one"] = kOne;
    files.files["/d/two"] = kTwo;
    files.files["/c/ca/east.pem"] = "PEM";
    process.variables = {{"KUBECONFIG", "/c/one:/nowhere:/d/two:/c/one"}, {"HOME", "/home/u"}};
  }
  Result<KubeTarget> select(const std::string& context = {}, const std::string& path = {}) {
    auto config = Kubeconfig::load(files, process, path);
    if (!config.ok()) return std::move(config).error();
    return config->select(files, context);
  }
  // A kubeconfig with one user.
  void user(const std::string& yaml) {
    files.files["/u"] =
        "current-context: c\nclusters: [{name: k, cluster: {server: 'https://k'}}]\n"
        "contexts: [{name: c, context: {cluster: k, user: u}}]\nusers:\n- name: u\n  user: " +
        yaml + "\n";
    process.variables["KUBECONFIG"] = "/u";
  }
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("several files are merged: the first to say something wins, paths are relative to their file") {
  Fixture fixture;
  auto prod = fixture.select();
  REQUIRE(prod.ok());
  CHECK(prod->endpoint.server == "https://east:6443");
  CHECK(prod->endpoint.ca_pem == "PEM");
  CHECK(prod->endpoint.tls_server_name == "kube");
  CHECK(prod->endpoint.proxy_url == "socks5://p:1080");
  CHECK(prod->disable_compression);
  CHECK(prod->namespace_ == "trading");
  CHECK(prod->user.token == "secret-one");
  auto staging = fixture.select("staging");
  REQUIRE(staging.ok());
  CHECK(staging->endpoint.insecure_skip_tls_verify);
  CHECK(staging->namespace_ == "default");
  CHECK(staging->user.as_groups == std::vector<std::string>{"g1", "g2"});
}

TEST_CASE("what a kubeconfig cannot say is said clearly") {
  struct Case {
    const char *name, *path, *context, *kubeconfig;
    Code code;
    const char *message, *hint;
  };
  const Case cases[] = {
      {"unknown context", "", "prodd", "/c/one:/d/two", Code::not_found, "prodd", "half, prod, staging"},
      {"cluster missing", "", "half", "/c/one", Code::invalid, "nowhere", ""},
      {"no file at all", "", "", "/x:/y", Code::not_found, "/x, /y (KUBECONFIG)", "--kubeconfig"},
      {"default file", "", "", "", Code::not_found, "/home/u/.kube/config", "--kubeconfig"},
      {"explicit file", "/z", "", "/c/one", Code::not_found, "/z", ""},
      {"not YAML", "/bad", "", "", Code::invalid, "", ""},
      {"not a mapping", "/list", "", "", Code::invalid, "not a kubeconfig", ""},
      {"auth-provider", "/gcp", "", "", Code::invalid, "gcp", "exec"},
      {"bad base64", "/b64", "", "", Code::invalid, "certificate-authority-data", ""},
      {"file missing", "/cafile", "", "", Code::not_found, "/absent.pem", ""},
      {"numeric token", "/num", "", "", Code::invalid, "token must be a string", ""},
      {"no current context", "/nocur", "", "", Code::not_found, "no context is chosen", "known are: c"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    Fixture fixture;
    const std::string head = "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n";
    const std::string cluster = "clusters: [{name: k, cluster: {server: 'https://k'}}]\n";
    fixture.files.files["/bad"] = "a: [";
    fixture.files.files["/list"] = "- a";
    fixture.files.files["/gcp"] = head + cluster + "users: [{name: u, user: {auth-provider: {name: gcp}}}]";
    fixture.files.files["/num"] = head + cluster + "users: [{name: u, user: {token: 12345}}]";
    fixture.files.files["/b64"] =
        head + "clusters: [{name: k, cluster: {server: 'https://k', certificate-authority-data: '%%'}}]";
    fixture.files.files["/cafile"] =
        head + "clusters: [{name: k, cluster: {server: 'https://k', certificate-authority: absent.pem}}]";
    fixture.files.files["/nocur"] = "contexts: [{name: c, context: {}}]";
    fixture.process.variables["KUBECONFIG"] = c.kubeconfig;
    const auto target = fixture.select(c.context, c.path);
    REQUIRE_FALSE(target.ok());
    CAPTURE(target.error().text());
    CHECK(target.error().code == c.code);
    CHECK(has(target.error().text(), c.message));
    CHECK(has(target.error().hint, c.hint));
    CHECK_FALSE(has(target.error().text(), "12345"));
  }
}

TEST_CASE("credentials of each kind become headers") {
  struct Case {
    const char* user;
    std::vector<std::pair<std::string, std::string>> headers;
  };
  const Case cases[] = {
      {"{token: abc}", {{"Authorization", "Bearer abc"}}},
      {"{tokenFile: tok}", {{"Authorization", "Bearer from-file"}}},
      {"{token: abc, tokenFile: /tok}", {{"Authorization", "Bearer from-file"}}},
      {"{username: carol, password: 'pass:word'}", {{"Authorization", "Basic Y2Fyb2w6cGFzczp3b3Jk"}}},
      {"{token: t, as: admin, as-uid: '7', as-groups: [g1], as-user-extra: {'a/b': [x]}}",
       {{"Authorization", "Bearer t"},
        {"Impersonate-User", "admin"},
        {"Impersonate-Uid", "7"},
        {"Impersonate-Group", "g1"},
        {"Impersonate-Extra-a%2Fb", "x"}}},
      {"{}", {{"Authorization", ""}}},
  };
  for (const Case& c : cases) {
    CAPTURE(c.user);
    Fixture fixture;
    fixture.user(c.user);
    fixture.files.files["/tok"] = "from-file\n";
    auto connection = connect(fixture.ports(), {});
    REQUIRE(connection.ok());
    Rule rule;
    rule.body = "{}";
    fixture.rule(rule);
    Request request;
    request.target = "/version";
    REQUIRE(connection->client->call(request).ok());
    for (const auto& [name, text] : c.headers) CHECK(fixture.log().requests.at(0).header(name) == text);
  }
}

TEST_CASE("a token file is read again, by time and after 401") {
  Fixture fixture;
  fixture.user("{tokenFile: /tok}");
  fixture.files.files["/tok"] = "one";
  auto connection = connect(fixture.ports(), {});
  REQUIRE(connection.ok());
  Rule ok;
  ok.body = "{}";
  ok.times = 3;
  fixture.rule(ok);
  Request request;
  request.target = "/version";
  const auto token = [&] {
    const Response response = connection->client->call(request);
    return std::pair(response.ok(), fixture.log().requests.back().header("Authorization"));
  };
  CHECK(token() == std::pair(true, std::string("Bearer one")));
  fixture.files.files["/tok"] = "two";
  CHECK(token() == std::pair(true, std::string("Bearer one")));
  fixture.clock.elapsed += kTokenFileAge;
  CHECK(token() == std::pair(true, std::string("Bearer two")));
  fixture.files.files["/tok"] = "three";
  Rule denied;
  denied.status = 401;
  fixture.rule(denied);
  ok.times = -1;
  fixture.rule(ok);
  CHECK(token() == std::pair(true, std::string("Bearer three")));
  fixture.files.files.erase("/tok");  // being replaced: the old one still works
  fixture.clock.elapsed += kTokenFileAge;
  CHECK(token() == std::pair(true, std::string("Bearer three")));
}

TEST_CASE("impersonation flags replace the kubeconfig's") {
  Fixture fixture;
  ConnectOptions options;
  options.context = "staging";
  options.as = "eve";
  options.as_groups = {"g9"};
  options.namespace_ = "other";
  auto connection = connect(fixture.ports(), options);
  REQUIRE(connection.ok());
  CHECK(connection->namespace_ == "other");
  Rule rule;
  rule.body = "{}";
  fixture.rule(rule);
  REQUIRE(connection->client->call(Request{.target = "/version"}).ok());
  CHECK(fixture.log().requests[0].header("Impersonate-User") == "eve");
  CHECK(fixture.log().requests[0].header("Impersonate-Group") == "g9");
  CHECK(fixture.log().requests[0].header("Impersonate-Uid").empty());
  options.as.clear();
  CHECK(connect(fixture.ports(), options).error().code == Code::usage);
}

TEST_CASE("a pod uses its service account when there is no kubeconfig") {
  FakeWorld world;
  CHECK(connect(world.ports(), {}).error().code == Code::not_found);
  world.process.variables = {{"KUBERNETES_SERVICE_HOST", "fd00::1"}, {"KUBERNETES_SERVICE_PORT", "443"}};
  const std::string base = "/var/run/secrets/kubernetes.io/serviceaccount/";
  world.files.files = {{base + "token", "sa"}, {base + "ca.crt", "CA"}, {base + "namespace", "ops\n"}};
  auto connection = connect(world.ports(), {});
  REQUIRE(connection.ok());
  CHECK(connection->server == "https://[fd00::1]:443");
  CHECK(connection->namespace_ == "ops");
  CHECK(world.connector.endpoints.at(0).ca_pem == "CA");
}

namespace {

constexpr const char* kExec =
    "{exec: {apiVersion: client.authentication.k8s.io/v1, command: get-token, args: [--cluster, k], interactiveMode: "
    "IfAvailable,"
    " provideClusterInfo: true, installHint: 'install it', env: [{name: A, value: b}]}}";

std::string credential(const std::string& status, const std::string& version = "v1") {
  return R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/)" + version + R"(","status":)" +
         status + "}";
}

}  // namespace

TEST_CASE("a credential plugin is run, its answer kept until it expires, and renewed after 401") {
  Fixture fixture;
  fixture.user(kExec);
  int serial = 0;
  fixture.process.on_run = [&](const port::ProcessSpec&) {
    return port::ProcessOutput{
        0,
        credential(R"({"token":"t)" + std::to_string(++serial) + R"(","expirationTimestamp":"2026-11-23T01:00:00Z"})"),
        ""};
  };
  struct Sink final : port::EventSink {
    std::vector<port::Event> events;
    void on_event(const port::Event& event) override { events.push_back(event); }
  } sink;
  ConnectOptions options;
  options.events = &sink;
  auto connection = connect(fixture.ports(), options);
  REQUIRE(connection.ok());
  CHECK(fixture.process.runs.empty());
  Rule ok;
  ok.body = "{}";
  ok.times = 2;
  fixture.rule(ok);
  REQUIRE(connection->client->call(Request{.target = "/version"}).ok());
  REQUIRE(connection->client->call(Request{.target = "/version"}).ok());
  REQUIRE(fixture.process.runs.size() == 1);
  const port::ProcessSpec& spec = fixture.process.runs[0];
  CHECK(spec.argv == std::vector<std::string>{"get-token", "--cluster", "k"});
  CHECK(spec.env.at("A") == "b");
  const auto info = value::parse_json(spec.env.at("KUBERNETES_EXEC_INFO"), "info");
  REQUIRE(info.ok());
  CHECK(value::string_at(*info, "spec", "cluster", "server") == "https://k");
  CHECK_FALSE(value::bool_at(*info, true, "spec", "interactive"));
  REQUIRE(sink.events.size() == 1);
  CHECK(has(sink.events[0].message, "get-token --cluster k"));

  Rule denied;
  denied.status = 401;
  fixture.rule(denied);
  ok.times = -1;
  fixture.rule(ok);
  REQUIRE(connection->client->call(Request{.target = "/version"}).ok());
  CHECK(fixture.log().requests.back().header("Authorization") == "Bearer t2");
  fixture.clock.elapsed = std::chrono::hours(2);
  const Response expired = connection->client->call(Request{.target = "/version"});
  CHECK(fixture.process.runs.size() == 3);
  CHECK(has(expired.error.text(), "already expired"));
}

TEST_CASE("a plugin that gives a certificate gets a connection of its own") {
  Fixture fixture;
  fixture.user(kExec);
  fixture.process.on_run = [](const port::ProcessSpec&) {
    return port::ProcessOutput{0, credential(R"({"clientCertificateData":"CERT","clientKeyData":"KEY"})"), ""};
  };
  auto connection = connect(fixture.ports(), {});
  REQUIRE(connection.ok());
  Rule ok;
  ok.body = "{}";
  ok.times = -1;
  fixture.rule(ok);
  REQUIRE(connection->client->call(Request{.target = "/version"}).ok());
  REQUIRE(connection->client->call(Request{.target = "/version"}).ok());
  REQUIRE(fixture.connector.endpoints.size() == 2);
  CHECK(fixture.connector.endpoints[0].client_cert_pem.empty());
  CHECK(fixture.connector.endpoints[1].client_cert_pem == "CERT");
  CHECK(fixture.connector.endpoints[1].client_key_pem == "KEY");
}

TEST_CASE("plugins that fail, and what is said about it") {
  struct Case {
    const char* name;
    Result<port::ProcessOutput> output;
    const char *message, *hint;
  };
  const Case cases[] = {
      {"not installed", Error(Code::not_found, "the program get-token was not found"), "was not found", "install it"},
      {"exit status", port::ProcessOutput{3, "", "please log in\x1b[1m"}, "status 3: please log in\\x1b[1m", ""},
      {"not JSON", port::ProcessOutput{0, "secret-ish", ""}, "did not print an ExecCredential", ""},
      {"other version", port::ProcessOutput{0, credential(R"({"token":"t"})", "v1beta1"), ""}, "instead of", ""},
      {"no status",
       port::ProcessOutput{0, R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1"})", ""},
       "no status", ""},
      {"empty", port::ProcessOutput{0, credential("{}"), ""}, "neither a token nor a certificate", ""},
      {"half a pair", port::ProcessOutput{0, credential(R"({"clientCertificateData":"C"})"), ""}, "only one", ""},
      {"bad time", port::ProcessOutput{0, credential(R"({"token":"t","expirationTimestamp":"soon"})"), ""},
       "not a time", ""},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    Fixture fixture;
    fixture.user(kExec);
    fixture.process.on_run = [&](const port::ProcessSpec&) { return c.output; };
    auto connection = connect(fixture.ports(), {});
    REQUIRE(connection.ok());
    const Response response = connection->client->call(Request{.target = "/version"});
    CHECK(response.error.code == Code::unauthorized);
    CAPTURE(response.error.text());
    CHECK(has(response.error.text(), c.message));
    CHECK(has(response.error.hint, c.hint));
    CHECK_FALSE(has(response.error.text(), "secret-ish"));
    CHECK(fixture.log().requests.empty());
  }
}

TEST_CASE("a policy may refuse plugins, and an interactive one needs a terminal") {
  Fixture fixture;
  fixture.user(kExec);
  ConnectOptions options;
  options.exec_policy = [](const ExecPlugin& plugin) -> Result<> {
    return Error(Code::refused, "plugins are not allowed: " + plugin.command);
  };
  auto connection = connect(fixture.ports(), options);
  REQUIRE(connection.ok());
  CHECK(connection->client->call(Request{.target = "/version"}).error.code == Code::refused);
  CHECK(fixture.process.runs.empty());

  Fixture always;
  std::string yaml = kExec;
  yaml.replace(yaml.find("IfAvailable"), 11, "Always");
  always.user(yaml);
  connection = connect(always.ports(), {});
  REQUIRE(connection.ok());
  CHECK(connection->client->call(Request{.target = "/version"}).error.code == Code::refused);
}

TEST_CASE("plugins of the wrong kind are refused before anything runs") {
  const char* bad[] = {"{exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: x}}",
                       "{exec: {apiVersion: client.authentication.k8s.io/v1, command: x}}",
                       "{exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Sometimes, command: x}}",
                       "{exec: {apiVersion: client.authentication.k8s.io/v1beta1}}",
                       "{exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: x, args: [1]}}",
                       "{as-groups: [g]}",
                       "{token: a, username: b}"};
  for (const char* user : bad) {
    CAPTURE(user);
    Fixture fixture;
    fixture.user(user);
    CHECK(fixture.select().error().code == Code::invalid);
  }
}

TEST_CASE("base64 and times") {
  CHECK(decode_base64("aGVsbG8=") == "hello");
  CHECK(decode_base64("aGVs\nbG8h") == "hello!");
  CHECK(decode_base64("aGVsbA==") == "hell");
  CHECK(decode_base64("") == "");
  for (const char* bad : {"a", "aGVsbG8", "a===", "aG%s", "aGVs=bG8"}) CHECK_FALSE(decode_base64(bad).has_value());
  CHECK(encode_base64("hello") == "aGVsbG8=");
  CHECK(encode_base64("hell") == "aGVsbA==");
  CHECK(encode_base64("hel") == "aGVs");
  const port::WallTime noon = std::chrono::sys_days(std::chrono::year(2026) / 11 / 23) + std::chrono::hours(12);
  CHECK(parse_rfc3339("2026-11-23T12:00:00Z") == noon);
  CHECK(parse_rfc3339("2026-11-23T14:00:00.123+02:00") == noon);
  // Beyond what can be counted in nanoseconds: the last time there is, not one in the past.
  CHECK(parse_rfc3339("9999-12-31T23:59:59Z") ==
        port::wall_time(std::chrono::sys_days(std::chrono::year(9999) / 12 / 31)));
  CHECK(*parse_rfc3339("9999-12-31T23:59:59Z") > noon + std::chrono::years(200));
  CHECK(*parse_rfc3339("0001-01-01T00:00:00Z") < noon - std::chrono::years(200));
  for (const char* bad : {"", "2026-11-23", "2026-13-23T12:00:00Z", "2026-11-23T12:00:00", "2026-11-23 12:00:00Z"})
    CHECK_FALSE(parse_rfc3339(bad).has_value());
}

}  // namespace nautilus::kube
