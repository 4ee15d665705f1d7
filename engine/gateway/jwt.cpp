#include "engine/gateway/jwt.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "core/value/base64.h"
#include "core/value/json.h"

namespace nautilus::engine {
namespace {

constexpr std::size_t kMaxToken = 6144;
constexpr std::size_t kMinSecret = 32;

// base64url without padding (RFC 7515); nothing else is taken.
std::optional<std::string> decode_url(std::string_view text) {
  std::string standard;
  standard.reserve(text.size() + 3);
  for (const char c : text) {
    const bool fine =
        (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (!fine) return std::nullopt;
    standard += c == '-' ? '+' : c == '_' ? '/' : c;
  }
  standard.append((4 - standard.size() % 4) % 4, '=');
  return value::decode_base64(standard);
}

Error refuse(std::string why) { return Error(Code::unauthorized, std::move(why)); }

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Key read_pem(std::string_view pem) {
  std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  if (!bio) return {nullptr, EVP_PKEY_free};
  if (pem.find("BEGIN CERTIFICATE") != std::string_view::npos) {
    std::unique_ptr<X509, decltype(&X509_free)> certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr),
                                                            X509_free);
    return {certificate ? X509_get_pubkey(certificate.get()) : nullptr, EVP_PKEY_free};
  }
  return {PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr), EVP_PKEY_free};
}

// JWS has r and s as 32 bytes each; OpenSSL wants DER.
std::string ecdsa_der(std::string_view raw) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(raw.data());
  std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> signature(ECDSA_SIG_new(), ECDSA_SIG_free);
  BIGNUM* r = BN_bin2bn(bytes, 32, nullptr);
  BIGNUM* s = BN_bin2bn(bytes + 32, 32, nullptr);
  if (!signature || !r || !s || ECDSA_SIG_set0(signature.get(), r, s) != 1) {
    BN_free(r);
    BN_free(s);
    return {};
  }
  unsigned char* der = nullptr;
  const int length = i2d_ECDSA_SIG(signature.get(), &der);
  std::string out;
  if (length > 0) out.assign(reinterpret_cast<const char*>(der), static_cast<std::size_t>(length));
  OPENSSL_free(der);
  return out;
}

std::string_view algorithm_name(TokenAlgorithm algorithm) {
  switch (algorithm) {
    case TokenAlgorithm::hs256: return "HS256";
    case TokenAlgorithm::rs256: return "RS256";
    case TokenAlgorithm::es256: return "ES256";
    case TokenAlgorithm::eddsa: return "EdDSA";
  }
  return "";
}

// Whole seconds; a NumericDate may have a fraction, which is dropped.
std::optional<std::int64_t> seconds_at(const Json& claims, std::string_view key) {
  const Json* found = value::find(claims, key);
  if (!found || !found->is_number()) return std::nullopt;
  const double number = found->get<double>();
  if (!(number >= 0 && number < 9e9)) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

bool audience_fits(const Json& claims, const std::string& audience) {
  const Json* found = value::find(claims, "aud");
  if (!found) return false;
  if (found->is_string()) return found->get_ref<const std::string&>() == audience;
  if (!found->is_array()) return false;
  return std::any_of(found->begin(), found->end(),
                     [&](const Json& one) { return one.is_string() && one.get_ref<const std::string&>() == audience; });
}

Result<TokenClaims> judge(const Json& claims, const TokenRules& rules, Timestamp now) {
  if (value::string_at(claims, "iss") != rules.issuer) return refuse("another issuer");
  if (!audience_fits(claims, rules.audience)) return refuse("another audience");
  const auto expires = seconds_at(claims, "exp"), from = seconds_at(claims, "nbf");
  if (!expires || !from) return refuse("exp or nbf is missing");
  const std::int64_t seconds = now / 1'000'000'000;
  if (seconds >= *expires + rules.clock_skew_seconds) return refuse("expired");
  if (seconds + rules.clock_skew_seconds < *from) return refuse("not valid yet");
  if (*expires - *from > rules.max_life_seconds) return refuse("valid for longer than is allowed");
  TokenClaims out;
  out.subject = value::string_at(claims, "sub");
  if (out.subject.empty()) return refuse("sub is missing");
  out.expires = (*expires + rules.clock_skew_seconds) * 1'000'000'000;
  return out;
}

}  // namespace

