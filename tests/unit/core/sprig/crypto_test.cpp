#include "core/sprig/crypto.h"

#include <doctest/doctest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace crypto = nautilus::sprig::crypto;

namespace {

// Repeatable: xorshift from a seed.
class Seeded final : public nautilus::port::Entropy {
 public:
  explicit Seeded(std::uint64_t seed) : state_(seed) {}
  void fill(std::span<std::byte> out) override {
    for (std::byte& one : out) {
      state_ ^= state_ << 13;
      state_ ^= state_ >> 7;
      state_ ^= state_ << 17;
      one = static_cast<std::byte>(state_ >> 32);
    }
  }

 private:
  std::uint64_t state_;
};

const auto kNow = nautilus::port::WallTime(std::chrono::seconds(1'790'000'000));

struct FreeCert {
  void operator()(X509* cert) const { X509_free(cert); }
};
std::unique_ptr<X509, FreeCert> read_certificate(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  std::unique_ptr<X509, FreeCert> cert(PEM_read_bio_X509(bio, nullptr, nullptr, nullptr));
  BIO_free(bio);
  return cert;
}

}  // namespace

TEST_CASE("hashes are those of their standards") {
  CHECK(crypto::sha1_hex("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d");
  CHECK(crypto::sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(crypto::sha512_hex("abc").substr(0, 16) == "ddaf35a193617aba");
  CHECK(crypto::adler32("Wikipedia") == "300286872");
}

TEST_CASE("base64 decodes what it encodes and refuses the rest where Go does") {
  for (const std::string text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"})
    CHECK(*crypto::base64_decode(crypto::base64_encode(text)) == text);
  CHECK(*crypto::base64_decode("Zm9v\nYmFy\r\n") == "foobar");
  CHECK(crypto::base64_decode("a").error().message == "illegal base64 data at input byte 0");
  CHECK(crypto::base64_decode("Zm9v!").error().message == "illegal base64 data at input byte 4");
  CHECK(crypto::base64_decode("Zg==x").error().message == "illegal base64 data at input byte 4");
  for (const std::string text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"})
    CHECK(*crypto::base32_decode(crypto::base32_encode(text)) == text);
}

TEST_CASE("bcrypt hashes verify and use the entropy given") {
  Seeded a(1), b(1), c(2);
  const auto first = crypto::bcrypt("secret", a), same = crypto::bcrypt("secret", b),
             other = crypto::bcrypt("secret", c);
  REQUIRE(first.ok());
  CHECK(first->starts_with("$2a$10$"));
  CHECK(first->size() == 60);
  CHECK(*first == *same);
  CHECK(*first != *other);
  CHECK(crypto::bcrypt(std::string(73, 'x'), a).error().message == "bcrypt: password length exceeds 72 bytes");
}

TEST_CASE("derived passwords are those of the Master Password algorithm") {
  // From sprig's documentation tests.
  CHECK(*crypto::derive_password(1, "long", "password", "user", "example.com") == "ZedaFaxcZaso9*");
  CHECK(*crypto::derive_password(1, "pin", "password", "user", "example.com") == "6685");
  CHECK(*crypto::derive_password(2, "nothing", "p", "u", "s") == "cannot find password template nothing");
}

TEST_CASE("AES text decrypts to what was encrypted") {
  Seeded entropy(3);
  for (const std::string text : {"plaintext", "0123456789abcdef", "x"}) {
    const auto secret = crypto::encrypt_aes("password", text, entropy);
    REQUIRE(secret.ok());
    CHECK(*crypto::decrypt_aes("password", *secret) == text);
  }
  CHECK_FALSE(crypto::decrypt_aes("password", "YWJj").ok());
  CHECK(*crypto::decrypt_aes("secretkey", "30tEfhuJSVRhpG97XCuWgz2okj7L8vQ1s6V9zVUPeDQ=") == "plaintext");
}

TEST_CASE("a certificate signed by a generated authority verifies against it") {
  Seeded entropy(4);
  const auto authority = crypto::self_signed({"my-ca", {}, {}, 365, ""}, crypto::Role::authority, entropy, kNow);
  REQUIRE(authority.ok());
  const auto leaf = crypto::signed_by({"redis", {"10.0.0.1", "::1"}, {"redis.example", "*.redis.example"}, 30, ""},
                                      *authority, entropy, kNow);
  REQUIRE(leaf.ok());
  const auto ca = read_certificate(authority->cert), cert = read_certificate(leaf->cert);
  REQUIRE(ca);
  REQUIRE(cert);
  CHECK(X509_verify(cert.get(), X509_get0_pubkey(ca.get())) == 1);
  CHECK(X509_check_ca(ca.get()) == 1);
  CHECK(X509_check_ca(cert.get()) == 0);
  CHECK(X509_check_host(cert.get(), "redis.example", 0, 0, nullptr) == 1);
  CHECK(X509_check_ip_asc(cert.get(), "10.0.0.1", 0) == 1);
  CHECK(X509_check_ip_asc(cert.get(), "::1", 0) == 1);
  CHECK(leaf->key.starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
  CHECK(crypto::custom(crypto::base64_encode(leaf->cert), crypto::base64_encode(leaf->key)).ok());
}

TEST_CASE("the same entropy gives the same certificate, byte for byte") {
  Seeded a(5), b(5);
  const auto first = crypto::self_signed({"x", {}, {}, 1, ""}, crypto::Role::self_signed, a, kNow);
  const auto second = crypto::self_signed({"x", {}, {}, 1, ""}, crypto::Role::self_signed, b, kNow);
  REQUIRE(first.ok());
  CHECK(first->cert == second->cert);
  CHECK(first->key == second->key);
}

TEST_CASE("what cannot be made into a certificate is refused") {
  Seeded entropy(6);
  CHECK(crypto::self_signed({"x", {"300.1.1.1"}, {}, 1, "junk"}, crypto::Role::self_signed, entropy, kNow)
            .error()
            .message.find("private key") != std::string::npos);
  const auto key = crypto::generate_private_key("ecdsa", entropy);
  REQUIRE(key.ok());
  CHECK(key->starts_with("-----BEGIN EC PRIVATE KEY-----\n"));
  CHECK(crypto::self_signed({"x", {"300.1.1.1"}, {}, 1, *key}, crypto::Role::self_signed, entropy, kNow)
            .error()
            .message == "error parsing ip: 300.1.1.1");
  CHECK_FALSE(crypto::self_signed({"x", {}, {}, 999'999'999, *key}, crypto::Role::self_signed, entropy, kNow).ok());
  CHECK(crypto::self_signed({"x", {}, {}, 10, *key}, crypto::Role::authority, entropy, kNow).ok());
  CHECK(crypto::generate_private_key("ed25519", entropy)->starts_with("-----BEGIN PRIVATE KEY-----\n"));
  CHECK_FALSE(crypto::generate_private_key("dsa", entropy).ok());
  CHECK_FALSE(crypto::signed_by({"x", {}, {}, 1, ""}, {"no", "no"}, entropy, kNow).ok());
}
