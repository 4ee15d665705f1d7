// Hashes, passwords, keys and certificates for templates, on OpenSSL.
//
// What is random comes from the entropy port, so that a rehearsal with a seed gives the same keys and certificates each
// time. Exception: the nonce of an ECDSA signature is OpenSSL's own. Certificates have the fields, extensions and their
// order that Go's x509.CreateCertificate gives for sprig's templates.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/port/clock.h"
#include "core/port/entropy.h"

namespace nautilus::sprig::crypto {

inline constexpr int kBcryptCost = 10;
inline constexpr std::size_t kBcryptMaxPassword = 72;
inline constexpr int kCertificateKeyBits = 2048;
inline constexpr int kPrivateKeyBits = 4096;
inline constexpr int kMaxDaysValid = 365 * 1000;

std::string sha1_hex(std::string_view text);
std::string sha256_hex(std::string_view text);
std::string sha512_hex(std::string_view text);
std::string adler32(std::string_view text);  // decimal

Result<std::string> bcrypt(std::string_view password, port::Entropy& entropy);

// The Master Password algorithm; an unknown template name is part of the answer, as in sprig.
Result<std::string> derive_password(std::uint32_t counter, std::string_view type, std::string_view password,
                                    std::string_view user, std::string_view site);

// AES-256-CBC with the password cut or zero-padded to 32 bytes; base64 of iv and text.
Result<std::string> encrypt_aes(std::string_view password, std::string_view plain, port::Entropy& entropy);
Result<std::string> decrypt_aes(std::string_view password, std::string_view encrypted_base64);

// PEM of a new key: "rsa" (or ""), "ecdsa", "ed25519".
Result<std::string> generate_private_key(std::string_view type, port::Entropy& entropy);

struct Certificate {
  std::string cert, key;  // PEM
};
struct CertificateRequest {
  std::string common_name;
  std::vector<std::string> ips, dns_names;
  int days_valid = 365;
  std::string key_pem;  // empty: a new RSA key is made
};
enum class Role { authority, self_signed };
Result<Certificate> self_signed(const CertificateRequest& request, Role role, port::Entropy& entropy,
                                port::WallTime now);
Result<Certificate> signed_by(const CertificateRequest& request, const Certificate& authority, port::Entropy& entropy,
                              port::WallTime now);
// Checks a certificate and key given as base64 of PEM.
Result<Certificate> custom(std::string_view cert_base64, std::string_view key_base64);

// Standard base64 with padding. Decoding fails as Go's does: "illegal base64 data at input byte N".
std::string base64_encode(std::string_view data);
Result<std::string> base64_decode(std::string_view text);
std::string base32_encode(std::string_view data);
Result<std::string> base32_decode(std::string_view text);

// A number in [0, limit), each equally likely; limit > 0.
std::uint64_t random_below(port::Entropy& entropy, std::uint64_t limit);
std::string random_bytes(port::Entropy& entropy, std::size_t count);

}  // namespace nautilus::sprig::crypto
