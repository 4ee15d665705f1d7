#include "engine/gateway/auth.h"

#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/value/base64.h"
#include "tests/support/memory_filesystem.h"
#include "tests/unit/engine/gateway/rig.h"

using namespace nautilus;
using namespace nautilus::engine;
using nautilus::testing::MemoryFilesystem;
using nautilus::testing::StillClock;

namespace {

const std::string kSecret = "0123456789abcdef0123456789abcdef";

std::string url(std::string_view bytes) {
  std::string out = value::encode_base64(bytes);
  for (char& c : out) c = c == '+' ? '-' : c == '/' ? '_' : c;
  while (out.ends_with('=')) out.pop_back();
  return out;
}

std::string token(const Json& header, const Json& claims, const std::string& secret = kSecret) {
  const std::string text = url(header.dump()) + "." + url(claims.dump());
  unsigned char mac[32];
  unsigned length = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac, &length);
  return text + "." + url({reinterpret_cast<const char*>(mac), length});
}

constexpr std::int64_t kNow = 1'795'444'200;

TokenRules rules() {
  TokenRules out;
  out.issuer = "iss";
  out.audience = "aud";
  out.keys.emplace("k", TokenKey::read(TokenAlgorithm::hs256, kSecret + "\n", "key").value());
  return out;
}
Json claims() { return {{"iss", "iss"}, {"aud", "aud"}, {"sub", "desk"}, {"nbf", kNow - 10}, {"exp", kNow + 100}}; }
const Json kHeader = {{"alg", "HS256"}, {"kid", "k"}};

}  // namespace

