#include "core/chart/manifest.h"

#include <charconv>

#include "core/value/yaml.h"

namespace nautilus::chart {
namespace {

constexpr std::string_view kInstallOrder[] = {"PriorityClass",
                                              "Namespace",
                                              "NetworkPolicy",
                                              "ResourceQuota",
                                              "LimitRange",
                                              "PodSecurityPolicy",
                                              "PodDisruptionBudget",
                                              "ServiceAccount",
                                              "Secret",
                                              "SecretList",
                                              "ConfigMap",
                                              "StorageClass",
                                              "PersistentVolume",
                                              "PersistentVolumeClaim",
                                              "CustomResourceDefinition",
                                              "ClusterRole",
                                              "ClusterRoleList",
                                              "ClusterRoleBinding",
                                              "ClusterRoleBindingList",
                                              "Role",
                                              "RoleList",
                                              "RoleBinding",
                                              "RoleBindingList",
                                              "Service",
                                              "DaemonSet",
                                              "Pod",
                                              "ReplicationController",
                                              "ReplicaSet",
                                              "Deployment",
                                              "HorizontalPodAutoscaler",
                                              "StatefulSet",
                                              "Job",
                                              "CronJob",
                                              "IngressClass",
                                              "Ingress",
                                              "APIService",
                                              "MutatingWebhookConfiguration",
                                              "ValidatingWebhookConfiguration"};

std::size_t rank(const std::string& kind) {
  return static_cast<std::size_t>(std::find(std::begin(kInstallOrder), std::end(kInstallOrder), kind) -
                                  std::begin(kInstallOrder));
}

bool before(const Json& a, const Json& b) {
  const std::string kind_a = value::string_at(a, "kind"), kind_b = value::string_at(b, "kind");
  const std::size_t rank_a = rank(kind_a), rank_b = rank(kind_b);
  if (rank_a != rank_b) return rank_a < rank_b;
  return rank_a == std::size(kInstallOrder) && kind_a < kind_b;
}

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string> comma_list(std::string_view text) {
  std::vector<std::string> out;
  while (true) {
    const auto comma = text.find(',');
    std::string& one = out.emplace_back(trimmed(text.substr(0, comma)));
    std::transform(one.begin(), one.end(), one.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    if (comma == std::string_view::npos) return out;
    text.remove_prefix(comma + 1);
  }
}

bool known_event(std::string& event) {
  static constexpr std::string_view kEvents[] = {"pre-install",  "post-install",  "pre-delete",
                                                 "post-delete",  "pre-upgrade",   "post-upgrade",
                                                 "pre-rollback", "post-rollback", "test"};
  if (event == "test-success") event = "test";
  return std::find(std::begin(kEvents), std::end(kEvents), event) != std::end(kEvents);
}

int hook_weight(const Json& annotations) {
  const std::string text = value::string_at(annotations, "helm.sh/hook-weight");
  const std::string_view digits = text.starts_with('+') ? std::string_view(text).substr(1) : std::string_view(text);
  int weight = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), weight);
  return error == std::errc() && end == digits.data() + digits.size() ? weight : 0;
}

void place(Manifest&& manifest, std::vector<Manifest>& objects, std::vector<Hook>& hooks) {
  const Json* annotations = value::find(manifest.object, "metadata", "annotations");
  const Json* marks = annotations ? value::find(*annotations, "helm.sh/hook") : nullptr;
  if (!marks || !marks->is_string()) {
    objects.push_back(std::move(manifest));
    return;
  }
  Hook hook;
  hook.events = comma_list(marks->get_ref<const std::string&>());
  // One event Helm does not know and the object is neither a hook nor part of the release.
  for (std::string& event : hook.events)
    if (!known_event(event)) return;
  hook.weight = hook_weight(*annotations);
  if (const Json* policies = value::find(*annotations, "helm.sh/hook-delete-policy"); policies && policies->is_string())
    hook.delete_policies = comma_list(policies->get_ref<const std::string&>());
  if (const Json* policies = value::find(*annotations, "helm.sh/hook-output-log-policy");
      policies && policies->is_string())
    hook.output_log_policies = comma_list(policies->get_ref<const std::string&>());
  hook.manifest = std::move(manifest);
  hooks.push_back(std::move(hook));
}

Result<> check_shape(const Json& object, const std::string& source, int line) {
  const auto wrong = [&](std::string message) {
    return Error(Code::invalid, std::move(message)).at(fmt::format("{} (output line {})", source, line));
  };
  if (!object.is_object()) return wrong(fmt::format("a rendered document is not an object but {}", object.type_name()));
  if (const Json* kind = value::find(object, "kind"); kind && !kind->is_string()) return wrong("kind must be a string");
  if (const Json* metadata = value::find(object, "metadata"); metadata && !metadata->is_null()) {
    if (!metadata->is_object()) return wrong("metadata must be a map");
    const Json* annotations = value::find(*metadata, "annotations");
    if (!annotations || annotations->is_null()) return {};
    if (!annotations->is_object()) return wrong("metadata.annotations must be a map");
    for (const auto& [key, item] : annotations->items())
      if (!item.is_string() && !item.is_null())
        return wrong(fmt::format("annotation {} must be a string, not a {}", key,
                                 item.is_number() ? "number" : item.type_name()))
            .with_hint("quote it in the template: {{ ... | quote }}");
  }
  return {};
}

// "x.yaml:3:1" of a document that begins at line 10 of the output is line 12 of it.
std::string output_place(std::string_view where, const std::string& source, int first_line) {
  int line = 0;
  if (where.starts_with(source + ":")) where.remove_prefix(source.size() + 1);
  const auto [end, error] = std::from_chars(where.data(), where.data() + where.size(), line);
  if (error != std::errc()) return fmt::format("{} (output line {})", source, first_line);
  return fmt::format("{} (output line {}{})", source, line + first_line - 1,
                     std::string(end, where.data() + where.size()));
}

// "---" at the beginning of a line and the blanks behind it.
std::size_t separator_length(std::string_view at) {
  if (!at.starts_with("---")) return 0;
  std::size_t length = 3;
  while (length < at.size() && (at[length] == ' ' || at[length] == '\t')) ++length;
  return length;
}

}  // namespace

