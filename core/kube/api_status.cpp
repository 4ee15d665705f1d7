#include "core/kube/api_status.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace nautilus::kube {
namespace {

constexpr std::size_t kMaxCauses = 64;     // read from one answer
constexpr std::size_t kMaxShown = 10;      // causes in one message
constexpr std::size_t kMaxRawShown = 300;  // of a body that is not a Status

using value::find;
using value::int_at;
using value::string_at;

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// The text between `before` and the next `after`; empty if it is not there.
std::string_view between(std::string_view text, std::string_view before, std::string_view after) {
  const std::size_t start = text.find(before);
  if (start == std::string_view::npos) return {};
  text.remove_prefix(start + before.size());
  const std::size_t end = text.find(after);
  return end == std::string_view::npos ? std::string_view{} : text.substr(0, end);
}

std::string percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && std::isxdigit(static_cast<unsigned char>(text[i + 1])) &&
        std::isxdigit(static_cast<unsigned char>(text[i + 2]))) {
      out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string verb_of(std::string_view method, bool named, bool watch) {
  if (method == "GET" || method == "HEAD") return watch ? "watch" : named ? "get" : "list";
  if (method == "POST") return "create";
  if (method == "PUT") return "update";
  if (method == "PATCH") return "patch";
  if (method == "DELETE") return named ? "delete" : "deletecollection";
  return std::string(method);
}

struct Denied {
  std::string user, verb, resource, subresource, group, namespace_;
};

// RBAC's words: User "u" cannot create resource "deployments/scale" in API group "apps" in the namespace "n"
std::optional<Denied> parse_denied(std::string_view message) {
  Denied out;
  out.user = between(message, "User \"", "\"");
  out.verb = between(message, "\" cannot ", " ");
  out.resource = between(message, " resource \"", "\"");
  if (out.user.empty() || out.verb.empty() || out.resource.empty()) return std::nullopt;
  out.group = between(message, " in API group \"", "\"");
  out.namespace_ = between(message, " in the namespace \"", "\"");
  if (const std::size_t slash = out.resource.find('/'); slash != std::string::npos) {
    out.subresource = out.resource.substr(slash + 1);
    out.resource.resize(slash);
  }
  return out;
}

Error forbidden_by_rbac(const Denied& denied, const RequestSubject& subject, std::string_view message) {
  const std::string resource =
      denied.subresource.empty() ? denied.resource : denied.resource + "/" + denied.subresource;
  const std::string object = subject.name.empty() ? "" : fmt::format(" {:?}", printable(subject.name));
  std::string text = fmt::format(
      "the user {:?} may not {} {}{}{}{}", printable(denied.user), printable(denied.verb), printable(resource),
      denied.group.empty() ? "" : "." + printable(denied.group), object,
      denied.namespace_.empty() ? std::string(contains(message, "at the cluster scope") ? " at the cluster scope" : "")
                                : fmt::format(" in namespace {}", printable(denied.namespace_)));
  if (const auto rbac = message.find(": RBAC: "); rbac != std::string_view::npos)
    text += " (" + printable(message.substr(rbac + 2), 300) + ")";
  const std::string rule = fmt::format("{{apiGroups: [{:?}], resources: [{:?}], verbs: [{:?}]}}",
                                       printable(denied.group), printable(resource), printable(denied.verb));
  const std::string where =
      denied.namespace_.empty()
          ? std::string("a ClusterRole bound to that user by a ClusterRoleBinding")
          : fmt::format("a Role in namespace {} bound to that user", printable(denied.namespace_));
  return Error(Code::forbidden, std::move(text), fmt::format("This rule in {} would allow it: {}", where, rule));
}

Error forbidden(const ApiStatus& status, const RequestSubject& subject) {
  const std::string_view message = status.message;
  if (const auto denied = parse_denied(message)) return forbidden_by_rbac(*denied, subject, message);
  Error out(Code::forbidden, printable(message));
  if (contains(message, "exceeded quota")) {
    out.hint = fmt::format("Raise the ResourceQuota {} or ask for less.",
                           printable(between(message, "exceeded quota: ", ",")));
  } else if (contains(message, "violates PodSecurity")) {
    out.hint =
        "Change the pod's securityContext as the message says, or the namespace's pod-security.kubernetes.io/enforce.";
  } else if (status.has_cause("NamespaceTerminating")) {
    out.hint = "Wait until the namespace is gone, then run the command again.";
  } else if (contains(message, "User \"") && !subject.path.empty()) {
    out.hint = fmt::format("This rule in a ClusterRole would allow it: {{nonResourceURLs: [{:?}], verbs: [{:?}]}}",
                           subject.path, subject.verb);
  }
  return out;
}

// The server repeats a refused value whole: `Invalid value: [{...a page...}]: field is immutable`. The start of it will
// do.
std::string shorter(const std::string& message) {
  constexpr std::string_view kValue = "Invalid value: ";
  constexpr std::size_t kShownValue = 60;
  const std::size_t value = message.find(kValue);
  if (value == std::string::npos) return message;
  const std::size_t begin = value + kValue.size(), end = std::max(message.rfind("]: "), message.rfind("}: "));
  if (end == std::string::npos || end < begin + 2 * kShownValue) return message;
  return message.substr(0, begin + kShownValue) + "..." + message.substr(end);
}

std::string immutable_hint(const ApiStatus& status) {
  if (status.kind == "StatefulSet")
    return "This part of a StatefulSet cannot change. Put it back, or delete the set alone (kubectl delete "
           "statefulset " +
           printable(status.name) +
           " --cascade=orphan: pods and claims stay) and deploy again; existing claims keep their size until they are "
           "grown one by one.";
  return "This field cannot change. Put it back, or delete the object and deploy again.";
}

std::string join_causes(const ApiStatus& status) {
  std::string out;
  std::size_t shown = 0;
  for (const StatusCause& cause : status.causes) {
    if (shown == kMaxShown) {
      out += fmt::format("; and {} more", status.causes.size() - shown);
      break;
    }
    if (shown++ > 0) out += "; ";
    if (!cause.field.empty()) out += printable(cause.field, 500) + ": ";
    out += printable(shorter(cause.message), 1000);
  }
  return out;
}

Error conflict(const ApiStatus& status) {
  const std::vector<FieldConflict> fields = field_conflicts(status);
  if (fields.empty()) {
    Error out(Code::conflict, printable(status.message));
    if (status.reason == "Conflict") out.hint = "Somebody changed it meanwhile; look at it again and repeat.";
    return out;
  }
  std::string text = fields.size() == 1 ? "1 field belongs to another field manager: "
                                        : fmt::format("{} fields belong to other field managers: ", fields.size());
  for (std::size_t i = 0; i < fields.size() && i < kMaxShown; ++i) {
    text += fmt::format("{}{} (owned by {:?}{})", i == 0 ? "" : ", ", printable(fields[i].field, 500),
                        printable(fields[i].manager, 200),
                        fields[i].api_version.empty() ? "" : " using " + printable(fields[i].api_version, 100));
  }
  if (fields.size() > kMaxShown) text += fmt::format(", and {} more", fields.size() - kMaxShown);
  return Error(Code::conflict, std::move(text),
               "Leave these fields out so that their owner keeps them, or take them over deliberately.");
}

Error invalid(const ApiStatus& status) {
  if (status.causes.empty()) return Error(Code::invalid, printable(status.message));
  const std::string kind = status.group.empty() ? status.kind : status.kind + "." + status.group;
  Error out(Code::invalid,
            fmt::format("{} {:?} is invalid: {}", printable(kind), printable(status.name), join_causes(status)));
  for (const StatusCause& cause : status.causes)
    if (contains(cause.message, "field is immutable") || contains(cause.message, "Forbidden: updates to statefulset"))
      out.hint = immutable_hint(status);
  return out;
}

// What a webhook said, whatever status it chose; empty if none was involved.
std::optional<Error> webhook_error(const ApiStatus& status) {
  const std::string_view message = status.message;
  if (const std::string_view name = between(message, "admission webhook \"", "\" denied"); !name.empty())
    return Error(
        Code::forbidden, printable(message),
        fmt::format("The admission webhook {} refuses it: change the object, or the policy behind the webhook.",
                    printable(name)));
  if (const std::string_view name = between(message, "failed calling webhook \"", "\""); !name.empty())
    return Error(Code::io, printable(message),
                 fmt::format("The admission webhook {} does not answer: check its Service and pods.", printable(name)));
  if (const std::string_view name = between(message, "ValidatingAdmissionPolicy '", "'"); !name.empty())
    return Error(Code::forbidden, printable(message),
                 fmt::format("The ValidatingAdmissionPolicy {} refuses it.", printable(name)));
  return std::nullopt;
}

Error not_found(const ApiStatus& status, const RequestSubject& subject) {
  Error out(Code::not_found, printable(status.message));
  if (contains(status.message, "could not find the requested resource") && !subject.resource.empty()) {
    out.message = fmt::format("the server does not serve {} in {}", subject.resource,
                              subject.group.empty() ? subject.version : subject.group + "/" + subject.version);
    out.hint = "Install the CustomResourceDefinition first, or use an apiVersion that this server serves.";
  }
  return out;
}

Error plain_answer(int http_status, std::string_view raw_body, std::string_view server) {
  Error out(Code::io, fmt::format("{} answered with HTTP status {}", printable(server), http_status));
  const std::string shown = printable(raw_body, kMaxRawShown);
  if (!shown.empty()) out.message += ": " + shown;
  out.hint = contains(raw_body, "to an HTTPS server")
                 ? "Write https:// in the server of the kubeconfig's cluster."
                 : "The answer is not the API server's own: a proxy or load balancer may be in between.";
  return out;
}

Code code_of(int http_status) {
  switch (http_status) {
    case 401: return Code::unauthorized;
    case 403: return Code::forbidden;
    case 404: return Code::not_found;
    case 409: return Code::conflict;
    case 410: return Code::gone;
    case 413: return Code::limit;
    case 429: return Code::unreachable;
    case 502:
    case 503: return Code::unreachable;
    case 504: return Code::timeout;
    default: return http_status >= 500 ? Code::io : Code::invalid;
  }
}

}  // namespace