Result<TokenAlgorithm> parse_algorithm(std::string_view name) {
  for (const auto one : {TokenAlgorithm::hs256, TokenAlgorithm::rs256, TokenAlgorithm::es256, TokenAlgorithm::eddsa})
    if (algorithm_name(one) == name) return one;
  return Error(Code::invalid, "the algorithm is not one of HS256, RS256, ES256, EdDSA");
}

Result<TokenKey> TokenKey::read(TokenAlgorithm algorithm, std::string_view text, std::string_view what) {
  TokenKey out;
  out.algorithm_ = algorithm;
  if (algorithm == TokenAlgorithm::hs256) {
    while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
    if (text.size() < kMinSecret)
      return Error(Code::invalid, fmt::format("an HS256 secret needs at least {} bytes", kMinSecret))
          .at(std::string(what));
    if (text.starts_with("-----BEGIN"))
      return Error(Code::invalid, "a PEM file is no HS256 secret").at(std::string(what));
    out.secret_ = std::string(text);
    return out;
  }
  Key key = read_pem(text);
  if (!key) return Error(Code::invalid, "no public key or certificate in PEM form").at(std::string(what));
  const int wanted = algorithm == TokenAlgorithm::rs256   ? EVP_PKEY_RSA
                     : algorithm == TokenAlgorithm::es256 ? EVP_PKEY_EC
                                                          : EVP_PKEY_ED25519;
  const int bits = EVP_PKEY_get_bits(key.get());
  const bool fits = EVP_PKEY_get_base_id(key.get()) == wanted && (wanted != EVP_PKEY_RSA || bits >= 2048) &&
                    (wanted != EVP_PKEY_EC || bits == 256);
  if (!fits)
    return Error(Code::invalid,
                 fmt::format("the key does not fit {} (RSA from 2048 bits, P-256, Ed25519)", algorithm_name(algorithm)))
        .at(std::string(what));
  out.key_ = std::shared_ptr<void>(key.release(), [](void* p) { EVP_PKEY_free(static_cast<EVP_PKEY*>(p)); });
  return out;
}

bool TokenKey::verify(std::string_view message, std::string_view signature) const {
  const auto* bytes = reinterpret_cast<const unsigned char*>(message.data());
  if (algorithm_ == TokenAlgorithm::hs256) {
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()), bytes, message.size(), mac, &length);
    return signature.size() == length && CRYPTO_memcmp(mac, signature.data(), length) == 0;
  }
  std::string der;
  if (algorithm_ == TokenAlgorithm::es256) {
    if (signature.size() != 64) return false;
    der = ecdsa_der(signature);
    signature = der;
  }
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  const EVP_MD* digest = algorithm_ == TokenAlgorithm::eddsa ? nullptr : EVP_sha256();
  if (!context || signature.empty() ||
      EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, static_cast<EVP_PKEY*>(key_.get())) != 1)
    return false;
  return EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                          bytes, message.size()) == 1;
}

Result<TokenClaims> verify_token(std::string_view token, const TokenRules& rules, Timestamp now) {
  if (rules.keys.empty() || token.size() > kMaxToken) return refuse("no token is taken, or it is too long");
  const std::size_t first = token.find('.');
  const std::size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos)
    return refuse("not three parts");
  const auto head = decode_url(token.substr(0, first));
  const auto body = decode_url(token.substr(first + 1, second - first - 1));
  const auto signature = decode_url(token.substr(second + 1));
  if (!head || !body || !signature) return refuse("not base64url");
  auto header = value::parse_json(*head, "token header");
  if (!header.ok() || !header->is_object()) return refuse("the header is no JSON object");
  if (value::find(*header, "crit")) return refuse("crit is not understood");
  const std::string key_id = value::string_at(*header, "kid");
  const auto key = rules.keys.find(key_id);
  if (key == rules.keys.end()) return refuse("no such key");
  if (value::string_at(*header, "alg") != algorithm_name(key->second.algorithm())) return refuse("another algorithm");
  if (!key->second.verify(token.substr(0, second), *signature)) return refuse("the signature is wrong");
  auto claims = value::parse_json(*body, "token claims");
  if (!claims.ok() || !claims->is_object()) return refuse("the claims are no JSON object");
  ASSIGN_OR_RETURN(TokenClaims out, judge(*claims, rules, now));
  out.key_id = key_id;
  return out;
}

}  // namespace nautilus::engine
