#include "core/verify/platform.h"

#include <fmt/format.h>

#include <array>

#include "core/base/text.h"
#include "core/value/object_id.h"

namespace nautilus::verify {

namespace {

// What is known of pods that operators make. `template_` is where the custom object holds a pod's template, if it does.
struct OperatedKind {
  std::string_view kind, name, metadata, pod;
  std::array<std::pair<std::string_view, int>, 2> ports;
};
constexpr OperatedKind kOperated[] = {
    {"Prometheus", "prometheus", "podMetadata", "", {{{"web", 9090}, {"reloader-web", 8080}}}},
    {"Alertmanager", "alertmanager", "podMetadata", "", {{{"web", 9093}, {"mesh-tcp", 9094}}}},
    {"Elasticsearch", "elasticsearch", "nodeSets", "", {{{"https", 9200}, {"transport", 9300}}}},
    {"Kibana", "kibana", "podTemplate", "", {{{"https", 5601}, {"", 0}}}},
};

Labels labels_of(const Json* object) {
  Labels labels;
  if (object && object->is_object())
    for (const auto& [key, value] : object->items())
      if (value.is_string()) labels.emplace(key, value.get_ref<const std::string&>());
  return labels;
}

const Json& element(const Json& list, std::size_t index) { return list[index]; }

}  // namespace

std::string namespace_of(const Json& object) { return value::string_at(object, "metadata", "namespace"); }
std::string name_of(const Json& object) { return value::string_at(object, "metadata", "name"); }

std::string id_of(const Json& object) {
  const std::string space = namespace_of(object);
  return value::string_at(object, "kind") + " " + (space.empty() ? "" : space + "/") + name_of(object);
}

std::string where(const Json& object, std::string_view field) { return id_of(object) + ": " + std::string(field); }

std::string ConfigFile::where() const { return fmt::format("{}: data[\"{}\"]", id_of(*object), key); }

std::string PodSet::label(std::string_view key) const {
  const auto found = labels.find(key);
  return found == labels.end() ? std::string() : found->second;
}
std::string PodSet::at(std::string_view field) const { return id + ": " + std::string(field); }
const ConfigFile* PodSet::file(std::string_view wanted) const {
  for (const auto& one : files)
    if (one.key == wanted) return &one;
  return nullptr;
}
bool PodSet::owns_port(int number) const {
  for (const Port& port : ports)
    if (port.number == number) return true;
  return false;
}

bool matches(const Json* match_labels, const Labels& labels) {
  if (!match_labels || !match_labels->is_object() || match_labels->empty()) return false;
  for (const auto& [key, value] : match_labels->items()) {
    const auto found = labels.find(key);
    if (!value.is_string() || found == labels.end() || found->second != value.get_ref<const std::string&>())
      return false;
  }
  return true;
}

bool selects(const Json* selector, const Labels& labels) {
  if (!selector || !selector->is_object()) return false;
  if (const Json* equal = value::find(*selector, "matchLabels"); equal && !equal->empty() && !matches(equal, labels))
    return false;
  const Json* expressions = value::find(*selector, "matchExpressions");
  if (!expressions || !expressions->is_array()) return true;
  for (const Json& one : *expressions) {
    const auto found = labels.find(value::string_at(one, "key"));
    const std::string op = value::string_at(one, "operator");
    bool listed = false;
    if (const Json* values = value::find(one, "values"); values && values->is_array() && found != labels.end())
      for (const Json& value : *values) listed = listed || value == found->second;
    const bool there = found != labels.end();
    if ((op == "In" && !listed) || (op == "NotIn" && listed) || (op == "Exists" && !there) ||
        (op == "DoesNotExist" && there))
      return false;
  }
  return true;
}

std::vector<Container> containers(const PodSet& set) {
  std::vector<Container> all;
  if (!set.pod) return all;
  for (const char* list : {"initContainers", "containers"}) {
    const Json* found = value::find(*set.pod, list);
    if (!found || !found->is_array()) continue;
    for (std::size_t i = 0; i < found->size(); ++i) {
      const Json& one = element(*found, i);
      const bool init = list[0] == 'i';
      all.push_back({&one, fmt::format("{}.{}[{}]", set.path, list, i), value::string_at(one, "name"), init,
                     init && value::string_at(one, "restartPolicy") == "Always"});
    }
  }
  return all;
}

base::Quantity resource(const Json& container, std::string_view what, std::string_view name) {
  const Json* found = value::find(container, "resources", what, name);
  if (!found) return {};
  const std::string text = found->is_string() ? found->get<std::string>() : found->dump();
  auto parsed = base::Quantity::parse(text);
  return parsed.ok() ? *parsed : base::Quantity();
}

Platform::Platform(const std::vector<const Json*>& objects) : objects_(objects) {
  for (const Json* object : objects_) {
    by_kind_[value::string_at(*object, "kind")].push_back(object);
    by_id_[id_of(*object)] = object;
  }
  for (const Json* space : of_kind("Namespace")) {
    const Labels labels = labels_of(value::find(*space, "metadata", "labels"));
    const auto injection = labels.find("istio-injection");
    if ((injection != labels.end() && injection->second == "enabled") || labels.contains("istio.io/rev"))
      meshed_[name_of(*space)] = true;
  }
  for (const Json* object : objects_) {
    add_workload(*object);
    add_operated(*object);
  }
  for (PodSet& set : pods_) attach_files(set);
  attach_scalers();
}

void Platform::add_workload(const Json& object) {
  const std::string kind = value::string_at(object, "kind");
  PodSet set;
  const Json* pod_template = nullptr;
  if (kind == "Deployment" || kind == "StatefulSet" || kind == "DaemonSet" || kind == "Job") {
    pod_template = value::find(object, "spec", "template");
    set.path = "spec.template.spec";
  } else if (kind == "CronJob") {
    pod_template = value::find(object, "spec", "jobTemplate", "spec", "template");
    set.path = "spec.jobTemplate.spec.template.spec";
  }
  if (!pod_template) return;
  set.object = &object;
  set.kind = kind;
  set.namespace_ = namespace_of(object);
  set.name = name_of(object);
  set.id = id_of(object);
  set.pod = value::find(*pod_template, "spec");
  set.labels = labels_of(value::find(*pod_template, "metadata", "labels"));
  set.annotations = value::find(*pod_template, "metadata", "annotations");
  set.per_node = kind == "DaemonSet";
  set.once = kind == "Job" || kind == "CronJob";
  if (const Json* replicas = value::find(object, "spec", "replicas"); replicas && replicas->is_number_integer())
    set.replicas = replicas->get<int>();
  set.least = set.most = set.replicas.value_or(1);
  for (const Container& container : containers(set)) {
    const Json* ports = value::find(*container.json, "ports");
    if (!ports || !ports->is_array()) continue;
    for (const Json& port : *ports) {
      const std::string protocol = value::string_at(port, "protocol");
      set.ports.push_back({value::string_at(port, "name"), protocol.empty() ? "TCP" : protocol,
                           static_cast<int>(value::int_at(port, 0, "containerPort"))});
    }
  }
  pods_.push_back(std::move(set));
}

void Platform::add_operated(const Json& object) {
  const std::string kind = value::string_at(object, "kind");
  for (const OperatedKind& known : kOperated) {
    if (kind != known.kind) continue;
    const Json* metadata = value::find(object, "spec", known.metadata);
    if (metadata && metadata->is_array())  // Elasticsearch: node sets, all alike to a selector
      metadata = metadata->empty() ? nullptr : value::find(element(*metadata, 0), "podTemplate");
    PodSet set;
    set.object = &object;
    set.kind = kind;
    set.namespace_ = namespace_of(object);
    set.name = name_of(object);
    set.id = id_of(object);
    set.operated = true;
    if (metadata) {
      const Json* inner = value::find(*metadata, "metadata");
      set.labels = labels_of(value::find(inner ? *inner : *metadata, "labels"));
      if (const Json* pod = value::find(*metadata, "spec")) {
        set.pod = pod;
        set.path = kind == "Elasticsearch" ? "spec.nodeSets[0].podTemplate.spec" : "spec.podTemplate.spec";
      }
    }
    set.labels.emplace("app.kubernetes.io/name", std::string(known.name));
    for (const auto& [name, number] : known.ports)
      if (number > 0) set.ports.push_back({std::string(name), "TCP", number});
    std::int64_t replicas = value::int_at(object, 1, "spec", "replicas");
    if (kind == "Kibana") replicas = value::int_at(object, 1, "spec", "count");
    if (kind == "Elasticsearch") {
      replicas = 0;
      if (const Json* sets = value::find(object, "spec", "nodeSets"); sets && sets->is_array())
        for (const Json& one : *sets) replicas += value::int_at(one, 0, "count");
    }
    set.replicas = static_cast<int>(replicas);
    set.least = set.most = *set.replicas;
    pods_.push_back(std::move(set));
  }
}

void Platform::attach_files(PodSet& set) {
  if (!set.pod) return;
  std::vector<std::string> names;
  const auto remember = [&](const std::string& name) {
    if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  if (const Json* volumes = value::find(*set.pod, "volumes"); volumes && volumes->is_array()) {
    for (const Json& volume : *volumes) {
      remember(value::string_at(volume, "configMap", "name"));
      if (const Json* sources = value::find(volume, "projected", "sources"); sources && sources->is_array())
        for (const Json& source : *sources) remember(value::string_at(source, "configMap", "name"));
    }
  }
  for (const Container& container : containers(set))
    if (const Json* from = value::find(*container.json, "envFrom"); from && from->is_array())
      for (const Json& source : *from) remember(value::string_at(source, "configMapRef", "name"));
  for (const std::string& name : names) {
    const Json* map = find("ConfigMap", set.namespace_, name);
    const Json* data = map ? value::find(*map, "data") : nullptr;
    if (!data || !data->is_object()) continue;
    for (const auto& [key, text] : data->items())
      if (text.is_string()) set.files.push_back({map, key, &text.get_ref<const std::string&>()});
  }
}

void Platform::attach_scalers() {
  std::unordered_map<std::string, PodSet*> sets;
  for (PodSet& set : pods_) sets[set.id] = &set;
  for (const Json* scaler : of_kind("HorizontalPodAutoscaler")) {
    const auto found =
        sets.find(fmt::format("{} {}/{}", value::string_at(*scaler, "spec", "scaleTargetRef", "kind"),
                              namespace_of(*scaler), value::string_at(*scaler, "spec", "scaleTargetRef", "name")));
    if (found == sets.end()) continue;
    PodSet& set = *found->second;
    set.scaler = scaler;
    set.least = static_cast<int>(value::int_at(*scaler, 1, "spec", "minReplicas"));
    set.most = static_cast<int>(value::int_at(*scaler, set.least, "spec", "maxReplicas"));
  }
}

const std::vector<const Json*>& Platform::of_kind(std::string_view kind) const {
  static const std::vector<const Json*> kNone;
  const auto found = by_kind_.find(kind);
  return found == by_kind_.end() ? kNone : found->second;
}

const Json* Platform::find(std::string_view kind, std::string_view namespace_, std::string_view name) const {
  const auto found = by_id_.find(fmt::format("{} {}{}{}", kind, namespace_, namespace_.empty() ? "" : "/", name));
  return found == by_id_.end() ? nullptr : found->second;
}

std::vector<const PodSet*> Platform::named(std::string_view name) const {
  std::vector<const PodSet*> found;
  for (const PodSet& set : pods_)
    if (!set.once && set.label("app.kubernetes.io/name") == name) found.push_back(&set);
  return found;
}

std::optional<Read> Platform::variable(const PodSet& set, std::string_view name) const {
  for (const Container& container : containers(set)) {
    const Json* list = value::find(*container.json, "env");
    if (!list || !list->is_array()) continue;
    for (const Json& one : *list)
      if (value::string_at(one, "name") == name && value::find(one, "value"))
        return Read{value::string_at(one, "value"), set.at(fmt::format("{}.env[{}].value", container.path, name))};
  }
  if (const ConfigFile* file = set.file(name)) return Read{*file->text, file->where()};
  return std::nullopt;
}

bool Platform::in_mesh(std::string_view namespace_) const { return meshed_.contains(namespace_); }

bool Platform::in_mesh(const PodSet& set) const {
  if (!in_mesh(set.namespace_) || set.label("sidecar.istio.io/inject") == "false") return false;
  return !(set.annotations && value::string_at(*set.annotations, "sidecar.istio.io/inject") == "false");
}

Labels Platform::namespace_labels(std::string_view name) const {
  const Json* space = find("Namespace", "", name);
  Labels labels = labels_of(space ? value::find(*space, "metadata", "labels") : nullptr);
  labels["kubernetes.io/metadata.name"] = std::string(name);
  return labels;
}

bool Platform::has_namespace(std::string_view name) const {
  if (find("Namespace", "", name)) return true;
  for (const PodSet& set : pods_)
    if (set.namespace_ == name) return true;
  return false;
}

}  // namespace nautilus::verify