std::string printable(std::string_view text, std::size_t limit) {
  std::string out;
  out.reserve(std::min(text.size(), limit) + 8);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (out.size() >= limit) {
      while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0xc0) == 0x80) out.pop_back();
      if (!out.empty() && static_cast<unsigned char>(out.back()) >= 0xc0) out.pop_back();
      return out + "...";
    }
    const auto c = static_cast<unsigned char>(text[i]);
    // C1 controls are U+0080..U+009F, in UTF-8 C2 80..C2 9F.
    const bool c1 = c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) <= 0x9f;
    if (c == '\n' || c == '\t' || c == '\r') {
      if (!out.empty() && out.back() != ' ') out += ' ';
    } else if (c1) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[++i]));
    } else if (c < 0x20 || c == 0x7f) {
      out += fmt::format("\\x{:02x}", c);
    } else {
      out += text[i];
    }
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

std::optional<ApiStatus> ApiStatus::parse(const Json& body) {
  if (!body.is_object() || string_at(body, "kind") != "Status") return std::nullopt;
  ApiStatus out;
  out.reason = string_at(body, "reason");
  out.message = string_at(body, "message");
  const Json* details = find(body, "details");
  if (details == nullptr || !details->is_object()) return out;
  out.group = string_at(*details, "group");
  out.kind = string_at(*details, "kind");
  out.name = string_at(*details, "name");
  out.uid = string_at(*details, "uid");
  out.retry_after_seconds =
      static_cast<int>(std::clamp<std::int64_t>(int_at(*details, 0, "retryAfterSeconds"), 0, 1 << 20));
  if (const Json* causes = find(*details, "causes"); causes != nullptr && causes->is_array()) {
    for (const Json& cause : *causes) {
      if (out.causes.size() == kMaxCauses) break;
      out.causes.push_back({string_at(cause, "reason"), string_at(cause, "message"), string_at(cause, "field")});
    }
  }
  return out;
}

