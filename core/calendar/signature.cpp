#include "core/calendar/signature.h"

#include <fmt/format.h>

#include "core/base/text.h"
#include "core/calendar/project_key.h"
#include "core/value/base64.h"
#include "core/value/digest.h"
#include "core/value/ed25519.h"

namespace nautilus::calendar {

namespace {

constexpr std::string_view kAlgorithm = "ed25519";
constexpr const char* kSignHint =
    "sign it with `nautilusctl calendar sign --key FILE`, and name the public key in spec.calendar.publicKeys of the "
    "environment";

PublicKey named(std::string raw, std::string from) {
  std::string id = value::sha256_hex(raw).substr(0, 16);
  return {std::move(id), std::move(raw), std::move(from)};
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
  auto raw = value::ed25519_public_key(pem);
  if (!raw)
    return Error(Code::invalid, "no Ed25519 public key in PEM",
                 "make one: openssl genpkey -algorithm ed25519 -out key.pem; openssl pkey -in key.pem -pubout")
        .at(std::move(from));
  return named(*std::move(raw), std::move(from));
}

Result<Signed> sign(std::string_view private_pem, std::string_view bytes, std::string_view key_name) {
  auto signature = value::ed25519_sign(private_pem, bytes);
  auto half = value::ed25519_public_half(private_pem);
  if (!signature.ok()) return std::move(signature).error().at(std::string(key_name));
  if (!half) return Error(Code::internal, "the public half of a key cannot be taken");
  Signed made;
  made.key = named(*std::move(half), std::string(key_name));
  made.line = fmt::format("{} {} {}", kAlgorithm, made.key.id, value::encode_base64(*signature));
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
    if (!signature || !value::ed25519_verify(key->raw, bytes, *signature))
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
