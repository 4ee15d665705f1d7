#include "core/audit/signature.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "core/base/text.h"
#include "core/value/base64.h"

namespace nautilus::audit {

namespace {

constexpr std::size_t kKeyBytes = 32, kSignatureBytes = 64;

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

std::unique_ptr<BIO, Free> memory(std::string_view text) {
  return std::unique_ptr<BIO, Free>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

int no_password(char*, int, int, void*) { return 0; }

Result<Key> private_key(std::string_view pem) {
  const auto bio = memory(pem);
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  if (!key || !EVP_PKEY_is_a(key.get(), "ED25519"))
    return Error(Code::invalid, "it is not an Ed25519 private key in PEM, without a password",
                 "openssl genpkey -algorithm ed25519 makes one");
  return key;
}

Key public_key(std::string_view text) {
  text = base::trim(text);
  if (text.starts_with("-----BEGIN")) {
    const auto bio = memory(text);
    Key key(PEM_read_bio_PUBKEY(bio.get(), nullptr, no_password, nullptr));
    return key && EVP_PKEY_is_a(key.get(), "ED25519") ? std::move(key) : nullptr;
  }
  const auto raw = value::decode_base64(text);
  if (!raw || raw->size() != kKeyBytes) return nullptr;
  return Key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes(*raw), raw->size()));
}

Result<std::string> raw_public(const Key& key) {
  std::string raw(kKeyBytes, '\0');
  std::size_t size = raw.size();
  if (EVP_PKEY_get_raw_public_key(key.get(), reinterpret_cast<unsigned char*>(raw.data()), &size) != 1)
    return Error(Code::internal, "an Ed25519 key without its public half");
  return value::encode_base64(raw);
}

}  // namespace

Result<std::string> sign(std::string_view private_pem, std::string_view text) {
  ASSIGN_OR_RETURN(const Key key, private_key(private_pem));
  const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  std::string out(kSignatureBytes, '\0');
  std::size_t size = out.size();
  if (EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size, bytes(text), text.size()) != 1)
    return Error(Code::internal, "the text could not be signed");
  return value::encode_base64(out);
}

bool signed_by(std::string_view public_text, std::string_view text, std::string_view signature) {
  const Key key = public_key(public_text);
  const auto raw = value::decode_base64(signature);
  if (!key || !raw || raw->size() != kSignatureBytes) return false;
  const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), bytes(*raw), raw->size(), bytes(text), text.size()) == 1;
}

Result<std::string> public_half(std::string_view private_pem) {
  ASSIGN_OR_RETURN(const Key key, private_key(private_pem));
  return raw_public(key);
}

Result<std::string> check_public_key(std::string_view text) {
  const Key key = public_key(text);
  if (!key) return Error(Code::invalid, "it is not an Ed25519 public key (base64 of 32 bytes, or PEM)");
  return raw_public(key);
}

}  // namespace nautilus::audit
