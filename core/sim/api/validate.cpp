// Validation of object metadata, and of the kinds that are not about pods. Messages are the real server's.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/sim/api/quantity.h"
#include "core/sim/api/server_impl.h"

namespace nautilus::sim {
namespace {

constexpr std::string_view kSubdomainRule =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an "
    "alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
constexpr std::string_view kLabelRule =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric "
    "character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
constexpr std::string_view kNameRule =
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. "
    "'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
constexpr std::string_view kLabelValueRule =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an "
    "alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
constexpr std::string_view kConfigKeyRule =
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    "'key-name', "
    "regex used for validation is '[-._a-zA-Z0-9]+')";

bool lower_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool alnum(char c) { return lower_alnum(c) || (c >= 'A' && c <= 'Z'); }
bool name_char(char c) { return alnum(c) || c == '-' || c == '_' || c == '.'; }

bool name_part(std::string_view text) {
  return !text.empty() && alnum(text.front()) && alnum(text.back()) && std::all_of(text.begin(), text.end(), name_char);
}

bool in_list(std::string_view text, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

// Names of these kinds may hold anything that fits in one path segment.
bool path_segment_name(const std::string& kind) {
  return in_list(kind, {"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "Event"});
}

void validate_metadata(const ValidationContext& context, const Json& object, FieldErrors& errors) {
  const Json& meta = object["metadata"];
  std::string name = value::string_at(meta, "name");
  const std::string& kind = context.kind.info.kind;
  if (name.empty()) {
    errors.add_required("metadata.name", "name or generateName is required");
  } else if (!context.old) {
    if (path_segment_name(kind)) {
      if (name == "." || name == "..") errors.add_invalid("metadata.name", name, fmt::format("may not be '{}'", name));
      for (const char* part : {"/", "%"})
        if (name.find(part) != std::string::npos)
          errors.add_invalid("metadata.name", name, fmt::format("may not contain '{}'", part));
    } else if (kind == "Namespace" || kind == "Service") {
      check_dns_label("metadata.name", name, errors);
    } else if (kind != "APIService") {
      check_dns_subdomain("metadata.name", name, errors);
    }
  }
  validate_labels(value::find(meta, "labels"), "metadata.labels", errors);
  if (const Json* annotations = value::find(meta, "annotations"); annotations && annotations->is_object()) {
    constexpr std::size_t kMostAnnotationBytes = 256 * 1024;
    std::size_t total = 0;
    for (const auto& [key, v] : annotations->items()) {
      check_qualified_name("metadata.annotations", lower(key), errors);
      total += key.size() + (v.is_string() ? v.get_ref<const std::string&>().size() : 0);
    }
    if (total > kMostAnnotationBytes) errors.add_too_long("metadata.annotations", kMostAnnotationBytes);
  }
  if (const Json* owners = value::find(meta, "ownerReferences"); owners && owners->is_array()) {
    int controllers = 0;
    for (std::size_t i = 0; i < owners->size(); ++i) {
      const Json& owner = (*owners)[i];
      for (const char* key : {"apiVersion", "kind", "name", "uid"})
        if (value::string_at(owner, key).empty())
          errors.add_invalid(fmt::format("metadata.ownerReferences[{}].{}", i, key), "",
                             std::string(key) == "apiVersion" ? "version must not be empty" : "must not be empty");
      controllers += value::bool_at(owner, false, "controller");
    }
    if (controllers > 1)
      errors.add_invalid("metadata.ownerReferences", *owners, "Only one reference can have Controller set to true.");
  }
  if (const Json* finalizers = value::find(meta, "finalizers"); finalizers && finalizers->is_array()) {
    for (const Json& f : *finalizers) {
      check_qualified_name("metadata.finalizers", f, errors);
      if (context.old && value::find(meta, "deletionTimestamp")) {
        const Json* before = value::find(*context.old, "metadata", "finalizers");
        if (!before || std::find(before->begin(), before->end(), f) == before->end())
          errors.add_forbidden("metadata.finalizers",
                               fmt::format("no new finalizers can be added if the object is being deleted, found new "
                                           "finalizers []string{{\"{}\"}}",
                                           f.is_string() ? f.get<std::string>() : f.dump()));
      }
    }
  }
}

void port_number(const std::string& path, std::int64_t port, FieldErrors& errors) {
  if (port < 1 || port > 65535) errors.add_invalid(path, port, "must be between 1 and 65535, inclusive");
}

void validate_service(const ValidationContext& context, const Json& object, FieldErrors& errors) {
  const Json& spec = object["spec"];
  std::string type = value::string_at(spec, "type"), cluster_ip = value::string_at(spec, "clusterIP");
  const Json* ports = value::find(spec, "ports");
  bool none = !ports || !ports->is_array() || ports->empty();
  if (none && cluster_ip != "None" && type != "ExternalName") errors.add_required("spec.ports");
  if (type == "ExternalName" && value::string_at(spec, "externalName").empty())
    errors.add_required("spec.externalName");
  std::set<std::string> names, pairs;
  for (std::size_t i = 0; !none && i < ports->size(); ++i) {
    const Json& port = (*ports)[i];
    std::string path = fmt::format("spec.ports[{}]", i), name = value::string_at(port, "name");
    if (name.empty()) {
      if (ports->size() > 1) errors.add_required(path + ".name");
    } else {
      check_dns_label(path + ".name", name, errors);
      if (!names.insert(name).second) errors.add_duplicate(path + ".name", name);
    }
    port_number(path + ".port", value::int_at(port, 0, "port"), errors);
    std::string protocol = value::string_at(port, "protocol");
    if (!in_list(protocol, {"TCP", "UDP", "SCTP"}))
      errors.add_unsupported(path + ".protocol", protocol, {"SCTP", "TCP", "UDP"});
    if (const Json* target = value::find(port, "targetPort")) {
      if (target->is_number_integer()) port_number(path + ".targetPort", target->get<std::int64_t>(), errors);
    }
    if (!pairs.insert(fmt::format("{}/{}", value::int_at(port, 0, "port"), protocol)).second) {
      Json key = {{"protocol", protocol}, {"port", value::int_at(port, 0, "port")}};
      errors.add_duplicate(path, key);
    }
  }
  if (!in_list(type, {"ClusterIP", "NodePort", "LoadBalancer", "ExternalName"}))
    errors.add_unsupported("spec.type", type, {"ClusterIP", "ExternalName", "LoadBalancer", "NodePort"});
  if (!in_list(value::string_at(spec, "sessionAffinity"), {"ClientIP", "None"}))
    errors.add_unsupported("spec.sessionAffinity", value::string_at(spec, "sessionAffinity"), {"ClientIP", "None"});
  validate_labels(value::find(spec, "selector"), "spec.selector", errors);
  if (context.old && type != "ExternalName" && value::string_at(*context.old, "spec", "type") != "ExternalName") {
    std::string before = value::string_at(*context.old, "spec", "clusterIP");
    if (!before.empty() && cluster_ip != before)
      errors.add_invalid("spec.clusterIPs[0]", spec.contains("clusterIPs") ? spec["clusterIPs"] : Json(cluster_ip),
                         "may not change once set");
  }
}

void validate_ingress(const Json& object, FieldErrors& errors) {
  const Json& spec = object["spec"];
  const Json* rules = value::find(spec, "rules");
  const Json* fallback = value::find(spec, "defaultBackend");
  auto backend = [&](const Json& b, const std::string& path) {
    const Json* service = value::find(b, "service");
    if (!service) {
      if (!value::find(b, "resource")) errors.add_required(path, "cannot be empty");
      return;
    }
    std::string name = value::string_at(*service, "name");
    if (name.empty())
      errors.add_required(path + ".service.name");
    else
      check_dns_label(path + ".service.name", name, errors);
    std::string port_name = value::string_at(*service, "port", "name");
    std::int64_t number = value::int_at(*service, 0, "port", "number");
    if (!port_name.empty() && number)
      errors.add_invalid(path, Json(), "cannot set both port name & port number");
    else if (port_name.empty() && !number)
      errors.add_required(path, "port name or number is required");
    else if (number)
      port_number(path + ".service.port.number", number, errors);
  };
  if ((!rules || rules->empty()) && !fallback)
    errors.add_invalid("spec", Json(), "either `defaultBackend` or `rules` must be specified");
  if (fallback) backend(*fallback, "spec.defaultBackend");
  for (std::size_t i = 0; rules && rules->is_array() && i < rules->size(); ++i) {
    std::string path = fmt::format("spec.rules[{}]", i), host = value::string_at((*rules)[i], "host");
    if (!host.empty()) {
      std::string bare = host.starts_with("*.") ? host.substr(2) : host;
      if (!is_dns_subdomain(bare)) errors.add_invalid(path + ".host", host, kSubdomainRule);
    }
    const Json* paths = value::find((*rules)[i], "http", "paths");
    if (value::find((*rules)[i], "http") && (!paths || paths->empty())) errors.add_required(path + ".http.paths");
    for (std::size_t j = 0; paths && paths->is_array() && j < paths->size(); ++j) {
      const Json& p = (*paths)[j];
      std::string at = fmt::format("{}.http.paths[{}]", path, j), type = value::string_at(p, "pathType"),
                  text = value::string_at(p, "path");
      if (type.empty()) {
        errors.add_required(at + ".pathType", "pathType must be specified");
        continue;
      }
      if (type == "Exact" || type == "Prefix") {
        if (!text.starts_with("/")) errors.add_invalid(at + ".path", text, "must be an absolute path");
        for (const char* bad : {"//", "/./", "/../", "%2f", "%2F"})
          if (text.find(bad) != std::string::npos)
            errors.add_invalid(at + ".path", text, fmt::format("must not contain '{}'", bad));
      } else if (type != "ImplementationSpecific") {
        errors.add_unsupported(at + ".pathType", type, {"Exact", "ImplementationSpecific", "Prefix"});
      }
      if (const Json* b = value::find(p, "backend")) backend(*b, at + ".backend");
    }
  }
}

void validate_hpa(const Json& object, FieldErrors& errors) {
  const Json& spec = object["spec"];
  std::int64_t least = value::int_at(spec, 1, "minReplicas"), most = value::int_at(spec, 0, "maxReplicas");
  if (least < 1) errors.add_invalid("spec.minReplicas", least, "must be greater than or equal to 1");
  if (most < 1) errors.add_invalid("spec.maxReplicas", most, "must be greater than 0");
  if (most < least) errors.add_invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`");
  std::string kind = value::string_at(spec, "scaleTargetRef", "kind"),
              name = value::string_at(spec, "scaleTargetRef", "name");
  if (kind.empty()) errors.add_required("spec.scaleTargetRef.kind");
  if (name.empty()) errors.add_required("spec.scaleTargetRef.name");
  std::string version = value::string_at(spec, "scaleTargetRef", "apiVersion");
  if (version.find('/') == std::string::npos && kind != "ReplicationController")
    errors.add_invalid("spec.scaleTargetRef.apiVersion", version, "apiVersion must specify API group");
  if (const Json* metrics = value::find(spec, "metrics"); metrics && metrics->is_array())
    for (std::size_t i = 0; i < metrics->size(); ++i) {
      const Json& metric = (*metrics)[i];
      std::string type = value::string_at(metric, "type"), path = fmt::format("spec.metrics[{}]", i);
      if (type.empty())
        errors.add_required(path + ".type", "must specify a metric source type");
      else if (!in_list(type, {"ContainerResource", "External", "Object", "Pods", "Resource"}))
        errors.add_unsupported(path + ".type", type, {"ContainerResource", "External", "Object", "Pods", "Resource"});
      else if (type == "Resource" && !value::find(metric, "resource"))
        errors.add_required(path + ".resource", "must populate information for the given metric source");
    }
}

void validate_pdb(const ValidationContext&, const Json& object, FieldErrors& errors) {
  const Json& spec = object["spec"];
  const Json *least = value::find(spec, "minAvailable"), *most = value::find(spec, "maxUnavailable");
  auto go = [&](const char* key) { return spec.contains(key) ? spec[key] : Json(); };
  if (least && most) {
    std::string text =
        fmt::format("{{\"MinAvailable\":{},\"Selector\":{},\"MaxUnavailable\":{},\"UnhealthyPodEvictionPolicy\":{}}}",
                    least->dump(), go("selector").dump(), most->dump(), go("unhealthyPodEvictionPolicy").dump());
    errors.causes.push_back({"FieldValueInvalid",
                             fmt::format("Invalid value: {}: minAvailable and maxUnavailable cannot be both set", text),
                             "spec"});
  }
  for (const auto& [key, v] : {std::pair{"minAvailable", least}, std::pair{"maxUnavailable", most}}) {
    if (!v) continue;
    std::string path = fmt::format("spec.{}", key);
    if (v->is_number_integer() && v->get<std::int64_t>() < 0)
      errors.add_invalid(path, *v, "must be greater than or equal to 0");
    if (v->is_string()) {
      const auto& text = v->get_ref<const std::string&>();
      bool percent = text.size() > 1 && text.back() == '%' &&
                     std::all_of(text.begin(), text.end() - 1, [](char c) { return c >= '0' && c <= '9'; });
      if (!percent)
        errors.add_invalid(path, *v,
                           "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or "
                           "'93%', regex used for validation is '[0-9]+%')");
    }
  }
  validate_label_selector(value::find(spec, "selector"), "spec.selector", errors);
}

void validate_claim(const ValidationContext& context, const Json& object, FieldErrors& errors) {
  const Json& spec = object["spec"];
  if (const Json* modes = value::find(spec, "accessModes"); !modes || modes->empty())
    errors.add_required("spec.accessModes", "at least 1 access mode is required");
  const Json* storage = value::find(spec, "resources", "requests", "storage");
  if (!storage) errors.add_required("spec.resources[storage]");
  if (!context.old) return;
  Json before = (*context.old)["spec"], after = spec;
  auto size = [](const Json& s) {
    return Quantity::parse(value::string_at(s, "resources", "requests", "storage")).value_or(Quantity());
  };
  if (size(after) < size(before))
    errors.add_forbidden("spec.resources.requests.storage", "field can not be less than status.capacity");
  for (Json* s : {&before, &after}) {
    s->erase("resources");
    s->erase("volumeAttributesClassName");
  }
  if (value::string_at(before, "volumeName").empty()) {
    after.erase("volumeName");
    before.erase("volumeName");
  }
  if (before.contains("storageClassName") == false) after.erase("storageClassName");
  if (before != after)
    errors.add_forbidden(
        "spec",
        "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims");
}

void validate_data(const ValidationContext& context, const Json& object, FieldErrors& errors) {
  constexpr std::size_t kMostBytes = 1024 * 1024;
  std::size_t total = 0;
  for (const char* field : {"data", "binaryData"})
    if (const Json* data = value::find(object, field); data && data->is_object())
      for (const auto& [key, v] : data->items()) {
        bool good = !key.empty() && key.size() <= 253 && key != "." && key != ".." &&
                    std::all_of(key.begin(), key.end(), name_char);
        if (!good) errors.add_invalid(fmt::format("{}[{}]", field, key), key, kConfigKeyRule);
        if (v.is_string()) total += v.get_ref<const std::string&>().size();
      }
  if (total > kMostBytes * (context.kind.info.kind == "Secret" ? 4 : 3) / 3) errors.add_too_long("", kMostBytes);
  if (context.kind.info.kind == "Secret") {
    std::string type = value::string_at(object, "type");
    if (context.old && type != value::string_at(*context.old, "type"))
      errors.add_invalid("type", type, "field is immutable");
    auto needs = [&](const char* key) {
      if (!value::find(object, "data", key)) errors.add_required(fmt::format("data[{}]", key));
    };
    if (type == "kubernetes.io/tls") needs("tls.crt"), needs("tls.key");
    if (type == "kubernetes.io/dockerconfigjson") needs(".dockerconfigjson");
  }
  if (context.old && value::bool_at(*context.old, false, "immutable")) {
    if (!value::bool_at(object, false, "immutable"))
      errors.add_forbidden("immutable", "field is immutable when `immutable` is set");
    for (const char* field : {"data", "binaryData"})
      if (context.old->value(field, Json()) != object.value(field, Json()))
        errors.add_forbidden(field, "field is immutable when `immutable` is set");
  }
}

void validate_rbac(const ValidationContext& context, const Json& object, FieldErrors& errors) {
  const std::string& kind = context.kind.info.kind;
  if (kind == "Role" || kind == "ClusterRole") {
    if (const Json* rules = value::find(object, "rules"); rules && rules->is_array())
      for (std::size_t i = 0; i < rules->size(); ++i) {
        const Json& rule = (*rules)[i];
        auto empty = [&](const char* key) {
          const Json* list = value::find(rule, key);
          return !list || list->empty();
        };
        std::string path = fmt::format("rules[{}]", i);
        if (empty("verbs")) errors.add_required(path + ".verbs", "verbs must contain at least one value");
        if (!empty("nonResourceURLs")) continue;
        if (empty("apiGroups"))
          errors.add_required(path + ".apiGroups", "resource rules must supply at least one api group");
        if (empty("resources"))
          errors.add_required(path + ".resources", "resource rules must supply at least one resource");
      }
    return;
  }
  std::string ref_kind = value::string_at(object, "roleRef", "kind");
  if (!in_list(ref_kind, {"Role", "ClusterRole"}))
    errors.add_unsupported("roleRef.kind", ref_kind, {"ClusterRole", "Role"});
  if (value::string_at(object, "roleRef", "name").empty()) errors.add_required("roleRef.name");
  if (const Json* subjects = value::find(object, "subjects"); subjects && subjects->is_array())
    for (std::size_t i = 0; i < subjects->size(); ++i) {
      std::string path = fmt::format("subjects[{}]", i), subject = value::string_at((*subjects)[i], "kind");
      if (value::string_at((*subjects)[i], "name").empty()) errors.add_required(path + ".name");
      if (!in_list(subject, {"ServiceAccount", "User", "Group"}))
        errors.add_unsupported(path + ".kind", subject, {"Group", "ServiceAccount", "User"});
      if (subject == "ServiceAccount" && kind == "ClusterRoleBinding" &&
          value::string_at((*subjects)[i], "namespace").empty())
        errors.add_required(path + ".namespace");
    }
  if (context.old && object["roleRef"] != (*context.old)["roleRef"])
    errors.add_invalid("roleRef", object["roleRef"], "cannot change roleRef");
}

}  // namespace

bool is_dns_label(std::string_view text) {
  return !text.empty() && text.size() <= 63 && lower_alnum(text.front()) && lower_alnum(text.back()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return lower_alnum(c) || c == '-'; });
}

bool is_dns_subdomain(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  for (auto part : split_view(text, '.'))
    if (part.empty() || !lower_alnum(part.front()) || !lower_alnum(part.back()) ||
        !std::all_of(part.begin(), part.end(), [](char c) { return lower_alnum(c) || c == '-'; }))
      return false;
  return true;
}

void check_dns_label(const std::string& path, const Json& v, FieldErrors& errors) {
  std::string text = v.is_string() ? v.get<std::string>() : std::string();
  if (text.size() > 63) errors.add_invalid(path, v, "must be no more than 63 bytes");
  if (text.size() <= 63 && !is_dns_label(text)) errors.add_invalid(path, v, kLabelRule);
}

void check_dns_subdomain(const std::string& path, const Json& v, FieldErrors& errors) {
  std::string text = v.is_string() ? v.get<std::string>() : std::string();
  if (text.size() > 253)
    errors.add_invalid(path, v, "must be no more than 253 bytes");
  else if (!is_dns_subdomain(text))
    errors.add_invalid(path, v, kSubdomainRule);
}

void check_qualified_name(const std::string& path, const Json& v, FieldErrors& errors) {
  std::string text = v.is_string() ? v.get<std::string>() : std::string();
  auto slash = text.find('/');
  std::string name = text;
  if (slash != std::string::npos) {
    std::string prefix = text.substr(0, slash);
    name = text.substr(slash + 1);
    if (prefix.empty())
      errors.add_invalid(path, v, "prefix part must be non-empty");
    else if (!is_dns_subdomain(lower(prefix)) || lower(prefix) != prefix)
      errors.add_invalid(path, v, fmt::format("prefix part {}", kSubdomainRule));
  }
  if (name.empty())
    errors.add_invalid(path, v, "name part must be non-empty");
  else if (name.size() > 63)
    errors.add_invalid(path, v, "name part must be no more than 63 bytes");
  if (!name_part(name)) errors.add_invalid(path, v, kNameRule);
}

void validate_labels(const Json* labels, const std::string& path, FieldErrors& errors) {
  if (!labels || !labels->is_object()) return;
  for (const auto& [key, v] : labels->items()) {
    check_qualified_name(path, key, errors);
    std::string text = v.is_string() ? v.get<std::string>() : std::string();
    if (text.size() > 63)
      errors.add_invalid(path, v, "must be no more than 63 bytes");
    else if (!text.empty() && !name_part(text))
      errors.add_invalid(path, v, kLabelValueRule);
  }
}

void validate_label_selector(const Json* selector, const std::string& path, FieldErrors& errors) {
  if (!selector || !selector->is_object()) return;
  validate_labels(value::find(*selector, "matchLabels"), path + ".matchLabels", errors);
  if (const Json* list = value::find(*selector, "matchExpressions"); list && list->is_array())
    for (std::size_t i = 0; i < list->size(); ++i) {
      const Json& term = (*list)[i];
      std::string at = fmt::format("{}.matchExpressions[{}]", path, i), op = value::string_at(term, "operator");
      const Json* values = value::find(term, "values");
      bool any = values && !values->empty();
      if ((op == "In" || op == "NotIn") && !any)
        errors.add_required(at + ".values", "must be specified when `operator` is 'In' or 'NotIn'");
      else if ((op == "Exists" || op == "DoesNotExist") && any)
        errors.add_forbidden(at + ".values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
      else if (!in_list(op, {"In", "NotIn", "Exists", "DoesNotExist"}))
        errors.add_invalid(at + ".operator", op, "not a valid selector operator");
      check_qualified_name(at + ".key", value::string_at(term, "key"), errors);
    }
}

void validate_workload(const ValidationContext& context, const Json& object,
                       FieldErrors& errors);  // validate_workload.cpp

void validate_object(const ValidationContext& context, const Json& object, FieldErrors& errors) {
  validate_metadata(context, object, errors);
  if (context.subresource == "status") return;
  const std::string& kind = context.kind.info.kind;
  if (context.kind.custom) return;
  if (kind == "Service")
    validate_service(context, object, errors);
  else if (kind == "Ingress")
    validate_ingress(object, errors);
  else if (kind == "HorizontalPodAutoscaler")
    validate_hpa(object, errors);
  else if (kind == "PodDisruptionBudget")
    validate_pdb(context, object, errors);
  else if (kind == "PersistentVolumeClaim")
    validate_claim(context, object, errors);
  else if (kind == "ConfigMap" || kind == "Secret")
    validate_data(context, object, errors);
  else if (in_list(kind, {"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"}))
    validate_rbac(context, object, errors);
  else if (kind == "StorageClass") {
    if (value::string_at(object, "provisioner").empty()) errors.add_required("provisioner");
    if (context.old)
      for (const char* field : {"provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"})
        if (object.value(field, Json()) != context.old->value(field, Json())) {
          if (std::string_view(field) == "volumeBindingMode")
            errors.add_invalid(field, object.value(field, Json()), "field is immutable");
          else
            errors.add_forbidden(field, fmt::format("updates to {} are forbidden.", field));
        }
  } else if (kind == "PriorityClass") {
    if (context.old && object.value("value", Json(0)) != context.old->value("value", Json(0)))
      errors.add_forbidden("value", "may not be changed in an update.");
    std::string name = value::string_at(object, "metadata", "name");
    if (!context.old && name.starts_with("system-") && name != "system-cluster-critical" &&
        name != "system-node-critical")
      errors.add_forbidden("metadata.name",
                           "priority class names with 'system-' prefix are reserved for system use only. error: " +
                               name + " is not a known system priority class");
  } else if (kind == "NetworkPolicy") {
    validate_label_selector(value::find(object, "spec", "podSelector"), "spec.podSelector", errors);
  } else if (kind == "CustomResourceDefinition") {
    validate_crd(object, errors);
  } else if (kind == "Lease") {
    std::int64_t seconds = value::int_at(object, 1, "spec", "leaseDurationSeconds");
    if (seconds <= 0) errors.add_invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0");
    if (value::int_at(object, 0, "spec", "leaseTransitions") < 0)
      errors.add_invalid("spec.leaseTransitions", value::int_at(object, 0, "spec", "leaseTransitions"),
                         "must be greater than or equal to 0");
  } else {
    validate_workload(context, object, errors);
  }
}

}  // namespace nautilus::sim
