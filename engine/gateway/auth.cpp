#include "engine/gateway/auth.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "core/value/yaml.h"
#include "engine/gateway/time_text.h"

namespace nautilus::engine {
namespace {

constexpr std::uint64_t kMaxFile = 1u << 20;
constexpr std::size_t kMaxKeys = 100'000, kHashBytes = 32, kMinSalt = 16;

std::string salted(std::string_view salt, std::string_view secret) {
  std::string out(kHashBytes, '\0');
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
  EVP_DigestUpdate(context.get(), salt.data(), salt.size());
  EVP_DigestUpdate(context.get(), secret.data(), secret.size());
  EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(out.data()), nullptr);
  return out;
}

std::string to_hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out;
}

std::optional<std::string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]), low = digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
  }
  return out;
}

Error wrong(std::string where, std::string what) { return Error(Code::invalid, std::move(what)).at(std::move(where)); }

// Every key of the object is one of `known`.
Result<> only(const Json& object, std::string where, std::initializer_list<std::string_view> known) {
  if (!object.is_object()) return wrong(where, "must be a mapping");
  for (const auto& [key, unused] : object.items())
    if (std::find(known.begin(), known.end(), key) == known.end())
      return wrong(where, fmt::format("there is no field \"{}\"", key.size() > 64 ? "..." : key));
  return {};
}

Result<std::vector<std::string>> texts(const Json& object, std::string_view key, const std::string& where) {
  std::vector<std::string> out;
  const Json* list = value::find(object, key);
  if (!list) return out;
  if (!list->is_array()) return wrong(where, fmt::format("{} must be a list", key));
  for (const Json& one : *list) {
    if (!one.is_string() || one.get_ref<const std::string&>().empty())
      return wrong(where, fmt::format("{} must be texts", key));
    out.push_back(one.get<std::string>());
  }
  return out;
}

}  // namespace

bool Principal::may_use(std::string_view account) const {
  return std::any_of(accounts.begin(), accounts.end(),
                     [&](const std::string& one) { return one == "*" || one == account; });
}

Authenticator::Authenticator(const port::Filesystem* files, const port::Clock& clock, std::string path)
    : files_(files), clock_(clock), path_(std::move(path)) {}

Result<std::unique_ptr<Authenticator>> Authenticator::open(const port::Filesystem& files, const port::Clock& clock,
                                                           std::string path) {
  std::unique_ptr<Authenticator> out(new Authenticator(&files, clock, std::move(path)));
  TRY(out->reload().within("reading who may connect"));
  return out;
}

std::unique_ptr<Authenticator> Authenticator::open_to_all(const port::Clock& clock) {
  std::unique_ptr<Authenticator> out(new Authenticator(nullptr, clock, {}));
  Principal everybody;
  everybody.name = "everybody";
  everybody.accounts = {"*"};
  everybody.trade = everybody.read = everybody.admin = true;
  everybody.credential = "none";
  out->everybody_ = std::make_shared<const Principal>(std::move(everybody));
  return out;
}

namespace {

Result<Principal> read_principal(const Json& entry, const std::string& where) {
  TRY(only(entry, where, {"name", "accounts", "permissions", "certificates"}));
  Principal out;
  out.name = value::string_at(entry, "name");
  if (out.name.empty() || out.name.size() > 64) return wrong(where, "name must have 1 to 64 characters");
  ASSIGN_OR_RETURN(out.accounts, texts(entry, "accounts", where));
  ASSIGN_OR_RETURN(const auto permissions, texts(entry, "permissions", where));
  for (const auto& permission : permissions) {
    if (permission == "trade")
      out.trade = out.read = true;
    else if (permission == "read")
      out.read = true;
    else if (permission == "admin")
      out.admin = true;
    else
      return wrong(where, "a permission is one of trade, read, admin");
  }
  return out;
}

}  // namespace

