// Keys and X.509 certificates.
#include <arpa/inet.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "core/sprig/crypto.h"

namespace nautilus::sprig::crypto {
namespace {

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using Number = std::unique_ptr<BIGNUM, Freer<BN_clear_free>>;
using NumberContext = std::unique_ptr<BN_CTX, Freer<BN_CTX_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freer<EVP_PKEY_CTX_free>>;
using Bio = std::unique_ptr<BIO, Freer<BIO_free_all>>;
using Cert = std::unique_ptr<X509, Freer<X509_free>>;
using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, Freer<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Freer<OSSL_PARAM_free>>;
using Group = std::unique_ptr<EC_GROUP, Freer<EC_GROUP_free>>;
using Point = std::unique_ptr<EC_POINT, Freer<EC_POINT_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION_free>>;

Error failed(std::string what) {
  const auto code = ERR_get_error();
  ERR_clear_error();
  if (const char* reason = code ? ERR_reason_error_string(code) : nullptr) what += fmt::format(": {}", reason);
  return Error(Code::invalid, std::move(what));
}

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

std::string drain(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

Bio reading(std::string_view text) { return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

// No password callback: an encrypted key must not make the program ask on the terminal.
int no_password(char*, int, int, void*) { return -1; }

// A random prime of `bits` bits with the top two set (so that the product of two has twice the bits), p - 1 prime to e.
Result<Number> prime(int bits, const BIGNUM* exponent, port::Entropy& entropy, BN_CTX* context) {
  constexpr int kMaxStarts = 64, kMaxSteps = 8192;
  for (int start = 0; start < kMaxStarts; ++start) {
    std::string raw = random_bytes(entropy, static_cast<std::size_t>(bits / 8));
    raw.front() = static_cast<char>(raw.front() | 0xC0);
    raw.back() = static_cast<char>(raw.back() | 1);
    Number candidate(BN_bin2bn(bytes(raw), static_cast<int>(raw.size()), nullptr));
    Number below(BN_new()), divisor(BN_new());
    if (!candidate || !below || !divisor) return failed("no memory for a prime");
    for (int step = 0; step < kMaxSteps && BN_num_bits(candidate.get()) == bits;
         ++step, BN_add_word(candidate.get(), 2)) {
      const int is_prime = BN_check_prime(candidate.get(), context, nullptr);
      if (is_prime < 0) return failed("testing a prime");
      if (is_prime == 0) continue;
      BN_sub(below.get(), candidate.get(), BN_value_one());
      BN_gcd(divisor.get(), below.get(), exponent, context);
      if (BN_is_one(divisor.get())) return candidate;
    }
  }
  return Error(Code::limit, "no prime was found");
}

Result<Key> from_params(const char* type, OSSL_PARAM_BLD* builder) {
  const Params params(OSSL_PARAM_BLD_to_param(builder));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, params.get()) != 1)
    return failed("building a key");
  return Key(key);
}

Result<Key> rsa_key(int bits, port::Entropy& entropy) {
  const NumberContext context(BN_CTX_secure_new());
  const Number e(BN_new()), n(BN_new()), d(BN_new()), p1(BN_new()), q1(BN_new()), phi(BN_new()), dp(BN_new()),
      dq(BN_new());
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  if (!context || !e || !n || !d || !p1 || !q1 || !phi || !dp || !dq || !builder) return failed("no memory for a key");
  BN_set_word(e.get(), 65537);
  ASSIGN_OR_RETURN(Number p, prime(bits / 2, e.get(), entropy, context.get()));
  ASSIGN_OR_RETURN(Number q, prime(bits / 2, e.get(), entropy, context.get()));
  const int order = BN_cmp(p.get(), q.get());
  if (order == 0) return Error(Code::internal, "the entropy source repeats itself");
  if (order < 0) std::swap(p, q);
  BN_mul(n.get(), p.get(), q.get(), context.get());
  BN_sub(p1.get(), p.get(), BN_value_one());
  BN_sub(q1.get(), q.get(), BN_value_one());
  BN_mul(phi.get(), p1.get(), q1.get(), context.get());
  if (!BN_mod_inverse(d.get(), e.get(), phi.get(), context.get())) return failed("computing the private exponent");
  BN_mod(dp.get(), d.get(), p1.get(), context.get());
  BN_mod(dq.get(), d.get(), q1.get(), context.get());
  const Number qinv(BN_mod_inverse(nullptr, q.get(), p.get(), context.get()));
  if (!qinv) return failed("computing the coefficient");
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_D, d.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_FACTOR1, p.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_FACTOR2, q.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_EXPONENT1, dp.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_EXPONENT2, dq.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_COEFFICIENT1, qinv.get());
  return from_params("RSA", builder.get());
}

Result<Key> ecdsa_key(port::Entropy& entropy) {
  const Group group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  const NumberContext context(BN_CTX_new());
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  if (!group || !context || !builder) return failed("no memory for a key");
  // 40 bytes modulo n - 1, plus one: uniform enough, and never zero.
  const std::string raw = random_bytes(entropy, 40);
  Number secret(BN_bin2bn(bytes(raw), static_cast<int>(raw.size()), nullptr));
  const Number limit(BN_dup(EC_GROUP_get0_order(group.get())));
  if (!secret || !limit) return failed("no memory for a key");
  BN_sub_word(limit.get(), 1);
  BN_mod(secret.get(), secret.get(), limit.get(), context.get());
  BN_add_word(secret.get(), 1);
  const Point point(EC_POINT_new(group.get()));
  if (!point || EC_POINT_mul(group.get(), point.get(), secret.get(), nullptr, nullptr, context.get()) != 1)
    return failed("computing the public key");
  unsigned char encoded[65];
  const std::size_t size = EC_POINT_point2oct(group.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED, encoded,
                                              sizeof encoded, context.get());
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, encoded, size);
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, secret.get());
  return from_params("EC", builder.get());
}