TEST_CASE("a token is taken only if everything about it is right") {
  const TokenRules known = rules();
  const auto verdict = [&](const std::string& text, std::int64_t at = kNow) {
    const auto result = verify_token(text, known, at * 1'000'000'000);
    return result.ok() ? result->subject : "refused: " + result.error().message;
  };
  CHECK(verdict(token(kHeader, claims())) == "desk");
  const auto changed = [](Json object, const char* key, Json to) {
    if (to.is_null())
      object.erase(key);
    else
      object[key] = to;
    return object;
  };
  struct Case {
    Json header, body;
    std::string why;
  };
  for (const auto& [header, body, why] :
       std::vector<Case>{{changed(kHeader, "alg", "none"), claims(), "another algorithm"},
                         {changed(kHeader, "alg", "RS256"), claims(), "another algorithm"},
                         {changed(kHeader, "alg", nullptr), claims(), "another algorithm"},
                         {changed(kHeader, "kid", "other"), claims(), "no such key"},
                         {changed(kHeader, "kid", nullptr), claims(), "no such key"},
                         {changed(kHeader, "crit", Json::array({"exp"})), claims(), "crit is not understood"},
                         {kHeader, changed(claims(), "iss", "else"), "another issuer"},
                         {kHeader, changed(claims(), "aud", "else"), "another audience"},
                         {kHeader, changed(claims(), "aud", Json::array({"x", "y"})), "another audience"},
                         {kHeader, changed(claims(), "aud", nullptr), "another audience"},
                         {kHeader, changed(claims(), "exp", nullptr), "exp or nbf is missing"},
                         {kHeader, changed(claims(), "nbf", nullptr), "exp or nbf is missing"},
                         {kHeader, changed(claims(), "exp", "tomorrow"), "exp or nbf is missing"},
                         {kHeader, changed(claims(), "exp", -1), "exp or nbf is missing"},
                         {kHeader, changed(claims(), "exp", kNow - 30), "expired"},
                         {kHeader, changed(claims(), "nbf", kNow + 31), "not valid yet"},
                         {kHeader, changed(claims(), "exp", kNow + 90'000), "valid for longer than is allowed"},
                         {kHeader, changed(claims(), "sub", nullptr), "sub is missing"}}) {
    CAPTURE(why);
    CHECK(verdict(token(header, body)) == "refused: " + why);
  }
  CHECK(verdict(token(kHeader, changed(claims(), "aud", Json::array({"x", "aud"})))) == "desk");
  CHECK(verdict(token(kHeader, claims()), kNow + 129) == "desk");  // within the clock skew
  CHECK(verdict(token(kHeader, claims()), kNow + 130) == "refused: expired");
  CHECK(verdict(token(kHeader, claims(), std::string(32, 'x'))) == "refused: the signature is wrong");
  for (const std::string& text :
       {std::string(), std::string("a"), std::string("a.b"), std::string("a.b.c.d"), token(kHeader, claims()) + "=",
        token(kHeader, claims()) + "A", std::string(7000, 'a'), url("[]") + "." + url("{}") + ".AA"})
    CHECK(verdict(text).starts_with("refused"));
}

TEST_CASE("keys that do not fit their algorithm are refused when they are read") {
  CHECK_FALSE(TokenKey::read(TokenAlgorithm::hs256, "short", "f").ok());
  CHECK_FALSE(TokenKey::read(TokenAlgorithm::hs256, "-----BEGIN PUBLIC KEY-----\nAAAAAAAAAAAAAAAAAAAA", "f").ok());
  CHECK_FALSE(TokenKey::read(TokenAlgorithm::rs256, kSecret, "f").ok());
  CHECK_FALSE(TokenKey::read(TokenAlgorithm::eddsa, "", "f").ok());
  CHECK_FALSE(parse_algorithm("none").ok());
  CHECK_FALSE(parse_algorithm("hs256").ok());
}

TEST_CASE("API keys: hashes in the file, rotation, revocation") {
  StillClock clock;
  host::OsEntropy entropy;
  MemoryFilesystem files;
  const NewApiKey first = make_api_key(entropy, "k1"), second = make_api_key(entropy, "k2");
  CHECK(first.key.find(first.hash_hex) == std::string::npos);
  const auto entry = [](const NewApiKey& key, std::string_view id, std::string_view more = "") {
    return fmt::format("- {{id: {}, principal: desk, salt: '{}', hash: '{}'{}}}\n", id, key.salt_hex, key.hash_hex,
                       more);
  };
  const std::string principals = "principals:\n- {name: desk, accounts: [alice], permissions: [trade]}\nkeys:\n";
  files.files["c"] = principals + entry(first, "k1");
  auto opened = Authenticator::open(files, clock, "c");
  REQUIRE(opened.ok());
  Authenticator& auth = **opened;
  const auto principal = auth.authenticate({first.key, {}, {}});
  REQUIRE(principal);
  CHECK(principal->may_use("alice"));
  CHECK_FALSE(principal->may_use("bob"));
  CHECK((principal->trade && principal->read && !principal->admin));
  for (const std::string& wrong :
       {std::string(), std::string("k1"), std::string("k1."), first.key + "x", "k2" + first.key.substr(2), second.key})
    CHECK_FALSE(auth.authenticate({wrong, {}, {}}));
  CHECK_FALSE(auth.authenticate({}));

  CHECK(auth.reload().value() == false);
  files.files["c"] = principals + entry(first, "k1", ", not_after: '2026-11-23T15:00:00Z'") + entry(second, "k2");
  CHECK(auth.reload().value());
  CHECK(auth.authenticate({first.key, {}, {}}));
  CHECK(auth.authenticate({second.key, {}, {}}));
  CHECK(auth.still_valid(*principal));
  clock.pass(std::chrono::minutes(30));
  CHECK_FALSE(auth.authenticate({first.key, {}, {}}));
  CHECK_FALSE(auth.still_valid(*principal));
  CHECK(auth.authenticate({second.key, {}, {}}));

  const auto other = auth.authenticate({second.key, {}, {}});
  files.files["c"] = "keys: [";
  CHECK_FALSE(auth.reload().ok());
  CHECK(auth.still_valid(*other));
  files.files["c"] = "principals: []\n";
  CHECK(auth.reload().value());
  CHECK_FALSE(auth.still_valid(*other));
}

TEST_CASE("a file of credentials that is wrong is refused with its place") {
  StillClock clock;
  const std::string good =
      "- {id: k, principal: p, salt: '" + std::string(32, '0') + "', hash: '" + std::string(64, '0') + "'}";
  for (const auto& [text, why] : std::vector<std::pair<std::string, std::string>>{
           {"people: []", "there is no field"},
           {"principals: [{name: p, rights: [trade]}]", "there is no field"},
           {"principals: [{name: p, permissions: [all]}]", "a permission is one of"},
           {"principals: [{name: p}, {name: p}]", "there twice"},
           {"keys: [{id: k, principal: p, salt: '00', hash: '00'}]", "salt must be"},
           {"keys:\n" + good, "no such principal"},
           {"principals: [{name: p}]\nkeys:\n" + good + "\n" + good, "there twice"},
           {"principals: [{name: p}]\nkeys:\n- {id: k, principal: p, salt: '" + std::string(32, '0') + "', hash: '" +
                std::string(64, '0') + "', not_after: soon}",
            "not_after"},
           {"tokens: {issuer: i}", "issuer and audience"},
           {"tokens: {issuer: i, audience: a, keys: [{kid: k, algorithm: none, file: f}]}", "not one of HS256"},
           {"tokens: {issuer: i, audience: a, clock_skew_seconds: 999, keys: []}", "clock_skew_seconds"}}) {
    CAPTURE(text);
    MemoryFilesystem files;
    files.files["c"] = text;
    const auto opened = Authenticator::open(files, clock, "c");
    REQUIRE_FALSE(opened.ok());
    CHECK(opened.error().text().find(why) != std::string::npos);
  }
}

TEST_CASE("an address that fails too often is not listened to for a while") {
  Lockout lockout;
  port::Monotonic now = std::chrono::seconds(100);
  for (int i = 0; i < 10; ++i) {
    CHECK_FALSE(lockout.locked("a", now));
    lockout.failed("a", now);
  }
  CHECK(lockout.locked("a", now));
  CHECK_FALSE(lockout.locked("b", now));
  CHECK_FALSE(lockout.locked("a", now + std::chrono::seconds(6)));
}
