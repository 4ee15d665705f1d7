// secrets.*: no secret is written down, and every Secret that is named comes from somewhere.
//
// A place is told, never the value: what is found stays out of answers, also in part.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <set>

#include "core/verify/settings.h"
#include "core/verify/verify.h"

namespace nautilus::verify {

namespace {

constexpr std::size_t kMaxScannedText = 64 << 10;  // of one value; dashboards are longer and hold nothing
constexpr std::size_t kTokenLength = 24;           // shorter ones cannot be told from words
constexpr double kTokenEntropy = 4.0;              // bits a character; hexadecimal has at most 4.0
constexpr int kMaxDepth = 64;

bool lower_has(std::string_view text, std::string_view part) {
  for (std::size_t i = 0; i + part.size() <= text.size(); ++i) {
    bool same = true;
    for (std::size_t k = 0; k < part.size() && same; ++k) {
      const char c = text[i + k];
      same = (c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) == part[k];
    }
    if (same) return true;
  }
  return false;
}

bool names_a_secret(std::string_view name) {
  for (std::string_view sign : {"_file", "-file", "path", "name", "_ref", "directory", "length", "encryption", "policy",
                                "seconds", "url", "uri", "tokenreview", "keys"})
    if (lower_has(name, sign)) return false;
  for (std::string_view sign :
       {"password", "passwd", "secret", "token", "api_key", "apikey", "private_key", "access_key", "credential"})
    if (lower_has(name, sign)) return true;
  return false;
}

// A reference to a value, not the value: $(VAR), ${VAR}, a path, a template's placeholder, nothing.
bool is_reference(std::string_view text) {
  return text.empty() || text.front() == '/' || text.front() == '$' || text.front() == '<' || text.front() == '{' ||
         text.front() == '%' || text == "true" || text == "false" || text == "***" || text.starts_with("file:");
}

// "scheme://user:password@host"
bool url_with_password(std::string_view text) {
  for (std::size_t at = text.find("://"); at != std::string_view::npos; at = text.find("://", at + 3)) {
    std::size_t end = at + 3, colon = 0;
    for (; end < text.size(); ++end) {
      const char c = text[end];
      if (c == ':' && colon == 0) colon = end;
      if (c == '@') {
        if (colon > 0 && end > colon + 1 && !is_reference(text.substr(colon + 1, end - colon - 1))) return true;
        break;
      }
      if (c == '/' || c == ' ' || c == '"' || c == '\'' || c == '\n' || c == '<') break;
    }
  }
  return false;
}

double entropy(std::string_view token) {
  std::array<int, 256> counts{};
  for (const char c : token) ++counts[static_cast<unsigned char>(c)];
  double bits = 0;
  for (const int count : counts)
    if (count > 0) {
      const double share = static_cast<double>(count) / static_cast<double>(token.size());
      bits -= share * std::log2(share);
    }
  return bits;
}

// Upper and lower letters and digits mixed without a word's shape.
bool looks_random(std::string_view token) {
  if (token.size() < kTokenLength) return false;
  int upper = 0, lower = 0, digit = 0, changes = 0, last = 0;
  for (const char c : token) {
    const int kind = c >= 'A' && c <= 'Z' ? 1 : c >= 'a' && c <= 'z' ? 2 : c >= '0' && c <= '9' ? 3 : 0;
    if (kind == 0) continue;
    (kind == 1 ? upper : kind == 2 ? lower : digit) += 1;
    if (last != 0 && kind != last) ++changes;
    last = kind;
  }
  // CamelCase names change twice a word; keys change every other character.
  return upper >= 3 && lower >= 3 && digit >= 3 && changes * 3 >= static_cast<int>(token.size()) &&
         entropy(token) >= kTokenEntropy;
}

bool token_character(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '_' ||
         c == '-' || c == '=';
}

// The end of the certificate that begins at `at`; `at` itself if none does. A certificate is random to look at, and public.
std::size_t past_certificate(std::string_view text, std::size_t at) {
  constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----", kEnd = "-----END CERTIFICATE-----";
  if (!text.substr(at).starts_with(kBegin)) return at;
  const std::size_t end = text.find(kEnd, at);
  return end == std::string_view::npos ? at : end + kEnd.size();
}

bool has_random_token(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    at = past_certificate(text, at);
    if (at == text.size()) break;
    if (!token_character(text[at])) {
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < text.size() && token_character(text[end])) ++end;
    if (looks_random(text.substr(at, end - at))) return true;
    at = end;
  }
  return false;
}

// "key = value", "key: value", "--key=value" on one line of a text, where key names a secret and the value is one.
std::string assigned_secret(std::string_view text) {
  for (std::size_t start = 0; start < text.size();) {
    std::size_t end = text.find('\n', start);
    if (end == std::string_view::npos) end = text.size();
    const std::string_view line = text.substr(start, end - start);
    start = end + 1;
    // redis.conf has no mark between the two.
    for (const std::string_view name : {"requirepass ", "masterauth "})
      if (line.starts_with(name) && !is_reference(line.substr(name.size())) && line.find('%') == std::string_view::npos)
        return std::string(name.substr(0, name.size() - 1));
    const auto mark = line.find_first_of(":=");
    if (mark == std::string_view::npos || mark == 0) continue;
    std::string_view key = line.substr(0, mark);
    while (!key.empty() && (key.front() == ' ' || key.front() == '-' || key.front() == '"')) key.remove_prefix(1);
    while (!key.empty() && (key.back() == ' ' || key.back() == '"')) key.remove_suffix(1);
    if (key.find_first_of(" \t$('`") != std::string_view::npos || key.starts_with("#") || !names_a_secret(key))
      continue;
    std::string_view value = line.substr(mark + 1);
    while (!value.empty() && (value.front() == ' ' || value.front() == '"' || value.front() == '\''))
      value.remove_prefix(1);
    while (!value.empty() && (value.back() == '"' || value.back() == '\'' || value.back() == ','))
      value.remove_suffix(1);
    if (value.size() < 4 || is_reference(value) || value.find_first_of(" \t$(|\\`") != std::string_view::npos) continue;
    return std::string(key);
  }
  return {};
}

struct Scan {
  Answer& answer;
  const Json& object;
  int looked_at = 0;