Result<Key> ed25519_key(port::Entropy& entropy) {
  const std::string raw = random_bytes(entropy, 32);
  Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes(raw), raw.size()));
  if (!key) return failed("building an ed25519 key");
  return key;
}

// "RSA PRIVATE KEY" and "EC PRIVATE KEY" as Go writes them, PKCS#8 for the rest.
Result<std::string> key_pem(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  const bool traditional = EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "EC");
  const int done = traditional
                       ? PEM_write_bio_PrivateKey_traditional(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr)
                       : PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  if (done != 1) return failed("encoding a key");
  return drain(bio.get());
}

Result<Key> parse_key(std::string_view pem) {
  const Bio bio = reading(pem);
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  if (!key) return failed("parsing private key");
  return key;
}

Result<Cert> parse_certificate(std::string_view pem) {
  const Bio bio = reading(pem);
  Cert certificate(PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr));
  if (!certificate) return failed("unable to decode certificate");
  return certificate;
}

Result<> add_extension(X509* certificate, int nid, const std::string& value) {
  const Extension extension(X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str()));
  if (!extension || X509_add_ext(certificate, extension.get(), -1) != 1)
    return failed("adding a certificate extension");
  return {};
}

// Built from parts, not from OpenSSL's configuration syntax: a name must not be able to add an extension.
Result<> add_names(X509* certificate, const CertificateRequest& request) {
  if (request.ips.empty() && request.dns_names.empty()) return {};
  const std::unique_ptr<GENERAL_NAMES, Freer<GENERAL_NAMES_free>> names(sk_GENERAL_NAME_new_null());
  const auto add = [&](int type, std::string_view data) {
    GENERAL_NAME* name = GENERAL_NAME_new();
    ASN1_STRING* text = ASN1_STRING_type_new(type == GEN_DNS ? V_ASN1_IA5STRING : V_ASN1_OCTET_STRING);
    ASN1_STRING_set(text, data.data(), static_cast<int>(data.size()));
    GENERAL_NAME_set0_value(name, type, text);
    sk_GENERAL_NAME_push(names.get(), name);
  };
  for (const std::string& name : request.dns_names) {
    if (std::any_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }))
      return Error(Code::invalid, fmt::format("the DNS name {:?} has characters outside ASCII", name));
    add(GEN_DNS, name);
  }
  for (const std::string& ip : request.ips) {
    char address[16];
    if (inet_pton(AF_INET, ip.c_str(), address) == 1)
      add(GEN_IPADD, {address, 4});
    else if (inet_pton(AF_INET6, ip.c_str(), address) == 1)
      add(GEN_IPADD, {address, 16});
    else
      return Error(Code::invalid, "error parsing ip: " + ip);
  }
  if (X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), request.common_name.empty() ? 1 : 0, 0) != 1)
    return failed("adding alternative names");
  return {};
}

