#include "core/host/curl_transport.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <map>

#include "core/host/clock.h"
#include "tests/unit/core/host/test_server.h"

namespace nautilus::host {
namespace {

using port::HttpEvent;
using test::CertificateSpec;
using test::Identity;
using test::make_certificate;
using test::TestServer;

const RealClock kClock;

std::unique_ptr<port::HttpTransport> open(const port::Endpoint& endpoint, int wake_fd = -1) {
  CurlConnector connector(kClock, wake_fd);
  auto made = connector.connect(endpoint);
  REQUIRE_MESSAGE(made.ok(), (made.ok() ? "" : made.error().text()));
  return std::move(made).value();
}

port::HttpRequest get(const std::string& target) {
  port::HttpRequest out;
  out.method = "GET";
  out.target = target;
  out.timeout = std::chrono::seconds(20);
  return out;
}

// The last event of one request.
HttpEvent finish(port::HttpTransport& transport, port::RequestId id) {
  const auto deadline = kClock.monotonic() + std::chrono::seconds(30);
  while (kClock.monotonic() < deadline) {
    for (HttpEvent& event : transport.poll(deadline)) {
      if (event.id == id && (event.kind == HttpEvent::Kind::done || event.kind == HttpEvent::Kind::failed))
        return event;
    }
  }
  FAIL("no answer");
  return {};
}

HttpEvent ask(const port::Endpoint& endpoint, const std::string& target = "/ok") {
  const auto transport = open(endpoint);
  return finish(*transport, transport->submit(get(target)));
}

port::Endpoint at(const std::string& server) {
  port::Endpoint out;
  out.server = server;
  return out;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("requests carry their method, headers and body, and answers come back whole") {
  TestServer server;
  const auto transport = open(at(server.url() + "/"));
  port::HttpRequest request = get("/echo");
  request.method = "PATCH";
  request.headers = {{"Content-Type", "application/apply-patch+yaml"}};
  request.body = std::string(3 << 20, 'b');
  HttpEvent event = finish(*transport, transport->submit(request));
  CHECK(event.kind == HttpEvent::Kind::done);
  CHECK(event.response.status == 200);
  CHECK(event.response.body == request.body);
  request.target = "/headers";
  request.method = "DELETE";
  request.body.clear();
  request.headers.push_back({"X-Empty", ""});
  event = finish(*transport, transport->submit(request));
  CHECK(has(event.response.body, "DELETE /headers HTTP/1.1\r\n"));
  CHECK(has(event.response.body, "Content-Type: application/apply-patch+yaml\r\n"));
  CHECK(has(event.response.body, "X-Empty:"));
  CHECK(event.response.header("content-length") != "");
  event = finish(*transport, transport->submit(get("/../a/./b%2Fc")));
  CHECK(event.response.body == "hello");
  CHECK(server.connections() == 1);
}

TEST_CASE("the prefix of the server's address stays in front") {
  TestServer server;
  const auto transport = open(at(server.url("localhost") + "/k8s/clusters/c-1/"));
  const HttpEvent event = finish(*transport, transport->submit(get("/headers")));
  CHECK(event.response.body == "hello");  // not /headers
}

TEST_CASE("answers are compressed on the way, unless the request says otherwise") {
  TestServer server;
  CHECK(ask(at(server.url()), "/gzip").response.body == "hello gzip");
  const auto transport = open(at(server.url()));
  port::HttpRequest plain = get("/gzip");
  plain.headers = {{"Accept-Encoding", "identity"}};
  CHECK(finish(*transport, transport->submit(plain)).response.body == "not asked");
}

TEST_CASE("no redirect is followed and the environment's proxy is not used") {
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  ::setenv("all_proxy", "http://127.0.0.1:1", 1);
  TestServer server;
  const HttpEvent event = ask(at(server.url()), "/redirect");
  ::unsetenv("http_proxy");
  ::unsetenv("all_proxy");
  CHECK(event.response.status == 302);
  port::Endpoint proxied = at(server.url());
  proxied.proxy_url = "http://127.0.0.1:1";
  CHECK(ask(proxied).error.code == Code::unreachable);
}

TEST_CASE("connections that fail are told apart: nothing was sent, or it may have been") {
  TestServer server;
  struct Case {
    const char* target;
    Code code;
  };
  for (const Case c : {Case{"/drop", Code::io}, Case{"/half", Code::io}, Case{"/silent", Code::timeout}}) {
    CAPTURE(c.target);
    const auto transport = open(at(server.url()));
    port::HttpRequest request = get(c.target);
    if (c.code == Code::timeout) request.timeout = std::chrono::milliseconds(200);
    const HttpEvent event = finish(*transport, transport->submit(request));
    CHECK(event.kind == HttpEvent::Kind::failed);
    CHECK(event.error.code == c.code);
    CHECK_FALSE(event.permanent);
  }
  const HttpEvent refused = ask(at("http://127.0.0.1:1"));
  CHECK(refused.error.code == Code::unreachable);
  CHECK(refused.error.message == "cannot connect to http://127.0.0.1:1: Connection refused");
  const HttpEvent unknown = ask(at("https://no-such-host.invalid:6443"));
  CHECK(unknown.error.code == Code::unreachable);
  CHECK(has(unknown.error.message, "no-such-host.invalid"));
}

TEST_CASE("many requests and streams are in flight at once; a cancelled one says nothing more") {
  TestServer server;
  const auto transport = open(at(server.url()));
  port::HttpRequest stream = get("/stream");
  stream.stream = true;
  stream.timeout = port::Duration{0};
  const port::RequestId watching = transport->submit(stream);
  std::map<port::RequestId, bool> waiting;
  for (int i = 0; i < 60; ++i) waiting[transport->submit(get("/ok"))] = true;
  const port::RequestId silent = transport->submit(get("/silent"));
  std::string streamed;
  int headers = 0;
  const auto deadline = kClock.monotonic() + std::chrono::seconds(30);
  while ((!waiting.empty() || streamed.empty()) && kClock.monotonic() < deadline) {
    for (const HttpEvent& event : transport->poll(deadline)) {
      CHECK(event.kind != HttpEvent::Kind::failed);
      if (event.id == watching && event.kind == HttpEvent::Kind::headers) ++headers;
      if (event.id == watching && event.kind == HttpEvent::Kind::data) streamed += event.data;
      if (event.kind == HttpEvent::Kind::done) CHECK(waiting.erase(event.id) == 1);
    }
  }
  CHECK(waiting.empty());
  CHECK(headers == 1);
  CHECK(streamed == "one\n");
  transport->cancel(watching);
  transport->cancel(silent);
  CHECK(transport->poll(kClock.monotonic() + std::chrono::milliseconds(100)).empty());
}

TEST_CASE("a stream that nobody reads is held back, and loses nothing") {
  TestServer server;
  const auto transport = open(at(server.url()));
  port::HttpRequest request = get("/big");
  request.stream = true;
  const port::RequestId id = transport->submit(request);
  std::size_t total = 0, most = 0;
  bool done = false;
  const auto deadline = kClock.monotonic() + std::chrono::seconds(30);
  while (!done && kClock.monotonic() < deadline) {
    std::size_t round = 0;
    for (const HttpEvent& event : transport->poll(deadline)) {
      round += event.data.size();
      done = done || event.kind == HttpEvent::Kind::done;
      CHECK(event.kind != HttpEvent::Kind::failed);
    }
    total += round;
    most = std::max(most, round);
  }
  transport->cancel(id);
  CHECK(total == 32u << 20);
  CHECK(most <= kStreamWindow + (64u << 10));
}

TEST_CASE("poll keeps to its deadline, and wakes for an interrupt") {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
  TestServer server;
  const auto transport = open(at(server.url()), ends[0]);
  const auto begin = kClock.monotonic();
  CHECK(transport->poll(begin + std::chrono::milliseconds(50)).empty());
  CHECK(kClock.monotonic() - begin >= std::chrono::milliseconds(50));
  REQUIRE(::write(ends[1], "x", 1) == 1);
  CHECK(transport->poll(begin + std::chrono::seconds(60)).empty());
  CHECK(kClock.monotonic() - begin < std::chrono::seconds(30));
  CHECK(transport->poll(kClock.monotonic() + std::chrono::milliseconds(20)).empty());  // drained: it waits again
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("what could break out of a header or a request line is refused, without showing it") {
  TestServer server;
  const auto transport = open(at(server.url()));
  std::vector<port::HttpRequest> bad(4, get("/ok"));
  bad[0].headers = {{"Authorization", "Bearer secret\r\nX: y"}};
  bad[1].target = "/a b";
  bad[2].target = "http://elsewhere/";
  bad[3].method = "GET\n";
  for (const port::HttpRequest& request : bad) {
    const HttpEvent event = finish(*transport, transport->submit(request));
    CHECK(event.error.code == Code::invalid);
    CHECK(event.permanent);
    CHECK_FALSE(has(event.error.text(), "secret"));
  }
  CHECK(finish(*transport, transport->submit(get("/ok"))).response.body == "hello");
}

TEST_CASE("only servers that verify are trusted, and a refusal says why") {
  const Identity authority = make_certificate({.common_name = "Test CA", .alternative_names = {}, .authority = true});
  const Identity stranger = make_certificate({.common_name = "Other CA", .alternative_names = {}, .authority = true});
  const std::string names = "DNS:localhost,IP:127.0.0.1";
  struct Case {
    const char* name;
    CertificateSpec spec;
    const Identity* issuer;
    const char* host;
    const char* server_name;
    bool insecure;
    std::vector<const char*> message;  // empty: it works
    const char* hint;
  };
  const Case cases[] = {
      {"good", {"kube", names}, &authority, "localhost", "", false, {}, ""},
      {"good, by address", {"kube", names}, &authority, "127.0.0.1", "", false, {}, ""},
      {"expired",
       {"kube", names, -7200, -3600},
       &authority,
       "localhost",
       "",
       false,
       {"expired on", "CN=kube", "https://localhost"},
       "clock"},
      {"not yet valid", {"kube", names, 3600, 7200}, &authority, "localhost", "", false, {"valid only from"}, "clock"},
      {"unknown authority",
       {"kube", names},
       &stranger,
       "localhost",
       "",
       false,
       {"unknown authority", "Other CA"},
       "certificate-authority-data"},
      {"self-signed",
       {"kube", names},
       nullptr,
       "localhost",
       "",
       false,
       {"unknown authority", "CN=kube"},
       "certificate-authority-data"},
      {"wrong name",
       {"kube", "DNS:api.example,IP:10.0.0.1"},
       &authority,
       "localhost",
       "",
       false,
       {"is for api.example, 10.0.0.1, not for localhost"},
       "tls-server-name"},
      {"wrong name, with tls-server-name",
       {"kube", "DNS:api.example"},
       &authority,
       "127.0.0.1",
       "api.example",
       false,
       {},
       ""},
      {"tls-server-name that does not fit",
       {"kube", names},
       &authority,
       "localhost",
       "api.example",
       false,
       {"not for api.example"},
       ""},
      {"insecure, when asked", {"kube", "DNS:elsewhere"}, nullptr, "localhost", "", true, {}, ""},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const Identity identity = make_certificate(c.spec, c.issuer);
    TestServer server(&identity);
    port::Endpoint endpoint = at(server.url(c.host));
    if (!c.insecure) endpoint.ca_pem = authority.cert_pem;
    endpoint.tls_server_name = c.server_name;
    endpoint.insecure_skip_tls_verify = c.insecure;
    const HttpEvent event = ask(endpoint);
    CAPTURE(event.error.message);
    if (c.message.empty()) {
      CHECK(event.kind == HttpEvent::Kind::done);
      CHECK(event.response.status == 200);
    } else {
      CHECK(event.kind == HttpEvent::Kind::failed);
      CHECK(event.error.code == Code::unreachable);
      CHECK(event.permanent);
      for (const char* part : c.message) CHECK(has(event.error.message, part));
      CHECK(has(event.error.hint, c.hint));
    }
    if (*c.server_name != '\0') CHECK(server.last_server_name() == c.server_name);
  }
}

TEST_CASE("with tls-server-name the Host header still names the server's own address") {
  const Identity authority = make_certificate({.common_name = "Test CA", .alternative_names = {}, .authority = true});
  const Identity identity = make_certificate({"kube", "DNS:api.example"}, &authority);
  TestServer server(&identity);
  port::Endpoint endpoint = at(server.url());
  endpoint.ca_pem = authority.cert_pem;
  endpoint.tls_server_name = "api.example";
  CHECK(has(ask(endpoint, "/headers").response.body, "Host: 127.0.0.1:" + std::to_string(server.port())));
}

TEST_CASE("a client certificate from memory proves who we are; without it the server hangs up") {
  const Identity authority = make_certificate({.common_name = "Test CA", .alternative_names = {}, .authority = true});
  const Identity identity = make_certificate({"kube", "IP:127.0.0.1"}, &authority);
  const Identity client = make_certificate({"alice", ""}, &authority);
  TestServer server(&identity, authority.cert_pem);
  port::Endpoint endpoint = at(server.url());
  endpoint.ca_pem = authority.cert_pem;
  const HttpEvent refused = ask(endpoint);
  CHECK(refused.kind == HttpEvent::Kind::failed);
  endpoint.client_cert_pem = client.cert_pem;
  endpoint.client_key_pem = client.key_pem;
  const HttpEvent event = ask(endpoint);
  CHECK(event.response.header("X-Client") == "/CN=alice");
}

TEST_CASE("plain HTTP to another machine is for those who say that a mesh encrypts") {
  port::Endpoint endpoint = at("http://10.0.0.1:4318");
  CHECK_FALSE(CurlConnector(kClock).connect(endpoint).ok());
  endpoint.plain_behind_mesh = true;
  CHECK(CurlConnector(kClock).connect(endpoint).ok());  // nothing is sent yet
}

TEST_CASE("endpoints that cannot work are refused before anything is sent") {
  const Identity one = make_certificate({"a", ""}), two = make_certificate({"b", ""});
  struct Case {
    const char* name;
    port::Endpoint endpoint;
  };
  std::vector<Case> cases;
  for (const char* server :
       {"ftp://h", "h:6443", "https://", "https://[::1", "https://h:99999", "https://h:x", "https://u:p@h",
        "https://h/?q", "https://h\n", "http://10.0.0.1:8080", "http://kubernetes.default"})
    cases.push_back({server, at(server)});
  const auto with = [&](const char* name, auto change) {
    port::Endpoint endpoint = at("https://localhost");
    change(endpoint);
    cases.push_back({name, endpoint});
  };
  with("CA is no PEM", [](auto& e) { e.ca_pem = "nonsense"; });
  with("CA and insecure", [&](auto& e) {
    e.ca_pem = one.cert_pem;
    e.insecure_skip_tls_verify = true;
  });
  with("certificate without key", [&](auto& e) { e.client_cert_pem = one.cert_pem; });
  with("key without certificate", [&](auto& e) { e.client_key_pem = one.key_pem; });
  with("another's key", [&](auto& e) {
    e.client_cert_pem = one.cert_pem;
    e.client_key_pem = two.key_pem;
  });
  with("key is no PEM", [&](auto& e) {
    e.client_cert_pem = one.cert_pem;
    e.client_key_pem = "x";
  });
  for (const Case& c : cases) {
    CAPTURE(c.name);
    CurlConnector connector(kClock);
    const auto made = connector.connect(c.endpoint);
    REQUIRE_FALSE(made.ok());
    CHECK(made.error().code == Code::invalid);
    CHECK_FALSE(has(made.error().text(), "u:p"));
  }
}

}  // namespace nautilus::host
