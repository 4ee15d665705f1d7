// Validation of pods and of what makes pods.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/sim/api/quantity.h"
#include "core/sim/api/server_impl.h"

namespace nautilus::sim {
namespace {

bool in_list(std::string_view text, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

void port_number(const std::string& path, std::int64_t port, FieldErrors& errors) {
  if (port < 1 || port > 65535) errors.add_invalid(path, port, "must be between 1 and 65535, inclusive");
}

void port_name(const std::string& path, const std::string& name, FieldErrors& errors) {
  bool charset = std::all_of(name.begin(), name.end(),
                             [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
  bool letter = std::any_of(name.begin(), name.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  if (name.size() > 15) errors.add_invalid(path, name, "must be no more than 15 characters");
  if (!charset)
    errors.add_invalid(path, name, "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  if (!letter) errors.add_invalid(path, name, "must contain at least one letter (a-z)");
  if (name.find("--") != std::string::npos) errors.add_invalid(path, name, "must not contain consecutive hyphens");
  if (!name.empty() && (name.front() == '-' || name.back() == '-'))
    errors.add_invalid(path, name, "must not begin or end with a hyphen");
}

void validate_resources(const Json* resources, const std::string& path, FieldErrors& errors) {
  if (!resources) return;
  const Json *limits = value::find(*resources, "limits"), *requests = value::find(*resources, "requests");
  for (const auto& [list, name] : {std::pair{limits, "limits"}, std::pair{requests, "requests"}}) {
    if (!list || !list->is_object()) continue;
    for (const auto& [key, v] : list->items()) {
      auto amount = Quantity::parse(v.is_string() ? v.get<std::string>() : v.dump());
      std::string at = fmt::format("{}.{}[{}]", path, name, key);
      if (key.find('/') == std::string::npos && !in_list(key, {"cpu", "memory", "ephemeral-storage", "storage"}) &&
          !key.starts_with("hugepages-")) {
        errors.add_invalid(at, key, "must be a standard resource type or fully qualified");
        errors.add_invalid(at, key, "must be a standard resource for containers");
      }
      if (amount && amount->negative()) errors.add_invalid(at, v, "must be greater than or equal to 0");
    }
  }
  if (!limits || !requests || !requests->is_object()) return;
  for (const auto& [key, v] : requests->items()) {
    const Json* limit = value::find(*limits, key);
    if (!limit) continue;
    auto want = Quantity::parse(v.is_string() ? v.get<std::string>() : v.dump()),
         most = Quantity::parse(limit->is_string() ? limit->get<std::string>() : limit->dump());
    if (want && most && *want > *most)
      errors.add_invalid(path + ".requests", v,
                         fmt::format("must be less than or equal to {} limit of {}", key, most->text()));
  }
}

void validate_probe(const Json* probe, const std::string& path, bool liveness, FieldErrors& errors) {
  if (!probe) return;
  int handlers = 0;
  for (const char* handler : {"exec", "httpGet", "tcpSocket", "grpc"}) {
    const Json* found = value::find(*probe, handler);
    if (!found) continue;
    if (++handlers > 1)
      errors.add_forbidden(fmt::format("{}.{}", path, handler), "may not specify more than 1 handler type");
    const Json* port = value::find(*found, "port");
    if (std::string_view(handler) == "exec") {
      if (const Json* command = value::find(*found, "command"); !command || command->empty())
        errors.add_required(path + ".exec.command");
    } else if (port && port->is_number_integer()) {
      port_number(fmt::format("{}.{}.port", path, handler), port->get<std::int64_t>(), errors);
    } else if (port && port->is_string()) {
      port_name(fmt::format("{}.{}.port", path, handler), port->get<std::string>(), errors);
    }
  }
  if (handlers == 0) errors.add_required(path, "must specify a handler type");
  for (const char* key :
       {"initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"})
    if (std::int64_t v = value::int_at(*probe, 0, key); v < 0)
      errors.add_invalid(fmt::format("{}.{}", path, key), v, "must be greater than or equal to 0");
  if (liveness && value::int_at(*probe, 1, "successThreshold") != 1)
    errors.add_invalid(path + ".successThreshold", value::int_at(*probe, 1, "successThreshold"), "must be 1");
}

struct PodNames {
  std::set<std::string> containers, volumes;
};

void validate_container(const Json& c, const std::string& path, PodNames& names, FieldErrors& errors) {
  std::string name = value::string_at(c, "name");
  if (name.empty()) {
    errors.add_required(path + ".name");
  } else {
    check_dns_label(path + ".name", name, errors);
    if (!names.containers.insert(name).second) errors.add_duplicate(path + ".name", name);
  }
  std::string image = value::string_at(c, "image");
  if (image.empty())
    errors.add_required(path + ".image");
  else if (image.front() == ' ' || image.back() == ' ')
    errors.add_invalid(path + ".image", image, "must not have leading or trailing whitespace");
  if (const Json* ports = value::find(c, "ports"); ports && ports->is_array()) {
    std::set<std::string> port_names;
    for (std::size_t i = 0; i < ports->size(); ++i) {
      const Json& port = (*ports)[i];
      std::string at = fmt::format("{}.ports[{}]", path, i);
      if (std::string text = value::string_at(port, "name"); !text.empty()) {
        port_name(at + ".name", text, errors);
        if (!port_names.insert(text).second) errors.add_duplicate(at + ".name", text);
      }
      std::int64_t number = value::int_at(port, 0, "containerPort");
      if (number == 0)
        errors.add_required(at + ".containerPort");
      else
        port_number(at + ".containerPort", number, errors);
      if (port.contains("hostPort")) port_number(at + ".hostPort", value::int_at(port, 0, "hostPort"), errors);
      std::string protocol = value::string_at(port, "protocol");
      if (!in_list(protocol, {"TCP", "UDP", "SCTP"}))
        errors.add_unsupported(at + ".protocol", protocol, {"SCTP", "TCP", "UDP"});
    }
  }
  if (const Json* env = value::find(c, "env"); env && env->is_array())
    for (std::size_t i = 0; i < env->size(); ++i) {
      std::string at = fmt::format("{}.env[{}]", path, i), key = value::string_at((*env)[i], "name");
      if (key.empty()) errors.add_required(at + ".name");
      if (const Json* from = value::find((*env)[i], "valueFrom")) {
        if (!value::string_at((*env)[i], "value").empty())
          errors.add_invalid(at + ".valueFrom", "", "may not be specified when `value` is not empty");
        if (from->size() != 1 && !from->empty())
          errors.add_invalid(at + ".valueFrom", "", "may not have more than one field specified at a time");
        if (from->empty())
          errors.add_invalid(
              at + ".valueFrom", "",
              "must specify one of: `configMapKeyRef`, `fieldRef`, `fileKeyRef`, `resourceFieldRef` or `secretKeyRef`");
        for (const char* ref : {"secretKeyRef", "configMapKeyRef"})
          if (const Json* r = value::find(*from, ref)) {
            if (value::string_at(*r, "name").empty()) errors.add_required(fmt::format("{}.valueFrom.{}.name", at, ref));
            if (value::string_at(*r, "key").empty()) errors.add_required(fmt::format("{}.valueFrom.{}.key", at, ref));
          }
      }
    }
  if (const Json* mounts = value::find(c, "volumeMounts"); mounts && mounts->is_array()) {
    std::set<std::string> paths;
    for (std::size_t i = 0; i < mounts->size(); ++i) {
      std::string at = fmt::format("{}.volumeMounts[{}]", path, i), volume = value::string_at((*mounts)[i], "name"),
                  mount = value::string_at((*mounts)[i], "mountPath");
      if (volume.empty())
        errors.add_required(at + ".name");
      else if (!names.volumes.contains(volume))
        errors.add_not_found(at + ".name", volume);
      if (mount.empty())
        errors.add_required(at + ".mountPath");
      else if (!paths.insert(mount).second)
        errors.add_invalid(at + ".mountPath", mount, "must be unique");
    }
  }
  validate_probe(value::find(c, "livenessProbe"), path + ".livenessProbe", true, errors);
  validate_probe(value::find(c, "readinessProbe"), path + ".readinessProbe", false, errors);
  validate_probe(value::find(c, "startupProbe"), path + ".startupProbe", true, errors);
  std::string pull = value::string_at(c, "imagePullPolicy");
  if (!in_list(pull, {"Always", "IfNotPresent", "Never"}))
    errors.add_unsupported(path + ".imagePullPolicy", pull, {"Always", "IfNotPresent", "Never"});
  validate_resources(value::find(c, "resources"), path + ".resources", errors);
  const Json* context = value::find(c, "securityContext");
  if (context) {
    bool escalation = value::bool_at(*context, true, "allowPrivilegeEscalation");
    if (value::bool_at(*context, false, "privileged") && !escalation)
      errors.add_invalid(path + ".securityContext", *context,
                         "cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
  }
}

}  // namespace

void validate_pod_spec(const Json& spec, const std::string& path, bool template_of_controller, FieldErrors& errors) {
  PodNames names;
  if (const Json* volumes = value::find(spec, "volumes"); volumes && volumes->is_array())
    for (std::size_t i = 0; i < volumes->size(); ++i) {
      const Json& volume = (*volumes)[i];
      std::string at = fmt::format("{}.volumes[{}]", path, i), name = value::string_at(volume, "name");
      if (name.empty())
        errors.add_required(at + ".name");
      else
        check_dns_label(at + ".name", name, errors);
      if (!names.volumes.insert(name).second) errors.add_duplicate(at + ".name", name);
      std::size_t sources = volume.size() - (volume.contains("name") ? 1 : 0);
      if (sources > 1)
        errors.add_forbidden(at + "." + (std::next(volume.begin()).key()), "may not specify more than 1 volume type");
      if (const Json* secret = value::find(volume, "secret"); secret && value::string_at(*secret, "secretName").empty())
        errors.add_required(at + ".secret.secretName");
      if (const Json* map = value::find(volume, "configMap"); map && value::string_at(*map, "name").empty())
        errors.add_required(at + ".configMap.name");
      if (const Json* claim = value::find(volume, "persistentVolumeClaim");
          claim && value::string_at(*claim, "claimName").empty())
        errors.add_required(at + ".persistentVolumeClaim.claimName");
    }
  const Json* containers = value::find(spec, "containers");
  if (!containers || !containers->is_array() || containers->empty()) {
    errors.add_required(path + ".containers");
  } else {
    for (std::size_t i = 0; i < containers->size(); ++i)
      validate_container((*containers)[i], fmt::format("{}.containers[{}]", path, i), names, errors);
  }
  if (const Json* init = value::find(spec, "initContainers"); init && init->is_array())
    for (std::size_t i = 0; i < init->size(); ++i)
      validate_container((*init)[i], fmt::format("{}.initContainers[{}]", path, i), names, errors);
  std::string restart = value::string_at(spec, "restartPolicy");
  if (!in_list(restart, {"Always", "OnFailure", "Never"}))
    errors.add_unsupported(path + ".restartPolicy", restart, {"Always", "Never", "OnFailure"});
  std::string dns = value::string_at(spec, "dnsPolicy");
  if (!in_list(dns, {"ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"}))
    errors.add_unsupported(path + ".dnsPolicy", dns, {"ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"});
  if (std::int64_t grace = value::int_at(spec, 0, "terminationGracePeriodSeconds"); grace < 0)
    errors.add_invalid(path + ".terminationGracePeriodSeconds", grace, "must be greater than or equal to 0");
  validate_labels(value::find(spec, "nodeSelector"), path + ".nodeSelector", errors);
  if (const Json* spread = value::find(spec, "topologySpreadConstraints"); spread && spread->is_array())
    for (std::size_t i = 0; i < spread->size(); ++i) {
      const Json& s = (*spread)[i];
      std::string at = fmt::format("{}.topologySpreadConstraints[{}]", path, i),
                  when = value::string_at(s, "whenUnsatisfiable");
      if (std::int64_t skew = value::int_at(s, 0, "maxSkew"); skew <= 0)
        errors.add_invalid(at + ".maxSkew", skew, "must be greater than zero");
      if (value::string_at(s, "topologyKey").empty()) errors.add_required(at + ".topologyKey", "can not be empty");
      if (!in_list(when, {"DoNotSchedule", "ScheduleAnyway"}))
        errors.add_unsupported(at + ".whenUnsatisfiable", when, {"DoNotSchedule", "ScheduleAnyway"});
      validate_label_selector(value::find(s, "labelSelector"), at + ".labelSelector", errors);
    }
  // With the standard admission settings nothing may be privileged by policy; templates are judged as the pods are.
  (void)template_of_controller;
}

const Json* pod_template_of(const Served& kind, const Json& object, std::string& path) {
  const std::string& name = kind.info.kind;
  if (name == "Pod" && !kind.custom) {
    path.clear();
    return &object;
  }
  if (kind.info.group != "apps" && kind.info.group != "batch" && !kind.info.group.empty()) return nullptr;
  if (name == "CronJob") {
    path = "spec.jobTemplate.spec.template";
    return value::find(object, "spec", "jobTemplate", "spec", "template");
  }
  if (in_list(name, {"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "ReplicationController"})) {
    path = "spec.template";
    return value::find(object, "spec", "template");
  }
  return nullptr;
}

namespace {

void validate_template(const Json& tmpl, const std::string& path, FieldErrors& errors) {
  validate_labels(value::find(tmpl, "metadata", "labels"), path + ".metadata.labels", errors);
  if (const Json* spec = value::find(tmpl, "spec")) validate_pod_spec(*spec, path + ".spec", true, errors);
}

void validate_selector_and_template(const ValidationContext& context, const Json& object, FieldErrors& errors) {
  const Json& spec = object["spec"];
  const Json* selector = value::find(spec, "selector");
  bool given = selector && selector->is_object();
  bool empty = given && selector->empty();
  if (!given) {
    errors.add_required("spec.selector");
  } else {
    validate_label_selector(selector, "spec.selector", errors);
    if (empty)
      errors.add_invalid("spec.selector", *selector,
                         fmt::format("empty selector is invalid for {}", lower(context.kind.info.kind)));
  }
  const Json* tmpl = value::find(spec, "template");
  if (!tmpl) return;
  const Json* labels = value::find(*tmpl, "metadata", "labels");
  LabelSelector parsed = LabelSelector::of(selector);
  if (!empty && !parsed.matches(labels))
    errors.add_invalid("spec.template.metadata.labels", labels ? *labels : Json::object(),
                       "`selector` does not match template `labels`");
  if (const Json* claims = value::find(spec, "volumeClaimTemplates"); claims && claims->is_array()) {
    // A StatefulSet's claims become volumes of the same names when its pods are made.
    Json with_claims = *tmpl;
    for (const auto& claim : *claims) {
      const std::string name = value::string_at(claim, "metadata", "name");
      Json& volumes = with_claims["spec"]["volumes"];
      bool there = false;
      if (volumes.is_array())
        for (const auto& volume : volumes) there = there || value::string_at(volume, "name") == name;
      if (!there) volumes.push_back({{"name", name}, {"persistentVolumeClaim", {{"claimName", name}}}});
    }
    validate_template(with_claims, "spec.template", errors);
  } else {
    validate_template(*tmpl, "spec.template", errors);
  }
  if (std::string restart = value::string_at(*tmpl, "spec", "restartPolicy");
      restart != "Always" && in_list(restart, {"OnFailure", "Never"}))
    errors.add_unsupported("spec.template.spec.restartPolicy", restart, {"Always"});
}

void count(const Json& spec, const char* field, const std::string& prefix, FieldErrors& errors) {
  if (std::int64_t v = value::int_at(spec, 0, field); v < 0)
    errors.add_invalid(prefix + field, v, "must be greater than or equal to 0");
}

bool zero_amount(const Json* v) { return v && (*v == 0 || *v == "0%"); }

void validate_job_spec(const Json& spec, const std::string& path, const Json* old_spec, FieldErrors& errors) {
  for (const char* field :
       {"parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"})
    count(spec, field, path + ".", errors);
  const Json* tmpl = value::find(spec, "template");
  if (tmpl) {
    std::string restart = value::string_at(*tmpl, "spec", "restartPolicy");
    validate_template(*tmpl, path + ".template", errors);
    if (restart.empty() || restart == "Always")
      errors.add_required(path + ".template.spec.restartPolicy", "valid values: \"OnFailure\", \"Never\"");
  }
  if (!old_spec) return;
  for (const char* field :
       {"completions", "selector", "completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy"})
    if (spec.value(field, Json()) != old_spec->value(field, Json()))
      errors.add_invalid(fmt::format("{}.{}", path, field), spec.value(field, Json()), "field is immutable");
  if (spec.value("template", Json()) != old_spec->value("template", Json()) &&
      !value::bool_at(*old_spec, false, "suspend"))
    errors.add_invalid(path + ".template", spec.value("template", Json()), "field is immutable");
}

void validate_cron_schedule(const std::string& schedule, FieldErrors& errors) {
  if (schedule.empty()) return errors.add_required("spec.schedule");
  if (schedule.starts_with("@")) return;
  if (schedule.find("TZ") != std::string::npos)
    return errors.add_invalid("spec.schedule", schedule,
                              "cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
  std::vector<std::string> fields;
  for (auto part : split_view(schedule, ' '))
    if (!part.empty()) fields.emplace_back(part);
  if (fields.size() != 5) {
    std::string shown;
    for (const auto& f : fields) shown += (shown.empty() ? "" : " ") + f;
    return errors.add_invalid("spec.schedule", schedule,
                              fmt::format("expected exactly 5 fields, found {}: [{}]", fields.size(), shown));
  }
  for (const auto& f : fields)
    for (char c : f)
      if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '*' || c == '/' ||
            c == ',' || c == '-' || c == '?'))
        return errors.add_invalid(
            "spec.schedule", schedule,
            fmt::format("failed to parse int from {}: strconv.Atoi: parsing \"{}\": invalid syntax", f, f));
}

void immutable_pod(const Json& spec, const Json& old_spec, FieldErrors& errors) {
  Json a = spec, b = old_spec;
  for (Json* s : {&a, &b}) {
    for (const char* list : {"containers", "initContainers"})
      if (auto at = s->find(list); at != s->end() && at->is_array())
        for (Json& c : *at) c.erase("image"), c.erase("resources");
    s->erase("activeDeadlineSeconds");
    s->erase("tolerations");
    s->erase("terminationGracePeriodSeconds");
    s->erase("schedulingGates");
    s->erase("nodeName");
  }
  if (a != b)
    errors.add_forbidden(
        "spec",
        "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
        "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
        "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)");
}

void validate_stateful_update(const Json& spec, const Json& old_spec, FieldErrors& errors) {
  Json a = spec, b = old_spec;
  for (Json* s : {&a, &b})
    for (const char* field : {"replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
                              "persistentVolumeClaimRetentionPolicy", "minReadySeconds"})
      s->erase(field);
  for (const char* field : {"serviceName", "podManagementPolicy"}) {
    if (spec.value(field, Json()) != old_spec.value(field, Json()))
      errors.add_invalid(fmt::format("spec.{}", field), spec.value(field, Json()), "field is immutable");
    a.erase(field);
    b.erase(field);
  }
  if (a != b)
    errors.add_forbidden(
        "spec",
        "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
        "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden");
}

}  // namespace

void validate_workload(const ValidationContext& context, const Json& object, FieldErrors& errors) {
  const std::string& kind = context.kind.info.kind;
  const Json* spec = value::find(object, "spec");
  if (!spec) return;
  const Json* old_spec = context.old ? value::find(*context.old, "spec") : nullptr;
  if (kind == "Pod") {
    validate_pod_spec(*spec, "spec", false, errors);
    if (old_spec && context.subresource.empty()) immutable_pod(*spec, *old_spec, errors);
    return;
  }
  if (kind == "Deployment" || kind == "ReplicaSet" || kind == "StatefulSet" || kind == "DaemonSet") {
    for (const char* field : {"replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"})
      count(*spec, field, "spec.", errors);
    validate_selector_and_template(context, object, errors);
    if (kind == "StatefulSet") {
      if (old_spec) validate_stateful_update(*spec, *old_spec, errors);
      std::string management = value::string_at(*spec, "podManagementPolicy");
      if (!in_list(management, {"OrderedReady", "Parallel"}))
        errors.add_invalid("spec.podManagementPolicy", management, "must be 'OrderedReady' or 'Parallel'");
    } else if (old_spec && spec->value("selector", Json()) != old_spec->value("selector", Json())) {
      errors.add_invalid("spec.selector", spec->value("selector", Json()), "field is immutable");
    }
    if (kind == "Deployment") {
      std::string type = value::string_at(*spec, "strategy", "type");
      if (!in_list(type, {"Recreate", "RollingUpdate"}))
        errors.add_unsupported("spec.strategy.type", type, {"Recreate", "RollingUpdate"});
      if (type == "Recreate" && value::find(*spec, "strategy", "rollingUpdate"))
        errors.add_forbidden("spec.strategy.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'");
      if (type == "RollingUpdate" && zero_amount(value::find(*spec, "strategy", "rollingUpdate", "maxUnavailable")) &&
          zero_amount(value::find(*spec, "strategy", "rollingUpdate", "maxSurge")))
        errors.add_invalid("spec.strategy.rollingUpdate.maxUnavailable",
                           *value::find(*spec, "strategy", "rollingUpdate", "maxUnavailable"),
                           "may not be 0 when `maxSurge` is 0");
      std::int64_t deadline = value::int_at(*spec, 600, "progressDeadlineSeconds"),
                   ready = value::int_at(*spec, 0, "minReadySeconds");
      if (deadline <= ready)
        errors.add_invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds");
    }
    return;
  }
  if (kind == "Job") return validate_job_spec(*spec, "spec", old_spec, errors);
  if (kind == "CronJob") {
    validate_cron_schedule(value::string_at(*spec, "schedule"), errors);
    std::string policy = value::string_at(*spec, "concurrencyPolicy");
    if (!in_list(policy, {"Allow", "Forbid", "Replace"}))
      errors.add_unsupported("spec.concurrencyPolicy", policy, {"Allow", "Forbid", "Replace"});
    if (const Json* job = value::find(*spec, "jobTemplate", "spec"))
      validate_job_spec(*job, "spec.jobTemplate.spec", nullptr, errors);
    if (value::string_at(object, "metadata", "name").size() > 52)
      errors.add_invalid("metadata.name", value::string_at(object, "metadata", "name"),
                         "must be no more than 52 characters");
    return;
  }
  if (kind == "ReplicationController")
    if (const Json* tmpl = value::find(*spec, "template")) validate_template(*tmpl, "spec.template", errors);
}

}  // namespace nautilus::sim
