#include "core/value/ed25519.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>

namespace nautilus::value {

namespace {

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Digest = std::unique_ptr<EVP_MD_CTX, Free>;

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

// No passphrase is asked for: an encrypted key is refused.
int no_passphrase(char*, int, int, void*) { return -1; }

template <class Read>
Key read_pem(std::string_view pem, Read read) {
  if (pem.empty() || pem.size() > kMaxKeyFile) return nullptr;
  const std::unique_ptr<BIO, Free> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio) return nullptr;
  Key key(read(bio.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  return key && EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_ED25519 ? std::move(key) : nullptr;
}

std::optional<std::string> raw_public(const Key& key) {
  std::string raw(kEd25519Key, '\0');
  std::size_t size = raw.size();
  if (!key || EVP_PKEY_get_raw_public_key(key.get(), reinterpret_cast<unsigned char*>(raw.data()), &size) != 1 ||
      size != kEd25519Key)
    return std::nullopt;
  return raw;
}

}  // namespace

std::optional<std::string> ed25519_public_key(std::string_view pem) {
  return raw_public(read_pem(pem, PEM_read_bio_PUBKEY));
}

std::optional<std::string> ed25519_public_half(std::string_view private_pem) {
  return raw_public(read_pem(private_pem, PEM_read_bio_PrivateKey));
}

Result<std::string> ed25519_sign(std::string_view private_pem, std::string_view bytes) {
  const Key key = read_pem(private_pem, PEM_read_bio_PrivateKey);
  if (!key)
    return Error(Code::invalid, "no Ed25519 private key in PEM without a passphrase",
                 "make one: openssl genpkey -algorithm ed25519 -out key.pem");
  const Digest context(EVP_MD_CTX_new());
  std::string signature(kEd25519Signature, '\0');
  std::size_t size = signature.size();
  if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes_of(bytes),
                     bytes.size()) != 1 ||
      size != kEd25519Signature)
    return Error(Code::internal, "OpenSSL did not sign");
  return signature;
}

bool ed25519_verify(std::string_view key, std::string_view bytes, std::string_view signature) {
  if (key.size() != kEd25519Key || signature.size() != kEd25519Signature) return false;
  const Key pkey(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(key), key.size()));
  const Digest context(EVP_MD_CTX_new());
  const bool good = pkey && context &&
                    EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, pkey.get()) == 1 &&
                    EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(bytes),
                                     bytes.size()) == 1;
  ERR_clear_error();
  return good;
}

}  // namespace nautilus::value
