#include <map>

#include "core/status/rules.h"
#include "core/value/escape.h"
#include "core/value/redact.h"
#include "core/value/utf8.h"

namespace nautilus::status {

namespace {

constexpr std::size_t kMaxMessage = 300;

std::string cut(std::string text) {
  text = value::escape_control(value::redact_text(text));  // what containers say goes to a terminal
  if (text.size() > kMaxMessage) text = value::valid_utf8(text.substr(0, kMaxMessage)) + "...";
  return text;
}

std::string with_message(const std::string& reason, const std::string& message) {
  return cut(message.empty() ? reason : reason + ": " + message);
}

// What a container that waits or keeps dying says; "" for one that merely starts.
std::string container_cause(const Json& status) {
  const std::string container = value::string_at(status, "name");
  if (const Json* waiting = value::find(status, "state", "waiting")) {
    const std::string reason = value::string_at(*waiting, "reason");
    if (reason.empty() || reason == "ContainerCreating" || reason == "PodInitializing") return "";
    std::string cause = with_message(reason, value::string_at(*waiting, "message"));
    if (const Json* last = value::find(status, "lastState", "terminated"))
      cause += fmt::format(" (last exit code {}, {})", value::int_at(*last, 0, "exitCode"),
                           value::string_at(*last, "reason"));
    return fmt::format("container {}: {}", container, cause);
  }
  if (const Json* ended = value::find(status, "state", "terminated");
      ended && value::int_at(*ended, 0, "exitCode") != 0)
    return fmt::format("container {}: exit code {}, {}", container, value::int_at(*ended, 0, "exitCode"),
                       with_message(value::string_at(*ended, "reason"), value::string_at(*ended, "message")));
  if (value::find(status, "state", "running") && !value::bool_at(status, true, "ready"))
    return fmt::format("container {}: running, but its readiness probe does not pass", container);
  return "";
}

std::string pod_cause(const Json& pod) {
  if (condition_status(pod, "Ready") == "True" || value::string_at(pod, "status", "phase") == "Succeeded") return "";
  for (const char* field : {"initContainerStatuses", "containerStatuses"}) {
    const Json* statuses = value::find(pod, "status", field);
    if (!statuses || !statuses->is_array()) continue;
    for (const auto& status : *statuses)
      if (auto cause = container_cause(status); !cause.empty()) return cause;
  }
  if (condition_status(pod, "PodScheduled") == "False") {
    const Json& found = *condition(pod, "PodScheduled");
    return with_message(value::string_at(found, "reason"), value::string_at(found, "message"));
  }
  if (value::string_at(pod, "status", "phase") == "Failed")
    return with_message(value::string_at(pod, "status", "reason"), value::string_at(pod, "status", "message"));
  return "";
}

}  // namespace

std::string explain(const Json& object, const std::vector<Json>& pods) {
  std::map<std::string, int> causes;
  for (const auto& pod : pods)
    if (auto cause = pod_cause(pod); !cause.empty()) ++causes[cause];
  if (causes.empty()) {
    // No pods at all: the workload's own conditions say why (quota, a denied pod).
    const Json* failure = condition(object, "ReplicaFailure");
    return failure && value::string_at(*failure, "status") == "True" ? cut(value::string_at(*failure, "message")) : "";
  }
  auto most = causes.begin();
  for (auto cause = causes.begin(); cause != causes.end(); ++cause)
    if (cause->second > most->second) most = cause;
  return fmt::format("{} of {} pods: {}", most->second, pods.size(), most->first);
}

}  // namespace nautilus::status
