#include "core/value/redact.h"

namespace nautilus::value {

namespace {

constexpr std::string_view kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";
constexpr std::string_view kBefore = "*** (before)", kAfter = "*** (after)";

bool blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool starts_with_word(std::string_view text, std::size_t at, std::string_view word) {
  if (at + word.size() > text.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i)
    if (lower(text[at + i]) != word[i]) return false;
  return true;
}

bool token_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~+/=").find(c) != std::string_view::npos;
}

// "Bearer eyJ...", "Basic dXNlcjpw...": the end of the credential, or `at` if there is none.
std::size_t authorization_end(std::string_view text, std::size_t at, std::string_view scheme) {
  constexpr std::size_t kShortest = 8;  // shorter words after "basic" or "bearer" are prose
  std::size_t i = at + scheme.size();
  while (i < text.size() && text[i] == ' ') ++i;
  const std::size_t from = i;
  while (i < text.size() && token_char(text[i])) ++i;
  return i - from >= kShortest ? i : at;
}

// After "://": where the password of "user:password@host" begins and ends.
bool password_span(std::string_view text, std::size_t at, std::size_t& from, std::size_t& to) {
  std::size_t colon = std::string_view::npos, end = at, sign = std::string_view::npos;
  for (; end < text.size(); ++end) {
    const char c = text[end];
    if (blank(c) || c == '/' || c == '"' || c == '\'' || c == '?' || c == '#' || c == '<' || c == '>') break;
    if (c == ':' && colon == std::string_view::npos) colon = end;
    if (c == '@') sign = end;  // the last one: a password may hold an unescaped one
  }
  if (colon == std::string_view::npos || sign == std::string_view::npos || colon > sign || sign == colon + 1)
    return false;
  from = colon + 1, to = sign;
  return true;
}

bool worth_a_look(std::string_view text) {
  if (text.find("://") != std::string_view::npos || text.find("PRIVATE KEY") != std::string_view::npos) return true;
  for (std::size_t i = 0; i + 6 < text.size(); ++i)
    if (lower(text[i]) == 'b' && (starts_with_word(text, i, "bearer ") || starts_with_word(text, i, "basic ")))
      return true;
  return false;
}

void redact_strings(Json& value) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    if (worth_a_look(text)) value = redact_text(text);
  } else if (value.is_structured()) {
    for (auto& child : value) redact_strings(child);
  }
}

bool is_list(const Json& object) { return string_at(object, "kind").ends_with("List") && find(object, "items"); }

// Replaces the values of one member ("data") by markers.
void hide_values(Json& object, const char* field) {
  auto found = object.find(field);
  if (found == object.end()) return;
  if (!found->is_object()) {
    if (!found->is_null()) *found = kRedacted;
    return;
  }
  for (auto& child : *found) child = kRedacted;
}

Json* last_applied(Json& object) {
  auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) return nullptr;
  auto annotations = metadata->find("annotations");
  if (annotations == metadata->end() || !annotations->is_object()) return nullptr;
  auto found = annotations->find(kLastApplied);
  return found == annotations->end() ? nullptr : &*found;
}

Json redact_as(const Json& object, bool secret) {
  Json out = object;
  if (!out.is_object()) {
    redact_strings(out);
    return out;
  }
  if (secret) {
    hide_values(out, "data");
    hide_values(out, "stringData");
    if (Json* text = last_applied(out)) *text = kRedacted;
  } else if (is_list(out) && out["items"].is_array()) {
    const bool secrets = string_at(out, "kind") == "SecretList";
    for (auto& item : out["items"]) item = redact_as(item, secrets || is_secret(item));
  }
  redact_strings(out);
  return out;
}

// Where redaction made two different values equal, says so. The redacted trees have the shape of the originals.
void mark_changes(const Json& before, const Json& after, Json& shown_before, Json& shown_after) {
  if (before == after || shown_before != shown_after) {
    if (before == after || !shown_before.is_object() || !shown_after.is_object()) return;
    for (auto& [key, child] : shown_before.items()) {
      const Json *old = find(before, key), *now = find(after, key);
      auto other = shown_after.find(key);
      if (old && now && other != shown_after.end()) mark_changes(*old, *now, child, *other);
    }
    return;
  }
  if (shown_before.is_object()) {
    for (auto& [key, child] : shown_before.items()) {
      const Json *old = find(before, key), *now = find(after, key);
      if (old && now) mark_changes(*old, *now, child, shown_after[key]);
    }
  } else if (shown_before.is_array() && before.is_array() && after.is_array() && before.size() == after.size()) {
    for (std::size_t i = 0; i < shown_before.size(); ++i)
      mark_changes(before[i], after[i], shown_before[i], shown_after[i]);
  } else if (shown_before == Json(kRedacted)) {
    shown_before = kBefore, shown_after = kAfter;
  } else if (shown_before.is_string()) {
    shown_before = shown_before.get<std::string>() + " (before)";
    shown_after = shown_after.get<std::string>() + " (after)";
  }
}

}  // namespace

bool is_secret(const Json& object) {
  const std::string version = string_at(object, "apiVersion");
  return string_at(object, "kind") == "Secret" && (version.empty() || version.find('/') == std::string::npos);
}

Json redact(const Json& object) { return redact_as(object, is_secret(object)); }

RedactedPair redact_pair(const Json& before, const Json& after) {
  const bool secret = is_secret(before) || is_secret(after);
  RedactedPair pair{redact_as(before, secret), redact_as(after, secret)};
  mark_changes(before, after, pair.before, pair.after);
  return pair;
}

std::string redact_text(std::string_view text) {
  constexpr std::string_view kPem = "-----BEGIN ", kKey = "PRIVATE KEY-----", kEnd = "-----END ";
  std::string out;
  out.reserve(text.size());
  std::size_t pem_end = 0;  // no "-----END" is looked for before this: the search stays linear
  for (std::size_t i = 0; i < text.size();) {
    const char c = lower(text[i]);
    if (c == 'b' && (i == 0 || !token_char(text[i - 1]))) {
      const std::string_view scheme = starts_with_word(text, i, "bearer ")  ? "bearer"
                                      : starts_with_word(text, i, "basic ") ? "basic"
                                                                            : "";
      if (const std::size_t end = scheme.empty() ? i : authorization_end(text, i, scheme); end > i) {
        out.append(text.substr(i, scheme.size() + 1)).append(kRedacted);
        i = end;
        continue;
      }
    }
    if (text[i] == ':' && text.substr(i, 3) == "://") {
      std::size_t from = 0, to = 0;
      if (password_span(text, i + 3, from, to)) {
        out.append(text.substr(i, from - i)).append(kRedacted);
        i = to;
        continue;
      }
    }
    if (text[i] == '-' && text.substr(i, kPem.size()) == kPem && i >= pem_end) {
      const std::size_t line_end = std::min(text.find('\n', i), text.size());
      if (text.substr(i, std::min<std::size_t>(line_end - i, 80)).find(kKey) != std::string_view::npos) {
        const std::size_t end = text.find(kEnd, i);
        out.append("-----BEGIN PRIVATE KEY----- ").append(kRedacted);
        i = end == std::string_view::npos ? text.size() : std::min(text.find('\n', end), text.size());
        pem_end = i;
        continue;
      }
    }
    out += text[i++];
  }
  return out;
}

}  // namespace nautilus::value
