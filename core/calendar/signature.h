// Signatures of calendar files: Ed25519 (RFC 8032) over the file's bytes.
//
// Purpose: a holiday that nobody published would open a window while a market trades, so a calendar counts only with
// the signature of somebody the environment trusts. <MIC>.yaml.sig has one line per signer, "ed25519 <key id>
// <base64>"; lines that begin with # are comments. It is a plain signature of the file as it is, so that openssl can
// check it too. Failure: Code::refused (no signature of a trusted key, or a wrong one), Code::invalid (a key that is
// none). An error is never a yes. Threading: pure functions. Private keys are never in an error.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"

namespace nautilus::calendar {

inline constexpr std::size_t kMaxSignatures = 32;
inline constexpr std::size_t kMaxSignatureFile = 8192;  // bytes

struct PublicKey {
  std::string id;    // the first 16 hexadecimal digits of the SHA-256 of the raw key
  std::string raw;   // 32 bytes
  std::string from;  // the file, or "nautilusctl": shown, not judged
};

// A PEM text of SubjectPublicKeyInfo ("BEGIN PUBLIC KEY").
Result<PublicKey> parse_public_key(std::string_view pem, std::string from);
// PEM of PKCS #8 ("BEGIN PRIVATE KEY") -> the line of the signature file, and the key that verifies it.
struct Signed {
  std::string line;
  PublicKey key;
};
Result<Signed> sign(std::string_view private_pem, std::string_view bytes, std::string_view key_name);

// The id of the trusted key whose signature is right. A wrong signature of a trusted key refuses, whatever else is
// there; those of other keys are skipped.
Result<std::string> verify(std::string_view signature_file, std::string_view bytes,
                           const std::vector<PublicKey>& trusted);

// The signature file with this signer's line added, or in place of an older one of the same key.
std::string with_signature(std::string_view signature_file, const Signed& made);

// Signs the calendars that come with nautilusctl.
const PublicKey& project_key();

}  // namespace nautilus::calendar
