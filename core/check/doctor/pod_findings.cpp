#include "core/check/doctor/pod_findings.h"

#include <fmt/format.h>

namespace nautilus::check {

void find_in_pods(const Facts& facts, Outcome& outcome,
                  const std::function<std::optional<PodCause>(const Json& pod)>& cause) {
  std::size_t looked_at = 0;
  for (const auto& [workload, pods] : facts.pods_by_workload()) {
    struct Group {
      PodCause cause;
      const Json* first = nullptr;
      std::size_t count = 0;
    };
    std::map<std::string, Group> groups;
    for (const Json* pod : pods) {
      ++looked_at;
      auto found = cause(*pod);
      if (!found) continue;
      Group& group = groups[found->key];
      if (group.count++ == 0) {
        group.cause = std::move(*found);
        group.first = pod;
      }
    }
    for (auto& [key, group] : groups) {
      std::string evidence = std::move(group.cause.evidence);
      if (workload != id_of(*group.first))
        evidence = fmt::format("{} of {} pods, {}: {}", group.count, pods.size(), name_of(*group.first), evidence);
      if (group.cause.command.empty()) group.cause.command = describe(*group.first);
      outcome.found({group.cause.severity, workload, std::move(evidence), std::move(group.cause.hint),
                     std::move(group.cause.command)});
    }
  }
  outcome.note(fmt::format("{} pods", looked_at));
}

bool any_container(const Json& pod, const std::function<bool(const Json& status, bool init)>& visit) {
  for (const Json& status : items(pod, "status", "initContainerStatuses"))
    if (visit(status, true)) return true;
  for (const Json& status : items(pod, "status", "containerStatuses"))
    if (visit(status, false)) return true;
  return false;
}

std::string reason_and_message(const Json& state) {
  const std::string reason = value::string_at(state, "reason"), message = value::string_at(state, "message");
  return reason.empty() ? message : message.empty() ? reason : reason + ": " + message;
}

}  // namespace nautilus::check
