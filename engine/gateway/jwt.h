// JSON Web Tokens (RFC 7519) in compact form, signed with HS256, RS256, ES256 (RFC 7518) or EdDSA (RFC 8037).
//
// The algorithm is that of the key the token names (`kid`), never the token's own word alone: both must agree, so that
// a public key cannot be used as an HMAC secret and "none" is nothing. iss, aud, sub, exp, nbf and a life that is not
// longer than `max_life` are required (RFC 8725). Threading: pure.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "core/base/error.h"
#include "engine/model/types.h"

namespace nautilus::engine {

enum class TokenAlgorithm : std::uint8_t { hs256, rs256, es256, eddsa };

// A key as the file had it; holds an OpenSSL key, or the bytes of an HMAC secret.
class TokenKey {
 public:
  // `text`: PEM of a public key or certificate; for HS256 the secret, at least 32 bytes, trailing line break removed.
  static Result<TokenKey> read(TokenAlgorithm algorithm, std::string_view text, std::string_view what);
  TokenAlgorithm algorithm() const { return algorithm_; }
  bool verify(std::string_view message, std::string_view signature) const;

 private:
  TokenAlgorithm algorithm_ = TokenAlgorithm::hs256;
  std::string secret_;
  std::shared_ptr<void> key_;  // EVP_PKEY
};

struct TokenRules {
  std::string issuer, audience;
  std::int64_t clock_skew_seconds = 30;
  std::int64_t max_life_seconds = 24 * 3600;
  std::map<std::string, TokenKey, std::less<>> keys;  // by kid
};
inline constexpr std::int64_t kMaxClockSkewSeconds = 120;

struct TokenClaims {
  std::string subject, key_id;
  Timestamp expires = 0;
};

// The code is unauthorized for every reason; the message says which, for the log only.
Result<TokenClaims> verify_token(std::string_view token, const TokenRules& rules, Timestamp now);

Result<TokenAlgorithm> parse_algorithm(std::string_view name);

}  // namespace nautilus::engine