std::vector<Document> split_documents(std::string_view text) {
  std::vector<Document> out;
  int line = 1;
  std::size_t begin = 0;
  int begin_line = 1;
  const auto finish = [&](std::size_t end) {
    std::string_view document = text.substr(begin, end - begin);
    int first = begin_line;
    while (!document.empty() && is_space(document.front())) {
      if (document.front() == '\n') ++first;
      document.remove_prefix(1);
    }
    if (!trimmed(document).empty()) out.push_back({document, static_cast<int>(out.size()), first});
  };
  std::size_t at = 0;
  bool leading = true;  // Helm drops white space before the first document, so an indented "---" there separates too
  while (at <= text.size()) {
    std::size_t start = at;
    if (leading)
      while (start < text.size() && is_space(text[start]) && text[start] != '\n') ++start;
    if (start < text.size() && text[start] != '\n') {
      if (const std::size_t length = separator_length(text.substr(start))) {
        finish(start);
        begin = start + length;
        begin_line = line;
      }
      leading = false;
    }
    const auto end = text.find('\n', start);
    if (end == std::string_view::npos) break;
    at = end + 1;
    ++line;
  }
  finish(text.size());
  return out;
}

Result<> add_manifests(const std::string& source, std::string_view text, std::vector<Manifest>& objects,
                       std::vector<Hook>& hooks, std::vector<std::string>& warnings) {
  for (const Document& document : split_documents(text)) {
    if (objects.size() + hooks.size() >= kMaxDocuments)
      return Error(Code::limit, fmt::format("more than {} objects are rendered", kMaxDocuments)).at(source);
    std::vector<value::YamlWarning> odd;
    auto parsed = value::parse_yaml(document.text, source, value::as_helm_reads_it(&odd));
    if (!parsed.ok()) {
      Error error = std::move(parsed).error();
      error.where = output_place(error.where, source, document.first_line);
      return std::move(error).within(fmt::format("reading document {} of what {} renders to", document.index, source));
    }
    for (const auto& [where, message] : odd)
      if (warnings.size() < kMaxWarnings)
        warnings.push_back(fmt::format("{}: {}", output_place(where, source, document.first_line), message));
    if (parsed->is_null()) continue;  // only comments
    TRY(check_shape(*parsed, source, document.first_line));
    place({source, document.index, std::move(*parsed)}, objects, hooks);
  }
  return {};
}

void sort_for_install(std::vector<Manifest>& objects) {
  std::stable_sort(objects.begin(), objects.end(),
                   [](const Manifest& a, const Manifest& b) { return before(a.object, b.object); });
}

void sort_for_install(std::vector<Hook>& hooks) {
  std::stable_sort(hooks.begin(), hooks.end(),
                   [](const Hook& a, const Hook& b) { return before(a.manifest.object, b.manifest.object); });
}

}  // namespace nautilus::chart