// The SHA-256 of the public key, cut to 20 bytes (RFC 7093), as current Go identifies keys.
Result<> add_subject_key_id(X509* certificate, EVP_PKEY* key) {
  std::unique_ptr<X509_PUBKEY, Freer<X509_PUBKEY_free>> holder;
  X509_PUBKEY* raw = nullptr;
  if (X509_PUBKEY_set(&raw, key) != 1) return failed("encoding the public key");
  holder.reset(raw);
  const unsigned char* data = nullptr;
  int size = 0;
  if (X509_PUBKEY_get0_param(nullptr, &data, &size, nullptr, raw) != 1) return failed("encoding the public key");
  unsigned char digest[EVP_MAX_MD_SIZE];
  EVP_Digest(data, static_cast<std::size_t>(size), digest, nullptr, EVP_sha256(), nullptr);
  const std::unique_ptr<ASN1_OCTET_STRING, Freer<ASN1_OCTET_STRING_free>> id(ASN1_OCTET_STRING_new());
  ASN1_OCTET_STRING_set(id.get(), digest, 20);
  if (X509_add1_ext_i2d(certificate, NID_subject_key_identifier, id.get(), 0, 0) != 1)
    return failed("adding the key id");
  return {};
}

Result<> add_authority_key_id(X509* certificate, const ASN1_OCTET_STRING* id) {
  if (!id) return {};
  const std::unique_ptr<AUTHORITY_KEYID, Freer<AUTHORITY_KEYID_free>> holder(AUTHORITY_KEYID_new());
  holder->keyid = ASN1_OCTET_STRING_dup(id);
  if (X509_add1_ext_i2d(certificate, NID_authority_key_identifier, holder.get(), 0, 0) != 1)
    return failed("adding the issuer's key id");
  return {};
}

Result<> set_validity(X509* certificate, port::WallTime now, int days) {
  if (days < -kMaxDaysValid || days > kMaxDaysValid)
    return Error(Code::limit, fmt::format("a certificate cannot be valid for {} days", days));
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  // ASN1_TIME_set writes UTCTime up to 2049 and GeneralizedTime from 2050 on, as RFC 5280 wants it.
  if (!ASN1_TIME_set(X509_getm_notBefore(certificate), seconds) ||
      !ASN1_TIME_set(X509_getm_notAfter(certificate), seconds + std::int64_t{86400} * days))
    return failed("setting the validity");
  return {};
}

struct Signer {
  X509* certificate = nullptr;  // null: signs itself
  EVP_PKEY* key = nullptr;
};

