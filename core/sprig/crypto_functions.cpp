// Hashes, random texts, passwords, keys and certificates.
#include "core/sprig/crypto.h"
#include "core/sprig/go.h"

namespace nautilus::sprig {
namespace {

// What genCA and its relatives give: {{ $ca.Cert }}, {{ $ca.Key }}.
class CertificateValue final : public GoObject {
 public:
  explicit CertificateValue(crypto::Certificate value) : value_(std::move(value)) {}
  const crypto::Certificate& value() const { return value_; }
  std::string type_name() const override { return "sprig.certificate"; }
  std::string to_string() const override { return "{" + value_.cert + " " + value_.key + "}"; }
  std::optional<Fields> json_fields() const override {
    return Fields{{"Cert", Val(value_.cert)}, {"Key", Val(value_.key)}};
  }
  std::optional<Val> field(std::string_view name) const override {
    if (name == "Cert") return Val(value_.cert);
    if (name == "Key") return Val(value_.key);
    return std::nullopt;
  }

 private:
  crypto::Certificate value_;
};

Result<Val> certificate(Result<crypto::Certificate> made) {
  if (!made.ok()) return std::move(made).error();
  return Val(std::shared_ptr<const Object>(std::make_shared<CertificateValue>(std::move(*made))));
}

Result<> count_key(Call& call) {
  if (++environment(call).keys_generated > kMaxKeys)
    return Error(Code::limit, fmt::format("more than {} keys and certificates are generated", kMaxKeys));
  return {};
}

Result<std::vector<std::string>> text_list(const Val& value, std::string_view what) {
  std::vector<std::string> out;
  if (value.is_nil()) return out;
  const auto* items = items_of(value);
  if (!items) return failed(fmt::format("wrong type for value; expected []interface {{}}; got {}", type_of(value)));
  for (const Val& item : *items) {
    if (!item.is_string())
      return failed(fmt::format("error parsing {}: {} is not a string", what, gotmpl::to_string(item)));
    out.push_back(item.as_string());
  }
  return out;
}

Result<crypto::CertificateRequest> request_of(Args args) {
  crypto::CertificateRequest request;
  if (!args[0].is_string())
    return failed(fmt::format("wrong type for value; expected string; got {}", type_of(args[0])));
  request.common_name = args[0].as_string();
  ASSIGN_OR_RETURN(request.ips, text_list(args[1], "ip"));
  ASSIGN_OR_RETURN(request.dns_names, text_list(args[2], "alternate dns name"));
  if (args[3].kind() != Kind::integer)
    return failed(fmt::format("wrong type for value; expected int; got {}", type_of(args[3])));
  const std::int64_t days = args[3].as_int();
  request.days_valid = days > crypto::kMaxDaysValid || days < -crypto::kMaxDaysValid ? crypto::kMaxDaysValid + 1
                                                                                     : static_cast<int>(days);
  return request;
}

// cn, ips, dns names, days [, key]. For an authority only cn and days [, key].
Result<Val> self_signed(Call& call, Args args, crypto::Role role, bool with_key) {
  TRY(count_key(call));
  ASSIGN_OR_RETURN(port::Entropy* const source, entropy(call));
  ASSIGN_OR_RETURN(const port::WallTime time, now(call));
  std::vector<Val> full(args.begin(), args.end());
  if (role == crypto::Role::authority) full.insert(full.begin() + 1, 2, Val(nullptr));
  ASSIGN_OR_RETURN(crypto::CertificateRequest request, request_of(full));
  if (with_key) request.key_pem = text_of(full[4]);
  if (with_key && request.key_pem.empty()) return failed("parsing private key: no PEM data in input");
  return certificate(crypto::self_signed(request, role, *source, time));
}

Result<Val> signed_by(Call& call, Args args, bool with_key) {
  TRY(count_key(call));
  ASSIGN_OR_RETURN(port::Entropy* const source, entropy(call));
  ASSIGN_OR_RETURN(const port::WallTime time, now(call));
  ASSIGN_OR_RETURN(crypto::CertificateRequest request, request_of(args));
  const auto* authority = object_as<CertificateValue>(args[4]);
  if (!authority)
    return failed(fmt::format("wrong type for value; expected sprig.certificate; got {}", type_of(args[4])));
  if (with_key) request.key_pem = text_of(args[5]);
  if (with_key && request.key_pem.empty()) return failed("parsing private key: no PEM data in input");
  return certificate(crypto::signed_by(request, authority->value(), *source, time));
}

void add_certificates(Functions& f) {
  f.add("genCA", 2, 2, {Param::string, Param::integer},
        [](Call& call, Args args) { return self_signed(call, args, crypto::Role::authority, false); });
  f.add("genCAWithKey", 3, 3, {Param::string, Param::integer, Param::string},
        [](Call& call, Args args) { return self_signed(call, args, crypto::Role::authority, true); });
  f.add("genSelfSignedCert", 4, 4, {},
        [](Call& call, Args args) { return self_signed(call, args, crypto::Role::self_signed, false); });
  f.add("genSelfSignedCertWithKey", 5, 5, {},
        [](Call& call, Args args) { return self_signed(call, args, crypto::Role::self_signed, true); });
  f.add("genSignedCert", 5, 5, {}, [](Call& call, Args args) { return signed_by(call, args, false); });
  f.add("genSignedCertWithKey", 6, 6, {}, [](Call& call, Args args) { return signed_by(call, args, true); });
  f.add("buildCustomCert", 2, 2, {Param::string},
        [](Call&, Args args) { return certificate(crypto::custom(args[0].as_string(), args[1].as_string())); });
  f.add("genPrivateKey", 1, 1, {Param::string}, [](Call& call, Args args) -> Result<Val> {
    TRY(count_key(call));
    ASSIGN_OR_RETURN(port::Entropy* const source, entropy(call));
    auto key = crypto::generate_private_key(args[0].as_string(), *source);
    if (key.ok()) return Val(std::move(*key));
    if (key.error().code == Code::invalid) return Val(key.error().message);  // "Unknown type x" is sprig's answer
    return std::move(key).error();
  });
}

void add_hashes(Functions& f) {
  using Hash = std::string (*)(std::string_view);
  for (const auto& [name, hash] : {std::pair<const char*, Hash>("sha1sum", crypto::sha1_hex),
                                   {"sha256sum", crypto::sha256_hex},
                                   {"sha512sum", crypto::sha512_hex},
                                   {"adler32sum", crypto::adler32}})
    f.add(name, 1, 1, {Param::string},
          [hash = hash](Call&, Args args) -> Result<Val> { return Val(hash(args[0].as_string())); });
}

Result<Val> hashed_password(Call& call, const std::string& password, const std::string& prefix) {
  TRY(count_key(call));
  ASSIGN_OR_RETURN(port::Entropy* const source, entropy(call));
  auto hash = crypto::bcrypt(password, *source);
  if (hash.ok()) return Val(prefix + *hash);
  if (hash.error().code == Code::invalid)
    return Val(prefix + "failed to encrypt string with bcrypt: " + hash.error().message);
  return std::move(hash).error();
}

void add_passwords(Functions& f) {
  f.add("bcrypt", 1, 1, {Param::string},
        [](Call& call, Args args) { return hashed_password(call, args[0].as_string(), ""); });
  f.add("htpasswd", 2, 2, {Param::string}, [](Call& call, Args args) -> Result<Val> {
    const std::string& user = args[0].as_string();
    if (user.find(':') != std::string::npos) return Val("invalid username: " + user);
    return hashed_password(call, args[1].as_string(), user + ":");
  });
  f.add("derivePassword", 5, 5, {Param::integer, Param::string}, [](Call& call, Args args) -> Result<Val> {
    TRY(count_key(call));
    const std::int64_t counter = args[0].as_int();
    if (counter < 0 || counter > 0xFFFF'FFFFLL) return failed(fmt::format("{} overflows uint32", counter));
    ASSIGN_OR_RETURN(std::string text,
                     crypto::derive_password(static_cast<std::uint32_t>(counter), args[1].as_string(),
                                             args[2].as_string(), args[3].as_string(), args[4].as_string()));
    return Val(std::move(text));
  });
  f.add("encryptAES", 2, 2, {Param::string}, [](Call& call, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(port::Entropy* const source, entropy(call));
    ASSIGN_OR_RETURN(std::string text, crypto::encrypt_aes(args[0].as_string(), args[1].as_string(), *source));
    return Val(std::move(text));
  });
  f.add("decryptAES", 2, 2, {Param::string}, [](Call&, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(std::string text, crypto::decrypt_aes(args[0].as_string(), args[1].as_string()));
    return Val(std::move(text));
  });
}

constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view kDigits = "0123456789";

gotmpl::Function random_text(std::string alphabet) {
  return [alphabet = std::move(alphabet)](Call& call, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(port::Entropy* const source, entropy(call));
    const std::int64_t count = args[0].as_int();
    if (count <= 0) return Val("");
    if (static_cast<std::uint64_t>(count) > kMaxItems) return too_large("the text");
    std::string out;
    for (std::int64_t i = 0; i < count; ++i) out += alphabet[crypto::random_below(*source, alphabet.size())];
    return Val(std::move(out));
  };
}

void add_random(Functions& f) {
  std::string printable;
  for (char c = ' '; c < 0x7F; ++c) printable += c;
  f.add("randAlphaNum", 1, 1, {Param::integer}, random_text(std::string(kLetters) + std::string(kDigits)));
  f.add("randAlpha", 1, 1, {Param::integer}, random_text(std::string(kLetters)));
  f.add("randNumeric", 1, 1, {Param::integer}, random_text(std::string(kDigits)));
  f.add("randAscii", 1, 1, {Param::integer}, random_text(std::move(printable)));
  f.add("randBytes", 1, 1, {Param::integer}, [](Call& call, Args args) -> Result<Val> {
    ASSIGN_OR_RETURN(port::Entropy* const source, entropy(call));
    const std::int64_t count = args[0].as_int();
    if (count < 0) return failed("runtime error: makeslice: len out of range");
    if (static_cast<std::uint64_t>(count) > kMaxItems) return too_large("the text");
    return Val(crypto::base64_encode(crypto::random_bytes(*source, static_cast<std::size_t>(count))));
  });
  f.add("uuidv4", 0, 0, {}, [](Call& call, Args) -> Result<Val> {
    ASSIGN_OR_RETURN(port::Entropy* const source, entropy(call));
    std::string raw = crypto::random_bytes(*source, 16);
    raw[6] = static_cast<char>((raw[6] & 0x0F) | 0x40);
    raw[8] = static_cast<char>((raw[8] & 0x3F) | 0x80);
    std::string out;
    for (std::size_t i = 0; i < raw.size(); ++i) {
      if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
      out += fmt::format("{:02x}", static_cast<unsigned>(static_cast<unsigned char>(raw[i])));
    }
    return Val(std::move(out));
  });
}

}  // namespace

void add_crypto(Functions& functions) {
  add_hashes(functions);
  add_random(functions);
  add_passwords(functions);
  add_certificates(functions);
}

}  // namespace nautilus::sprig