Result<std::shared_ptr<const Authenticator::Config>> Authenticator::read() const {
  auto out = std::make_shared<Config>();
  ASSIGN_OR_RETURN(const std::string text, files_->read(path_, kMaxFile));
  ASSIGN_OR_RETURN(const Json root, value::parse_yaml(text, path_));
  out->source = text;
  TRY(only(root, path_, {"principals", "keys", "tokens"}));
  std::map<std::string, std::size_t, std::less<>> names;
  const auto list = [&](const char* key) -> Result<const Json*> {
    static const Json kEmpty = Json::array();
    const Json* found = value::find(root, key);
    if (!found || found->is_null()) return &kEmpty;
    if (!found->is_array() || found->size() > kMaxKeys) return wrong(path_, fmt::format("{} must be a list", key));
    return found;
  };
  ASSIGN_OR_RETURN(const Json* principals, list("principals"));
  for (const Json& entry : *principals) {
    const std::string where = fmt::format("{}: principals[{}]", path_, out->principals.size());
    ASSIGN_OR_RETURN(Principal principal, read_principal(entry, where));
    if (!names.emplace(principal.name, out->principals.size()).second) return wrong(where, "the name is there twice");
    ASSIGN_OR_RETURN(auto certificates, texts(entry, "certificates", where));
    out->principals.push_back(std::move(principal));
    out->certificates.push_back(std::move(certificates));
  }
  ASSIGN_OR_RETURN(const Json* keys, list("keys"));
  for (const Json& entry : *keys) {
    const std::string where = fmt::format("{}: keys[{}]", path_, out->keys.size());
    TRY(only(entry, where, {"id", "principal", "salt", "hash", "not_after"}));
    Key key;
    key.id = value::string_at(entry, "id");
    if (key.id.empty() || key.id.size() > 64 || key.id.find('.') != std::string::npos)
      return wrong(where, "id must have 1 to 64 characters and no dot");
    const auto salt = from_hex(value::string_at(entry, "salt")), hash = from_hex(value::string_at(entry, "hash"));
    if (!salt || salt->size() < kMinSalt) return wrong(where, "salt must be at least 16 bytes in hexadecimal");
    if (!hash || hash->size() != kHashBytes) return wrong(where, "hash must be 32 bytes in hexadecimal");
    key.salt = *salt;
    key.hash = *hash;
    const auto owner = names.find(value::string_at(entry, "principal"));
    if (owner == names.end()) return wrong(where, "there is no such principal");
    key.principal = owner->second;
    if (const Json* end = value::find(entry, "not_after")) {
      const auto time = end->is_string() ? parse_time(end->get_ref<const std::string&>()) : std::nullopt;
      if (!time) return wrong(where, "not_after must be a time such as 2026-11-23T14:30:00Z");
      key.not_after = *time;
    }
    const std::string id = key.id;
    if (!out->keys.emplace(id, std::move(key)).second) return wrong(where, "the id is there twice");
  }
  if (const Json* tokens = value::find(root, "tokens")) {
    const std::string where = path_ + ": tokens";
    TRY(only(*tokens, where, {"issuer", "audience", "clock_skew_seconds", "max_life_seconds", "keys"}));
    TokenRules& rules = out->tokens;
    rules.issuer = value::string_at(*tokens, "issuer");
    rules.audience = value::string_at(*tokens, "audience");
    if (rules.issuer.empty() || rules.audience.empty()) return wrong(where, "issuer and audience are required");
    rules.clock_skew_seconds = value::int_at(*tokens, rules.clock_skew_seconds, "clock_skew_seconds");
    rules.max_life_seconds = value::int_at(*tokens, rules.max_life_seconds, "max_life_seconds");
    if (rules.clock_skew_seconds < 0 || rules.clock_skew_seconds > kMaxClockSkewSeconds || rules.max_life_seconds < 1)
      return wrong(where, "clock_skew_seconds must be 0 to 120, max_life_seconds at least 1");
    const Json* entries = value::find(*tokens, "keys");
    if (!entries || !entries->is_array() || entries->empty()) return wrong(where, "keys are required");
    for (const Json& entry : *entries) {
      TRY(only(entry, where, {"kid", "algorithm", "file"}));
      const std::string kid = value::string_at(entry, "kid"), file = value::string_at(entry, "file");
      auto algorithm = parse_algorithm(value::string_at(entry, "algorithm"));
      if (!algorithm.ok()) return std::move(algorithm).error().at(where);
      if (kid.empty() || file.empty()) return wrong(where, "kid and file are required");
      ASSIGN_OR_RETURN(const std::string pem, files_->read(file, kMaxFile));
      ASSIGN_OR_RETURN(TokenKey key, TokenKey::read(*algorithm, pem, file));
      if (!rules.keys.emplace(kid, std::move(key)).second) return wrong(where, "a kid is there twice");
      out->source += pem;
    }
  }
  return std::shared_ptr<const Config>(std::move(out));
}

Result<bool> Authenticator::reload() {
  if (!files_) return false;
  ASSIGN_OR_RETURN(auto next, read());
  std::lock_guard guard(lock_);
  if (config_ && config_->source == next->source) return false;
  config_ = std::move(next);
  return true;
}

