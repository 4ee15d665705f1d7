// Ed25519 (RFC 8032) over bytes, by OpenSSL: what signs calendars, and the approvals of overrides.
//
// Units: keys are 32 raw bytes, signatures 64. Failure: a key that cannot be read is no key, a signature that cannot be
// checked is not valid; never an error that could be taken for a yes. Threading: pure. Private keys are wiped by OpenSSL
// when they go out of use, and stand in no message.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/error.h"

namespace nautilus::value {

inline constexpr std::size_t kEd25519Key = 32, kEd25519Signature = 64;  // bytes
inline constexpr std::size_t kMaxKeyFile = 16384;                       // bytes of a PEM text

// Of a PEM text of SubjectPublicKeyInfo ("BEGIN PUBLIC KEY").
std::optional<std::string> ed25519_public_key(std::string_view pem);
// The public half of a PEM text of PKCS #8 ("BEGIN PRIVATE KEY", without a passphrase).
std::optional<std::string> ed25519_public_half(std::string_view private_pem);
// Code::invalid for what is no such private key; the caller says whose it is.
Result<std::string> ed25519_sign(std::string_view private_pem, std::string_view bytes);
bool ed25519_verify(std::string_view key, std::string_view bytes, std::string_view signature);

}  // namespace nautilus::value