  void text(std::string_view value, const std::string& path, std::string_view key, bool checksum) {
    ++looked_at;
    if (value.size() > kMaxScannedText) return;
    const std::string place = where(object, path);
    if (value.find("-----BEGIN ") != std::string_view::npos && value.find("PRIVATE KEY-----") != std::string_view::npos)
      answer.fails("a private key is written down", place);
    else if (url_with_password(value))
      answer.fails("a URL carries a password", place);
    else if (names_a_secret(key) && !is_reference(value) && value.size() >= 4 &&
             value.find(' ') == std::string_view::npos && path.find(".env[") != std::string::npos)
      answer.fails(fmt::format("{} has its value written down", key), place);
    else if (const std::string name = assigned_secret(value); !name.empty())
      answer.fails(fmt::format("{} has its value written down", name), place);
    else if (!checksum && has_random_token(value))
      answer.fails("holds what looks like a key: random letters and digits", place);
  }

  void walk(const Json& node, const std::string& path, std::string_view key, int depth) {
    if (depth > kMaxDepth) return;
    if (node.is_string()) {
      const bool checksum = key.starts_with("checksum/") || key == "image" || key == "caBundle";
      return text(node.get_ref<const std::string&>(), path, key, checksum);
    }
    if (node.is_array()) {
      for (std::size_t i = 0; i < node.size(); ++i) {
        const std::string name = value::string_at(node[i], "name");
        const bool env = path.ends_with(".env") && !name.empty();
        if (env) {
          if (const Json* value = value::find(node[i], "value"))
            walk(*value, fmt::format("{}[{}].value", path, name), name, depth + 1);
        } else {
          walk(node[i], fmt::format("{}[{}]", path, i), key, depth + 1);
        }
      }
      return;
    }
    if (!node.is_object()) return;
    for (const auto& [name, child] : node.items())
      walk(child, path.empty() ? name : path + "." + name, name, depth + 1);
  }
};

void literals(const Input& input, Answer& answer) {
  int looked_at = 0;
  for (const Json* object : input.platform.objects()) {
    if (value::string_at(*object, "kind") == "Secret") {
      std::size_t keys = 0;
      for (const char* part : {"data", "stringData"})
        if (const Json* data = value::find(*object, part)) keys += data->size();
      if (keys > 0)
        answer.fails(
            fmt::format("a Secret with {} values is rendered: it is in every plan, record and repository", keys),
            id_of(*object));
      continue;
    }
    if (value::string_at(*object, "kind") == "CustomResourceDefinition") continue;
    Scan scan{answer, *object};
    scan.walk(*object, "", "", 0);
    looked_at += scan.looked_at;
  }
  if (looked_at > 0)
    answer.holds(fmt::format("{} values looked at: environment, arguments, files, annotations", looked_at));
}

void provided(const Input& input, Answer& answer) {
  std::set<std::string> known;
  for (const auto& secret : input.env.generated_secrets) known.insert(secret.namespace_ + "/" + secret.name);
  for (const auto& secret : input.env.external_secrets) known.insert(secret.namespace_ + "/" + secret.name);
  for (const Json* object : input.platform.of_kind("Secret"))
    known.insert(namespace_of(*object) + "/" + name_of(*object));
  for (const Json* object : input.platform.of_kind("Certificate"))
    known.insert(namespace_of(*object) + "/" + value::string_at(*object, "spec", "secretName"));
  for (const Json* object : input.platform.of_kind("ExternalSecret"))
    known.insert(namespace_of(*object) + "/" + value::string_at(*object, "spec", "target", "name"));
  for (const Json* object : input.platform.of_kind("Elasticsearch"))
    for (const char* suffix : {"-es-elastic-user", "-es-http-certs-public"})
      known.insert(namespace_of(*object) + "/" + name_of(*object) + suffix);
  int named = 0;
  for (const PodSet& set : input.platform.pods()) {
    if (!set.pod) continue;
    const auto need = [&](const std::string& name, const std::string& path, bool optional) {
      if (name.empty()) return;
      ++named;
      if (known.contains(set.namespace_ + "/" + name)) return;
      if (optional)
        answer.missing(fmt::format("Secret {} comes from nowhere, and the pod starts without it", name), set.at(path));
      else
        answer.fails(fmt::format("Secret {} comes from nowhere: the pod waits for it for ever", name), set.at(path));
    };
    if (const Json* volumes = value::find(*set.pod, "volumes"); volumes && volumes->is_array())
      for (const Json& volume : *volumes) {
        const std::string path = fmt::format("{}.volumes[{}]", set.path, value::string_at(volume, "name"));
        need(value::string_at(volume, "secret", "secretName"), path,
             value::bool_at(volume, false, "secret", "optional"));
        if (const Json* sources = value::find(volume, "projected", "sources"); sources && sources->is_array())
          for (const Json& source : *sources)
            need(value::string_at(source, "secret", "name"), path, value::bool_at(source, false, "secret", "optional"));
      }
    for (const Container& container : containers(set)) {
      if (const Json* env = value::find(*container.json, "env"); env && env->is_array())
        for (const Json& one : *env)
          need(value::string_at(one, "valueFrom", "secretKeyRef", "name"),
               container.path + ".env[" + value::string_at(one, "name") + "]",
               value::bool_at(one, false, "valueFrom", "secretKeyRef", "optional"));
      if (const Json* from = value::find(*container.json, "envFrom"); from && from->is_array())
        for (const Json& one : *from)
          need(value::string_at(one, "secretRef", "name"), container.path + ".envFrom",
               value::bool_at(one, false, "secretRef", "optional"));
    }
  }
  if (named > 0)
    answer.step(fmt::format("{} references to Secrets, {} Secrets that the environment or an object provides", named,
                            known.size()));
  if (named > 0)
    answer.holds(
        "every Secret that is named is generated, external, or made by a controller from an object rendered here");
}

constexpr Check kChecks[] = {
    {"secrets.literals", "No secret is written down anywhere.",
     "Every value of every object: URLs with a password, private keys, names of secrets with a value beside them, "
     "random-looking words, rendered Secrets. The place is told, never the value.",
     "The guide's database password is on a command line: in the process list, the shell's history and the audit log.",
     "Take it from a Secret, as a file; declare it in generatedSecrets or externalSecrets.", "8", literals},
    {"secrets.provided", "Every Secret that a pod names comes from somewhere.",
     "Names in volumes and environment against generatedSecrets, externalSecrets and what controllers make from "
     "rendered objects.",
     "A pod whose Secret never comes waits for ever, and the deploy with it.", "Declare it in the environment.", "8",
     provided},
};

}  // namespace

std::span<const Check> secret_checks() { return kChecks; }

}  // namespace nautilus::verify