bool ApiStatus::has_cause(std::string_view type) const {
  return std::any_of(causes.begin(), causes.end(), [&](const StatusCause& cause) { return cause.type == type; });
}

std::vector<FieldConflict> field_conflicts(const ApiStatus& status) {
  std::vector<FieldConflict> out;
  for (const StatusCause& cause : status.causes) {
    if (cause.type != "FieldManagerConflict") continue;
    FieldConflict conflict;
    conflict.field = cause.field;
    conflict.manager = between(cause.message, "conflict with \"", "\"");
    if (conflict.manager.empty()) conflict.manager = cause.message;
    if (const std::size_t at = cause.message.find(" using "); at != std::string::npos) {
      conflict.api_version = cause.message.substr(at + 7);
      conflict.api_version.resize(std::min(conflict.api_version.find_first_of(" :"), conflict.api_version.size()));
    }
    out.push_back(std::move(conflict));
  }
  return out;
}

std::string RequestSubject::text() const {
  if (resource.empty()) return fmt::format("{} {}", verb, printable(path, 300));
  return fmt::format("{} {}{}{}{}{}", verb, resource, subresource.empty() ? "" : "/" + subresource,
                     group.empty() ? "" : "." + group, name.empty() ? "" : " " + printable(name, 300),
                     namespace_.empty() ? "" : " in namespace " + namespace_);
}

