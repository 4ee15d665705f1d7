// service.*: every Service leads to pods, and every port it names is one that they have.
#include <fmt/format.h>

#include "core/verify/settings.h"
#include "core/verify/verify.h"

namespace nautilus::verify {

namespace {

// Labels that are written on pods while they run, and so are in no template: those that daemons say they write in their
// settings (Patroni's role_label, the engine's roleLabel), and Kubernetes' own.
std::vector<std::string> runtime_labels(const PodSet& set) {
  std::vector<std::string> names = {"apps.kubernetes.io/pod-index", "statefulset.kubernetes.io/pod-name",
                                    "pod-template-hash", "controller-revision-hash"};
  for (const ConfigFile& file : set.files)
    for (std::string_view key : {"role_label:", "roleLabel:", "scope_label:"})
      for (std::size_t at = file.text->find(key); at != std::string::npos; at = file.text->find(key, at + 1)) {
        std::size_t from = at + key.size();
        while (from < file.text->size() && (*file.text)[from] == ' ') ++from;
        const std::size_t end = file.text->find_first_of(" ,}\n\r", from);
        names.push_back(file.text->substr(from, end == std::string::npos ? end : end - from));
      }
  return names;
}

bool behind(const Json& service, const PodSet& set, std::string* by_runtime) {
  const Json* selector = value::find(service, "spec", "selector");
  if (set.once || set.namespace_ != namespace_of(service) || !selector || !selector->is_object() || selector->empty())
    return false;
  const auto dynamic = runtime_labels(set);
  bool fixed = false;
  for (const auto& [key, value] : selector->items()) {
    const auto found = set.labels.find(key);
    if (found != set.labels.end()) {
      if (!(value == found->second)) return false;
      fixed = true;
    } else if (std::find(dynamic.begin(), dynamic.end(), key) != dynamic.end()) {
      *by_runtime = key;
    } else {
      return false;
    }
  }
  return fixed;
}

void selectors(const Input& input, Answer& answer) {
  for (const Json* service : input.platform.of_kind("Service")) {
    const Json* selector = value::find(*service, "spec", "selector");
    if (value::string_at(*service, "spec", "type") == "ExternalName" || !selector || selector->empty()) continue;
    std::string runtime, sets;
    for (const PodSet& set : input.platform.pods())
      if (behind(*service, set, &runtime)) sets += (sets.empty() ? "" : ", ") + set.id;
    if (sets.empty()) {
      answer.read(where(*service, "spec.selector"), selector->dump());
      answer.fails("selects no pod that is rendered", id_of(*service));
    } else {
      answer.holds("leads to " + sets + (runtime.empty() ? "" : ", of which a daemon chooses by " + runtime),
                   id_of(*service));
    }
  }
}

void ports(const Input& input, Answer& answer) {
  for (const Json* service : input.platform.of_kind("Service")) {
    const Json* list = value::find(*service, "spec", "ports");
    if (!list || !list->is_array()) continue;
    for (const PodSet& set : input.platform.pods()) {
      std::string runtime;
      if (!behind(*service, set, &runtime)) continue;
      if (set.ports.empty()) {
        answer.note(set.id + " declares no ports");
        continue;
      }
      for (const Json& port : *list) {
        const Json* target = value::find(port, "targetPort");
        if (!target) target = value::find(port, "port");
        const std::string text = scalar(target);
        bool there = false;
        for (const Port& own : set.ports)
          there = there || (target && target->is_string() ? own.name == text : std::to_string(own.number) == text);
        const std::string place =
            where(*service, "spec.ports[" +
                                (value::string_at(port, "name").empty() ? text : value::string_at(port, "name")) + "]");
        if (there)
          answer.holds(fmt::format("targetPort {} is a port of {}", text, set.id), place);
        else
          answer.fails(fmt::format("targetPort {} is no port of {}", text, set.id), place);
      }
    }
  }
  // Probes ask ports too.
  for (const PodSet& set : input.platform.pods())
    for (const Container& container : containers(set))
      for (const char* probe : {"livenessProbe", "readinessProbe", "startupProbe"})
        for (const char* way : {"httpGet", "tcpSocket"})
          if (const Json* port = value::find(*container.json, probe, way, "port"); port && port->is_string()) {
            bool there = false;
            for (const Port& own : set.ports) there = there || own.name == port->get_ref<const std::string&>();
            if (!there)
              answer.fails(fmt::format("asks port {}, which no container has", port->get<std::string>()),
                           set.at(container.path + "." + probe));
          }
}

constexpr Check kChecks[] = {
    {"service.selectors", "Every Service leads to pods.",
     "Each selector matches the labels of a rendered set of pods; labels that a daemon writes while it runs count "
     "where its settings name them.",
     "A Service without endpoints answers every connection with a reset.", "Correct the selector or the pods' labels.",
     "", selectors},
    {"service.ports", "Every port that is named exists.",
     "Each targetPort, by name or number, and each probe's port is a containerPort of the pods behind.",
     "A renamed port breaks everything that named it, and nothing says so until traffic comes.", "Correct targetPort.",
     "", ports},
};

}  // namespace

std::span<const Check> service_checks() { return kChecks; }

}  // namespace nautilus::verify
