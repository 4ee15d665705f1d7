#include "core/value/ed25519.h"

#include <doctest/doctest.h>

#include "core/value/base64.h"

using namespace nautilus;

namespace {

std::string from_hex(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return out;
}

}  // namespace

// RFC 8032, 7.1, test 2: one byte, 0x72.
TEST_CASE("the RFC's own vector") {
  const std::string seed = from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
  const std::string pem = "-----BEGIN PRIVATE KEY-----\n" +
                          value::encode_base64(from_hex("302e020100300506032b657004220420") + seed) +
                          "\n-----END PRIVATE KEY-----\n";
  const auto key = value::ed25519_public_half(pem);
  REQUIRE(key);
  CHECK(*key == from_hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"));
  const auto signature = value::ed25519_sign(pem, "\x72");
  REQUIRE(signature.ok());
  CHECK(*signature == from_hex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                               "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"));
  CHECK(value::ed25519_verify(*key, "\x72", *signature));
  CHECK_FALSE(value::ed25519_verify(*key, "\x73", *signature));
  for (std::size_t i = 0; i < signature->size(); i += 7) {
    std::string other = *signature;
    other[i] = static_cast<char>(other[i] ^ 1);
    CHECK_FALSE(value::ed25519_verify(*key, "\x72", other));
  }
  CHECK_FALSE(value::ed25519_verify(key->substr(1), "\x72", *signature));
  CHECK_FALSE(value::ed25519_verify(*key, "\x72", signature->substr(1)));
}

TEST_CASE("what is no key is none") {
  CHECK_FALSE(value::ed25519_public_key(""));
  CHECK_FALSE(value::ed25519_public_key("nonsense"));
  CHECK_FALSE(value::ed25519_public_half(std::string(value::kMaxKeyFile + 1, 'x')));
  CHECK(value::ed25519_sign("nonsense", "x").error().code == Code::invalid);
}