RequestSubject subject_of(std::string_view method, std::string_view target) {
  RequestSubject out;
  const std::size_t question = target.find('?');
  const std::string_view path = target.substr(0, question);
  const bool watch = question != std::string_view::npos && contains(target.substr(question), "watch=true");
  std::vector<std::string> parts;
  for (std::size_t start = 1; start <= path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    parts.push_back(percent_decode(path.substr(start, end - start)));
    start = end + 1;
  }
  std::size_t next = 0;
  if (parts.size() >= 3 && parts[0] == "api") {
    out.version = parts[1];
    next = 2;
  } else if (parts.size() >= 4 && parts[0] == "apis") {
    out.group = parts[1];
    out.version = parts[2];
    next = 3;
  } else {
    out.path = path;
    out.verb = verb_of(method, true, false);
    return out;
  }
  // "namespaces/n" is the Namespace itself, "namespaces/n/status" its subresource, "namespaces/n/pods" what is in it.
  const bool in_namespace = parts[next] == "namespaces" && parts.size() > next + 2 && parts[next + 2] != "status" &&
                            parts[next + 2] != "finalize";
  if (in_namespace) {
    out.namespace_ = parts[next + 1];
    next += 2;
  }
  out.resource = parts[next];
  if (parts.size() > next + 1) out.name = parts[next + 1];
  if (parts.size() > next + 2) out.subresource = parts[next + 2];
  out.verb = verb_of(method, !out.name.empty(), watch);
  return out;
}

Error error_of(int http_status, const std::optional<ApiStatus>& status, std::string_view raw_body,
               const RequestSubject& subject, std::string_view server) {
  if (http_status == 401) {
    return Error(Code::unauthorized, fmt::format("{} does not accept our credentials", printable(server)),
                 "Check the user of the kubeconfig's context: its token or certificate may have expired or belong to "
                 "another cluster.");
  }
  if (!status) {
    Error out = plain_answer(http_status, raw_body, server);
    out.code = code_of(http_status);
    return out;
  }
  if (auto webhook = webhook_error(*status)) return std::move(*webhook);
  const std::string_view message = status->message;
  switch (http_status) {
    case 403: return forbidden(*status, subject);
    case 404: return not_found(*status, subject);
    case 409: return conflict(*status);
    case 422: return invalid(*status);
    case 429:
      if (status->has_cause("DisruptionBudget"))
        return Error(Code::refused, printable(message),
                     "A PodDisruptionBudget does not allow it now; try again later.");
      break;
    default: break;
  }
  // Server-side apply reports a field that the schema does not have as an internal error.
  if (contains(message, "field not declared in schema") || contains(message, "failed to create typed patch object") ||
      contains(message, "strict decoding error"))
    return Error(Code::invalid, printable(message),
                 "Check the spelling and the place of that field for this apiVersion.");
  Error out(code_of(http_status), printable(message));
  if (message.empty()) out.message = fmt::format("{} answered with HTTP status {}", printable(server), http_status);
  if (http_status == 429) out.hint = "The API server is overloaded; try again later.";
  return out;
}

}  // namespace nautilus::kube