Result<Certificate> issue(const CertificateRequest& request, bool authority, EVP_PKEY* key, const Signer& signer,
                          port::Entropy& entropy, port::WallTime now) {
  const Cert certificate(X509_new());
  if (!certificate) return failed("no memory for a certificate");
  X509* cert = certificate.get();
  X509_set_version(cert, X509_VERSION_3);
  const std::string serial = random_bytes(entropy, 16);
  const Number number(BN_bin2bn(bytes(serial), 16, nullptr));
  BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(cert));
  TRY(set_validity(cert, now, request.days_valid));
  if (!request.common_name.empty() &&
      X509_NAME_add_entry_by_NID(X509_get_subject_name(cert), NID_commonName, MBSTRING_UTF8, bytes(request.common_name),
                                 static_cast<int>(request.common_name.size()), -1, 0) != 1)
    return failed("setting the common name");
  X509_set_issuer_name(cert, X509_get_subject_name(signer.certificate ? signer.certificate : cert));
  if (X509_set_pubkey(cert, key) != 1) return failed("setting the public key");
  TRY(add_extension(cert, NID_key_usage,
                    std::string("critical,digitalSignature,keyEncipherment") + (authority ? ",keyCertSign" : "")));
  TRY(add_extension(cert, NID_ext_key_usage, "serverAuth,clientAuth"));
  TRY(add_extension(cert, NID_basic_constraints, authority ? "critical,CA:TRUE" : "critical,CA:FALSE"));
  if (authority) TRY(add_subject_key_id(cert, key));
  if (signer.certificate) TRY(add_authority_key_id(cert, X509_get0_subject_key_id(signer.certificate)));
  TRY(add_names(cert, request));
  const bool plain = EVP_PKEY_is_a(signer.key, "ED25519");
  if (X509_sign(cert, signer.key, plain ? nullptr : EVP_sha256()) == 0) return failed("signing the certificate");
  const Bio bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(bio.get(), cert) != 1) return failed("encoding the certificate");
  Certificate out;
  out.cert = drain(bio.get());
  ASSIGN_OR_RETURN(out.key, key_pem(key));
  return out;
}

Result<Key> key_for(const CertificateRequest& request, port::Entropy& entropy) {
  return request.key_pem.empty() ? rsa_key(kCertificateKeyBits, entropy) : parse_key(request.key_pem);
}

}  // namespace

Result<std::string> generate_private_key(std::string_view type, port::Entropy& entropy) {
  auto key = type.empty() || type == "rsa" ? rsa_key(kPrivateKeyBits, entropy)
             : type == "ecdsa"             ? ecdsa_key(entropy)
             : type == "ed25519"           ? ed25519_key(entropy)
             : type == "dsa"
                 ? Result<Key>(Error(Code::refused, "DSA keys are not generated: nothing accepts them any more",
                                     "use ecdsa or ed25519"))
                 : Result<Key>(Error(Code::invalid, fmt::format("Unknown type {}", type)));
  if (!key.ok()) return std::move(key).error();
  return key_pem(key->get());
}

Result<Certificate> self_signed(const CertificateRequest& request, Role role, port::Entropy& entropy,
                                port::WallTime now) {
  ASSIGN_OR_RETURN(const Key key, key_for(request, entropy));
  return issue(request, role == Role::authority, key.get(), {nullptr, key.get()}, entropy, now);
}

Result<Certificate> signed_by(const CertificateRequest& request, const Certificate& authority, port::Entropy& entropy,
                              port::WallTime now) {
  ASSIGN_OR_RETURN(const Cert issuer, parse_certificate(authority.cert));
  ASSIGN_OR_RETURN(const Key issuer_key, parse_key(authority.key));
  ASSIGN_OR_RETURN(const Key key, key_for(request, entropy));
  return issue(request, false, key.get(), {issuer.get(), issuer_key.get()}, entropy, now);
}

Result<Certificate> custom(std::string_view cert_base64, std::string_view key_base64) {
  Certificate out;
  auto cert = base64_decode(cert_base64);
  if (!cert.ok()) return Error(Code::invalid, "unable to decode base64 certificate");
  auto key = base64_decode(key_base64);
  if (!key.ok()) return Error(Code::invalid, "unable to decode base64 private key");
  TRY(parse_certificate(*cert));
  TRY(parse_key(*key));
  out.cert = std::move(*cert);
  out.key = std::move(*key);
  return out;
}

}  // namespace nautilus::sprig::crypto