std::shared_ptr<const Authenticator::Config> Authenticator::config() const {
  std::lock_guard guard(lock_);
  return config_;
}

Timestamp Authenticator::now() const { return clock_.now().time_since_epoch().count(); }

std::shared_ptr<const Principal> Authenticator::authenticate(const Credentials& credentials) const {
  if (everybody_) return everybody_;
  const auto config = this->config();
  if (!credentials.api_key.empty()) return by_key(*config, credentials.api_key);
  if (!credentials.token.empty()) return by_token(*config, credentials.token);
  if (!credentials.certificate.empty()) return by_certificate(*config, credentials.certificate);
  return nullptr;
}

std::shared_ptr<const Principal> Authenticator::by_key(const Config& config, std::string_view key) const {
  const std::size_t dot = key.find('.');
  const std::string_view id = key.substr(0, dot);
  const std::string_view secret = dot == std::string_view::npos ? std::string_view() : key.substr(dot + 1);
  const auto found = config.keys.find(id);
  // An unknown id costs the same hash and comparison as a known one.
  static const Key kNobody{"", std::string(kMinSalt, '\0'), std::string(kHashBytes, '\0'), 0, 0};
  const Key& candidate = found == config.keys.end() ? kNobody : found->second;
  const std::string hash = salted(candidate.salt, secret);
  const bool same = CRYPTO_memcmp(hash.data(), candidate.hash.data(), kHashBytes) == 0;
  const bool in_time = candidate.not_after == 0 || now() < candidate.not_after;
  if (found == config.keys.end() || !same || !in_time) return nullptr;
  auto out = std::make_shared<Principal>(config.principals[candidate.principal]);
  out->valid_until = candidate.not_after;
  out->credential = "key:" + candidate.id;
  return out;
}

std::shared_ptr<const Principal> Authenticator::by_token(const Config& config, std::string_view token) const {
  const auto claims = verify_token(token, config.tokens, now());
  if (!claims.ok()) return nullptr;
  for (const Principal& principal : config.principals) {
    if (principal.name != claims->subject) continue;
    auto out = std::make_shared<Principal>(principal);
    out->valid_until = claims->expires;
    out->credential = "token:" + claims->key_id;
    return out;
  }
  return nullptr;
}

std::shared_ptr<const Principal> Authenticator::by_certificate(const Config& config, std::string_view subject) const {
  for (std::size_t i = 0; i < config.principals.size(); ++i) {
    const auto& subjects = config.certificates[i];
    if (std::find(subjects.begin(), subjects.end(), subject) == subjects.end()) continue;
    auto out = std::make_shared<Principal>(config.principals[i]);
    out->credential = "certificate:" + std::string(subject);
    return out;
  }
  return nullptr;
}

bool Authenticator::still_valid(const Principal& principal) const {
  if (everybody_) return true;
  const Timestamp time = now();
  if (principal.valid_until != 0 && time >= principal.valid_until) return false;
  const auto config = this->config();
  const auto of_name = std::find_if(config->principals.begin(), config->principals.end(),
                                    [&](const Principal& one) { return one.name == principal.name; });
  if (of_name == config->principals.end()) return false;
  // Permissions are those of the logon: a session that would have others now starts again.
  if (of_name->accounts != principal.accounts || of_name->trade != principal.trade || of_name->read != principal.read ||
      of_name->admin != principal.admin)
    return false;
  const std::string_view credential = principal.credential;
  const std::string_view id = credential.substr(credential.find(':') + 1);
  if (credential.starts_with("token:")) return config->tokens.keys.contains(id);
  if (credential.starts_with("certificate:")) {
    const auto& subjects = config->certificates[static_cast<std::size_t>(of_name - config->principals.begin())];
    return std::find(subjects.begin(), subjects.end(), id) != subjects.end();
  }
  const auto key = config->keys.find(id);
  return key != config->keys.end() && config->principals[key->second.principal].name == principal.name &&
         (key->second.not_after == 0 || time < key->second.not_after);
}

NewApiKey make_api_key(port::Entropy& entropy, std::string_view id) {
  const std::string secret = port::random_alphanumeric(entropy, 43);  // 256 bits
  std::string salt(kMinSalt, '\0');
  entropy.fill(std::as_writable_bytes(std::span(salt)));
  return {std::string(id) + "." + secret, to_hex(salt), to_hex(salted(salt, secret))};
}

}  // namespace nautilus::engine
