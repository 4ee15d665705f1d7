#include "core/calendar/signature.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "core/base/text.h"
#include "core/calendar/project_key.h"
#include "core/value/base64.h"
#include "core/value/digest.h"

namespace nautilus::calendar {

namespace {

constexpr std::size_t kRawKey = 32, kRawSignature = 64;
constexpr std::string_view kAlgorithm = "ed25519";
constexpr const char* kSignHint =
    "sign it with `nautilusctl calendar sign --key FILE`, and name the public key in spec.calendar.publicKeys of the "
    "environment";

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Digest = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

// No passphrase is asked for: an encrypted key is refused.
int no_passphrase(char*, int, int, void*) { return -1; }

template <class Read>
Key read_pem(std::string_view pem, Read read) {
  Key none(nullptr, EVP_PKEY_free);
  if (pem.empty() || pem.size() > kMaxKeyFile) return none;
  std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  if (!bio) return none;
  Key key(read(bio.get(), nullptr, no_passphrase, nullptr), EVP_PKEY_free);
  ERR_clear_error();
  return key && EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_ED25519 ? std::move(key) : std::move(none);
}

Result<PublicKey> public_half(EVP_PKEY* key, std::string from) {
  PublicKey half;
  half.raw.resize(kRawKey);
  std::size_t size = kRawKey;
  if (EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(half.raw.data()), &size) != 1 ||
      size != kRawKey)
    return Error(Code::internal, "the public half of a key cannot be taken");
  half.id = value::sha256_hex(half.raw).substr(0, 16);
  half.from = std::move(from);
  return half;
}

bool is_signature_of(std::string_view signature, std::string_view bytes, const PublicKey& key) {
  const Key pkey(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(key.raw), key.raw.size()),
                 EVP_PKEY_free);
  const Digest context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  const bool good = pkey && context &&
                    EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, pkey.get()) == 1 &&
                    EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(bytes),
                                     bytes.size()) == 1;
  ERR_clear_error();
  return good;
}

struct Line {
  std::string_view id, base64;
};

// nullopt for a comment or nothing.
Result<std::optional<Line>> parse_line(std::string_view text) {
  text = base::trim(text);
  if (text.empty() || text.front() == '#') return std::optional<Line>();
  const auto parts = base::split(text, ' ');
  if (parts.size() != 3 || parts[0] != kAlgorithm || parts[1].size() != 16)
    return Error(Code::refused, "a line of the signature file is not \"ed25519 <key id> <base64>\"", kSignHint);
  return std::optional<Line>(Line{parts[1], parts[2]});
}

}  // namespace

Result<PublicKey> parse_public_key(std::string_view pem, std::string from) {
  const Key key = read_pem(pem, PEM_read_bio_PUBKEY);
  if (!key)
    return Error(Code::invalid, "no Ed25519 public key in PEM",
                 "make one: openssl genpkey -algorithm ed25519 -out key.pem; openssl pkey -in key.pem -pubout")
        .at(std::move(from));
  return public_half(key.get(), std::move(from));
}

Result<Signed> sign(std::string_view private_pem, std::string_view bytes, std::string_view key_name) {
  const Key key = read_pem(private_pem, PEM_read_bio_PrivateKey);
  if (!key)
    return Error(Code::invalid, fmt::format("{}: no Ed25519 private key in PEM without a passphrase", key_name),
                 "make one: openssl genpkey -algorithm ed25519 -out key.pem");
  const Digest context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  std::string signature(kRawSignature, '\0');
  std::size_t size = signature.size();
  if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes_of(bytes),
                     bytes.size()) != 1 ||
      size != kRawSignature)
    return Error(Code::internal, "OpenSSL did not sign");
  Signed made;
  ASSIGN_OR_RETURN(made.key, public_half(key.get(), std::string(key_name)));
  made.line = fmt::format("{} {} {}", kAlgorithm, made.key.id, value::encode_base64(signature));
  return made;
}

Result<std::string> verify(std::string_view signature_file, std::string_view bytes,
                           const std::vector<PublicKey>& trusted) {
  if (signature_file.size() > kMaxSignatureFile) return Error(Code::refused, "the signature file is too large");
  std::string good, others;
  std::size_t count = 0;
  for (const std::string_view text : base::split(signature_file, '\n')) {
    ASSIGN_OR_RETURN(const auto line, parse_line(text));
    if (!line) continue;
    if (++count > kMaxSignatures) return Error(Code::refused, fmt::format("more than {} signatures", kMaxSignatures));
    const auto key = std::find_if(trusted.begin(), trusted.end(),
                                  [&](const PublicKey& one) { return one.id == line->id; });
    if (key == trusted.end()) {
      others += fmt::format("{}{}", others.empty() ? "" : ", ", line->id);
      continue;
    }
    const auto signature = value::decode_base64(line->base64);
    if (!signature || signature->size() != kRawSignature || !is_signature_of(*signature, bytes, *key))
      return Error(Code::refused,
                   fmt::format("the signature of key {} ({}) is wrong: the file was changed after it was signed",
                               key->id, key->from),
                   "restore the file, or look at the change and sign it: `nautilusctl calendar sign --key FILE`");
    good = key->id;
  }
  if (!good.empty()) return good;
  std::string who;
  for (const PublicKey& key : trusted) who += fmt::format("{}{} ({})", who.empty() ? "" : ", ", key.id, key.from);
  return Error(Code::refused,
               count == 0 ? "it is not signed"
                          : fmt::format("it is signed by nobody trusted: by {}; trusted: {}", others, who),
               kSignHint);
}

std::string with_signature(std::string_view signature_file, const Signed& made) {
  std::string out;
  for (const std::string_view text : base::split(signature_file, '\n')) {
    const auto line = parse_line(text);
    if (base::trim(text).empty() || (line.ok() && *line && (*line)->id == made.key.id)) continue;
    out += std::string(text) + "\n";
  }
  return out + made.line + "\n";
}

const PublicKey& project_key() {
  static const PublicKey key = [] {
    auto parsed = parse_public_key(kProjectKeyPem, "nautilusctl");
    return parsed.ok() ? std::move(*parsed) : PublicKey{};  // an empty id matches no line
  }();
  return key;
}

}  // namespace nautilus::calendar
