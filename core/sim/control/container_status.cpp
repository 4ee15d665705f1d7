#include "core/sim/control/container_status.h"

#include <fmt/format.h>

#include "core/sim/random.h"

namespace nautilus::sim {

using value::find;
using value::string_at;

namespace {

const Json& list_or_empty(const Json& object, const char* field) {
  static const Json kEmpty = Json::array();
  const Json* found = find(object, field);
  return found && found->is_array() ? *found : kEmpty;
}

std::string container_id(const Json& pod, const std::string& name, int restarts) {
  return fmt::format("containerd://{:016x}{:016x}{:016x}{:016x}", fnv1a64(uid_of(pod) + name),
                     fnv1a64(name + uid_of(pod)), fnv1a64(uid_of(pod)) + static_cast<std::uint64_t>(restarts),
                     fnv1a64(name));
}

Json terminated(int exit_code, const ContainerView& view, const std::string& id) {
  return {{"terminated",
           {{"exitCode", exit_code},
            {"reason", exit_code == 0 ? "Completed" : "Error"},
            {"startedAt", view.started_at},
            {"finishedAt", view.finished_at},
            {"containerID", id}}}};
}

Json container_status(const Json& pod, const Json& container, const ContainerView& view, bool init, std::size_t index) {
  const std::string name = string_at(container, "name"), image = string_at(container, "image");
  const std::string id = container_id(pod, name, view.restarts);
  const bool sidecar = init && string_at(container, "restartPolicy") == "Always";
  Json status = {{"name", name},
                 {"image", image},
                 {"imageID", ""},
                 {"lastState", Json::object()},
                 {"ready", false},
                 {"started", false},
                 {"restartCount", init ? 0 : view.restarts}};
  auto created = [&] {
    status["containerID"] = id;
    status["imageID"] = fmt::format("{}@sha256:{:016x}", image.substr(0, image.find(':')), fnv1a64(image));
  };
  auto running = [&](bool ready) {
    created();
    status["state"] = {{"running", {{"startedAt", view.started_at}}}};
    status["started"] = true;
    status["ready"] = ready;
  };
  if (init && index < view.initialised) {
    if (sidecar && view.state != ContainerView::State::ended) {
      running(true);
    } else {
      created();
      status["state"] = {{"terminated", {{"exitCode", 0}, {"reason", "Completed"}, {"containerID", id}}}};
      status["ready"] = true;
    }
    return status;
  }
  if (init || view.state == ContainerView::State::waiting) {
    const bool has_init = !list_or_empty(pod["spec"], "initContainers").empty();
    Json waiting = {{"reason", init || has_init ? "PodInitializing" : "ContainerCreating"}};
    if (!view.problem_reason.empty() && (view.problem_container.empty() || view.problem_container == name)) {
      waiting["reason"] = view.problem_reason;
      if (!view.problem_container.empty()) waiting["message"] = view.problem;
    }
    status["state"] = {{"waiting", std::move(waiting)}};
    return status;
  }
  switch (view.state) {
    case ContainerView::State::running: running(false); break;
    case ContainerView::State::ready: running(true); break;
    case ContainerView::State::crashed:
      created();
      status["lastState"] = terminated(view.exit_code, view, id);
      status["state"] = {{"waiting",
                          {{"reason", "CrashLoopBackOff"},
                           {"message", fmt::format("back-off restarting failed container={} pod={}_{}({})", name,
                                                   name_of(pod), namespace_of(pod), uid_of(pod))}}}};
      break;
    case ContainerView::State::ended:
      created();
      status["state"] = terminated(view.exit_code, view, id);
      break;
    case ContainerView::State::waiting: break;
  }
  return status;
}

std::string unready_names(const Json& statuses) {
  std::string names;
  for (const auto& status : statuses)
    if (!value::bool_at(status, false, "ready")) names += (names.empty() ? "" : " ") + string_at(status, "name");
  return names;
}

}  // namespace

void write_pod_status(Json& pod, const ContainerView& view, port::WallTime now) {
  Json status = pod.contains("status") ? pod["status"] : Json::object();
  Json statuses = Json::array(), init_statuses = Json::array();
  for (const auto& container : list_or_empty(pod["spec"], "containers"))
    statuses.push_back(container_status(pod, container, view, false, 0));
  const Json& init = list_or_empty(pod["spec"], "initContainers");
  for (std::size_t i = 0; i < init.size(); ++i) init_statuses.push_back(container_status(pod, init[i], view, true, i));

  const bool ended = view.state == ContainerView::State::ended;
  const bool sandboxed = view.state != ContainerView::State::waiting || status.contains("podIP");
  status["phase"] = ended                                         ? (view.exit_code == 0 ? "Succeeded" : "Failed")
                    : view.state == ContainerView::State::waiting ? "Pending"
                                                                  : "Running";
  auto say = [&](const char* type, bool yes, std::string reason, std::string message) {
    set_condition(status, {type, yes ? "True" : "False", yes ? "" : std::move(reason), yes ? "" : std::move(message)},
                  now);
  };
  say("PodReadyToStartContainers", sandboxed && !ended, "", "");
  const bool initialised = view.initialised >= init.size() || ended;
  if (initialised && ended && view.exit_code == 0) {
    set_condition(status, {"Initialized", "True", "PodCompleted", ""}, now);
  } else {
    say("Initialized", initialised, "ContainersNotInitialized",
        "containers with incomplete status: [" +
            (initialised ? std::string() : string_at(init[view.initialised], "name")) + "]");
  }
  if (ended) {
    const char* reason = view.exit_code == 0 ? "PodCompleted" : "PodFailed";
    say("Ready", false, reason, "");
    say("ContainersReady", false, reason, "");
  } else {
    const std::string unready = unready_names(statuses);
    const std::string message = "containers with unready status: [" + unready + "]";
    bool gates = true;
    for (const auto& gate : list_or_empty(pod["spec"], "readinessGates"))
      gates = gates && condition_is(status, string_at(gate, "conditionType"));
    if (unready.empty() && !gates)
      say("Ready", false, "ReadinessGatesNotReady", "corresponding condition of pod readiness gate does not exist.");
    else
      say("Ready", unready.empty(), "ContainersNotReady", message);
    say("ContainersReady", unready.empty(), "ContainersNotReady", message);
  }
  say("PodScheduled", true, "", "");
  status["containerStatuses"] = std::move(statuses);
  if (!init_statuses.empty()) status["initContainerStatuses"] = std::move(init_statuses);
  if (const auto generation = generation_of(pod); generation > 0) status["observedGeneration"] = generation;
  pod["status"] = std::move(status);
}

namespace {

// The kubelet's complaint about a reference {name, optional, items | key}, or nothing.
std::optional<std::string> complaint(const Kind& kind, const std::string& name, const Json& reference,
                                     const Lookup& lookup) {
  if (value::bool_at(reference, false, "optional")) return std::nullopt;
  auto object = lookup(kind, name);
  const bool secret = kind == kinds::kSecret;
  if (!object) return fmt::format("{} \"{}\" not found", secret ? "secret" : "configmap", name);
  for (const auto& item : list_or_empty(reference, "items")) {
    const std::string key = string_at(item, "key");
    if (!find(*object, "data", key) && !find(*object, "binaryData", key))
      return fmt::format("references non-existent {} key: {}", secret ? "secret" : "config", key);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> missing_volume_source(const Json& pod_spec, const Lookup& lookup) {
  auto about = [](const Json& volume, const std::string& text) {
    return fmt::format("MountVolume.SetUp failed for volume \"{}\" : {}", string_at(volume, "name"), text);
  };
  for (const auto& volume : list_or_empty(pod_spec, "volumes")) {
    if (const Json* source = find(volume, "configMap"))
      if (auto text = complaint(kinds::kConfigMap, string_at(*source, "name"), *source, lookup))
        return about(volume, *text);
    if (const Json* source = find(volume, "secret"))
      if (auto text = complaint(kinds::kSecret, string_at(*source, "secretName"), *source, lookup))
        return about(volume, *text);
    if (const Json* projected = find(volume, "projected"))
      for (const auto& part : list_or_empty(*projected, "sources")) {
        if (const Json* source = find(part, "configMap"))
          if (auto text = complaint(kinds::kConfigMap, string_at(*source, "name"), *source, lookup))
            return about(volume, *text);
        if (const Json* source = find(part, "secret"))
          if (auto text = complaint(kinds::kSecret, string_at(*source, "name"), *source, lookup))
            return about(volume, *text);
      }
  }
  return std::nullopt;
}

std::optional<std::string> missing_environment(const Json& container, const std::string& ns, const Lookup& lookup) {
  auto key_of_reference = [&](const Json& reference, const Kind& kind) -> std::optional<std::string> {
    const std::string name = string_at(reference, "name"), key = string_at(reference, "key");
    if (auto text = complaint(kind, name, reference, lookup)) return text;
    if (value::bool_at(reference, false, "optional")) return std::nullopt;
    auto object = lookup(kind, name);
    if (object && !find(*object, "data", key) && !find(*object, "binaryData", key))
      return fmt::format("couldn't find key {} in {} {}/{}", key, kind == kinds::kSecret ? "Secret" : "ConfigMap", ns,
                         name);
    return std::nullopt;
  };
  for (const auto& source : list_or_empty(container, "envFrom")) {
    if (const Json* reference = find(source, "configMapRef"))
      if (auto text = complaint(kinds::kConfigMap, string_at(*reference, "name"), *reference, lookup)) return text;
    if (const Json* reference = find(source, "secretRef"))
      if (auto text = complaint(kinds::kSecret, string_at(*reference, "name"), *reference, lookup)) return text;
  }
  for (const auto& variable : list_or_empty(container, "env")) {
    if (const Json* reference = find(variable, "valueFrom", "configMapKeyRef"))
      if (auto text = key_of_reference(*reference, kinds::kConfigMap)) return text;
    if (const Json* reference = find(variable, "valueFrom", "secretKeyRef"))
      if (auto text = key_of_reference(*reference, kinds::kSecret)) return text;
  }
  return std::nullopt;
}

}  // namespace nautilus::sim
