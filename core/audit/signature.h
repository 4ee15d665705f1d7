// Ed25519 (RFC 8032): a person's key signs a text, and the listed public key says whether it did.
// Failure: a signature that cannot be read is not valid, never an error that could be taken for a yes. Threading: pure.
#pragma once

#include <string>
#include <string_view>

#include "core/base/error.h"

namespace nautilus::audit {

// `private_pem`: PKCS #8 as `openssl genpkey -algorithm ed25519` writes it. The signature is base64 of 64 bytes.
Result<std::string> sign(std::string_view private_pem, std::string_view text);
// `public_key`: base64 of the 32 raw bytes, or PEM as `openssl pkey -pubout` writes it.
bool signed_by(std::string_view public_key, std::string_view text, std::string_view signature);
// The base64 form of the public half of a private key.
Result<std::string> public_half(std::string_view private_pem);
// Code::invalid unless it is a public key that signed_by() takes. The answer is the base64 form.
Result<std::string> check_public_key(std::string_view public_key);

}  // namespace nautilus::audit
