#include "core/audit/signature.h"

#include "core/base/text.h"
#include "core/value/base64.h"
#include "core/value/ed25519.h"

namespace nautilus::audit {

namespace {

// The raw key of either form.
std::optional<std::string> raw_key(std::string_view text) {
  text = base::trim(text);
  if (text.starts_with("-----BEGIN")) return value::ed25519_public_key(text);
  auto raw = value::decode_base64(text);
  if (!raw || raw->size() != value::kEd25519Key) return std::nullopt;
  return raw;
}

}  // namespace

Result<std::string> sign(std::string_view private_pem, std::string_view text) {
  ASSIGN_OR_RETURN(const std::string signature, value::ed25519_sign(private_pem, text));
  return value::encode_base64(signature);
}

bool signed_by(std::string_view public_text, std::string_view text, std::string_view signature) {
  const auto key = raw_key(public_text);
  const auto raw = value::decode_base64(signature);
  return key && raw && value::ed25519_verify(*key, text, *raw);
}

Result<std::string> public_half(std::string_view private_pem) {
  const auto raw = value::ed25519_public_half(private_pem);
  if (!raw)
    return Error(Code::invalid, "it is not an Ed25519 private key in PEM, without a passphrase",
                 "openssl genpkey -algorithm ed25519 makes one");
  return value::encode_base64(*raw);
}

Result<std::string> check_public_key(std::string_view text) {
  const auto raw = raw_key(text);
  if (!raw) return Error(Code::invalid, "it is not an Ed25519 public key (base64 of 32 bytes, or PEM)");
  return value::encode_base64(*raw);
}

}  // namespace nautilus::audit
