#include "core/value/redact.h"

#include <doctest/doctest.h>

#include "core/value/diff.h"
#include "core/value/escape.h"

namespace nautilus::value {
namespace {

Json secret(const char* password) {
  return {{"apiVersion", "v1"},
          {"kind", "Secret"},
          {"metadata",
           {{"name", "db"},
            {"annotations",
             {{"kubectl.kubernetes.io/last-applied-configuration", "{\"data\":{\"password\":\"aHVudGVyMg==\"}}"}}},
            {"managedFields",
             Json::array({{{"manager", "kubectl"}, {"fieldsV1", {{"f:data", {{"f:password", Json::object()}}}}}}})}}},
          {"data", {{"password", password}, {"user", "YWRtaW4="}}},
          {"stringData", {{"token", "t0p"}}}};
}

}  // namespace

TEST_CASE("nothing of a Secret's values is left, wherever it stands") {
  const Json list = {{"apiVersion", "v1"}, {"kind", "List"}, {"items", Json::array({secret("aHVudGVyMg==")})}};
  Json bare = secret("aHVudGVyMg==");
  bare.erase("apiVersion");
  bare.erase("kind");
  const Json secrets = {{"apiVersion", "v1"}, {"kind", "SecretList"}, {"items", Json::array({bare})}};
  for (const Json& object : {secret("aHVudGVyMg=="), list, secrets}) {
    const std::string text = redact(object).dump();
    INFO(text);
    for (const char* value : {"aHVudGVyMg", "YWRtaW4", "t0p"}) CHECK_EQ(text.find(value), std::string::npos);
    CHECK_NE(text.find("f:password"), std::string::npos);  // managedFields hold names only
    CHECK_NE(text.find("\"password\":\"***\""), std::string::npos);
  }
}

TEST_CASE("a changed secret value is seen to change, an equal one is not") {
  const auto pair = redact_pair(secret("b25l"), secret("dHdv"));
  CHECK_EQ(string_at(pair.before, "data", "password"), "*** (before)");
  CHECK_EQ(string_at(pair.after, "data", "password"), "*** (after)");
  CHECK_EQ(string_at(pair.after, "data", "user"), "***");
  const std::string text = unified_diff(pair.before, pair.after, "Secret db");
  CHECK_NE(text.find("-  password: '*** (before)'"), std::string::npos);
  CHECK_EQ(text.find("b25l"), std::string::npos);
  CHECK_EQ(text.find("dHdv"), std::string::npos);
}

TEST_CASE("a changed value is marked beside a change that is not secret") {
  Json before = secret("b25l"), after = secret("dHdv");
  after["data"]["extra"] = "eA==";
  after["metadata"]["labels"] = {{"a", "b"}};
  const auto pair = redact_pair(before, after);
  CHECK_EQ(string_at(pair.before, "data", "password"), "*** (before)");
  CHECK_EQ(string_at(pair.after, "data", "extra"), "***");
}

TEST_CASE("a Secret that comes or goes is redacted") {
  const auto pair = redact_pair(Json(), secret("b25l"));
  CHECK(pair.before.is_null());
  CHECK_EQ(string_at(pair.after, "data", "password"), "***");
}

TEST_CASE("a Secret with data of the wrong type shows none of it") {
  const Json odd = {
      {"kind", "Secret"}, {"apiVersion", "v1"}, {"data", "hunter2"}, {"stringData", Json::array({"hunter2"})}};
  CHECK_EQ(redact(odd).dump().find("hunter2"), std::string::npos);
}

TEST_CASE("a kind called Secret in another group is not a Secret") {
  CHECK_FALSE(is_secret({{"apiVersion", "vault.example.com/v1"}, {"kind", "Secret"}}));
}

TEST_CASE("credentials in free text are replaced") {
  struct Row {
    std::string_view in, out;
  };
  for (const Row& row : std::vector<Row>{
           {"Authorization: Bearer eyJhbGciOi.J9.x-_y", "Authorization: Bearer ***"},
           {"authorization: basic dXNlcjpwYXNz end", "authorization: basic *** end"},
           {"a bearer of news", "a bearer of news"},
           {"basic checks", "basic checks"},
           {"postgres://app:s3cr3t@db:5432/x", "postgres://app:***@db:5432/x"},
           {"redis://:s3cr3t@cache", "redis://:***@cache"},
           {"https://user@host/a:b@c", "https://user@host/a:b@c"},
           {"http://host:8080/path", "http://host:8080/path"},
           {"amqp://u:p@ss@h and http://x:y@z", "amqp://u:***@h and http://x:***@z"},
           {"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nnext",
            "-----BEGIN PRIVATE KEY----- ***\nnext"},
           {"-----BEGIN PRIVATE KEY-----\nMIIE", "-----BEGIN PRIVATE KEY----- ***"},
           {"-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----",
            "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----"},
       })
    CHECK_EQ(redact_text(row.in), row.out);
}

TEST_CASE("a password in a ConfigMap's URL is redacted, and its change is seen") {
  const auto map = [](const char* url) {
    return Json{{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"data", {{"url", url}}}};
  };
  const auto pair = redact_pair(map("pg://u:one@h/d"), map("pg://u:two@h/d"));
  CHECK_EQ(string_at(pair.before, "data", "url"), "pg://u:***@h/d (before)");
  CHECK_EQ(string_at(pair.after, "data", "url"), "pg://u:***@h/d (after)");
}

TEST_CASE("control characters become visible, other text stays") {
  struct Row {
    std::string_view in, out;
  };
  for (const Row& row : std::vector<Row>{
           {"plain \u00e9 \u4e2d \U0001F600", "plain \u00e9 \u4e2d \U0001F600"},
           {"\x1b[2J\x07", "\\x1b[2J\\x07"},
           {"a\nb\tc\rd\x7f", "a\\nb\\tc\\rd\\x7f"},
           {"\u009b31m", "\\x9b31m"},
           {"\u202eevil\u2066", "\\u202eevil\\u2066"},
           {"\xff\xc3", "\\xff\\xc3"},
       })
    CHECK_EQ(escape_control(row.in), row.out);
  CHECK_EQ(escape_control_lines("a\n\tb\x1b"), "a\n\tb\\x1b");
}

}  // namespace nautilus::value
