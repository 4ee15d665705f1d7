// Hashes, passwords and symmetric encryption.
#include "core/sprig/crypto.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstring>

namespace nautilus::sprig::crypto {
namespace {

std::string digest(const EVP_MD* method, std::string_view text) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), out, &size, method, nullptr) != 1) return {};
  std::string hex;
  hex.reserve(size * 2);
  for (unsigned i = 0; i < size; ++i) {
    static constexpr char kHex[] = "0123456789abcdef";
    hex += kHex[out[i] >> 4];
    hex += kHex[out[i] & 15];
  }
  return hex;
}

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

void append_big_endian(std::string& out, std::uint32_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((number >> shift) & 0xFF);
}

using Templates = std::vector<std::string_view>;
const Templates* password_templates(std::string_view type) {
  static const std::map<std::string_view, Templates> kTemplates = {
      {"maximum", {"anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"}},
      {"long",
       {"CvcvnoCvcvCvcv", "CvcvCvcvnoCvcv", "CvcvCvcvCvcvno", "CvccnoCvcvCvcv", "CvccCvcvnoCvcv", "CvccCvcvCvcvno",
        "CvcvnoCvccCvcv", "CvcvCvccnoCvcv", "CvcvCvccCvcvno", "CvcvnoCvcvCvcc", "CvcvCvcvnoCvcc", "CvcvCvcvCvccno",
        "CvccnoCvccCvcv", "CvccCvccnoCvcv", "CvccCvccCvcvno", "CvcvnoCvccCvcc", "CvcvCvccnoCvcc", "CvcvCvccCvccno",
        "CvccnoCvcvCvcc", "CvccCvcvnoCvcc", "CvccCvcvCvccno"}},
      {"medium", {"CvcnoCvc", "CvcCvcno"}},
      {"short", {"Cvcn"}},
      {"basic", {"aaanaaan", "aannaaan", "aaannaaa"}},
      {"pin", {"nnnn"}}};
  const auto found = kTemplates.find(type);
  return found == kTemplates.end() ? nullptr : &found->second;
}

std::string_view password_characters(char kind) {
  switch (kind) {
    case 'V': return "AEIOU";
    case 'C': return "BCDFGHJKLMNPQRSTVWXYZ";
    case 'v': return "aeiou";
    case 'c': return "bcdfghjklmnpqrstvwxyz";
    case 'A': return "AEIOUBCDFGHJKLMNPQRSTVWXYZ";
    case 'a': return "AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";
    case 'n': return "0123456789";
    case 'o': return "@&%?,=[]_:-+*$#!'^~;()/.";
    default: return "AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()";
  }
}

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

std::string aes_key(std::string_view password) {
  std::string key(password.substr(0, 32));
  key.resize(32, '\0');
  return key;
}

}  // namespace

std::string sha1_hex(std::string_view text) { return digest(EVP_sha1(), text); }
std::string sha256_hex(std::string_view text) { return digest(EVP_sha256(), text); }
std::string sha512_hex(std::string_view text) { return digest(EVP_sha512(), text); }

std::string adler32(std::string_view text) {
  std::uint32_t a = 1, b = 0;
  for (const char c : text) {
    a = (a + static_cast<unsigned char>(c)) % 65521;
    b = (b + a) % 65521;
  }
  return std::to_string((b << 16) | a);
}

std::string random_bytes(port::Entropy& entropy, std::size_t count) {
  std::string out(count, '\0');
  entropy.fill(std::as_writable_bytes(std::span(out.data(), out.size())));
  return out;
}

std::uint64_t random_below(port::Entropy& entropy, std::uint64_t limit) {
  // Numbers above the last whole multiple of `limit` are thrown away, so that none is more likely than another.
  const std::uint64_t largest = ~std::uint64_t{0} - (~std::uint64_t{0} % limit + 1) % limit;
  for (int tries = 0;; ++tries) {
    std::uint64_t number = 0;
    entropy.fill(std::as_writable_bytes(std::span(&number, 1)));
    constexpr int kMaxTries = 128;  // a working source passes every other time at worst
    if (number <= largest || tries == kMaxTries) return number % limit;
  }
}

Result<std::string> bcrypt(std::string_view password, port::Entropy& entropy) {
  if (password.size() > kBcryptMaxPassword)
    return Error(Code::invalid, fmt::format("bcrypt: password length exceeds {} bytes", kBcryptMaxPassword));
  if (password.find('\0') != std::string_view::npos)
    return Error(Code::invalid, "bcrypt: passwords with a zero byte are not supported");
  const std::string random = random_bytes(entropy, 16);
  char setting[CRYPT_GENSALT_OUTPUT_SIZE];
  if (!crypt_gensalt_rn("$2a$", kBcryptCost, random.data(), static_cast<int>(random.size()), setting, sizeof setting))
    return Error(Code::internal, "bcrypt: the system's crypt library does not have it");
  auto state = std::make_unique<crypt_data>();
  std::memset(state.get(), 0, sizeof(crypt_data));
  const std::string text(password);
  const char* hash = crypt_rn(text.c_str(), setting, state.get(), sizeof(crypt_data));
  std::string out = hash ? hash : "";
  OPENSSL_cleanse(state.get(), sizeof(crypt_data));
  if (!out.starts_with("$2a$")) return Error(Code::internal, "bcrypt: hashing failed");
  return out;
}

Result<std::string> derive_password(std::uint32_t counter, std::string_view type, std::string_view password,
                                    std::string_view user, std::string_view site) {
  const Templates* templates = password_templates(type);
  if (!templates) return fmt::format("cannot find password template {}", type);
  constexpr std::string_view kSeed = "com.lyndir.masterpassword";
  std::string salt(kSeed);
  append_big_endian(salt, static_cast<std::uint32_t>(user.size()));
  salt += user;
  std::string key(64, '\0');
  constexpr std::uint64_t kMemory = 96u << 20;
  if (EVP_PBE_scrypt(password.data(), password.size(), bytes(salt), salt.size(), 32768, 8, 2, kMemory, bytes(key),
                     key.size()) != 1)
    return Error(Code::internal, "scrypt failed");
  std::string message(kSeed);
  append_big_endian(message, static_cast<std::uint32_t>(site.size()));
  message += site;
  append_big_endian(message, counter);
  unsigned char seed[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (!HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes(message), message.size(), seed, &size))
    return Error(Code::internal, "HMAC failed");
  const std::string_view shape = (*templates)[seed[0] % templates->size()];
  std::string out;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const std::string_view characters = password_characters(shape[i]);
    out += characters[seed[i + 1] % characters.size()];
  }
  return out;
}

Result<std::string> encrypt_aes(std::string_view password, std::string_view plain, port::Entropy& entropy) {
  if (plain.empty()) return std::string();
  const std::string key = aes_key(password);
  const std::string iv = random_bytes(entropy, 16);
  const std::unique_ptr<EVP_CIPHER_CTX, FreeCipher> context(EVP_CIPHER_CTX_new());
  std::string out(plain.size() + 16, '\0');
  int size = 0, tail = 0;
  if (!context || EVP_EncryptInit_ex(context.get(), EVP_aes_256_cbc(), nullptr, bytes(key), bytes(iv)) != 1 ||
      EVP_EncryptUpdate(context.get(), bytes(out), &size, bytes(plain), static_cast<int>(plain.size())) != 1 ||
      EVP_EncryptFinal_ex(context.get(), bytes(out) + size, &tail) != 1)
    return Error(Code::internal, "AES encryption failed");
  out.resize(static_cast<std::size_t>(size + tail));
  return base64_encode(iv + out);
}

Result<std::string> decrypt_aes(std::string_view password, std::string_view encrypted) {
  if (encrypted.empty()) return std::string();
  ASSIGN_OR_RETURN(const std::string data, base64_decode(encrypted));
  if (data.size() < 32 || data.size() % 16 != 0)
    return Error(Code::invalid, "decryptAES: the input is not a whole number of blocks");
  const std::string key = aes_key(password);
  const std::unique_ptr<EVP_CIPHER_CTX, FreeCipher> context(EVP_CIPHER_CTX_new());
  std::string out(data.size(), '\0');
  int size = 0, tail = 0;
  if (!context ||
      EVP_DecryptInit_ex(context.get(), EVP_aes_256_cbc(), nullptr, bytes(key), bytes(std::string_view(data))) != 1 ||
      EVP_CIPHER_CTX_set_padding(context.get(), 0) != 1 ||
      EVP_DecryptUpdate(context.get(), bytes(out), &size, bytes(std::string_view(data)) + 16,
                        static_cast<int>(data.size() - 16)) != 1 ||
      EVP_DecryptFinal_ex(context.get(), bytes(out) + size, &tail) != 1)
    return Error(Code::internal, "AES decryption failed");
  out.resize(static_cast<std::size_t>(size + tail));
  const auto padding = static_cast<unsigned char>(out.back());
  if (padding > out.size()) return Error(Code::invalid, "decryptAES: wrong password or broken input");
  out.resize(out.size() - padding);
  return out;
}

}  // namespace nautilus::sprig::crypto
